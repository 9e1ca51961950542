//! Transactions that spend what nobody knows yet.
//!
//! # Invariants
//!
//! - At most [`Policy::orphans_max`], each of bounded mass; no two spend the same outpoint.
//! - Those of high priority are never pushed out.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use quintet_primitives::Hash256;

use super::{Masses, Policy, Priority, Refusal};
use crate::tx::{Outpoint, Transaction};

/// A transaction that waits.
#[derive(Debug, Clone)]
pub(super) struct Orphan {
    pub(super) tx: Arc<Transaction>,
    pub(super) priority: Priority,
    pub(super) added_at: u64,
}

/// The orphans, and what they spend.
#[derive(Debug, Clone, Default)]
pub(super) struct Orphans {
    all: HashMap<Hash256, Orphan>,
    spenders: BTreeMap<Outpoint, Hash256>,
}

impl Orphans {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, id: &Hash256) -> Option<&Orphan> {
        self.all.get(id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Hash256, &Orphan)> {
        self.all.iter()
    }

    pub(super) fn spender(&self, outpoint: &Outpoint) -> Option<Hash256> {
        self.spenders.get(outpoint).copied()
    }

    /// Takes one in; the one pushed out for it waits no longer.
    ///
    /// Reference: `try_add_orphan`.
    pub(super) fn add(
        &mut self,
        policy: &Policy,
        id: Hash256,
        orphan: Orphan,
        masses: &Masses,
    ) -> Result<(), Refusal> {
        if self.all.contains_key(&id) {
            return Err(Refusal::DuplicateOrphan { id });
        }
        let actual = masses.normalised(&policy.block_mass);
        if actual > policy.orphan_mass_max {
            return Err(Refusal::OrphanTooHeavy { actual, max: policy.orphan_mass_max });
        }
        let mut spent = orphan.tx.inputs.iter().map(|input| &input.previous_outpoint);
        if let Some(owner) = spent.find_map(|outpoint| self.spender(outpoint)) {
            return Err(Refusal::OrphanDoubleSpend { id, owner });
        }
        while self.all.len() >= policy.orphans_max {
            // Any does: the order of the map is salted, and so random.
            let low = self.all.iter().find(|(_, orphan)| orphan.priority == Priority::Low);
            let Some(low) = low.map(|(id, _)| *id) else {
                let (actual, max) = (self.all.len(), policy.orphans_max);
                return Err(Refusal::OrphansFull { actual, max });
            };
            self.remove(&low);
        }
        for input in &orphan.tx.inputs {
            self.spenders.insert(input.previous_outpoint, id);
        }
        self.all.insert(id, orphan);
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &Hash256) -> Option<Orphan> {
        let orphan = self.all.remove(id)?;
        for input in &orphan.tx.inputs {
            self.spenders.remove(&input.previous_outpoint);
        }
        Some(orphan)
    }

    /// Takes out those that spend what a transaction makes.
    pub(super) fn take_children(&mut self, parent: Hash256) -> Vec<Orphan> {
        let outpoints = Outpoint::new(parent, 0)..=Outpoint::new(parent, u32::MAX);
        let children: Vec<Hash256> = self.spenders.range(outpoints).map(|(_, id)| *id).collect();
        children.iter().filter_map(|child| self.remove(child)).collect()
    }

    /// Drops those of low priority that waited too long.
    pub(super) fn expire(&mut self, daa_score: u64, after: u64) {
        let is_old = |orphan: &Orphan| {
            orphan.priority == Priority::Low && daa_score > orphan.added_at.saturating_add(after)
        };
        let old: Vec<Hash256> =
            self.all.iter().filter(|(_, orphan)| is_old(orphan)).map(|(id, _)| *id).collect();
        for id in &old {
            self.remove(id);
        }
    }
}
