//! Versions that err at random, the same each time.

use rules::release::canary::{Tally, Window};

/// SplitMix64 of Steele, Lea and Flood: <https://doi.org/10.1145/2660193.2660195>.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to 1, without 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

/// Counts of an arm while requests come in.
#[derive(Clone, Copy, Default)]
pub(crate) struct Open {
    pub(crate) n: u64,
    pub(crate) bad: u64,
}

/// A window that is filled request by request: old, new.
#[derive(Clone, Copy, Default)]
pub(crate) struct Filling(pub(crate) [Open; 2]);

impl Filling {
    pub(crate) fn add(&mut self, is_new: bool, is_bad: bool) {
        let arm = &mut self.0[usize::from(is_new)];
        arm.n += 1;
        arm.bad += u64::from(is_bad);
    }

    /// The window, as soon as it has `least` requests, and some of both versions.
    pub(crate) fn seal(&mut self, least: u64) -> Option<Window> {
        let [old, new] = self.0;
        if old.n + new.n < least || old.n == 0 || new.n == 0 {
            return None;
        }
        *self = Filling::default();
        Some(Window {
            old: Tally::new(old.n, old.bad),
            new: Tally::new(new.n, new.bad),
        })
    }
}
