//! What the public endpoints of AWS do to users' requests, as pure decisions.

pub mod alb;
pub mod api;
pub mod cloudfront;
