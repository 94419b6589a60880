//! The HCL agrees with `rules`. These tests parse and compare it, without Terraform.

mod budget;
mod contract;
mod domains;
mod names;
mod ownership;
mod prices;
mod provider;
mod stakes;
mod tree;
