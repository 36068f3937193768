//! What every verb says of a socket that nothing answers on.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::daemon::{Daemon, Ended, plain, program, run};

#[test]
fn where_nothing_listens_a_verb_says_how_to_start_the_daemon() {
    let folder = tempfile::tempdir().expect("a folder");
    let absent = folder.path().join("absent");
    let stale = folder.path().join("stale");
    drop(UnixListener::bind(&stale).expect("a socket"));
    for (socket, why) in [
        (&absent, "No such file or directory (os error 2)"),
        (&stale, "Connection refused (os error 111)"),
    ] {
        for args in [
            &["get", "acme"][..],
            &["status"],
            &["refresh", "acme"],
            &[
                "report",
                "acme",
                "--generation",
                "7",
                "--code",
                "INVALID_TOKEN",
            ],
            &["history", "acme"],
            &["reload"],
        ] {
            let line = format!(
                "zoho-tokend: {}: nothing listens ({why}); start the daemon with `systemctl start \
                 zoho-tokend.socket zoho-tokend.service`, or name its socket with --socket or $ZOHO_TOKEND_SOCKET\n",
                socket.display()
            );
            assert_eq!(run(socket, args, "").failed(), (69, &*line));
        }
        assert_eq!(run(socket, &["enroll", "acme"], "code").failed().0, 69);
        assert_eq!(run(socket, &["status", "--check"], "").failed().0, 3);
    }
}

#[test]
fn a_socket_that_this_user_may_not_reach_is_not_permitted() {
    let daemon = Daemon::answering([]);
    let socket = daemon.socket();
    let folder = socket.parent().expect("a folder");
    let mode = |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode));
    mode(&socket, 0o000).expect("ours");
    let mut command = program(&["get", "acme", "--socket", &socket.display().to_string()]);
    // Root may reach every socket, so it sends nobody, with a copy of the program that nobody can reach.
    if rustix::process::geteuid().is_root() {
        let copy = folder.join("zoho-tokend");
        std::fs::copy(env!("CARGO_BIN_EXE_zoho-tokend"), &copy).expect("room for it");
        mode(folder, 0o755).expect("ours");
        command = Command::new(copy);
        command
            .args(["get", "acme", "--socket", &socket.display().to_string()])
            .uid(65_534);
    }
    let ended = Ended::from(output_of(&mut command));
    let line = format!(
        "zoho-tokend: {}: this user may not connect (Permission denied (os error 13)); the socket should have mode \
         0666 and every folder above it x for all, since the daemon itself decides who reads: `namei -l` shows \
         where it stops\n",
        socket.display()
    );
    assert_eq!(ended.failed(), (77, &*line));
}

#[test]
fn a_path_that_no_socket_can_have_is_a_usage_error() {
    let long = format!("/{}", "a".repeat(200));
    let ended = run(Path::new(&long), &["get", "acme"], "");
    assert_eq!(ended.failed().0, 64);
}

#[test]
fn the_flag_names_the_socket_before_the_environment_does() {
    let daemon = Daemon::answering([plain("1000.token")]);
    let socket = daemon.socket().display().to_string();
    let ended = run(
        Path::new("/nowhere"),
        &["get", "acme", "--socket", &socket],
        "",
    );
    assert_eq!(ended.exit, 0);
}

/// While another test forks, its child may hold the copy open for a moment more.
fn output_of(command: &mut Command) -> std::process::Output {
    loop {
        match command.output() {
            Err(err) if err.kind() == std::io::ErrorKind::ExecutableFileBusy => {
                std::thread::yield_now();
            }
            ended => return ended.expect("it ends"),
        }
    }
}
