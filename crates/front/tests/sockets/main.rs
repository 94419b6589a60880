//! The real server on sockets, between a client and a small emulator or app.

mod calls;
mod support;
mod users;
