//! What outlives landfall: the roles of CI, and the plain Terraform of an eject.

pub mod ci;
pub mod eject;
