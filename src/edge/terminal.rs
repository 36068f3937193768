//! The person's terminal: a secret is typed there without echo.
//!
//! What is typed means nothing here. Invariant: however the process ends or pauses meanwhile, short of SIGKILL, the
//! terminal has its echo back: a shell that runs us in a script does not mend it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::sync::Once;
use std::thread;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;
use zeroize::Zeroizing;

/// Asks for one line, which is not shown.
pub fn ask_hidden(prompt: &str) -> io::Result<Zeroizing<String>> {
    static IS_GUARDED: Once = Once::new();
    let mut guarded = Ok(());
    IS_GUARDED.call_once(|| guarded = guard());
    guarded?;
    let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
    if typed
        .as_ref()
        .is_err_and(|err| err.kind() == ErrorKind::Interrupted)
    {
        // Ctrl-C was typed, and the echo is back: the end is a signal's.
        emulate_default_handler(SIGINT)?;
    }
    typed
}

/// Gives the terminal back as it is now before a signal does what it always does; for the rest of the process, since a
/// signal that was caught once is not let go again.
fn guard() -> io::Result<()> {
    let terminal = File::open("/dev/tty")?;
    let shown = tcgetattr(&terminal)?;
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP])?;
    thread::spawn(move || {
        for signal in &mut signals {
            give_back(&terminal, &shown, signal);
        }
    });
    Ok(())
}

fn give_back(terminal: &File, shown: &Termios, signal: i32) {
    let set = |to: &Termios| tcsetattr(terminal, OptionalActions::Now, to);
    let hidden = tcgetattr(terminal);
    // A terminal that is gone needs no echo.
    set(shown).ok();
    let goes_on = emulate_default_handler(signal);
    if let (Ok(()), Ok(hidden)) = (goes_on, hidden) {
        set(&hidden).ok();
    }
}
