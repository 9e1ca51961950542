//! The operator's door: op-node's methods, by its names and in its shapes.
//!
//! - [`methods`]: `optimism_*`, for everybody.
//! - [`admin`]: `admin_*`, which an operator switches on.
//!
//! Ethereum's own methods are those of `quintet-eth-rpc`, on a port of their own.
//!
//! **Spec:** op-node's `node.nodeAPI` and `node.adminAPI`.

mod admin;
mod methods;

use std::sync::Arc;

use quintet_rollup_protocol::config::RollupConfig;
use quintet_rpc::{Methods, Registry, StartError};

use crate::{
    derive::SafeHeads,
    engine::{EngineClient, L2Reader},
    node::Status,
    sequencer::SequencerControl,
};

/// What the methods work on.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) config: Arc<RollupConfig>,
    pub(crate) reader: L2Reader,
    pub(crate) engine: EngineClient,
    pub(crate) status: Status,
    pub(crate) record: SafeHeads,
    /// None on a verifier.
    pub(crate) sequencer: Option<SequencerControl>,
}

/// Returns the methods.
pub(crate) fn modules(context: &Arc<Context>, admin: bool) -> Result<Methods, StartError> {
    let mut methods = Methods::new();
    methods.merge(methods::module(Arc::clone(context))?)?;
    if admin {
        methods.merge(admin::module(Arc::clone(context))?)?;
    }
    Ok(methods)
}

/// Describes the methods.
#[must_use]
pub fn registry(admin: bool) -> Registry {
    let registry =
        methods::describe(Registry::new("Quintet rollup node", env!("CARGO_PKG_VERSION")));
    if admin { admin::describe(registry) } else { registry }
}
