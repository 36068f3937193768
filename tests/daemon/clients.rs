//! Many clients, silent clients, greedy clients: none of them is another one's trouble (R10), nor Zoho's (R12).

use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::io::ioctl_fionread;
use zoho_tokend::stand_in::{Fault, Rules};

use crate::daemon::{Daemon, program_at};
use crate::http::{Line, Request};
use crate::site::Site;
use crate::wait::{SOON, wait_until};

/// How many readers wait at once.
const HERD: usize = 50;

/// R12: n readers at once cost one mint.
#[test]
fn r12_fifty_readers_that_wait_for_an_enrolment_all_get_its_token() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    let ask = Request::get("/v1/orgs/acme/token?wait=30");
    let mut waiting: Vec<_> = (0..HERD)
        .map(|_| Line::to(&site.socket()).expect("it listens"))
        .collect();
    for line in &mut waiting {
        line.send(&ask.bytes()).expect("sent");
    }
    let begun = Instant::now();
    site.enroll("acme").done();
    for mut line in waiting {
        let reply = line.answer().expect("an answer");
        assert_eq!(
            (reply.status, reply.json()["stale"].as_bool()),
            (200, Some(false))
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(site.zoho.stats().traffic.token_calls, 1);
}

/// R12: nor do reads that find nothing cost any.
#[test]
fn r12_reads_without_a_token_cause_no_call() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    site.zoho.break_for("acme", None, Fault::status(503));
    site.verb(&["refresh", "acme"]).failed(75);
    let calls = site.zoho.stats().traffic.token_calls;
    for _ in 0..HERD {
        assert_eq!(site.get("/v1/orgs/acme/token?min_ttl=20m").status, 200);
        site.get("/v1/orgs/acme/token?min_ttl=50m");
    }
    assert_eq!(site.zoho.stats().traffic.token_calls, calls);
}

/// R10
#[test]
fn r10_silent_half_and_idle_clients_block_nobody() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let open = || Line::to(&site.socket()).expect("room for one more");
    let silent: Vec<_> = (0..100).map(|_| open()).collect();
    let idle: Vec<_> = (0..200)
        .map(|_| {
            let mut line = open();
            assert_eq!(
                line.ask(&Request::get("/livez")).expect("an answer").status,
                200
            );
            line
        })
        .collect();
    let mut halves: Vec<_> = (0..20).map(|_| open()).collect();
    for line in &mut halves {
        line.send(b"GET /v1/orgs/acme/token HTTP/1.1\r\nHost: loc")
            .expect("sent");
    }
    let mut bodies: Vec<_> = (0..20).map(|_| open()).collect();
    for line in &mut bodies {
        let head =
            "POST /v1/orgs/acme/enrollment HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{";
        line.send(head.as_bytes()).expect("sent");
    }
    let begun = Instant::now();
    for _ in 0..100 {
        site.token("acme");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    // A request that does not get on is given up: the head after 5 s, the body too, and the idle are left alone.
    for line in &mut halves {
        let ended = line.answer();
        assert!(ended.is_err_and(|err| err.kind() == io::ErrorKind::UnexpectedEof));
    }
    for line in &mut bodies {
        assert_eq!(line.answer().expect("it is told").status, 400);
    }
    let given_up = begun.elapsed();
    assert!(
        (Duration::from_secs(4)..Duration::from_secs(15)).contains(&given_up),
        "{given_up:?}"
    );
    for mut line in idle {
        assert_eq!(
            line.ask(&Request::get("/livez"))
                .expect("still open")
                .status,
            200
        );
    }
    drop(silent);
}

/// R10: the answer is not kept for those who do not take it.
#[test]
fn r10_readers_that_hang_up_while_they_wait_are_forgotten() {
    let site = Site::new(Rules::default(), &["acme"]);
    let _daemon = site.run();
    for _ in 0..HERD {
        let mut line = Line::to(&site.socket()).expect("it listens");
        let ask = Request::get("/v1/orgs/acme/token?wait=60");
        line.send(&ask.bytes()).expect("sent");
    }
    site.enroll("acme").done();
    site.token("acme");
}

/// S5: bytes that are no HTTP end their own connection and nothing else.
#[test]
fn s5_garbage_on_the_socket_harms_nobody() {
    let (site, mut daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let token = site.token("acme");
    let long_line = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(100_000));
    let many_headers = format!("GET /livez HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(5_000));
    let inputs: [&[u8]; 6] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\0\0\0\0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET  HTTP/9.9\r\n\r\n",
        long_line.as_bytes(),
        many_headers.as_bytes(),
    ];
    for input in inputs {
        let mut line = Line::to(&site.socket()).expect("it listens");
        // It may hang up before it has read all.
        drop(line.send(input));
        let reply = line.answer();
        assert!(reply.is_err() || reply.is_ok_and(|reply| reply.status >= 400));
    }
    assert_eq!(site.token("acme"), token);
    assert_eq!(daemon.ended(), None);
}

/// R10: refused at the door is better than waiting for ever, and the others are served.
#[test]
fn r10_a_thousand_connections_of_one_user_leave_room_for_reads() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    thread::scope(|scope| {
        let holders: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let open = |_| Line::to(&site.socket()).ok();
                    (0..200).filter_map(open).collect::<Vec<_>>()
                })
            })
            .collect();
        let lines: Vec<_> = holders
            .into_iter()
            .map(|own| own.join().expect("no panic"))
            .collect();
        let begun = Instant::now();
        wait_until("a read is served", SOON, || {
            site.try_ask(&Request::get("/v1/orgs/acme/token"))
                .is_ok_and(|reply| reply.status == 200)
        });
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
        drop(lines);
    });
}

/// R10: nor do descriptors run out: of a shell's few, clients get half.
#[test]
fn r10_more_connections_than_descriptors_keep_neither_readers_nor_zoho_out() {
    let site = Site::new(Rules::default(), &["acme"]);
    let few = "ulimit -n 200; exec \"$0\" \"$@\"";
    let mut command = program_at(Path::new("/bin/sh"));
    command.args(["-c", few, env!("CARGO_BIN_EXE_zoho-tokend")]);
    let daemon = Daemon::spawn(command, &site.path("zoho-tokend.toml"), &site.path("log"));
    let _daemon = site.once_up(daemon);
    let idle: Vec<_> = (0..400)
        .map(|_| Line::to(&site.socket()).expect("accepted, if only for a moment"))
        .collect();
    let begun = Instant::now();
    site.enroll("acme").done();
    site.verb(&["refresh", "acme"]).done();
    site.token("acme");
    wait_until("the files are written", SOON, || {
        site.file("acme", "header").is_some()
    });
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
    drop(idle);
}

/// A client that ends its request with a newline too many still gets its answer.
#[test]
fn a_stray_newline_after_a_request_does_not_hold_its_answer_back() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let mut line = Line::to(&site.socket()).expect("it listens");
    let mut bytes = Request::post("/v1/orgs/acme/refresh", "").bytes();
    bytes.extend_from_slice(b"\r\n");
    line.send(&bytes).expect("sent");
    assert_eq!(line.answer().expect("an answer").status, 200);
}

/// R10: answers that nobody takes do not pile up. With a body and without one, which hyper buffers differently.
#[test]
fn r10_a_client_that_pipelines_and_never_reads_costs_no_memory() {
    let (site, daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let flood = |request: &Request| {
        let mut line = UnixStream::connect(site.socket()).expect("it listens");
        line.set_write_timeout(Some(Duration::from_millis(500)))
            .expect("not zero");
        let bytes = request.bytes().repeat(1_000);
        // Until the daemon takes no more, or far longer than it needs to be seen.
        let took_all = (0..500).all(|_| line.write_all(&bytes).is_ok());
        assert!(!took_all, "it reads on although nobody takes its answers");
        line
    };
    let before = daemon.memory_kb();
    let _lines = [
        flood(&Request::get("/livez")),
        flood(&Request::new("HEAD", "/livez")),
    ];
    let grown = daemon.memory_kb().saturating_sub(before);
    assert!(grown < 4_096, "{grown} kB more");
    assert_eq!(site.get("/livez").status, 200);
}

/// The other side of the same: what waited goes on when it is read.
#[test]
fn answers_come_whole_and_in_order_to_a_client_that_reads_late() {
    let (site, _daemon) = Site::enrolled(Rules::default(), &["acme"]);
    let mut line = Line::to(&site.socket()).expect("it listens");
    let many = 3_000;
    let bytes = Request::get("/v1/orgs/acme/token").bytes().repeat(many);
    let (mut writer, reader) = (line.twin(), line.twin());
    thread::scope(|scope| {
        scope.spawn(move || writer.write_all(&bytes).expect("it is read in the end"));
        // A third of what Linux keeps of a socket: the daemon is far ahead of us, and soon can write no more.
        wait_until("answers lie unread", SOON, || {
            ioctl_fionread(&reader).expect("a socket") >= 32 * 1024
        });
        for _ in 0..many {
            assert_eq!(line.answer().expect("the next one").status, 200);
        }
    });
}
