//! TODO

pub mod contract;
pub mod cost;
pub mod data_loss;
pub mod permissions;
pub mod plan;
pub mod plan_decision;
pub mod review;
pub mod state_lock;
pub mod task_endpoint;
