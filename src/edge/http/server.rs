//! Accepts, reads, answers, and lets go: the loop around the socket and one task a connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::Answer;
use super::ask::Details;
use super::call::{BadAsk, Call};
use super::connections::{Connections, Full as NoPlace, Place};
use super::full::send_away;
use super::pulse::{Pulse, Watched};
use super::seldom::Seldom;
use crate::edge::peer::Caller;
use crate::policy::access::Peer;

/// Longest head that is read; hyper wants no less.
const HEAD_MAX: usize = 16 * 1024;

/// Pause after an accept that failed for want of file descriptors or memory: others may free some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections that are open at the end may still bring a request.
const LINGER: Duration = Duration::from_millis(200);

/// Answers what is asked. The peer is who the kernel says.
pub trait Desk: 'static {
    /// The answer to one request. Never fails: errors are answers. What the request says beside its call, the
    /// desk reads when it has found that the peer may make that call.
    fn answer(
        &self,
        peer: &Peer,
        call: Result<Call, BadAsk>,
        details: Details,
    ) -> impl Future<Output = Answer>;
}

/// What becomes at the end of connections that wait to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    /// They are answered: the socket ends with this process.
    Answered,
    /// They are left to the next process: the socket is systemd's.
    Left,
}

/// Serves until `stop` becomes true; then takes no more connections, answers what has come, and returns.
///
/// `room`: how many connections this process has descriptors for. With the listener come those that take its place.
pub async fn serve<D: Desk>(
    (mut listener, mut renewed): (UnixListener, mpsc::UnboundedReceiver<UnixListener>),
    desk: Rc<D>,
    mut stop: watch::Receiver<bool>,
    room: usize,
    backlog: Backlog,
) {
    let door = Door {
        connections: Rc::new(Connections::with_room(room)),
        desk,
        stop: stop.clone(),
        full: Seldom::default(),
    };
    let failed = Seldom::default();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(new) = renewed.recv() => {
                listener = new;
                continue;
            }
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => door.welcome(stream),
            // A connection that died in the queue is no reason to stop; a full table is one to pause.
            Err(err) if is_of_one_connection(&err) => (),
            Err(err) => {
                if failed.may_at(Instant::now()) {
                    tracing::warn!("socket: accept failed: {err}; trying on");
                }
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    match backlog {
        Backlog::Answered => door.welcome_last(listener),
        Backlog::Left => drop(listener),
    }
    sleep(LINGER).await;
    while door.connections.count() > 0 {
        sleep(Duration::from_millis(10)).await;
    }
}

fn is_of_one_connection(err: &io::Error) -> bool {
    matches!(
        err.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Where connections come in.
struct Door<D> {
    connections: Rc<Connections>,
    desk: Rc<D>,
    stop: watch::Receiver<bool>,
    full: Seldom,
}

impl<D: Desk> Door<D> {
    fn welcome(&self, stream: UnixStream) {
        let peer = match Caller::of(&stream) {
            Ok(caller) => caller.peer,
            Err(err) => {
                return tracing::warn!("socket: a peer without credentials was sent away: {err}");
            }
        };
        let pulse = Pulse::new();
        match self.connections.admit(peer.uid, &pulse) {
            Ok(place) => {
                let stream = Watched::new(stream, pulse);
                let (desk, stop) = (Rc::clone(&self.desk), self.stop.clone());
                tokio::task::spawn_local(attend(stream, peer, place, desk, stop));
            }
            Err(full) => {
                send_away(&stream, full, peer.uid);
                if self.full.may_at(Instant::now()) {
                    warn(full, peer.uid);
                }
            }
        }
    }

    /// Lets in who has connected, and nobody who comes later: those are refused at once, not lost.
    fn welcome_last(&self, listener: UnixListener) {
        // Linux still hands out what waits on a listener that is shut down.
        let shut = rustix::net::shutdown(&listener, rustix::net::Shutdown::Read);
        let accepted = shut.map_err(io::Error::from).and_then(|()| {
            let listener = listener.into_std()?;
            while let Ok((stream, _)) = listener.accept() {
                stream.set_nonblocking(true)?;
                self.welcome(UnixStream::from_std(stream)?);
            }
            Ok(())
        });
        if let Err(err) = accepted {
            tracing::warn!("socket: the last connections may have got no answer: {err}");
        }
    }
}

fn warn(full: NoPlace, uid: u32) {
    match full {
        NoPlace::User(count) => tracing::warn!(
            uid,
            "socket: all {count} connections that one user may have are being answered; a new one was closed"
        ),
        NoPlace::List(count) => tracing::warn!(
            uid,
            "socket: all {count} connections that there is room for are being answered; a new one was closed"
        ),
    }
}

/// One connection, from its first request to its last.
async fn attend<D: Desk>(
    stream: Watched,
    peer: Peer,
    place: Place,
    desk: Rc<D>,
    mut stop: watch::Receiver<bool>,
) {
    let pulse = Rc::clone(&stream.pulse);
    let is_stopping = stop.clone();
    let service = service_fn(|request| {
        let (desk, pulse, peer, is_stopping) = (&desk, &pulse, &peer, &is_stopping);
        async move {
            // Not before it is polled: while an earlier answer is not taken, this one is not begun.
            pulse.begin();
            let mut response = respond(request, peer, desk.as_ref(), pulse).await;
            if *is_stopping.borrow() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            pulse.end();
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut farewell = pin!(async move {
        // An error means that the sender is gone: the end too.
        stop.wait_for(|stop| *stop).await.map(|_| ()).ok();
        sleep(LINGER).await;
    });
    let mut is_leaving = false;
    let mut alarm = pin!(sleep_until(Instant::now()));
    poll_fn(|cx| {
        if connection.as_mut().poll(cx).is_ready() || pulse.is_evicted(cx) {
            return Poll::Ready(());
        }
        if !is_leaving && farewell.as_mut().poll(cx).is_ready() {
            is_leaving = true;
            connection.as_mut().graceful_shutdown();
            if connection.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
        }
        poll_alarm(&pulse, alarm.as_mut(), cx)
    })
    .await;
    drop(place);
}

/// Ready when the connection is overdue. The alarm is moved only when it must ring earlier, or has rung:
/// a busy connection then never touches the timer.
fn poll_alarm(
    pulse: &Pulse,
    mut alarm: std::pin::Pin<&mut tokio::time::Sleep>,
    cx: &mut std::task::Context<'_>,
) -> Poll<()> {
    loop {
        let Some(deadline) = pulse.deadline() else {
            return Poll::Pending;
        };
        if deadline < alarm.deadline() || alarm.is_elapsed() {
            alarm.as_mut().reset(deadline);
        }
        if alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
    }
}

async fn respond<D: Desk>(
    request: Request<Incoming>,
    peer: &Peer,
    desk: &D,
    pulse: &Rc<Pulse>,
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let call = Call::parse(&head.method, head.uri.path());
    let details = Details::of(head, body, pulse);
    desk.answer(peer, call, details).await.into_response()
}
