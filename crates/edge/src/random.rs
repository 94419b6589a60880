//! Random numbers for request ids and for sampling. They are not fit for secrets.

use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

thread_local! {
    static STATE: Cell<u64> = Cell::new(RandomState::new().build_hasher().finish());
}

/// 64 random bits: SplitMix64, seeded by the operating system in each thread.
pub(crate) fn bits() -> u64 {
    STATE.with(|state| {
        let next = state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        state.set(next);
        let mixed = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    })
}

/// 128 random bits.
pub(crate) fn id() -> u128 {
    (u128::from(bits()) << 64) | u128::from(bits())
}

/// True for about `share` (0 to 1) of all calls.
pub(crate) fn happens(share: f64) -> bool {
    share >= 1.0 || (bits() >> 11) as f64 / ((1_u64 << 53) as f64) < share
}
