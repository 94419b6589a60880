//! Requests that two readers could split into messages differently (request smuggling).
//!
//! The edge writes every request to the app with framing of its own, so the app reads what the edge
//! understood. What remains is to refuse a request that a proxy *in front* of the edge may have
//! understood differently: its body could contain a second request.
//!
//! The HTTP parser drops a Content-Length next to Transfer-Encoding. So the edge reads nothing
//! after a chunked body: it closes the connection after the answer, as RFC 9112, 6.1 requires.

/// The parts of a request's head that decide about its framing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Head<'r> {
    /// HTTP/2, whose frames delimit messages.
    pub is_http2: bool,
    /// HTTP/1.0.
    pub is_http10: bool,
    /// The method.
    pub method: &'r str,
    /// The authority in the request line, if there is one.
    pub authority: Option<&'r str>,
    /// Number of `Host` headers.
    pub hosts: usize,
    /// The first of them.
    pub host: Option<&'r str>,
    /// Number of `Content-Length` headers.
    pub content_lengths: usize,
    /// Whether one of them is not a plain number.
    pub odd_content_length: bool,
    /// Number of `Transfer-Encoding` headers.
    pub transfer_encodings: usize,
    /// The first of them.
    pub transfer_encoding: Option<&'r str>,
}

/// Why a request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    /// 400; 501 for what is valid but not supported.
    pub status: u16,
    /// For the error page.
    pub why: &'static str,
}

/// Checks a head that the HTTP parser has accepted.
pub fn check(head: &Head<'_>) -> Result<(), Refusal> {
    let bad = |why| Err(Refusal { status: 400, why });
    if head.method == "CONNECT" {
        return Err(Refusal {
            status: 501,
            why: "this server is no tunnel",
        });
    }
    if head.transfer_encodings > 0 {
        if head.content_lengths > 0 {
            return bad("a request has Transfer-Encoding or Content-Length, not both");
        }
        if head.is_http10 || head.is_http2 {
            return bad("Transfer-Encoding belongs to HTTP/1.1");
        }
        let plain = head
            .transfer_encoding
            .is_some_and(|te| te.trim().eq_ignore_ascii_case("chunked"));
        if head.transfer_encodings > 1 || !plain {
            return bad("the only Transfer-Encoding of a request is chunked");
        }
    }
    if head.content_lengths > 1 || head.odd_content_length {
        return bad("a request has one Content-Length, and it is a number");
    }
    if head.hosts > 1 {
        return bad("a request has one Host");
    }
    if head.hosts == 0 && head.authority.is_none() && !head.is_http10 {
        return bad("a request names its Host");
    }
    let is_fine = |host: &str| super::forwarded::is_host(host);
    if head.hosts == 1
        && !head
            .host
            .is_some_and(|host| host.is_empty() || is_fine(host))
    {
        return bad("the Host of this request is no host");
    }
    if head.authority.is_some_and(|authority| !is_fine(authority)) {
        return bad("the authority of this request is no host");
    }
    if let (Some(authority), Some(host)) = (head.authority, head.host)
        && !authority.eq_ignore_ascii_case(host)
    {
        return bad("Host and request target name different hosts");
    }
    Ok(())
}

/// Headers that concern one connection only (RFC 9110, 7.6.1), besides those that `Connection`
/// names. `Trailer` is not one of them, and `TE: trailers` is kept.
pub const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// Whether a header may be dropped because `Connection` names it. A client must not make the edge
/// remove what the edge or a proxy in front of it has added.
pub fn may_be_named_by_connection(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !(name.starts_with("x-forwarded-")
        || name.starts_with("x-amz")
        || name.starts_with("x-landfall-")
        || matches!(
            name.as_str(),
            "host"
                | "forwarded"
                | "content-length"
                | "authorization"
                | "cookie"
                | "x-request-id"
                | "traceparent"
        ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PLAIN: Head<'static> = Head {
        is_http2: false,
        is_http10: false,
        method: "GET",
        authority: None,
        hosts: 1,
        host: Some("app.example:8080"),
        content_lengths: 0,
        odd_content_length: false,
        transfer_encodings: 0,
        transfer_encoding: None,
    };

    #[test]
    fn plain_requests_pass() {
        let chunked = Head {
            transfer_encodings: 1,
            transfer_encoding: Some("chunked"),
            ..PLAIN
        };
        let sized = Head {
            content_lengths: 1,
            ..PLAIN
        };
        let old = Head {
            is_http10: true,
            hosts: 0,
            host: None,
            ..PLAIN
        };
        let h2 = Head {
            is_http2: true,
            hosts: 0,
            host: None,
            authority: Some("app.example"),
            ..PLAIN
        };
        for head in [PLAIN, chunked, sized, old, h2] {
            assert_eq!(check(&head), Ok(()), "{head:?}");
        }
    }

    #[test]
    fn ambiguous_requests_are_refused() {
        let chunked = Head {
            transfer_encodings: 1,
            transfer_encoding: Some("chunked"),
            ..PLAIN
        };
        for head in [
            Head {
                content_lengths: 1,
                ..chunked
            },
            Head {
                is_http10: true,
                ..chunked
            },
            Head {
                transfer_encodings: 2,
                ..chunked
            },
            Head {
                transfer_encoding: Some("gzip, chunked"),
                ..chunked
            },
            Head {
                transfer_encoding: Some("xchunked"),
                ..chunked
            },
            Head {
                content_lengths: 2,
                ..PLAIN
            },
            Head {
                content_lengths: 1,
                odd_content_length: true,
                ..PLAIN
            },
            Head { hosts: 2, ..PLAIN },
            Head {
                hosts: 0,
                host: None,
                ..PLAIN
            },
            Head {
                host: Some("a/b"),
                ..PLAIN
            },
            Head {
                host: Some("a@b"),
                ..PLAIN
            },
            Head {
                authority: Some("other.example"),
                ..PLAIN
            },
        ] {
            assert_eq!(check(&head).map_err(|r| r.status), Err(400), "{head:?}");
        }
        assert_eq!(
            check(&Head {
                method: "CONNECT",
                ..PLAIN
            })
            .map_err(|r| r.status),
            Err(501)
        );
    }

    proptest! {
        #[test]
        fn any_text_is_checked(host in ".*", authority in prop::option::of(".*"), te in prop::option::of(".*")) {
            let head = Head {
                host: Some(&host), authority: authority.as_deref(),
                transfer_encodings: usize::from(te.is_some()), transfer_encoding: te.as_deref(), ..PLAIN
            };
            let _ = (check(&head), may_be_named_by_connection(&host));
        }
    }
}
