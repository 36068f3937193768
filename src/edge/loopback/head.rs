//! The head of a request (RFC 9112), as far as a redirect needs it.

use crate::base::Secret;

/// Path and query of a request to `host`; else the status that says why not. Another `Host` is another site whose name
/// somebody lets lead here.
pub(super) fn asked(head: &[u8], host: &str) -> Result<(String, Secret), u16> {
    let head = std::str::from_utf8(head).map_err(|_| 400_u16)?;
    let mut lines = head.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else {
        return Err(400);
    };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Err(400);
    }
    if method != "GET" {
        return Err(405);
    }
    let fields = lines.filter_map(|line| line.split_once(':'));
    let mut hosts = fields.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    let is_ours = |(_, value): (&str, &str)| value.trim().eq_ignore_ascii_case(host);
    if !hosts.next().is_some_and(is_ours) || hosts.next().is_some() {
        return Err(404);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Ok((path.to_owned(), Secret::new(query.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_to_another_host_or_with_two_is_not_ours() {
        let status = |head: &str| asked(head.as_bytes(), "localhost:1").map(|(path, _)| path);
        let good = "GET /a?b HTTP/1.1\r\nHost: localhost:1\r\n\r\n";
        assert_eq!(status(good).as_deref(), Ok("/a"));
        for (head, refused) in [
            ("GET /a HTTP/1.1\r\n\r\n", 404),
            ("GET /a HTTP/1.1\r\nHost: evil.example:1\r\n\r\n", 404),
            (
                "GET /a HTTP/1.1\r\nHost: localhost:1\r\nHost: localhost:1\r\n\r\n",
                404,
            ),
            ("HEAD /a HTTP/1.1\r\nHost: localhost:1\r\n\r\n", 405),
            (
                "GET http://localhost:1/a HTTP/1.1\r\nHost: localhost:1\r\n\r\n",
                400,
            ),
            ("GET /a\r\n\r\n", 400),
            ("GET /a HTTP/2.0\r\nHost: localhost:1\r\n\r\n", 400),
            ("GET /a b HTTP/1.1\r\n\r\n", 400),
        ] {
            assert_eq!(status(head), Err(refused), "{head}");
        }
    }
}
