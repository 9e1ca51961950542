//! The operator's door: JSON-RPC methods over a [`DhtClient`].
//!
//! Bytes are hexadecimal text; a value that is a bencoded UTF-8 string comes with that text beside it.
//! Private keys never come here: who stores a mutable item signs it first, as `quintet dht put` does.
//!
//! - [`types`]: parameters and results, whose schemas are in the OpenRPC document.
//! - [`values`]: from text and hexadecimal digits to records, and back.
//! - [`methods`]: the methods. The description of each stands beside it in [`registry`].

mod methods;
mod registry;
pub mod types;
mod values;

use quintet_rpc::{RpcConfig, RpcServer, RpcServerBuilder, StartError};

pub use self::registry::registry;
use crate::client::DhtClient;

/// Puts the server together; nothing is bound yet.
///
/// # Errors
///
/// [`StartError`] if two methods have one name.
pub(crate) fn server(config: RpcConfig, client: DhtClient) -> Result<RpcServerBuilder, StartError> {
    Ok(RpcServer::builder(config, registry()).module(methods::module(client)?))
}
