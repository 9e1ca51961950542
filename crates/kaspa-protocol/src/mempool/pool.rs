//! The pool: what was accepted into it, who spends of whom, and what goes when it is full or old.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use quintet_primitives::Hash256;

use super::{
    BlockRoom, Candidate, Checked, FeeEstimator, Frontier, Masses, Policy, PoolEntry, Priority,
    Refusal, Replacement, UNACCEPTED_DAA_SCORE,
    accepted::Accepted,
    orphans::{Orphan, Orphans},
};
use crate::tx::{Outpoint, Transaction, UtxoEntry};

/// What came of adding a transaction.
#[derive(Debug, Clone, Default)]
pub struct Added {
    /// Those it replaced, what spent of them not named.
    pub replaced: Vec<Arc<Transaction>>,
    /// Orphans that may be tried again now.
    pub unorphaned: Vec<(Arc<Transaction>, Priority)>,
}

/// The pool. See the [module](super).
#[derive(Debug, Clone)]
pub struct Pool {
    policy: Policy,
    all: HashMap<Hash256, PoolEntry>,
    spenders: HashMap<Outpoint, Hash256>,
    frontier: Frontier,
    bytes: usize,
    pub(super) orphans: Orphans,
    pub(super) accepted: Accepted,
    last_expire: (u64, u64),
}

impl Pool {
    /// Makes an empty pool. The salt should be random.
    #[must_use]
    pub fn new(policy: Policy, salt: u64) -> Self {
        Self {
            policy,
            all: HashMap::new(),
            spenders: HashMap::new(),
            frontier: Frontier::new(salt),
            bytes: 0,
            orphans: Orphans::default(),
            accepted: Accepted::default(),
            last_expire: (0, 0),
        }
    }

    /// Returns the policy.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Takes another policy from now on: what is there stays.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Returns how many transactions there are, orphans not counted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Returns how many orphans wait.
    #[must_use]
    pub fn orphan_count(&self) -> usize {
        self.orphans.len()
    }

    /// Returns how many acceptances are remembered.
    #[must_use]
    pub fn accepted_count(&self) -> usize {
        self.accepted.len()
    }

    /// Returns the bytes of memory the transactions take, about.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the transactions that spend nothing of the pool.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Returns a transaction.
    #[must_use]
    pub fn get(&self, id: &Hash256) -> Option<&PoolEntry> {
        self.all.get(id)
    }

    /// Returns an orphan.
    #[must_use]
    pub fn orphan(&self, id: &Hash256) -> Option<&Arc<Transaction>> {
        self.orphans.get(id).map(|orphan| &orphan.tx)
    }

    /// Returns every transaction, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Hash256, &PoolEntry)> {
        self.all.iter()
    }

    /// Returns every orphan, in no order.
    pub fn iter_orphans(&self) -> impl Iterator<Item = (&Hash256, &Arc<Transaction>)> {
        self.orphans.iter().map(|(id, orphan)| (id, &orphan.tx))
    }

    /// Returns who of the pool spends an outpoint.
    #[must_use]
    pub fn spender(&self, outpoint: &Outpoint) -> Option<Hash256> {
        self.spenders.get(outpoint).copied()
    }

    /// Checks that a transaction is not known.
    ///
    /// # Errors
    ///
    /// [`Refusal::AlreadyAccepted`], [`Refusal::Duplicate`].
    pub fn check_new(&self, id: Hash256) -> Result<(), Refusal> {
        if self.accepted.contains(&id) {
            Err(Refusal::AlreadyAccepted { id })
        } else if self.all.contains_key(&id) {
            Err(Refusal::Duplicate { id })
        } else {
            Ok(())
        }
    }

    /// Returns whether a transaction is in the pool, waits as an orphan or was accepted lately: whoever announces it is not asked for it.
    #[must_use]
    pub fn is_known(&self, id: &Hash256) -> bool {
        self.all.contains_key(id) || self.orphans.get(id).is_some() || self.accepted.contains(id)
    }

    /// Returns what a transaction spends of the pool, one answer an input; none where that must be looked up in the set.
    ///
    /// # Errors
    ///
    /// [`Refusal::ImpossibleOutpoint`].
    ///
    /// Reference: `populate_mempool_entries`.
    pub fn entries_of(&self, tx: &Transaction) -> Result<Vec<Option<UtxoEntry>>, Refusal> {
        let entry = |outpoint: &Outpoint| {
            let Some(parent) = self.all.get(&outpoint.transaction_id) else { return Ok(None) };
            let index = usize::try_from(outpoint.index).unwrap_or(usize::MAX);
            let output = parent.checked.tx.outputs.get(index);
            let output = output.ok_or(Refusal::ImpossibleOutpoint)?;
            Ok(Some(UtxoEntry {
                amount: output.value,
                script_public_key: output.script_public_key.clone(),
                block_daa_score: UNACCEPTED_DAA_SCORE,
                is_coinbase: false,
                covenant_id: output.covenant.map(|binding| binding.covenant_id),
            }))
        };
        tx.inputs.iter().map(|input| entry(&input.previous_outpoint)).collect()
    }

    /// Adds a transaction that passed all checks, in place of those it replaces and of those that pay less if there is no room.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    ///
    /// Reference: `post_validate_and_insert_transaction`.
    pub fn add(
        &mut self,
        checked: Checked,
        priority: Priority,
        replacement: Replacement,
        daa_score: u64,
    ) -> Result<Added, Refusal> {
        let id = checked.id;
        self.check_new(id)?;
        let of_pool = self.entries_of(&checked.tx)?;
        let candidate = checked.candidate(&self.policy);
        let rivals = self.check_pays_more(&checked.tx, &candidate, replacement)?;
        let parents: BTreeSet<Hash256> = of_pool
            .iter()
            .zip(&checked.tx.inputs)
            .filter(|(entry, _)| entry.is_some())
            .map(|(_, input)| input.previous_outpoint.transaction_id)
            .collect();
        let mut doomed = BTreeSet::new();
        for rival in &rivals {
            self.collect_with_descendants(*rival, &mut doomed);
        }
        // What spends of a rival cannot replace it.
        if let Some(owner) = parents.iter().find(|parent| doomed.contains(*parent)) {
            return Err(Refusal::FeeRateTooLow { owner: *owner });
        }
        let evicted = self.make_room(&candidate, checked.bytes(), &parents, &doomed)?;
        let mut added = Added::default();
        for rival in rivals {
            added.replaced.extend(self.get(&rival).map(|entry| Arc::clone(&entry.checked.tx)));
            self.remove_with_descendants(&rival);
        }
        for id in evicted {
            self.remove_with_descendants(&id);
        }
        self.orphans.remove(&id);
        let orphans = self.orphans.take_children(id);
        added.unorphaned = orphans.into_iter().map(|orphan| (orphan.tx, orphan.priority)).collect();
        self.insert(checked, candidate, parents, priority, daa_score);
        Ok(added)
    }

    fn insert(
        &mut self,
        checked: Checked,
        candidate: Candidate,
        parents: BTreeSet<Hash256>,
        priority: Priority,
        added_at: u64,
    ) {
        let id = checked.id;
        for input in &checked.tx.inputs {
            self.spenders.insert(input.previous_outpoint, id);
        }
        for parent in &parents {
            if let Some(parent) = self.all.get_mut(parent) {
                parent.children.insert(id);
            }
        }
        // Those that were left behind when it went before, and spend of it.
        let outputs = 0..u32::try_from(checked.tx.outputs.len()).unwrap_or(u32::MAX);
        let children: BTreeSet<Hash256> =
            outputs.filter_map(|index| self.spender(&Outpoint::new(id, index))).collect();
        for child in &children {
            if let Some(child) = self.all.get_mut(child) {
                child.parents.insert(id);
            }
            self.frontier.remove(child);
        }
        if parents.is_empty() {
            self.frontier.insert(candidate);
        }
        self.bytes = self.bytes.saturating_add(checked.bytes());
        self.all.insert(id, PoolEntry { checked, priority, added_at, parents, children });
    }

    /// Lets an orphan wait for what it spends.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub fn add_orphan(
        &mut self,
        tx: Arc<Transaction>,
        id: Hash256,
        masses: &Masses,
        priority: Priority,
        daa_score: u64,
    ) -> Result<(), Refusal> {
        let orphan = Orphan { tx, priority, added_at: daa_score };
        self.orphans.add(&self.policy, id, orphan, masses)
    }

    /// Returns those that go so that there is room: the lowest fee rates of low priority, with what spends of them.
    ///
    /// Reference: `limit_transaction_count`.
    fn make_room(
        &self,
        candidate: &Candidate,
        bytes: usize,
        parents: &BTreeSet<Hash256>,
        leaving: &BTreeSet<Hash256>,
    ) -> Result<Vec<Hash256>, Refusal> {
        let mut doomed = leaving.clone();
        let freed = |ids: &BTreeSet<Hash256>| {
            ids.iter().filter_map(|id| self.all.get(id)).map(|entry| entry.checked.bytes()).sum()
        };
        let mut free_bytes: usize = freed(&doomed);
        let fits = |doomed: &BTreeSet<Hash256>, free_bytes: usize| {
            self.all.len() + 1 - doomed.len() <= self.policy.count_max
                && (self.bytes + bytes).saturating_sub(free_bytes) <= self.policy.bytes_max
        };
        let mut chosen = Vec::new();
        if fits(&doomed, free_bytes) {
            return Ok(chosen);
        }
        for item in self.frontier.ascending() {
            if doomed.contains(&item.id) {
                continue;
            }
            let is_low = |id| self.get(id).is_some_and(|entry| entry.priority == Priority::Low);
            if !is_low(&item.id) {
                continue;
            }
            if item.cmp_feerate(candidate) == std::cmp::Ordering::Greater {
                break;
            }
            let mut family = BTreeSet::new();
            self.collect_with_descendants(item.id, &mut family);
            if parents.iter().any(|parent| family.contains(parent)) {
                continue;
            }
            let before: BTreeSet<Hash256> = family.difference(&doomed).copied().collect();
            free_bytes += freed(&before);
            doomed.extend(family);
            chosen.push(item.id);
            if fits(&doomed, free_bytes) {
                return Ok(chosen);
            }
        }
        Err(Refusal::Full)
    }

    fn collect_with_descendants(&self, id: Hash256, into: &mut BTreeSet<Hash256>) {
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            if let Some(entry) = self.all.get(&id)
                && into.insert(id)
            {
                next.extend(entry.children.iter().copied());
            }
        }
    }

    /// Takes a transaction out; what spends of it stays, and is ready if it spends nothing else of the pool.
    pub fn remove(&mut self, id: &Hash256) -> Option<PoolEntry> {
        let entry = self.all.remove(id)?;
        for parent in &entry.parents {
            if let Some(parent) = self.all.get_mut(parent) {
                parent.children.remove(id);
            }
        }
        for child in &entry.children {
            if let Some(child) = self.all.get_mut(child) {
                child.parents.remove(id);
                if child.parents.is_empty() {
                    let candidate = child.checked.candidate(&self.policy);
                    self.frontier.insert(candidate);
                }
            }
        }
        for input in &entry.checked.tx.inputs {
            self.spenders.remove(&input.previous_outpoint);
        }
        self.frontier.remove(id);
        self.bytes = self.bytes.saturating_sub(entry.checked.bytes());
        Some(entry)
    }

    /// Takes a transaction out with all that spend of it, and the orphans that do. Returns how many of the pool went.
    pub fn remove_with_descendants(&mut self, id: &Hash256) -> usize {
        let mut family = BTreeSet::new();
        self.collect_with_descendants(*id, &mut family);
        for id in &family {
            self.remove(id);
            self.orphans.take_children(*id);
        }
        family.len()
    }

    /// Drops what is too old: transactions and orphans of low priority, remembered acceptances. Returns how many of the pool went.
    ///
    /// Reference: `expire_low_priority_transactions`.
    pub fn expire(&mut self, daa_score: u64, now_millis: u64) -> usize {
        self.orphans.expire(daa_score, self.policy.orphan_expire_after);
        self.accepted.expire(daa_score, self.policy.accepted_expire_after);
        let (last_score, last_millis) = self.last_expire;
        if daa_score < last_score.saturating_add(self.policy.expire_every)
            || now_millis < last_millis.saturating_add(self.policy.expire_every_millis)
        {
            return 0;
        }
        self.last_expire = (daa_score, now_millis);
        let after = self.policy.expire_after;
        let is_old = |entry: &PoolEntry| {
            entry.priority == Priority::Low && daa_score > entry.added_at.saturating_add(after)
        };
        let old: Vec<Hash256> =
            self.all.iter().filter(|(_, entry)| is_old(entry)).map(|(id, _)| *id).collect();
        old.iter().map(|id| self.remove_with_descendants(id)).sum()
    }

    /// Selects transactions for a block; `random` is uniform in [0, 1).
    pub fn select(&mut self, random: &mut dyn FnMut() -> f64) -> Vec<Arc<Transaction>> {
        let room = BlockRoom::of(&self.policy);
        let ids = self.frontier.select(room, random);
        let tx = |id| self.all.get(id).map(|entry| Arc::clone(&entry.checked.tx));
        ids.iter().filter_map(tx).collect()
    }

    /// Answers which fee rate means which time.
    #[must_use]
    pub fn estimator(&self) -> FeeEstimator {
        let policy = &self.policy;
        FeeEstimator::of(&self.frontier, policy.blocks_per_second, policy.block_mass.compute)
    }
}
