//! Transactions that were accepted lately: they are not taken again, and come back if a reorganisation un-accepts them.
//!
//! # Invariants
//!
//! - At most so many ids, and bodies of so many bytes; the oldest go first, bodies before ids.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use quintet_primitives::Hash256;

use super::{Priority, entry::bytes_of};
use crate::tx::Transaction;

#[derive(Debug, Clone)]
struct Known {
    accepted_at: u64,
    body: Option<(Arc<Transaction>, Priority)>,
}

/// The accepted ones.
#[derive(Debug, Clone, Default)]
pub(super) struct Accepted {
    all: HashMap<Hash256, Known>,
    order: VecDeque<(u64, Hash256)>,
    /// Those with a body, oldest first.
    bodies: VecDeque<Hash256>,
    bytes: usize,
}

impl Accepted {
    pub(super) fn contains(&self, id: &Hash256) -> bool {
        self.all.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Remembers one; its body too if the pool had it.
    pub(super) fn add(
        &mut self,
        id: Hash256,
        accepted_at: u64,
        body: Option<(Arc<Transaction>, Priority)>,
        (count_max, bytes_max): (usize, usize),
    ) {
        if self.all.contains_key(&id) {
            return;
        }
        if let Some((tx, _)) = &body {
            self.bytes = self.bytes.saturating_add(bytes_of(tx));
            self.bodies.push_back(id);
        }
        self.all.insert(id, Known { accepted_at, body });
        self.order.push_back((accepted_at, id));
        while self.bytes > bytes_max
            && let Some(oldest) = self.bodies.pop_front()
        {
            self.drop_body(&oldest);
        }
        while self.all.len() > count_max
            && let Some((at, oldest)) = self.order.pop_front()
        {
            self.forget_of(&oldest, at);
        }
    }

    fn drop_body(&mut self, id: &Hash256) {
        let body = self.all.get_mut(id).and_then(|known| known.body.take());
        if let Some((tx, _)) = body {
            self.bytes = self.bytes.saturating_sub(bytes_of(&tx));
        }
    }

    /// Forgets one that was accepted then; another acceptance of the same is not meant.
    fn forget_of(&mut self, id: &Hash256, at: u64) {
        if self.all.get(id).is_some_and(|known| known.accepted_at == at) {
            self.forget(id);
        }
    }

    /// Forgets one, and returns its body.
    pub(super) fn forget(&mut self, id: &Hash256) -> Option<(Arc<Transaction>, Priority)> {
        let known = self.all.remove(id)?;
        if let Some((tx, _)) = &known.body {
            self.bytes = self.bytes.saturating_sub(bytes_of(tx));
        }
        known.body
    }

    pub(super) fn expire(&mut self, daa_score: u64, after: u64) {
        while let Some(&(at, id)) = self.order.front()
            && daa_score > at.saturating_add(after)
        {
            self.order.pop_front();
            self.forget_of(&id, at);
        }
        // Bodies that went with their ids leave their places; those at the front go.
        while let Some(id) = self.bodies.front()
            && self.all.get(id).is_none_or(|known| known.body.is_none())
        {
            self.bodies.pop_front();
        }
    }
}
