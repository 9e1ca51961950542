//! The Engine API: what a consensus client tells and asks its execution client.
//!
//! ```text
//!   newPayload ─► insert: VALID, INVALID, SYNCING, ACCEPTED
//!   forkchoiceUpdated(head, safe, final, attributes?) ─► set_forkchoice ─► payload id
//!   getPayload(id) ─► built anew of the pool as it is by then
//! ```
//!
//! It belongs on a port of its own, behind the bearer token that both clients share.
//!
//! **Spec:** execution-apis, `src/engine/{paris,shanghai,cancun,prague,osaka}.md`.

mod methods;
mod payload;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{B64, B256, Bytes, keccak256};
use quintet_eth_chain::{Attributes, Built};
use quintet_rpc::{Registry, RpcModule, StartError};
use serde_json::{Value, json};

pub(crate) use self::payload::envelope;
use crate::{node::EthNode, table};

/// Payloads in the making that are remembered.
const PAYLOADS_MAX: usize = 10;

/// A payload in the making.
#[derive(Debug, Clone)]
pub(crate) struct InTheMaking {
    pub(crate) id: B64,
    pub(crate) parent: B256,
    pub(crate) attributes: Attributes,
    /// Whether the pool is left out.
    pub(crate) without_pool: bool,
    /// As it was first built.
    pub(crate) first: Arc<Built>,
}

/// Payloads in the making, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Payloads {
    known: Mutex<VecDeque<InTheMaking>>,
}

impl Payloads {
    fn known(&self) -> MutexGuard<'_, VecDeque<InTheMaking>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn insert(&self, payload: InTheMaking) {
        let mut known = self.known();
        known.retain(|other| other.id != payload.id);
        if known.len() >= PAYLOADS_MAX {
            known.pop_front();
        }
        known.push_back(payload);
    }

    pub(crate) fn get(&self, id: B64) -> Option<InTheMaking> {
        self.known().iter().find(|payload| payload.id == id).cloned()
    }
}

/// Names a payload by what it is made of.
pub(crate) fn id_of(parent: B256, attributes: &Attributes, without_pool: bool, version: u8) -> B64 {
    // Every field is told by the type's own description, which no two values share.
    let told = format!("{parent} {attributes:?} {without_pool}");
    let mut id = B64::from_slice(&keccak256(told)[..8]);
    id.0[0] = version;
    id
}

/// Returns the methods for a consensus client.
///
/// # Errors
///
/// [`StartError`] if two methods have one name.
pub fn engine_module(node: Arc<EthNode>) -> Result<RpcModule<Arc<EthNode>>, StartError> {
    let millis = node.config.call_timeout_ms;
    let mut module = RpcModule::new(node);
    table::register(&mut module, methods::entries(), millis)?;
    Ok(module)
}

/// Returns the descriptions of the methods for a consensus client.
#[must_use]
pub fn engine_registry() -> Registry {
    table::describe(Registry::new("Engine API", env!("CARGO_PKG_VERSION")), methods::entries())
}

/// Writes the bundle of a block's blobs.
pub(crate) fn bundle(node: &EthNode, built: &Built) -> Value {
    let (mut commitments, mut proofs, mut blobs) = (Vec::new(), Vec::new(), Vec::new());
    for transaction in built.block().transactions() {
        let Some(pooled) = node.pool.transaction(&transaction.hash()) else { continue };
        let Some(sidecar) = pooled.sidecar() else { continue };
        commitments.extend(sidecar.commitments().iter().map(|one| json!(one)));
        blobs.extend(
            sidecar.blobs().iter().map(|one| json!(Bytes::copy_from_slice(one.as_slice()))),
        );
        match sidecar {
            quintet_eth_pool::Sidecar::Eip4844(old) => {
                proofs.extend(old.proofs.iter().map(|one| json!(one)));
            }
            quintet_eth_pool::Sidecar::Eip7594(new) => {
                proofs.extend(new.cell_proofs.iter().map(|one| json!(one)));
            }
        }
    }
    json!({ "commitments": commitments, "proofs": proofs, "blobs": blobs })
}
