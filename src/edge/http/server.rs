//! Accepts, reads, answers, and lets go: the loop around the socket and one task a connection.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::answer::{Answer, Problem};
use super::ask::{Ask, BadAsk};
use super::connections::{Connections, Place};
use super::pulse::{Pulse, Watched};
use crate::edge::peer::Caller;
use crate::policy::access::Peer;

/// Longest body that is read.
const BODY_MAX: usize = 64 * 1024;

/// Longest time that a body may take.
const BODY_TIME_MAX: Duration = Duration::from_secs(5);

/// Longest head that is read; hyper wants no less.
const HEAD_MAX: usize = 16 * 1024;

/// Pause after an accept that failed for want of file descriptors or memory: others may free some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long connections that are open at the end may still bring a request.
const LINGER: Duration = Duration::from_millis(200);

/// Answers what is asked. The peer is who the kernel says.
pub trait Desk: 'static {
    /// The answer to one request. Never fails: errors are answers.
    fn answer(&self, peer: &Peer, ask: Result<Ask, BadAsk>) -> impl Future<Output = Answer>;
}

/// Serves until `stop` becomes true; then takes no more connections, answers what has come, and returns.
///
/// `room`: how many connections this process has descriptors for.
pub async fn serve<D: Desk>(
    listener: UnixListener,
    desk: Rc<D>,
    mut stop: watch::Receiver<bool>,
    room: usize,
) {
    let connections = Rc::new(Connections::with_room(room));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, _)) => welcome(stream, &connections, &desk, &stop),
            // A connection that died in the queue is no reason to stop; a full table is one to pause.
            Err(err) if is_of_one_connection(&err) => (),
            Err(err) => {
                tracing::warn!("socket: accept failed: {err}; trying on");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    sleep(LINGER).await;
    while connections.count() > 0 {
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

fn welcome<D: Desk>(
    stream: UnixStream,
    connections: &Rc<Connections>,
    desk: &Rc<D>,
    stop: &watch::Receiver<bool>,
) {
    let peer = match Caller::of(&stream) {
        Ok(caller) => caller.peer,
        Err(err) => {
            return tracing::warn!("socket: a peer without credentials was sent away: {err}");
        }
    };
    let pulse = Pulse::new();
    let Some(place) = connections.admit(peer.uid, &pulse) else {
        return tracing::warn!(
            uid = peer.uid,
            "socket: too many busy connections of this user; one was closed"
        );
    };
    let stream = Watched { stream, pulse };
    tokio::task::spawn_local(attend(stream, peer, place, Rc::clone(desk), stop.clone()));
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
        pulse.begin();
        let (desk, pulse, peer, is_stopping) = (&desk, &pulse, &peer, &is_stopping);
        async move {
            let mut response = respond(request, peer, desk.as_ref()).await;
            if *is_stopping.borrow() {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            pulse.end();
            Ok::<_, Infallible>(response)
        }
    });
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_MAX).pipeline_flush(true);
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
) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = match timeout(BODY_TIME_MAX, Limited::new(body, BODY_MAX).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(err)) if err.is::<LengthLimitError>() => {
            let detail = format!("a request's body may have {BODY_MAX} bytes");
            return Answer::from(Problem::new(413, "too-large", "Content Too Large", detail))
                .into_response();
        }
        Ok(Err(_)) | Err(_) => {
            let detail = "the request's body did not come whole within 5 s";
            return Answer::from(Problem::new(400, "bad-request", "Bad Request", detail))
                .into_response();
        }
    };
    let ask = Ask::parse(&head, &body);
    desk.answer(peer, ask).await.into_response()
}
