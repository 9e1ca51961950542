//! Where nodes of this machine serve, and how, when their one client is their owner.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use quintet_rpc::{RateLimit, RpcConfig};

/// Most calls of a batch.
const BATCH_ITEMS_MAX: usize = 1_000;

/// An address nobody else's machine reaches; port 0 is any free one.
pub(crate) const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// The port that tools expect, if it is `wanted` and free; else any free one.
pub(crate) fn usual_or_free(port: u16, wanted: bool) -> SocketAddr {
    let is_free = wanted && TcpListener::bind(loopback(port)).is_ok();
    loopback(if is_free { port } else { 0 })
}

/// A server without a rate limit: its owner may ask as often as they like.
pub(crate) fn for_the_owner(listen: SocketAddr) -> RpcConfig {
    RpcConfig {
        listen,
        batch_items_max: BATCH_ITEMS_MAX,
        rate_limit: RateLimit { requests_per_second: 0, ..RateLimit::default() },
        ..RpcConfig::default()
    }
}
