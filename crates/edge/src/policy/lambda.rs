//! Decisions of the edge as a custom runtime of AWS Lambda.
//!
//! | | |
//! |---|---|
//! | [`event`] | events: requests of an HTTP API or a function URL, and probes |
//! | [`response`] | complete answers, and their size limit |
//! | [`stream`] | which answers are streamed, how, and when they are truncated |
//! | [`api_failure`] | what to do when the Runtime API fails |
//! | [`timing`] | how much time an invocation has, and when lines are written |
//! | [`environment`] | what the variables mean on Lambda |

pub mod api_failure;
pub mod environment;
pub mod event;
pub mod response;
pub mod stream;
pub mod timing;
