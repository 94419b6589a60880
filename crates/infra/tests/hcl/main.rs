//! The HCL says what the rules say. Nothing here starts Terraform: the text is parsed and compared.

mod budget;
mod contract;
mod domains;
mod names;
mod ownership;
mod prices;
mod provider;
mod review;
#[path = "review/cases.rs"]
mod review_cases;
mod stakes;
mod tree;
