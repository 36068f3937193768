//! One HTTP/1.1 answer, read from a stream within limits (RFC 9112).
//!
//! Knows nothing of sockets or of what an answer means. Invariant: never holds more than [`HEAD_MAX`]
//! and [`BODY_MAX`], whatever the other side sends.

use std::io::{self, BufRead, BufReader, Read};

use zeroize::Zeroizing;

/// Most bytes of the status line and all header fields, in bytes.
const HEAD_MAX: usize = 16 * 1024;

/// Most bytes of a body: the status of a thousand orgs, each with a long cure, fits twice.
const BODY_MAX: usize = 4 * 1024 * 1024;

/// Most bytes of the line that gives a chunk's size.
const CHUNK_LINE_MAX: usize = 1024;

/// A whole answer. The body may hold an access token and is wiped when dropped.
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// The status line, then one header field each.
    head: Vec<String>,
    /// As sent, without its framing.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no [`Answer`].
#[derive(Debug, thiserror::Error)]
pub enum BadAnswer {
    /// The stream failed.
    #[error(transparent)]
    Stream(#[from] io::Error),
    /// The stream ended before the answer did.
    #[error("the answer ended early")]
    Cut,
    /// More than a limit allows.
    #[error("the answer is over {0} bytes long")]
    TooLarge(usize),
    /// Not HTTP/1.1 as we know it.
    #[error("the answer is not HTTP: {0}")]
    Garbled(&'static str),
}

impl Answer {
    /// Reads one answer; stops at its end, or at the end of the stream where the answer gives none.
    pub fn read(stream: impl Read) -> Result<Self, BadAnswer> {
        let mut stream = BufReader::new(stream);
        let head = lines(&mut stream)?;
        let mut answer = Self {
            status: status_of(head.first().map_or("", String::as_str))?,
            head,
            body: Zeroizing::default(),
        };
        answer.body = answer.read_body(stream)?;
        Ok(answer)
    }

    /// The value of the first header field `name`, in any case, without the space around it.
    pub fn header(&self, name: &str) -> Option<&str> {
        let fields = self.head.iter().filter_map(|field| field.split_once(':'));
        let mut named = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim())
    }

    /// RFC 9112, 6.3: no body, chunks, a length, or all that comes.
    fn read_body(&self, mut stream: impl BufRead) -> Result<Zeroizing<Vec<u8>>, BadAnswer> {
        let mut body = Zeroizing::default();
        if matches!(self.status, 204 | 304) {
            return Ok(body);
        }
        match (
            self.header("transfer-encoding"),
            self.header("content-length"),
        ) {
            (Some(coding), _) if coding.eq_ignore_ascii_case("chunked") => {
                read_chunks(&mut stream, &mut body)?;
            }
            (Some(_), _) => return Err(BadAnswer::Garbled("an unknown transfer coding")),
            (None, Some(length)) => {
                let length = number(length, 10).ok_or(BadAnswer::Garbled("a bad length"))?;
                read_exactly(&mut stream, &mut body, length)?;
            }
            (None, None) => read_to_end(stream, &mut body)?,
        }
        Ok(body)
    }
}

/// `HTTP/1.1 200 OK`.
fn status_of(line: &str) -> Result<u16, BadAnswer> {
    let bad = BadAnswer::Garbled("a bad status line");
    let mut words = line.split(' ');
    if !matches!(words.next(), Some("HTTP/1.1" | "HTTP/1.0")) {
        return Err(bad);
    }
    match words.next().map(str::parse) {
        Some(Ok(status @ 200..=599)) => Ok(status),
        _ => Err(bad),
    }
}

/// A head or trailers: lines up to the empty one.
fn lines(stream: &mut impl BufRead) -> Result<Vec<String>, BadAnswer> {
    let mut lines = Vec::new();
    let mut left = HEAD_MAX;
    loop {
        let line = line(stream, left)?;
        if line.is_empty() {
            return Ok(lines);
        }
        left = left.saturating_sub(line.len() + "\r\n".len());
        lines.push(line);
    }
}

/// One line without its end, of at most `max` bytes.
fn line(stream: &mut impl BufRead, max: usize) -> Result<String, BadAnswer> {
    let mut line = Vec::new();
    stream.take(max as u64).read_until(b'\n', &mut line)?;
    if line.last() != Some(&b'\n') {
        let is_full = line.len() == max;
        return Err(if is_full {
            BadAnswer::TooLarge(HEAD_MAX)
        } else {
            BadAnswer::Cut
        });
    }
    line.pop();
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|_| BadAnswer::Garbled("a line that is not UTF-8"))
}

/// RFC 9112, 7.1. Chunk extensions and trailers are read over.
fn read_chunks(stream: &mut impl BufRead, body: &mut Vec<u8>) -> Result<(), BadAnswer> {
    loop {
        let size = line(stream, CHUNK_LINE_MAX)?;
        let size = size.split(';').next().unwrap_or_default().trim_end();
        let size = number(size, 16).ok_or(BadAnswer::Garbled("a bad chunk size"))?;
        if size == 0 {
            return lines(stream).map(drop);
        }
        read_exactly(stream, body, size)?;
        if !line(stream, CHUNK_LINE_MAX)?.is_empty() {
            return Err(BadAnswer::Garbled("a chunk longer than its size"));
        }
    }
}

/// Appends `count` bytes, if the body may grow by so many.
fn read_exactly(
    stream: &mut impl BufRead,
    body: &mut Vec<u8>,
    count: usize,
) -> Result<(), BadAnswer> {
    if count > BODY_MAX - body.len() {
        return Err(BadAnswer::TooLarge(BODY_MAX));
    }
    body.reserve(count);
    match stream.take(count as u64).read_to_end(body)? {
        read if read == count => Ok(()),
        _ => Err(BadAnswer::Cut),
    }
}

fn read_to_end(stream: impl BufRead, body: &mut Vec<u8>) -> Result<(), BadAnswer> {
    match stream.take(BODY_MAX as u64 + 1).read_to_end(body)? {
        read if read > BODY_MAX => Err(BadAnswer::TooLarge(BODY_MAX)),
        _ => Ok(()),
    }
}

/// Digits alone: `from_str_radix` would take a sign too.
fn number(text: &str, radix: u32) -> Option<usize> {
    let digits = text.chars().all(|c| c.is_digit(radix));
    digits.then(|| usize::from_str_radix(text, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, BadAnswer> {
        Answer::read(text.as_bytes())
    }

    fn body(text: &str) -> String {
        let answer = read(text).expect("a good answer");
        String::from_utf8(answer.body.to_vec()).expect("text")
    }

    #[test]
    fn a_body_ends_at_its_length_its_last_chunk_or_the_end() {
        let length = "HTTP/1.1 200 OK\r\ncontent-LENGTH: 3\r\n\r\nabcdef";
        let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n\
            2\r\nab\r\nA;x=y\r\ncdefghijkl\r\n0\r\nTrailer: 1\r\n\r\nrest";
        let end = "HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(body(length), "abc");
        assert_eq!(body(chunks), "abcdefghijkl");
        assert_eq!(body(end), "abc");
        assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\nignored"), "");
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let answer = read("HTTP/1.1 503 No\r\nRETRY-after:  7 \r\n\r\n").expect("a good answer");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("Retry-After"), Some("7"));
        assert_eq!(answer.header("Date"), None);
    }

    #[test]
    fn an_answer_that_ends_early_is_never_taken_for_a_whole_one() {
        for cut in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\nA: b",
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nab",
        ] {
            assert!(matches!(read(cut), Err(BadAnswer::Cut)), "{cut:?}");
        }
    }

    #[test]
    fn no_answer_outgrows_its_limits() {
        let head = format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "a".repeat(HEAD_MAX));
        let fields = format!("HTTP/1.1 200 OK\r\n{}\r\n", "A: b\r\n".repeat(HEAD_MAX));
        let length = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            BODY_MAX + 1
        );
        let end = format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(BODY_MAX + 1));
        let chunk = format!(
            "{BODY_MAX:x}\r\n{}\r\n1\r\na\r\n0\r\n\r\n",
            "a".repeat(BODY_MAX)
        );
        let chunks = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}");
        for large in [head, fields, length, end, chunks] {
            assert!(matches!(read(&large), Err(BadAnswer::TooLarge(_))));
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        for garbled in [
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "HTTP/2 200\r\n\r\n",
            "HTTP/1.1 OK 200\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\na",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        ] {
            assert!(
                matches!(read(garbled), Err(BadAnswer::Garbled(_))),
                "{garbled:?}"
            );
        }
    }
}
