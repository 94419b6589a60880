//! Real parts for tests: emulators of AWS, a registry, Docker and an app that misbehaves on demand.
//!
//! Only tests depend on it. Its own tests look at the workspace as a whole.
