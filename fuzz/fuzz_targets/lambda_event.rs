//! Events of Lambda; what is read can be written into a request.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::lambda::answer::{HttpAnswer, write};
use edge::policy::lambda::event::{Event, read};
use edge::policy::lambda::stream::{Head, SEPARATOR, prelude};

fuzz_target!(|bytes: &[u8]| {
    let is_clean = |text: &str| !text.contains(['\r', '\n', '\0']);
    match read(bytes) {
        Ok(Event::Probe { target }) => assert!(target.starts_with('/') && is_clean(&target)),
        Ok(Event::Http(event)) => {
            assert!(event.target.starts_with('/'));
            assert!(event.target.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(event.method.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(event.headers.iter().all(|(name, value)| is_clean(name) && is_clean(value)));
            let headers: Vec<_> = event.headers.iter().map(|(k, v)| (k.as_str(), v.as_bytes())).collect();
            let answer = HttpAnswer { status: 200, headers: &headers, body: &event.body };
            assert!(write(&answer).is_ok());
            // The first zeros are those that end the prelude.
            let prelude = prelude(&Head { status: 200, headers: &headers });
            let zero = prelude.iter().position(|byte| *byte == 0);
            assert_eq!(zero, Some(prelude.len() - SEPARATOR.len()));
        }
        Err(why) => assert!(!why.0.is_empty()),
    }
});
