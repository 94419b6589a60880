//! The HCL agrees with `rules`. These tests parse and compare it, without Terraform.

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
