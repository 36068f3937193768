//! The way up, in the order in which things can be refused: config, state, socket. And the way down.

use std::cell::RefCell;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use super::address;
use super::delivery::Delivery;
use super::desk::FrontDesk;
use super::keeper::Keeper;
use super::shared::{Shared, Turn};
use super::standing::Standing;
use super::{LOOK_AGAIN_EVERY, Loop, finish, metrics_page};
use crate::base::OrgName;
use crate::edge::clock::{SystemClock, boot_id};
use crate::edge::descriptors;
use crate::edge::dice::Jitter;
use crate::edge::http::{self, Backlog};
use crate::edge::kernel;
use crate::edge::log::LogError;
use crate::edge::memory;
use crate::edge::outlet::{OutletError, TokenFiles, Written};
use crate::edge::signals::Signals;
use crate::edge::socket::{Socket, SocketError};
use crate::edge::store::{Sqlite, Store, StoreError};
use crate::edge::systemd;
use crate::policy::event::Step;
use crate::policy::fleet::Fleet;
use crate::policy::restore::Clocks;

/// The list of written outputs, beside the state.
const WRITTEN_NAME: &str = "outputs.json";

/// Why the daemon does not run. Displays as `WHO: WHAT; WHAT TO DO`.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// Every problem of the config, in order.
    #[error("{}", .0.join("\n"))]
    Config(Vec<String>),
    /// The state cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The socket cannot be served.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The folder of token files cannot be used.
    #[error(transparent)]
    Files(#[from] OutletError),
    /// The log cannot be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The operating system refuses what every process has.
    #[error("{what}: {source}; see the unit's sandbox and limits")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}

/// Runs the daemon on the config at `path` until a signal ends it.
pub fn run(path: &Path) -> Result<(), Fatal> {
    // First of all: it changes the environment, which other threads may read.
    let adopted = systemd::adopted_listener().map_err(SocketError::from)?;
    memory::seal().map_err(|errno| Fatal::System {
        what: "memory",
        source: errno.into(),
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|source| Fatal::System {
        what: "runtime",
        source,
    })?;
    let tasks = LocalSet::new();
    let result = tasks.block_on(&runtime, up_and_down(path, adopted));
    drop(tasks);
    // A look-up or a file system that hangs has a thread of its own; it does not hold up the end.
    runtime.shutdown_background();
    result
}

async fn up_and_down(path: &Path, adopted: Option<UnixListener>) -> Result<(), Fatal> {
    let standing = Standing::load(path, None).await.map_err(Fatal::Config)?;
    let standing = Rc::new(standing.start_log()?);
    for warning in &standing.warnings {
        tracing::warn!("{warning}");
    }
    metrics_page::start();
    // Before the state is held: a signal from here on is an orderly end.
    let signals = Signals::register().map_err(|source| Fatal::System {
        what: "signals",
        source,
    })?;
    let parts = assemble(&standing)?;
    let shared = parts.shared;
    let socket = Socket::open(adopted, &standing.config.daemon.socket)?;
    let (listener, spot) = socket.into_parts();
    let backlog = if spot.is_own() {
        Backlog::Answered
    } else {
        Backlog::Left
    };
    let spot = Rc::new(RefCell::new(spot));
    let (renewed, listeners) = mpsc::unbounded_channel();
    let stop = shared.stop.subscribe();
    spawn_local(address::keep(Rc::clone(&spot), renewed, stop));
    let desk = Rc::new(FrontDesk(Rc::clone(&shared)));
    let serving = spawn_local(http::serve(
        (listener, listeners),
        desk,
        shared.stop.subscribe(),
        descriptors::room_for_connections(),
        backlog,
    ));
    let mut main = Loop {
        shared,
        turns: parts.turns,
        signals,
        state_lost: parts.state_lost,
        dice: Jitter::default(),
        begun: Instant::now(),
        look_again_at: Instant::now() + LOOK_AGAIN_EVERY,
        status: String::new(),
    };
    for step in parts.first {
        main.carry_out(step);
    }
    let result = main.run().await;
    finish(serving).await;
    spot.borrow().remove();
    tracing::info!("stopped");
    result
}

/// What the loop is made of.
struct Parts {
    shared: Rc<Shared>,
    turns: mpsc::UnboundedReceiver<Turn>,
    state_lost: oneshot::Receiver<StoreError>,
    first: Vec<Step>,
}

/// Opens the state, restores the fleet, and puts the parts together.
fn assemble(standing: &Rc<Standing>) -> Result<Parts, Fatal> {
    let system = |what| move |source| Fatal::System { what, source };
    let daemon = &standing.config.daemon;
    let mut store = Sqlite::open(&daemon.state, &standing.key_source())?;
    let stored = store.load()?;
    let clock = Arc::new(SystemClock::new());
    let clocks = Clocks {
        boot_id: boot_id().map_err(system("boot id"))?.into(),
        now: clock.now(),
        is_synchronised: kernel::is_wall_clock_synchronised(),
    };
    let settings = standing.settings();
    let (fleet, steps) = Fleet::restore(settings, stored, &clocks, &mut Jitter::default());
    let files = daemon
        .tokens_dir
        .as_deref()
        .map(TokenFiles::open)
        .transpose()?;
    let delivery = Delivery::new(
        files,
        Written::open(&daemon.state.with_file_name(WRITTEN_NAME)),
        Arc::clone(&clock),
    );
    let live: Vec<OrgName> = fleet
        .orgs()
        .filter(|(_, org)| org.served(clocks.now.boot).is_some())
        .map(|(name, _)| name.clone())
        .collect();
    delivery.tidy(&live);
    delivery.withdraw_others(&standing.output_paths());
    let (sender, turns) = mpsc::unbounded_channel();
    let keeper = Keeper::start(Box::new(store), sender.clone());
    let (keeper, state_lost) = keeper.map_err(system("store thread"))?;
    let shared = Shared::new(fleet, Rc::clone(standing), clock, sender, keeper, delivery);
    let shared = Rc::new(shared);
    Ok(Parts {
        shared,
        turns,
        state_lost,
        first: steps,
    })
}
