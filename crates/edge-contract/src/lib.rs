//! What landfall and the programs in an app's image both know: names, paths, ports and formats.
//!
//! | | |
//! |---|---|
//! | this module | paths, port, headers and variable names of the edge |
//! | [`env_vars`] | the table of all `LANDFALL_EDGE_*` variables |
//! | [`exec`] | the command that the edge becomes instead of serving |
//! | [`secret`] | the secret that protects a task's counts |
//! | [`summary`], [`bucket`], [`histogram`] | the counts: their format and how they are merged |
//! | [`log_line`] | which lines of a log are not the app's own |
//! | [`log_window`], [`totals`] | summaries read from the log; a summary in a few numbers |
//! | [`probe`] | the event by which landfall probes a Lambda version, and its answer |
//! | [`invocation_error`] | what a failed invocation reports, and the error types of our programs |
//! | [`runtime_api`], [`emulator`], [`bridge`] | where the programs in the image find each other |
//! | [`time`] | points in time |
//!
//! Formats and the functions that read and write them: no decision, no effect. How the edge decides is
//! in `crates/edge/src/policy`; what landfall makes of the counts is in `rules::release`.
//! It is a crate of its own so that the edge depends on nothing that is about AWS.

pub mod bridge;
pub mod bucket;
pub mod emulator;
pub mod env_vars;
pub mod exec;
pub mod histogram;
pub mod invocation_error;
pub mod log_line;
pub mod log_window;
pub mod probe;
pub mod runtime_api;
pub mod secret;
pub mod summary;
pub mod time;
pub mod totals;

/// The edge's program in the image. The directory begins with a dot, so that no app has it.
pub const PATH: &str = "/.landfall/edge";
/// Port on which the edge takes requests in a task. The app keeps its own port; changing that one
/// changes nothing outside the container.
pub const PORT: u16 = 8181;
/// Path of the load balancer's health check.
pub const HEALTH_PATH: &str = "/.landfall/health";
/// Path of the counts.
pub const SUMMARY_PATH: &str = "/.landfall/summary";
/// Header that carries the secret.
pub const SECRET_HEADER: &str = "x-landfall-secret";
/// Header that, together with the secret, marks a request as a probe by landfall.
pub const PROBE_HEADER: &str = "x-landfall-probe";
/// Variable of the secret that protects a task's counts.
pub const SECRET_VARIABLE: &str = "LANDFALL_EDGE_SECRET";
/// Variable that names the revision in every summary.
pub const REVISION_VARIABLE: &str = "LANDFALL_EDGE_REVISION";
