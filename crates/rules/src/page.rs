//! A page.
/// x
pub fn render(_: &crate::proposal::Proposal, _: &str) -> String { String::new() }
