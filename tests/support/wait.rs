//! Waiting for what must become true, instead of sleeping and hoping.

use std::thread;
use std::time::{Duration, Instant};

/// For what should take no time: long, since the machine may be busy with other tests.
pub(crate) const SOON: Duration = Duration::from_secs(20);

const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What `look` finds, once it finds something; panics where that is not `within` the time.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, within: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + within;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        thread::sleep(LOOK_EVERY);
    }
}

/// Returns once `holds` does; panics where that is not `within` the time.
#[track_caller]
pub(crate) fn wait_until(what: &str, within: Duration, mut holds: impl FnMut() -> bool) {
    wait_for(what, within, || holds().then_some(()));
}
