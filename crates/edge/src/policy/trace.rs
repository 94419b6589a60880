//! Request ids and the W3C trace context.

use std::fmt::Write as _;

/// Longest request id that is accepted.
const LONGEST_ID: usize = 128;

/// Whether a request id from outside is safe for headers, logs and the app: short, and without
/// special characters.
pub fn is_request_id(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.:=+/@;".contains(&b);
    !text.is_empty() && text.len() <= LONGEST_ID && text.bytes().all(is_plain)
}

/// Whether a `traceparent` is valid (<https://www.w3.org/TR/trace-context/#traceparent-header>).
/// Later versions may be longer.
pub fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, parent, flags) = (part(2), part(32), part(16), part(2));
    let (Some(version), Some(trace), Some(parent), Some(_)) = (version, trace, parent, flags)
    else {
        return false;
    };
    let is_zero = |text: &str| text.bytes().all(|b| b == b'0');
    let more = parts.next().is_some();
    let is_name = !is_zero(trace) && !is_zero(parent);
    let is_version = if version == "00" {
        !more
    } else {
        version != "ff"
    };
    is_name && is_version && text.len() <= 256
}

/// A request id from 128 random bits.
pub fn request_id(random: u128) -> String {
    format!("{random:032x}")
}

/// A `traceparent` for a request without one. Not sampled, as the client did not ask for it.
pub fn traceparent(trace: u128, parent: u64) -> String {
    let mut out = String::with_capacity(55);
    // An id of zeros is not valid.
    let _ = write!(out, "00-{:032x}-{:016x}-00", trace.max(1), parent.max(1));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_examples_of_the_standard_are_valid() {
        assert!(is_traceparent(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        ));
        assert!(is_traceparent(
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"
        ));
        for bad in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
        ] {
            assert!(!is_traceparent(bad), "{bad}");
        }
    }

    #[test]
    fn unsafe_ids_are_refused() {
        assert!(is_request_id("Root=1-67891233-abcdef012345678912345678"));
        for bad in ["", "a b", "a\"b", "a\nb", "<b>", &"x".repeat(129)] {
            assert!(!is_request_id(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn generated_ids_are_valid(trace: u128, parent: u64) {
            prop_assert!(is_traceparent(&traceparent(trace, parent)));
            prop_assert!(is_request_id(&request_id(trace)));
        }

        #[test]
        fn any_text_is_checked(text in ".*", hex in "[0-9a-f-]{0,60}") {
            let _ = (is_traceparent(&text), is_traceparent(&hex), is_request_id(&text));
        }
    }
}
