//! The stand-in on a loopback port: connections, bounded, and one clock for all.
//!
//! It never listens on anything but 127.0.0.1. What a path means is in [`super::routes`], what Zoho answers in
//! [`super::zoho`].

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::clock::boottime;
use super::console::BadScript;
use super::routes::{self, Site};
use super::rules::Rules;
use super::zoho::{Org, Zoho};
use crate::base::{Boottime, Environment};

/// Connections at once; more wait in the kernel.
const CONNECTIONS_MAX: usize = 1_024;
/// A client that takes longer to send its header is cut off.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Connections that the kernel keeps for us.
const BACKLOG: u32 = 1_024;
/// After a failed accept, which is a lack of file descriptors more often than not.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How to start one.
#[derive(Debug, Clone)]
pub struct Settings {
    /// 0: any free one.
    pub port: u16,
    /// Limits and clocks.
    pub rules: Rules,
    /// Tokens follow from it.
    pub seed: u64,
    /// Ids and secrets of the clients to begin with.
    pub clients: Vec<(String, String)>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            rules: Rules::default(),
            seed: 1,
            clients: Vec::new(),
        }
    }
}

/// A world with a clock, shared by the connections and by whoever drives the test.
#[derive(Clone)]
pub struct World(Arc<Mutex<Zoho>>);

impl World {
    /// A world with the clients of `settings`; its port does not matter here.
    pub fn new(settings: &Settings) -> Result<Self, BadScript> {
        let mut zoho = Zoho::new(settings.rules, fastrand::Rng::with_seed(settings.seed));
        for (id, secret) in &settings.clients {
            zoho.add_client(id, secret)?;
        }
        Ok(Self(Arc::new(Mutex::new(zoho))))
    }

    /// Looks at the world, or changes it, at its own now.
    pub fn with<T>(&self, act: impl FnOnce(&mut Zoho, Boottime) -> T) -> T {
        // A test that panicked while it held the world must not take the others along.
        let mut zoho = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut zoho, boottime())
    }
}

/// A listener on 127.0.0.1, not yet answering.
pub struct StandIn {
    listener: TcpListener,
    site: Arc<Site>,
    outages: mpsc::Receiver<Duration>,
}

impl StandIn {
    /// A new world on `settings.port`.
    pub async fn bind(settings: Settings) -> io::Result<Self> {
        let world = World::new(&settings).map_err(io::Error::other)?;
        Self::with_world(world, settings.port).await
    }

    /// A world that exists already, as after an outage.
    pub async fn with_world(world: World, port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let (outage, outages) = mpsc::channel(1);
        let addr = listener.local_addr()?;
        let site = Arc::new(Site {
            world,
            addr,
            outage,
        });
        Ok(Self {
            listener,
            site,
            outages,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.site.addr
    }

    /// `http://127.0.0.1:PORT`, the `accounts_url` of a data center.
    pub fn accounts_url(&self) -> String {
        self.site.origin()
    }

    /// The world behind it.
    pub fn world(&self) -> World {
        self.site.world.clone()
    }

    /// A new org whose API is here: at [`StandIn::accounts_url`], sandboxes below `/sandbox`, developer orgs below `/developer`.
    pub fn new_org(&self, environment: Environment) -> Org {
        self.site.new_org(environment)
    }

    /// Answers until dropped. Fails only where the port is gone after an outage.
    pub async fn run(mut self) -> io::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => { connections.spawn(serve(stream, self.site.clone())); }
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
                Some(_) = connections.join_next() => (),
                Some(span) = self.outages.recv() => {
                    self = self.play_dead(span, &mut connections).await?;
                }
            }
        }
    }

    /// Listens to nobody for `span`: a new connection is refused, an old one is cut.
    async fn play_dead(self, span: Duration, connections: &mut JoinSet<()>) -> io::Result<Self> {
        let Self {
            listener,
            site,
            outages,
        } = self;
        drop(listener);
        let held = TcpSocket::new_v4()?; // Bound and not listening: refuses, and nobody else takes the port.
        held.set_reuseaddr(true)?;
        held.bind(site.addr)?;
        sleep(ACCEPT_PAUSE.min(span)).await; // The answer to who asked for this goes out first.
        connections.shutdown().await;
        sleep(span.saturating_sub(ACCEPT_PAUSE)).await;
        Ok(Self {
            listener: held.listen(BACKLOG)?,
            site,
            outages,
        })
    }
}

/// Runs a stand-in for as long as the process lives; `ready` learns where it listens.
pub fn run_process(settings: Settings, ready: impl FnOnce(SocketAddr)) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stand_in = StandIn::bind(settings).await?;
        ready(stand_in.addr());
        stand_in.run().await
    })
}

async fn serve(stream: TcpStream, site: Arc<Site>) {
    let service = service_fn(move |request| routes::answer(site.clone(), request));
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    let connection = server.serve_connection(TokioIo::new(stream), service);
    // Clients that hang up, and faults that do, end here; there is nobody to tell.
    drop(connection.await);
}
