//! The canary: whether a new version is worse than the old one, decided after every window of requests.
//!
//! Both versions may err, and the rate may drift: an app that fails one request in ten in every
//! version is a healthy app here. A [`Monitor`] holds two e-processes, bets whose value can't be
//! expected to grow if what they bet against is true, so Ville's inequality bounds how often they ever
//! reach 1/α, however often somebody looks:
//!
//! - `M` bets against "the new version is not worse than the old one". A version that isn't worse is
//!   rolled back with a probability of at most α.
//! - `P` bets against "the new version is worse by half, or by two percentage points". A version
//!   that is gets promoted with a probability of at most β.
//!
//! Each window is judged at the old version's rate of *past* windows, with the share of requests that
//! the new version really had. Windows hold requests by when they began, see [`windows`].
//!
//! Sources: tests of two proportions that hold under optional stopping, Turner, Ly and Grünwald,
//! <https://arxiv.org/abs/2106.02693>; strata, Turner and Grünwald,
//! <https://arxiv.org/abs/2302.11401>; canaries at Netflix, Lindon and Malek,
//! <https://arxiv.org/abs/2011.03567>. Why not a fixed threshold:
//! `docs/decisions/0008`.

pub mod audit;
pub mod counts;
pub mod factor;
pub mod monitor;
pub mod policy;
mod slowness;
pub mod trial;
pub mod windows;

pub use counts::{
    Arm, Counts, History, PerSignal, PerStratum, SealedWindow, Signal, Stratum, Tally, Window,
};
pub use monitor::Monitor;
pub use policy::Policy;
pub use trial::{Decision, Judgement, Totals, Trial, judge};
pub use windows::seal;
