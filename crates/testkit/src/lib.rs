//! What tests share: a place of their own for each rehearsal, the landfall binary, apps that misbehave,
//! and users who keep asking. For tests and benches only.
//!
//! Nothing here is a mock: the emulators, Docker, Terraform and its provider are real and have to be
//! there. `./dev test` sets them up; without them tests fail and say so.

mod app;
mod crowd;
mod docker;
pub mod faults;
mod gate;
pub mod process;
pub mod raw_http;
mod run;
mod sandbox;
pub mod structure;
mod users;
mod zone;

pub use app::{App, Mode};
pub use crowd::{Crowd, Visit, Visits, now};
pub use docker::docker;
pub use gate::{Gate, Judged};
pub use run::{Ended, Running};
pub use sandbox::Sandbox;
pub use users::{Answers, Users};
pub use zone::Zone;
