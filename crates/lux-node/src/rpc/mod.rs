//! A development chain's methods, with the names of anvil and hardhat: what their tools call beside Ethereum's own.
//!
//! ```text
//!   quintet-eth-rpc's methods ──eth_accounts taken out──┐
//!   wallet: accounts, sendTransaction, sign ────────────┼─► one module, one description
//!   controls: anvil_, evm_, hardhat_, dev_ ─────────────┘
//! ```
//!
//! Numbers come as hexadecimal text, decimal text or numbers, as these tools send them.

mod args;
mod controls;
mod send;
mod wallet;

use std::sync::Arc;

use quintet_eth_rpc::EthError;
use quintet_rpc::{
    ErrorObjectOwned, Method, Methods, Params, Registry, RpcError, RpcModule, RpcResult, StartError,
};
use serde_json::Value;

use self::args::Args;
use crate::dev::{DevError, DevNode};

/// What a method does.
type Run = fn(&DevNode, &Args) -> Result<Value, EthError>;

/// A method with its names, the first of which is described.
struct Entry {
    names: &'static [&'static str],
    summary: &'static str,
    /// Names and summaries of its parameters; all may be left out as far as descriptions go.
    params: &'static [(&'static str, &'static str)],
    run: Run,
}

/// Methods of the other module that a development chain answers itself.
const TAKEN_OVER: [&str; 1] = ["eth_accounts"];

impl From<DevError> for EthError {
    fn from(error: DevError) -> Self {
        Self::server(error.to_string())
    }
}

fn entries() -> impl Iterator<Item = &'static Entry> {
    wallet::ENTRIES.iter().chain(controls::ENTRIES)
}

/// Returns all methods of a development node.
///
/// # Errors
///
/// [`StartError`] if two methods have one name.
pub fn module(node: &DevNode) -> Result<Methods, StartError> {
    let mut ethereum = quintet_eth_rpc::module(Arc::clone(&node.node))?;
    for name in TAKEN_OVER {
        ethereum.remove_method(name);
    }
    let mut module = RpcModule::new(node.clone());
    for entry in entries() {
        let run = entry.run;
        for name in entry.names {
            module.register_async_method(name, move |params, node, _| answer(params, node, run))?;
        }
    }
    let mut all: Methods = ethereum.into();
    all.merge(module)?;
    Ok(all)
}

/// Answers on a thread that may wait for the disk.
async fn answer(params: Params<'static>, node: Arc<DevNode>, run: Run) -> RpcResult<Value> {
    let args = Args::read(&params).map_err(|reason| object(EthError::params(reason)))?;
    let answered = tokio::task::spawn_blocking(move || run(&node, &args)).await;
    match answered {
        Ok(answer) => answer.map_err(object),
        Err(error) => Err(RpcError::internal("run a method", &error).into()),
    }
}

fn object(error: EthError) -> ErrorObjectOwned {
    ErrorObjectOwned::owned(error.code, error.message, error.data)
}

/// Returns the descriptions of all methods of a development node.
#[must_use]
pub fn registry() -> Registry {
    let mut registry = quintet_eth_rpc::registry();
    for entry in entries() {
        for name in entry.names.iter().filter(|name| !TAKEN_OVER.contains(name)) {
            let mut method = Method::new(name, entry.summary);
            for (param, summary) in entry.params {
                method = method.optional::<Value>(param, summary);
            }
            registry = registry.method(method.result::<Value>("result", "What came of it."));
        }
    }
    registry
}
