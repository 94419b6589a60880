//! The client of a connection.

use crate::edge::Edge;
use std::net::SocketAddr;
use std::sync::Arc;

/// The client at the other end. The connection counts as open until the last reference is dropped.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) edge: Arc<Edge>,
    pub(crate) peer: SocketAddr,
}

impl Client {
    pub(crate) fn new(edge: Arc<Edge>, peer: SocketAddr) -> Client {
        edge.connections.opened();
        Client { edge, peer }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.edge.connections.closed();
    }
}
