//! As much of RFC 6455 as is needed to close a WebSocket cleanly: where frames begin and end.
//!
//! A close frame may be sent between frames only. So the edge tracks the lengths of the frames it
//! copies, and nothing inside them.

/// A close frame with status 1001, "going away", as a server sends it.
pub const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xe9];

/// Longest header of a frame: 2 bytes, 8 of length, 4 of mask.
const LONGEST_HEAD: usize = 14;

/// Tracks a stream of frames.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    head: Vec<u8>,
    /// Remaining bytes of the current frame's payload.
    payload: u64,
    closed: bool,
    broken: bool,
}

impl Frames {
    /// Whether the stream is between two frames, and no close frame has been sent.
    pub fn may_close(&self) -> bool {
        self.head.is_empty() && self.payload == 0 && !self.closed && !self.broken
    }

    /// Tracks bytes that were copied.
    pub fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.broken {
            if self.payload > 0 {
                let step = usize::try_from(self.payload)
                    .unwrap_or(usize::MAX)
                    .min(bytes.len());
                self.payload -= step as u64;
                bytes = bytes.get(step..).unwrap_or_default();
                continue;
            }
            if let Some((first, rest)) = bytes.split_first() {
                self.head.push(*first);
                bytes = rest;
            }
            self.read_head();
        }
    }

    fn read_head(&mut self) {
        let &[first, second, ref rest @ ..] = self.head.as_slice() else {
            return;
        };
        let wide = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if rest.len() < wide + mask {
            debug_assert!(self.head.len() < LONGEST_HEAD);
            return;
        }
        self.payload = match wide {
            0 => u64::from(second & 0x7f),
            _ => rest
                .iter()
                .take(wide)
                .fold(0, |length, byte| (length << 8) | u64::from(*byte)),
        };
        self.closed |= first & 0x0f == 0x08;
        // The highest bit must be 0: otherwise this is not a WebSocket, and nothing may be added.
        self.broken = self.payload >> 63 == 1;
        self.head.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(length: usize, masked: bool, opcode: u8) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut out = vec![0x80 | opcode];
        match length {
            0..126 => out.push(mask | length as u8),
            126..65_536 => {
                out.push(mask | 126);
                out.extend((length as u16).to_be_bytes());
            }
            _ => {
                out.push(mask | 127);
                out.extend((length as u64).to_be_bytes());
            }
        }
        out.extend(std::iter::repeat_n(7, if masked { 4 } else { 0 }));
        out.extend(std::iter::repeat_n(0x88, length));
        out
    }

    #[test]
    fn nothing_may_follow_a_close_frame() {
        let mut frames = Frames::default();
        assert!(frames.may_close());
        frames.pass(&GOING_AWAY);
        assert!(!frames.may_close());
    }

    proptest! {
        /// However the stream is cut into pieces, frame boundaries are found where they are.
        #[test]
        fn frame_boundaries_are_found(
            lengths in prop::collection::vec((prop_oneof![0..200_usize, 65_000..70_000_usize], any::<bool>()), 1..6),
            piece in 1..5_000_usize,
        ) {
            let mut boundaries = std::collections::BTreeSet::from([0]);
            let mut stream = Vec::new();
            for (length, masked) in lengths {
                stream.extend(frame(length, masked, 2));
                boundaries.insert(stream.len());
            }
            let mut frames = Frames::default();
            let mut passed = 0;
            for bytes in stream.chunks(piece) {
                frames.pass(bytes);
                passed += bytes.len();
                prop_assert_eq!(frames.may_close(), boundaries.contains(&passed));
            }
        }

        #[test]
        fn any_bytes_are_tracked(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            let mut frames = Frames::default();
            frames.pass(&bytes);
            prop_assert!(frames.head.len() <= LONGEST_HEAD);
        }
    }
}
