//! The real server on sockets, between a client and a small emulator or app; and the documents.

mod calls;
mod documents;
mod purity;
mod support;
mod users;
