//! The methods of execution-apis for ordinary clients, by what they are about.

mod ahead;
mod call;
mod chain;
mod debug;
mod fees;
mod logs;
mod misc;
mod state;
mod testing;
mod trace;
mod transactions;
mod txpool;

use std::sync::Arc;

use quintet_rpc::{Method, Registry, RpcModule, StartError};

pub use self::ahead::look_ahead;
pub(crate) use self::{
    call::{
        Prepared, account_override, call_of, capped, check_overrides, estimate_error, supplied,
    },
    chain::blob_price,
    logs::search_logs,
    state::{pending_nonce, state_error},
    testing::{CANDIDATES_MAX, PayloadAttributes},
    transactions::submit,
};
use crate::{node::EthNode, schema, subscribe, table};

/// A method over a node.
pub(crate) type Entry = table::Entry<EthNode>;

fn entries() -> Vec<Entry> {
    [
        misc::entries(),
        chain::entries(),
        state::entries(),
        transactions::entries(),
        logs::entries(),
        fees::entries(),
        call::entries(),
        debug::entries(),
        trace::entries(),
        txpool::entries(),
        testing::entries(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Returns the methods for ordinary clients.
///
/// # Errors
///
/// [`StartError`] if two methods have one name.
pub fn module(node: Arc<EthNode>) -> Result<RpcModule<Arc<EthNode>>, StartError> {
    let millis = node.config.call_timeout_ms;
    let mut module = RpcModule::new(node);
    // The module holds its context in an `Arc` of its own.
    table::register(&mut module, entries(), millis)?;
    subscribe::register(&mut module)?;
    Ok(module)
}

/// Returns the descriptions of the methods for ordinary clients.
#[must_use]
pub fn registry() -> Registry {
    let registry = Registry::new("Ethereum JSON-RPC", env!("CARGO_PKG_VERSION"));
    let subscription = Method::subscription::<schema::Any>(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        "Begins to tell of new heads, logs, pending transactions.",
    )
    .param::<schema::Text>("kind", "newHeads, logs, newPendingTransactions or syncing.")
    .optional::<schema::Any>(
        "options",
        "For logs a filter; for pending transactions whether they come whole.",
    );
    table::describe(registry.method(subscription), entries())
}
