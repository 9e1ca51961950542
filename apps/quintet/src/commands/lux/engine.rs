//! The Engine API of a development chain: a port of its own, behind a secret shared with one consensus client.
//!
//! **Spec:** execution-apis, `src/engine/authentication.md`.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use quintet_eth_rpc::{engine_module, engine_registry, module, registry};
use quintet_lux_node::dev::DevNode;
use quintet_rpc::{AuthConfig, RateLimit, RpcConfig, RpcHandle, RpcServer, jwt_secret_file};
use tokio_util::sync::CancellationToken;

/// Largest request: a block whose transactions carry as many blobs as there may be.
const REQUEST_BYTES_MAX: usize = 64 << 20;
/// Largest answer: bodies and blobs of as many blocks as may be asked for.
const RESPONSE_BYTES_MAX: usize = 128 << 20;
/// Time for a call: what a consensus client waits for a payload to be executed.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);

/// The door for a consensus client.
pub(super) struct Engine {
    pub(super) server: RpcHandle,
    /// The secret's file.
    pub(super) secret: PathBuf,
}

/// Opens the door. Beside the Engine API it answers Ethereum's ordinary methods, of which consensus clients ask some.
pub(super) async fn start(
    listen: SocketAddr,
    secret: PathBuf,
    dev: &DevNode,
    stop: CancellationToken,
) -> anyhow::Result<Engine> {
    let jwt_secret = Some(jwt_secret_file(&secret)?);
    let config = RpcConfig {
        listen,
        auth: AuthConfig { jwt_secret, ..AuthConfig::default() },
        request_bytes_max: REQUEST_BYTES_MAX,
        response_bytes_max: RESPONSE_BYTES_MAX,
        request_timeout: CALL_TIMEOUT,
        // Its one client is the consensus client.
        rate_limit: RateLimit { requests_per_second: 0, ..RateLimit::default() },
        ..RpcConfig::default()
    };
    let server = RpcServer::builder(config, engine_registry().merge(registry()))
        .module(engine_module(Arc::clone(&dev.node))?)
        .module(module(Arc::clone(&dev.node))?)
        .start(stop)
        .await?;
    Ok(Engine { server, secret })
}
