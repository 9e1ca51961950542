//! The pool: what is taken, what is replaced, what gives way.
//!
//! ```text
//!   add ─► own rules ─► sender's state ─► same nonce? ─► sender's limits ─► room? ─► in
//!                                          bump or no                       cheaper ones give way, or it is refused
//! ```

use std::sync::Arc;

use alloy_primitives::{
    Address, B256, KECCAK256_EMPTY, U256,
    map::{AddressMap, B256Map, hash_map::Entry as MapEntry},
};
use quintet_eth::state::StateView;

use crate::{
    account::{Account, Entry, Tally},
    best::BestTransactions,
    config::PoolConfig,
    error::PoolError,
    evict::{Order, Rank, VICTIMS_MAX},
    head::Head,
    transaction::{PoolTransaction, Verified},
};

/// First bytes of code that only names other code. **Spec:** EIP-7702.
const DELEGATION: [u8; 3] = [0xef, 0x01, 0x00];

/// Who brought a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client of this node: it is written to the journal and does not expire.
    Local,
    /// A peer.
    Remote,
}

/// What happened when a transaction was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Whether it could be in the next block.
    pub is_pending: bool,
    /// The one of the same nonce it took the place of.
    pub replaced: Option<Arc<PoolTransaction>>,
    /// Those that became pending with it, itself among them, in the order of nonces.
    pub promoted: Vec<Arc<PoolTransaction>>,
    /// Those that gave way.
    pub evicted: Vec<Arc<PoolTransaction>>,
}

/// Transactions that wait to be in a block. See the [crate's documentation](crate).
#[derive(Debug)]
pub struct Pool {
    pub(crate) config: PoolConfig,
    pub(crate) head: Head,
    pub(crate) accounts: AddressMap<Account>,
    pub(crate) by_hash: B256Map<Arc<PoolTransaction>>,
    /// How many transactions in the pool delegate an account.
    authorities: AddressMap<usize>,
    pub(crate) tally: Tally,
    pub(crate) order: Order,
    arrivals: u64,
}

impl Pool {
    /// Begins an empty pool at a head.
    #[must_use]
    pub fn new(config: PoolConfig, head: Head) -> Self {
        Self {
            config,
            head,
            accounts: AddressMap::default(),
            by_hash: B256Map::default(),
            authorities: AddressMap::default(),
            tally: Tally::default(),
            order: Order::default(),
            arrivals: 0,
        }
    }

    /// Returns the limits.
    #[must_use]
    pub const fn config(&self) -> &PoolConfig {
        &self.config
    }

    /// Returns the head the pool stands at.
    #[must_use]
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// Returns a transaction by its hash.
    #[must_use]
    pub fn get(&self, hash: &B256) -> Option<&Arc<PoolTransaction>> {
        self.by_hash.get(hash)
    }

    /// Returns a sender's next nonce, its pending transactions counted; `None` if the pool holds nothing of it.
    #[must_use]
    pub fn next_nonce(&self, sender: &Address) -> Option<u64> {
        self.accounts.get(sender).map(Account::next_nonce)
    }

    /// Takes a transaction, or says why not. `view` is the state of [`Self::head`], `now` the time in seconds.
    ///
    /// # Errors
    ///
    /// [`PoolError`]; nothing has changed then.
    pub fn add<V: StateView>(
        &mut self,
        verified: Verified,
        origin: Origin,
        view: &V,
        now: u64,
    ) -> Result<Added, PoolError> {
        let Verified(transaction) = verified;
        if self.by_hash.contains_key(&transaction.hash()) {
            return Err(PoolError::AlreadyKnown);
        }
        self.check_alone(&transaction)?;
        let sender = transaction.sender();
        if let MapEntry::Vacant(place) = self.accounts.entry(sender) {
            let (nonce, balance, is_delegated) = state_of(view, sender, transaction.is_signed())?;
            place.insert(Account::new(nonce, balance, is_delegated));
        }
        let checked = self.check_in_place(&transaction).and_then(|()| self.make_room(&transaction));
        match checked {
            Ok(evicted) => Ok(self.insert(transaction, origin, now, evicted)),
            Err(error) => {
                self.forget_if_empty(sender);
                Err(error)
            }
        }
    }

    /// Takes a transaction out, as an operator asks for it. Those after it wait for its nonce.
    ///
    /// Returns what went: itself first, then what no longer fits among those that wait; nothing if it is not there.
    pub fn remove(&mut self, hash: &B256) -> Vec<Arc<PoolTransaction>> {
        let Some(transaction) = self.by_hash.get(hash).map(Arc::clone) else { return Vec::new() };
        self.change(transaction.sender(), |account| account.remove(transaction.nonce()));
        self.forget(&transaction);
        let mut removed = vec![transaction];
        removed.extend(self.enforce());
        removed
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        let (config, head) = (self.config.clone(), self.head);
        *self = Self { arrivals: self.arrivals, ..Self::new(config, head) };
    }

    /// Takes out queued transactions of peers that have waited too long; `now` is the time in seconds.
    pub fn expire(&mut self, now: u64) -> Vec<Arc<PoolTransaction>> {
        let lifetime = self.config.queued_lifetime;
        let late = |entry: &&Entry| !entry.is_local && now.saturating_sub(entry.since) > lifetime;
        let expired: Vec<_> = self
            .accounts
            .values()
            .flat_map(|account| account.entries().skip(account.pending()).filter(late))
            .map(|entry| entry.transaction.hash())
            .collect();
        expired.iter().flat_map(|hash| self.remove(hash)).collect()
    }

    /// Returns pending transactions in the order a proposer takes them, as they stand now.
    #[must_use]
    pub fn best(&self, base_fee: u64, blob_fee: u128) -> BestTransactions {
        BestTransactions::new(self.accounts.values(), base_fee, blob_fee)
    }

    fn check_alone(&self, transaction: &PoolTransaction) -> Result<(), PoolError> {
        let (expected, actual) = (self.head.gas_limit, transaction.gas_limit());
        if actual > expected {
            return Err(PoolError::BlockGas { expected, actual });
        }
        transaction.check_fees(self.config.price_limit)
    }

    /// Checks a transaction against its sender's state and its other transactions.
    fn check_in_place(&self, transaction: &PoolTransaction) -> Result<(), PoolError> {
        let Some(account) = self.accounts.get(&transaction.sender()) else { return Ok(()) };
        let (nonce, cost) = (transaction.nonce(), transaction.cost());
        if nonce < account.nonce {
            return Err(PoolError::NonceTooLow { expected: account.nonce, actual: nonce });
        }
        let balance = account.balance;
        if cost > balance {
            return Err(PoolError::Funds { balance, cost });
        }
        if !account.is_empty() && account.has_blobs() != transaction.has_blobs() {
            return Err(PoolError::Reserved);
        }
        let same = account.get(nonce);
        if nonce <= account.next_nonce() {
            // What it would replace does not count; of a nonce that is not pending nothing does.
            let freed = same
                .filter(|_| nonce < account.next_nonce())
                .map_or(U256::ZERO, |entry| entry.transaction.cost());
            let queued = account.spent().saturating_sub(freed);
            if queued.saturating_add(cost) > balance {
                return Err(PoolError::FundsTogether { balance, queued, cost });
            }
        }
        self.check_delegation(transaction, account)?;
        match same {
            Some(entry) => self.check_replacement(&entry.transaction, transaction),
            None => self.check_sender_limits(transaction, account),
        }
    }

    /// **Spec:** go-ethereum's `legacypool.validateAuth`.
    fn check_delegation(
        &self,
        transaction: &PoolTransaction,
        account: &Account,
    ) -> Result<(), PoolError> {
        let named = self.authorities.contains_key(&transaction.sender());
        if account.is_delegated || named {
            if !account.is_empty() && account.get(transaction.nonce()).is_none() {
                return Err(PoolError::DelegatedInFlight);
            }
            if account.is_empty() && transaction.nonce() > account.nonce {
                return Err(PoolError::DelegatedGap);
            }
        }
        let busy = |authority: &Address| {
            let held = self.accounts.get(authority).map_or(0, Account::len);
            held > 1
                || (*authority != transaction.sender() && held > 0 && self.is_gapped(authority))
        };
        if transaction.authorities().iter().any(busy) {
            return Err(PoolError::AuthorityReserved);
        }
        Ok(())
    }

    fn is_gapped(&self, sender: &Address) -> bool {
        self.accounts.get(sender).is_some_and(|account| account.pending() < account.len())
    }

    /// **Spec:** go-ethereum's `list.Add` and `blobpool.validateTx`: each fee must rise.
    fn check_replacement(
        &self,
        old: &PoolTransaction,
        new: &PoolTransaction,
    ) -> Result<(), PoolError> {
        let percent =
            if new.has_blobs() { self.config.blob_price_bump } else { self.config.price_bump };
        let enough = |old: u128, new: u128| {
            let least = U256::from(old) * U256::from(100 + u64::from(percent));
            new > old && U256::from(new) * U256::from(100) >= least
        };
        let blobs = match (old.blob_fee_cap(), new.blob_fee_cap()) {
            (Some(old), Some(new)) => enough(old, new),
            _ => true,
        };
        if enough(old.fee_cap(), new.fee_cap()) && enough(old.tip_cap(), new.tip_cap()) && blobs {
            Ok(())
        } else {
            Err(PoolError::ReplacementUnderpriced)
        }
    }

    fn check_sender_limits(
        &self,
        transaction: &PoolTransaction,
        account: &Account,
    ) -> Result<(), PoolError> {
        let limit = |actual: usize, expected: usize| {
            if actual > expected {
                Err(PoolError::SenderLimit { expected, actual })
            } else {
                Ok(())
            }
        };
        let next = account.next_nonce();
        if transaction.has_blobs() {
            if transaction.nonce() > next {
                return Err(PoolError::NonceTooHigh {
                    expected: next,
                    actual: transaction.nonce(),
                });
            }
            return limit(account.len() + 1, self.config.sender_blob_transactions_max);
        }
        let tally = account.tally();
        limit(tally.slots + transaction.slots(), self.config.sender_slots_max)?;
        if transaction.nonce() == next {
            return Ok(());
        }
        limit(tally.queued + 1, self.config.sender_queued_max)
    }

    /// Finds who gives way for a transaction, the cheapest first, and takes them out; nobody if there is room.
    fn make_room(
        &mut self,
        transaction: &PoolTransaction,
    ) -> Result<Vec<Arc<PoolTransaction>>, PoolError> {
        let Some(account) = self.accounts.get(&transaction.sender()) else { return Ok(Vec::new()) };
        let mut after = self.tally;
        let is_new = account.get(transaction.nonce()).is_none();
        let is_queued = is_new && transaction.nonce() != account.next_nonce();
        after.slots += if transaction.has_blobs() { 0 } else { transaction.slots() };
        after.bytes += transaction.bytes();
        after.sidecar_bytes += transaction.sidecar_bytes();
        if let Some(same) = account.get(transaction.nonce()) {
            let same = &same.transaction;
            after.slots =
                after.slots.saturating_sub(if same.has_blobs() { 0 } else { same.slots() });
            after.bytes = after.bytes.saturating_sub(same.bytes());
            after.sidecar_bytes = after.sidecar_bytes.saturating_sub(same.sidecar_bytes());
        }
        after.queued += usize::from(is_queued);
        if self.fits(after) {
            return Ok(Vec::new());
        }
        let own = Rank {
            is_pending: !is_queued,
            tip: transaction.effective_tip(self.head.base_fee),
            age: u64::MAX - self.arrivals,
        };
        let victims = self.victims(transaction.sender(), own, after)?;
        Ok(victims.into_iter().filter_map(|sender| self.evict_last(sender)).collect())
    }

    fn victims(
        &mut self,
        sender: Address,
        own: Rank,
        mut after: Tally,
    ) -> Result<Vec<Address>, PoolError> {
        let limits = self.config.clone();
        let mut victims = Vec::new();
        for (rank, address) in self.order.cheapest(&self.accounts, self.head.base_fee) {
            if fits(&limits, after) {
                break;
            }
            if rank >= own {
                return Err(if own.is_pending { PoolError::Underpriced } else { PoolError::Full });
            }
            if victims.len() >= VICTIMS_MAX {
                return Err(PoolError::Full);
            }
            let Some(account) = self.accounts.get(&address).filter(|_| address != sender) else {
                continue;
            };
            let Some(last) = account.last().map(|entry| &entry.transaction) else { continue };
            if !helps(&limits, after, last, rank.is_pending) {
                continue;
            }
            after.slots -= if last.has_blobs() { 0 } else { last.slots() };
            after.bytes -= last.bytes();
            after.sidecar_bytes -= last.sidecar_bytes();
            after.queued -= usize::from(!rank.is_pending);
            victims.push(address);
        }
        if fits(&limits, after) { Ok(victims) } else { Err(PoolError::Full) }
    }

    /// Throws out the last transaction of a sender.
    pub(crate) fn evict_last(&mut self, sender: Address) -> Option<Arc<PoolTransaction>> {
        let evicted = self.change(sender, Account::pop)?.transaction;
        self.forget(&evicted);
        Some(evicted)
    }

    pub(crate) fn fits(&self, tally: Tally) -> bool {
        fits(&self.config, tally)
    }

    fn insert(
        &mut self,
        transaction: Arc<PoolTransaction>,
        origin: Origin,
        now: u64,
        evicted: Vec<Arc<PoolTransaction>>,
    ) -> Added {
        let (sender, nonce) = (transaction.sender(), transaction.nonce());
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.by_hash.insert(transaction.hash(), Arc::clone(&transaction));
        for authority in transaction.authorities() {
            *self.authorities.entry(*authority).or_default() += 1;
        }
        let entry = Entry::new(transaction, arrival, now, origin == Origin::Local);
        let (replaced, promoted) = self.change(sender, |account| {
            let before = account.next_nonce();
            let replaced = account.insert(entry).map(|entry| entry.transaction);
            let from = if nonce < before { nonce } else { before };
            let new = if nonce < before { nonce + 1 } else { account.next_nonce() };
            let promoted = (from..new).filter_map(|nonce| account.get(nonce));
            let promoted: Vec<_> = promoted.map(|entry| Arc::clone(&entry.transaction)).collect();
            (replaced, promoted)
        });
        if let Some(replaced) = &replaced {
            self.forget(replaced);
        }
        Added { is_pending: !promoted.is_empty(), replaced, promoted, evicted }
    }

    /// Changes a sender's transactions and keeps the sums. An account without transactions is forgotten afterwards.
    pub(crate) fn change<R: Default>(
        &mut self,
        sender: Address,
        change: impl FnOnce(&mut Account) -> R,
    ) -> R {
        let MapEntry::Occupied(mut entry) = self.accounts.entry(sender) else {
            return R::default();
        };
        let account = entry.get_mut();
        let before = account.tally();
        let result = change(account);
        self.tally.subtract(before);
        self.tally.add(account.tally());
        if account.is_empty() {
            entry.remove();
        }
        self.order.update(sender, self.accounts.get(&sender), self.head.base_fee);
        result
    }

    /// Forgets what was kept of a transaction beside its place.
    pub(crate) fn forget(&mut self, transaction: &PoolTransaction) {
        self.by_hash.remove(&transaction.hash());
        for authority in transaction.authorities() {
            if let MapEntry::Occupied(mut count) = self.authorities.entry(*authority) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
    }

    fn forget_if_empty(&mut self, sender: Address) {
        if self.accounts.get(&sender).is_some_and(Account::is_empty) {
            self.accounts.remove(&sender);
        }
    }
}

const fn fits(limits: &PoolConfig, tally: Tally) -> bool {
    tally.slots <= limits.slots_max
        && tally.bytes <= limits.bytes_max
        && tally.sidecar_bytes <= limits.sidecar_bytes_max
        && tally.queued <= limits.queued_max
}

/// Returns whether the pool is over a limit that it would be nearer to without this transaction.
pub(crate) fn helps(
    limits: &PoolConfig,
    tally: Tally,
    one: &PoolTransaction,
    is_pending: bool,
) -> bool {
    (tally.slots > limits.slots_max && !one.has_blobs())
        || tally.bytes > limits.bytes_max
        || (tally.sidecar_bytes > limits.sidecar_bytes_max && one.sidecar_bytes() > 0)
        || (tally.queued > limits.queued_max && !is_pending)
}

/// Returns nonce, balance, and whether the account's code is a delegation. Whoever signs is no contract.
pub(crate) fn state_of<V: StateView>(
    view: &V,
    sender: Address,
    is_signed: bool,
) -> Result<(u64, U256, bool), PoolError> {
    let failed = |error: V::Error| PoolError::State { reason: error.to_string() };
    let Some(account) = view.account(sender).map_err(failed)? else {
        return Ok((0, U256::ZERO, false));
    };
    let mut is_delegated = false;
    if account.code_hash != KECCAK256_EMPTY {
        is_delegated = view.code(account.code_hash).map_err(failed)?.starts_with(&DELEGATION);
        if is_signed && !is_delegated {
            return Err(PoolError::SenderHasCode { address: sender });
        }
    }
    Ok((account.nonce, account.balance, is_delegated))
}
