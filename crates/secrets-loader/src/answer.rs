//! Just enough of HTTP/1.1 to read one answer of a store (<https://www.rfc-editor.org/rfc/rfc9112>).

/// What became of the bytes that came so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Read {
    /// More is to come.
    Part,
    /// All is there.
    Whole {
        /// Status.
        status: u16,
        /// Body.
        body: Vec<u8>,
    },
}

/// Longest answer: ten parameters of 4 KB, or a secret of 64 KB, as JSON may write them.
pub(crate) const LONGEST: usize = 1024 * 1024;

/// Reads an answer as far as it is there. `ended` says that no more will come.
///
/// # Errors
/// It is none, or it broke off. Nothing of it is quoted.
pub(crate) fn read(bytes: &[u8], ended: bool) -> Result<Read, String> {
    let broken = |why: &str| Err(format!("the answer cannot be read: {why}"));
    let part = |why: &str| match ended {
        true => broken(why),
        false if bytes.len() > LONGEST => broken("it is too long"),
        false => Ok(Read::Part),
    };
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return part("it broke off");
    };
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else {
        return broken("its head is no text");
    };
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| {
        let mut words = line.split(' ');
        words.next().filter(|word| word.starts_with("HTTP/1."))?;
        words.next()?.parse().ok()
    });
    let Some(status) = status else {
        return broken("it is no HTTP");
    };
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    let header = |wanted: &str| {
        headers
            .iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| *value)
    };
    let rest = &bytes[end + 4..];
    let whole = |body: &[u8]| {
        Ok(Read::Whole {
            status,
            body: body.to_vec(),
        })
    };
    if header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
        return match chunks(rest) {
            Ok(Some(body)) => whole(&body),
            Ok(None) => part("it broke off"),
            Err(()) => broken("a chunk has no length"),
        };
    }
    match header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) => match rest.get(..length) {
            Some(body) => whole(body),
            None => part("it broke off"),
        },
        Some(Err(_)) => broken("its length is no number"),
        None if ended => whole(rest),
        None => part("it broke off"),
    }
}

/// The body that comes in chunks; [`None`] while the last one is missing.
fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, ()> {
    let mut body = Vec::new();
    loop {
        let Some(end) = rest.windows(2).position(|two| two == b"\r\n") else {
            return Ok(None);
        };
        let line = std::str::from_utf8(&rest[..end]).map_err(drop)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(drop)?;
        if size == 0 {
            return Ok(Some(body));
        }
        let after = rest.get(end + 2..).unwrap_or_default();
        let Some((chunk, after)) = size
            .checked_add(2)
            .and_then(|size| after.split_at_checked(size))
        else {
            return Ok(None);
        };
        body.extend_from_slice(&chunk[..size]);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LENGTH: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nServer: x\r\n\r\n{\"a\"";
    const CHUNKS: &[u8] =
        b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1;x=y\r\nd\r\n0\r\n\r\n";

    #[test]
    fn an_answer_is_read_once_it_is_whole() {
        for (bytes, status, body) in [(LENGTH, 200, &b"{\"a\""[..]), (CHUNKS, 400, b"abcd")] {
            let whole = Read::Whole {
                status,
                body: body.to_vec(),
            };
            assert_eq!(read(bytes, false), Ok(whole));
            for length in 0..bytes.len() - 4 {
                assert_eq!(read(&bytes[..length], false), Ok(Read::Part), "{length}");
                assert!(read(&bytes[..length], true).is_err(), "{length}");
            }
        }
        let until_the_end = b"HTTP/1.0 503 x\r\n\r\nbusy";
        assert_eq!(read(until_the_end, false), Ok(Read::Part));
        assert!(matches!(
            read(until_the_end, true),
            Ok(Read::Whole { status: 503, .. })
        ));
    }

    #[test]
    fn what_is_no_answer_is_not_quoted() {
        for bytes in [
            &b"SSH-2.0-secret\r\n\r\n"[..],
            b"HTTP/1.1 x\r\n\r\nsecret",
            b"HTTP/1.1 200 OK\r\nContent-Length: secret\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nsecret\r\n",
        ] {
            let why = read(bytes, false).expect_err("no answer");
            assert!(!why.contains("secret"), "{why}");
        }
        assert!(read(&vec![b'a'; LONGEST + 1], false).is_err());
    }

    proptest! {
        #[test]
        fn nothing_breaks_it(body in proptest::collection::vec(any::<u8>(), 0..60), chunked: bool, ended: bool) {
            let head: &[u8] = match chunked {
                true => b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                false => b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n",
            };
            let _ = read(&[head, &body].concat(), ended);
            let _ = read(&body, ended);
        }
    }
}
