//! What a connection is told for which there is no place: once, and then it is closed.
//!
//! It is not waited for: what does not fit its socket's buffer is not said, and an empty one has room for all of it.

use std::os::fd::AsFd;
use std::time::Duration;

use rustix::net::SendFlags;

use super::answer::{Answer, Problem};
use super::connections::Full;

/// Says that there is no place, and when to try again.
pub(super) fn send_away(stream: impl AsFd, full: Full, uid: u32) {
    let bytes = Answer::from(problem(full, uid)).to_last_bytes();
    // Whoever has gone already need not hear it. The runtime does not know yet that one may write here.
    rustix::net::send(stream, &bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL).ok();
}

fn problem(full: Full, uid: u32) -> Problem {
    let problem = match full {
        Full::User(count) => {
            let what =
                format!("uid {uid} has {count} requests under way, which is all that one user may");
            Problem::new(429, "too-many-connections", "Too Many Requests", what)
        }
        Full::List(count) => {
            let what = format!("{count} requests are under way, which is all there is room for");
            Problem::new(503, "too-many-connections", "Service Unavailable", what)
        }
    };
    problem.retry_after(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn who_finds_no_place_is_told_so_before_the_connection_is_closed() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair");
        send_away(&ours, Full::User(2_048), 4711);
        drop(ours);
        let mut told = String::new();
        theirs.read_to_string(&mut told).expect("it is closed");
        let (head, body) = told.split_once("\r\n\r\n").expect("a head");
        assert!(
            head.starts_with("HTTP/1.1 429 Too Many Requests\r\n"),
            "{head}"
        );
        assert!(head.contains("retry-after: 1\r\n"), "{head}");
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{head}"
        );
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["type"], "urn:zoho-tokend:too-many-connections");
        let what = "uid 4711 has 2048 requests under way, which is all that one user may";
        assert_eq!(body["detail"], what);
    }
}
