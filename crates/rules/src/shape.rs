//! What the infrastructure looks like: its inputs and outputs, its price, its permissions, and what a plan changes.

pub mod account_budget;
pub mod contract;
pub mod cost;
pub mod data_loss;
pub mod permissions;
pub mod plan;
pub mod plan_decision;
pub mod review;
pub mod state_lock;
pub mod task_endpoint;
pub mod toolchain;
