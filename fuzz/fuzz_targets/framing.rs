//! Heads of requests.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::framing::{Head, check, may_be_named_by_connection};

fuzz_target!(
    |input: (&str, Option<&str>, Option<&str>, Option<&str>, [u8; 3])| {
        let (method, authority, host, transfer_encoding, counts) = input;
        let head = Head {
            is_http2: counts[0] & 1 == 1,
            is_http10: counts[0] & 2 == 2,
            method,
            authority,
            hosts: usize::from(counts[1]),
            host,
            content_lengths: usize::from(counts[2]),
            odd_content_length: counts[0] & 4 == 4,
            transfer_encodings: usize::from(transfer_encoding.is_some()),
            transfer_encoding,
        };
        let _ = (check(&head), may_be_named_by_connection(method));
    }
);
