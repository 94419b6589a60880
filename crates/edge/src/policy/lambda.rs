//! The edge as a custom runtime of AWS Lambda: what an invocation means, and what is answered to it.
//!
//! | | |
//! |---|---|
//! | [`event`] | what Lambda hands out: a request of an HTTP API or of a function URL, or a probe |
//! | [`answer`] | what Lambda takes back, and how much of it |
//! | [`stream`] | which answers leave as they come, how, and where they end before their time |
//! | [`api`] | what to do when the Runtime API fails |
//! | [`pace`] | how much time an invocation has, and when the edge tells about it |
//! | [`environment`] | what the variables mean there |

pub mod answer;
pub mod api;
pub mod environment;
pub mod event;
pub mod pace;
pub mod stream;
