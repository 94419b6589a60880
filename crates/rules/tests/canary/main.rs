//! The canary's statistics: the figures they must reproduce, and what they must hold for any counts.

mod audit;
mod simulation;
mod traps;
mod trial;
mod validity;
mod vectors;
mod windows;
