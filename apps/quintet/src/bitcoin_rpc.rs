//! A Bitcoin node's RPC, served: what `quintet bitcoin run` and `quintet up` have in common.

use std::{net::SocketAddr, time::Duration};

use quintet_bitcoin_node::rpc::{self, BitcoinRpc};
use quintet_rpc::{AuthConfig, RateLimit, RpcConfig, RpcHandle, RpcServer};
use tokio_util::sync::CancellationToken;

/// Time a call may take: a wait for a block among them.
const CALL_MAX: Duration = Duration::from_secs(3_600);

/// Time a connection on which nobody asks is kept.
///
/// **Spec:** Bitcoin Core, `-rpcservertimeout`.
pub(crate) const IDLE: Duration = Duration::from_secs(30);

/// Longest request and answer, bytes: blocks in hexadecimal, and what is told about them.
const REQUEST_BYTES_MAX: usize = 32 << 20;
const RESPONSE_BYTES_MAX: usize = 256 << 20;

/// Most calls of a batch.
const BATCH_ITEMS_MAX: usize = 1_000;

/// Time calls under way have at the end.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Serves `calls` to whoever `auth` admits, until the handle is told to stop.
pub(crate) async fn serve(
    calls: BitcoinRpc,
    listen: SocketAddr,
    auth: AuthConfig,
) -> anyhow::Result<RpcHandle> {
    serve_for(calls, listen, auth, IDLE).await
}

/// Like [`serve`]; a connection on which nobody asks is kept for `idle`.
pub(crate) async fn serve_for(
    calls: BitcoinRpc,
    listen: SocketAddr,
    auth: AuthConfig,
    idle: Duration,
) -> anyhow::Result<RpcHandle> {
    let config = RpcConfig {
        listen,
        header_timeout: idle,
        request_bytes_max: REQUEST_BYTES_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        batch_items_max: BATCH_ITEMS_MAX,
        request_timeout: CALL_MAX,
        stop_grace: STOP_GRACE,
        rate_limit: RateLimit { requests_per_second: 0, ..RateLimit::default() },
        auth,
        ..RpcConfig::default()
    };
    let server = RpcServer::builder(config, rpc::registry()).lenient(calls);
    Ok(server.start(CancellationToken::new()).await?)
}
