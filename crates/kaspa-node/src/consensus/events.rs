//! What consensus tells: facts in the past tense.

use std::{fmt, sync::Arc};

use quintet_kaspa_protocol::state::UtxoDiff;
use quintet_primitives::Hash256;

use super::virtual_state::VirtualState;

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A block with a valid body is there.
    BlockAdded {
        /// Its hash.
        block: Hash256,
    },
    /// The selected chain changed.
    VirtualChainChanged {
        /// Blocks that left it, from the old sink down.
        removed: Vec<Hash256>,
        /// Blocks that joined it, upwards.
        added: Vec<Hash256>,
    },
    /// The virtual block is another one.
    VirtualResolved {
        /// What it is now.
        state: Arc<VirtualState>,
        /// From the UTXO set of the last virtual block to that of this one.
        diff: Arc<UtxoDiff>,
    },
    /// Another DAG, which begins at a peer's pruning point, has taken the place of the one before.
    Succeeded {
        /// The pruning point.
        point: Hash256,
    },
    /// The pruning point moved, and what is below it was deleted.
    PruningPointMoved {
        /// The pruning point.
        point: Hash256,
    },
}

/// What is called.
type Listen = dyn Fn(&Event) + Send + Sync;

/// Who is told. It is called by the stage the event is of, which waits for it: it must hand the event on and return.
#[derive(Clone, Default)]
pub struct Listener(Option<Arc<Listen>>);

impl Listener {
    /// Wraps a function.
    pub fn new(listen: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listen)))
    }

    pub(super) fn tell(&self, event: &Event) {
        if let Some(listen) = &self.0 {
            listen(event);
        }
    }

    pub(super) const fn is_there(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listener").field(&self.0.is_some()).finish()
    }
}
