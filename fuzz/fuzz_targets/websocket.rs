//! Streams of frames: cut anywhere, the borders stay where they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use edge::policy::websocket::Frames;

fuzz_target!(|input: (&[u8], u8)| {
    let (bytes, piece) = input;
    let mut whole = Frames::default();
    whole.pass(bytes);
    let mut cut = Frames::default();
    bytes
        .chunks(usize::from(piece.max(1)))
        .for_each(|piece| cut.pass(piece));
    assert_eq!(whole.may_close(), cut.may_close());
});
