//! The service manager's protocols, spoken to a copy of this program.

use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};

use zoho_tokend::edge::systemd;

use crate::support::folder;

/// What the copy is to do; set for the copy alone.
const TASK: &str = "ZOHO_TOKEND_TEST_TASK";

/// A copy of this program that does `task` with `socket` (if any) as file descriptors 3 and up, `count` of them.
fn copy(task: &str, socket: Option<OwnedFd>, count: u32) -> Command {
    let script = "exec 3<&0 4<&0 </dev/null; export LISTEN_PID=$$; exec \"$0\" --exact systemd::copy_does_its_task --nocapture";
    let program = std::env::current_exe().expect("a test is a program");
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(program).env(TASK, task);
    if let Some(socket) = socket {
        command
            .env("LISTEN_FDS", count.to_string())
            .stdin(Stdio::from(socket));
    }
    command
}

fn says(mut command: Command) -> String {
    let output = command.output().expect("sh runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// Not a test: what [`copy`] runs.
#[test]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
fn copy_does_its_task() {
    match std::env::var(TASK).as_deref() {
        Ok("notify") => {
            systemd::tell_status("opening the state").expect("somebody listens");
            systemd::tell_ready("3 orgs fresh\nX=1").expect("somebody listens");
            systemd::feed_watchdog().expect("somebody listens");
            systemd::tell_stopping().expect("somebody listens");
        }
        Ok("watchdog") => println!("every {:?}.", systemd::watchdog_interval()),
        Ok("adopt") => match systemd::adopted_listener() {
            Ok(Some(listener)) => {
                let kind = listener.accept().expect_err("nobody connected").kind();
                println!("adopted {:?} {kind:?}.", listener.local_addr());
            }
            Ok(None) => println!("nothing was passed."),
            Err(err) => println!("refused: {err}."),
        },
        _ => (),
    }
}

#[test]
fn systemd_hears_status_ready_watchdog_and_stopping() {
    let folder = folder();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).expect("a new path");
    let mut command = copy("notify", None, 0);
    says({
        command.env("NOTIFY_SOCKET", &path);
        command
    });
    let hear = || {
        let mut heard = [0; 1024];
        let len = manager.recv(&mut heard).expect("a message");
        String::from_utf8_lossy(&heard[..len]).into_owned()
    };
    assert_eq!(hear(), "STATUS=opening the state\n");
    assert_eq!(hear(), "READY=1\nSTATUS=3 orgs fresh X=1\n");
    assert_eq!(hear(), "WATCHDOG=1\n");
    assert_eq!(hear(), "STOPPING=1\n");
}

#[test]
fn without_systemd_nothing_is_told_and_nothing_fails() {
    let mut command = copy("notify", None, 0);
    command.env_remove("NOTIFY_SOCKET");
    says(command);
}

/// R11
#[test]
fn r11_the_watchdog_is_fed_twice_as_often_as_it_asks() {
    let interval = |usec: Option<&str>, pid: Option<&str>| {
        let mut command = copy("watchdog", None, 0);
        command
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID");
        command.envs(usec.map(|usec| ("WATCHDOG_USEC", usec)));
        command.envs(pid.map(|pid| ("WATCHDOG_PID", pid)));
        says(command)
    };
    assert!(interval(Some("30000000"), None).contains("every Some(15s)."));
    assert!(
        interval(Some("30000000"), Some("1")).contains("every None."),
        "another process's"
    );
    assert!(interval(Some("0"), None).contains("every None."));
    assert!(interval(Some("soon"), None).contains("every None."));
    assert!(interval(None, None).contains("every None."));
}

/// R8
#[test]
fn r8_the_socket_that_systemd_passes_is_adopted_ready_for_the_loop() {
    let folder = folder();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).expect("a new path");
    let said = says(copy("adopt", Some(listener.into()), 1));
    assert!(
        said.contains("adopted Ok(") && said.contains("WouldBlock."),
        "{said}"
    );
    assert!(said.contains(path.to_str().expect("text")), "{said}");
}

#[test]
fn without_a_passed_socket_there_is_none() {
    assert!(says(copy("adopt", None, 0)).contains("nothing was passed."));
}

#[test]
fn sockets_of_no_use_are_refused_with_their_cure() {
    let folder = folder();
    let listener = || UnixListener::bind(folder.path().join("socket")).expect("a new path");
    let said = says(copy("adopt", Some(listener().into()), 2));
    assert!(
        said.contains("systemd passed 2 sockets") && said.contains("keep a single ListenStream="),
        "{said}"
    );

    let datagram = UnixDatagram::unbound().expect("a socket");
    let (connected, _other) = UnixStream::pair().expect("a socket pair");
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback");
    for wrong in [datagram.into(), connected.into(), tcp.into()] {
        let said = says(copy("adopt", Some(wrong), 1));
        assert!(
            said.contains("refused: the socket that systemd passed is no listening Unix"),
            "{said}"
        );
    }
}
