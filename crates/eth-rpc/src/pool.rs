//! The pool beside the chain: it takes what clients send, and follows the head.
//!
//! ```text
//!   submit ─► Decoded ─► verify (senders shared with import) ─► Pool::add ─► event, hook
//!      └─► what a client sent and still waits ─► Journal, if there is one
//!   chain's events ─► gathered until the fork choice is known ─► Pool::set_head ─► the mined leave the journal
//! ```
//!
//! After a block the pool reads again the senders that the block names: who sent, who was paid, who delegated. What else a block may
//! change, a delegated account's balance say, is found out every [`REFRESH_BLOCKS`] blocks; until then a block builder finds it out by
//! itself.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_consensus::Header;
use alloy_primitives::{
    Address, B256, Bytes,
    map::{AddressSet, B256Set},
};
use quintet_eth::tx::{Limits, TxRules};
use quintet_eth_chain::{BlockTag, Candidate, ChainEvent, ChainReader, EthChain, SealedBlock};
use quintet_eth_pool::{
    Added, Decoded, Head, HeadChange, HeadReport, KnownSenders, Origin, Pool, PoolConfig,
    PoolError, PoolTransaction, Touched, Verified,
    journal::{Journal, Journaled},
    verify_all,
};
use quintet_evm::{
    header::{base_fee, blobs},
    schedule::{Fork, Rules},
};

use crate::{
    error::{EthError, EthResult},
    node::Clock,
};

/// Blocks after which every sender is read again.
const REFRESH_BLOCKS: u64 = 32;

/// Hears of transactions that became pending, so that a development chain may mine them.
pub type SubmitHook = Arc<dyn Fn(&[Arc<PoolTransaction>]) + Send + Sync>;

/// The pool beside the chain.
pub struct PoolService {
    chain: EthChain,
    pool: Mutex<Pool>,
    clock: Clock,
    gathered: Mutex<Gathered>,
    hooks: Mutex<Vec<SubmitHook>>,
    /// Taken before the pool, where both are.
    journal: Mutex<Option<Journal>>,
}

/// What a journal gave back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Transactions taken in again.
    pub taken: usize,
    /// Those the pool takes no more: mined meanwhile, or the state does not let them be.
    pub refused: usize,
}

impl fmt::Debug for PoolService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolService").finish_non_exhaustive()
    }
}

/// What transactions must look like at a head.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    rules: TxRules,
    limits: Limits,
    bytes_max: usize,
}

impl Form {
    /// Reads a transaction as it travels, and checks what needs no state.
    ///
    /// # Errors
    ///
    /// [`PoolError`] for the first rule that does not hold.
    pub fn read(&self, bytes: &[u8]) -> Result<Decoded, PoolError> {
        Decoded::read(bytes, self.rules, &self.limits, self.bytes_max)
    }
}

/// What happened since the pool last moved.
#[derive(Debug, Default)]
struct Gathered {
    touched: AddressSet,
    included: B256Set,
    returned: Vec<Verified>,
    everybody: bool,
}

/// The importer's memory of senders.
struct Senders<'a>(&'a EthChain);

impl KnownSenders for Senders<'_> {
    fn get(&self, hash: &B256) -> Option<Address> {
        self.0.senders().get(hash)
    }

    fn insert(&self, hash: B256, sender: Address) {
        self.0.senders().insert(hash, sender);
    }
}

/// Returns the rules for transactions that hold in a block.
#[must_use]
pub(crate) fn tx_rules(rules: &Rules) -> TxRules {
    match rules.fork {
        Fork::Frontier => TxRules::Frontier,
        Fork::Homestead | Fork::Tangerine => TxRules::Homestead,
        Fork::SpuriousDragon | Fork::Byzantium | Fork::Constantinople | Fork::Petersburg => {
            TxRules::SpuriousDragon
        }
        Fork::Istanbul | Fork::MuirGlacier => TxRules::Istanbul,
        Fork::Berlin => TxRules::Berlin,
        Fork::London | Fork::ArrowGlacier | Fork::GrayGlacier | Fork::Paris => TxRules::London,
        Fork::Shanghai => TxRules::Shanghai,
        Fork::Cancun => TxRules::Cancun,
        Fork::Prague => TxRules::Prague,
        Fork::Osaka => TxRules::Osaka,
    }
}

/// What the block after a head asks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NextBlock {
    pub(crate) rules: Rules,
    pub(crate) base_fee: Option<u64>,
    pub(crate) blob_fee: u128,
}

/// Finds what the block after a header asks for, if it comes a second later.
pub(crate) fn next_block(reader: &ChainReader, header: &Header) -> EthResult<NextBlock> {
    let mut child = Header {
        parent_hash: header.hash_slow(),
        number: header.number.saturating_add(1),
        timestamp: header.timestamp.saturating_add(1),
        ..Header::default()
    };
    child.difficulty = header.difficulty;
    let rules = reader.rules_of(&child)?;
    let op = reader.spec().schedule.op.as_ref();
    let base_fee = match op {
        Some(op) => quintet_evm::op::base_fee::of_child(op, header, child.timestamp).ok(),
        None => rules.has(Fork::London).then(|| base_fee::of_child(header)),
    };
    let price = |blobs: &_| blobs::price_of(blobs, blobs::excess_of_child(&rules, blobs, header));
    let blob_fee = rules.blobs.as_ref().map_or(1, price);
    Ok(NextBlock { rules, base_fee, blob_fee })
}

impl PoolService {
    /// Begins with an empty pool at the chain's head.
    ///
    /// # Errors
    ///
    /// If the chain cannot be read.
    pub fn new(chain: EthChain, config: PoolConfig, clock: Clock) -> EthResult<Self> {
        let head = head_of(&chain.reader()?)?;
        let pool = Mutex::new(Pool::new(config, head));
        let gathered = Mutex::default();
        let (hooks, journal) = (Mutex::default(), Mutex::default());
        Ok(Self { chain, pool, clock, gathered, hooks, journal })
    }

    /// Returns the pool, held until dropped.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        // Its sums are kept with every change; a panic elsewhere leaves them whole.
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells `hook` of transactions that become pending.
    pub fn on_pending(&self, hook: SubmitHook) {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner).push(hook);
    }

    /// Returns what transactions must look like now, to read many without asking for it again.
    #[must_use]
    pub fn form(&self) -> Form {
        let pool = self.pool();
        let limits = Limits::of_chain(self.chain.spec().chain_id());
        Form { rules: pool.head().rules, bytes_max: pool.config().transaction_bytes_max, limits }
    }

    /// Reads a transaction as clients send it, and checks what needs no state.
    ///
    /// # Errors
    ///
    /// [`PoolError`] for the first rule that does not hold.
    pub fn read(&self, bytes: &[u8]) -> Result<Decoded, PoolError> {
        self.form().read(bytes)
    }

    /// From now on what clients send outlives this process, while it waits; takes in again what waited when the last one ended.
    ///
    /// Transactions in the name of somebody else do not: nothing but this process knows whose they are.
    ///
    /// # Errors
    ///
    /// [`EthError`] if the store cannot be read or written.
    pub fn keep_waiting(&self) -> EthResult<Restored> {
        let failed = |error: &dyn fmt::Display| EthError::server(error.to_string());
        let opened = Journal::open(self.chain.store().clone());
        let (journal, rows) = opened.map_err(|error| failed(&error))?;
        *self.journal() = Some(journal);
        let mut restored = Restored::default();
        let mut refused = Vec::new();
        for Journaled { hash, bytes } in rows {
            match self.read(&bytes).and_then(|decoded| self.take(decoded)) {
                Ok(_) => restored.taken += 1,
                Err(error) => {
                    tracing::info!(%hash, %error, "a transaction that waited is not taken again");
                    refused.push(hash);
                }
            }
        }
        restored.refused = refused.len();
        self.forget_in_journal(refused);
        Ok(restored)
    }

    fn journal(&self) -> MutexGuard<'_, Option<Journal>> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a client's transaction, and keeps it if it waits.
    ///
    /// # Errors
    ///
    /// [`PoolError`] for the first rule that does not hold.
    pub fn submit(&self, decoded: Decoded) -> Result<Added, PoolError> {
        let hash = decoded.hash();
        let added = self.take(decoded)?;
        self.keep(&hash, &added)?;
        Ok(added)
    }

    /// Writes down a transaction that still waits: one that was mined at once never meets the disk here.
    fn keep(&self, hash: &B256, added: &Added) -> Result<(), PoolError> {
        let mut journal = self.journal();
        let Some(journal) = journal.as_mut() else { return Ok(()) };
        let failed = |error: &dyn fmt::Display| PoolError::State { reason: error.to_string() };
        let gone = added.replaced.iter().chain(&added.evicted).map(|one| one.hash());
        journal.forget(gone).map_err(|error| failed(&error))?;
        let Some(waiting) = self.transaction(hash) else { return Ok(()) };
        if !journal.keep(&waiting).map_err(|error| failed(&error))? {
            tracing::warn!(%hash, "the journal is full: this transaction does not outlive the process");
        }
        Ok(())
    }

    fn forget_in_journal(&self, hashes: impl IntoIterator<Item = B256>) {
        let mut journal = self.journal();
        if let Some(journal) = journal.as_mut()
            && let Err(error) = journal.forget(hashes)
        {
            // It is tried again, and refused, with the next start.
            tracing::error!(%error, "a transaction did not leave the journal");
        }
    }

    /// Takes a waiting transaction out, and those that cannot stay without it.
    pub fn remove(&self, hash: &B256) -> Vec<Arc<PoolTransaction>> {
        let removed = self.pool().remove(hash);
        self.forget_in_journal(removed.iter().map(|one| one.hash()));
        removed
    }

    /// Takes everything out.
    pub fn clear(&self) {
        let mut journal = self.journal();
        self.pool().clear();
        let all: Vec<B256> = journal.iter().flat_map(Journal::hashes).copied().collect();
        if let Some(journal) = journal.as_mut()
            && let Err(error) = journal.forget(all)
        {
            tracing::error!(%error, "the journal was not emptied");
        }
    }

    fn take(&self, decoded: Decoded) -> Result<Added, PoolError> {
        let rules = self.pool().head().rules;
        let verified = verify_all(vec![decoded], rules, &Senders(&self.chain)).pop();
        let verified = verified.unwrap_or_else(|| {
            Err(PoolError::Sender { reason: "nothing was recovered".to_owned() })
        })?;
        self.add(verified, Origin::Local)
    }

    /// Takes many transactions at once: their senders are found over all cores.
    #[must_use]
    pub fn submit_all(&self, decoded: Vec<Decoded>) -> Vec<Result<Added, PoolError>> {
        let rules = self.pool().head().rules;
        let hashes: Vec<B256> = decoded.iter().map(Decoded::hash).collect();
        let verified = verify_all(decoded, rules, &Senders(&self.chain));
        let one = |(one, hash): (Result<Verified, PoolError>, &B256)| {
            let added = self.add(one?, Origin::Local)?;
            self.keep(hash, &added)?;
            Ok(added)
        };
        verified.into_iter().zip(&hashes).map(one).collect()
    }

    /// Finds the senders of transactions that are about to come one by one; they are remembered until then.
    pub fn recover_ahead(&self, raw: &[Bytes]) {
        let form = self.form();
        let decoded = raw.iter().filter_map(|one| form.read(one).ok()).collect();
        let _each_is_told_in_its_turn = verify_all(decoded, form.rules, &Senders(&self.chain));
    }

    /// Takes a transaction whose sender is known.
    ///
    /// # Errors
    ///
    /// [`PoolError`] for the first rule that does not hold.
    pub fn add(&self, verified: Verified, origin: Origin) -> Result<Added, PoolError> {
        let failed = |error: &dyn fmt::Display| PoolError::State { reason: error.to_string() };
        let reader = self.chain.reader().map_err(|error| failed(&error))?;
        let added = self.pool().add(verified, origin, reader.state(), (self.clock)())?;
        self.tell(&added.promoted);
        Ok(added)
    }

    /// Takes many transactions whose senders were looked for, under one lock; who hears of what becomes pending hears of all at once.
    pub fn add_all(
        &self,
        verified: Vec<Result<Verified, PoolError>>,
        origin: Origin,
    ) -> Vec<Result<Added, PoolError>> {
        let reader = match self.chain.reader() {
            Ok(reader) => reader,
            Err(error) => {
                let failed = || PoolError::State { reason: error.to_string() };
                return verified.into_iter().map(|_| Err(failed())).collect();
            }
        };
        let (now, mut all) = ((self.clock)(), Vec::with_capacity(verified.len()));
        {
            let mut pool = self.pool();
            for one in verified {
                all.push(one.and_then(|one| pool.add(one, origin, reader.state(), now)));
            }
        }
        let promoted = all.iter().flatten().flat_map(|added| &added.promoted);
        self.tell(&promoted.cloned().collect::<Vec<_>>());
        all
    }

    fn tell(&self, promoted: &[Arc<PoolTransaction>]) {
        if promoted.is_empty() {
            return;
        }
        let hooks = self.hooks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for hook in hooks {
            hook(promoted);
        }
    }

    /// Returns the best transactions as candidates for a block, at most `most`.
    #[must_use]
    pub fn candidates(&self, base_fee: u64, blob_fee: u128, most: usize) -> Vec<Candidate> {
        let best = self.pool().best(base_fee, blob_fee);
        best.take(most)
            .map(|one| Candidate {
                transaction: Arc::new(one.transaction().clone()),
                sender: one.sender(),
            })
            .collect()
    }

    /// Finds the blobs of transactions that are in the pool.
    #[must_use]
    pub fn transaction(&self, hash: &B256) -> Option<Arc<PoolTransaction>> {
        self.pool().get(hash).map(Arc::clone)
    }

    /// Takes note of what happened to the chain.
    pub(crate) fn on_event(&self, event: &ChainEvent) {
        match event {
            ChainEvent::Connected { block, .. } => self.gather(block),
            ChainEvent::Disconnected(blocks) => {
                let Ok(reader) = self.chain.reader() else { return };
                let mut gathered = self.gathered();
                gathered.everybody = true;
                let mut returned = Vec::new();
                for at in blocks.iter().rev() {
                    let Ok(Some(block)) = reader.block(at.hash) else { continue };
                    let pairs = block.transactions().iter().zip(&block.senders);
                    let signed = pairs.filter(|(one, _)| one.as_signed().is_some());
                    returned
                        .extend(signed.map(|(one, from)| Verified::returned(one.clone(), *from)));
                }
                // Blocks leave in several steps, the newest first.
                returned.append(&mut gathered.returned);
                gathered.returned = returned;
            }
            ChainEvent::Forkchoice(_) => self.follow(),
        }
    }

    fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.gathered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn gather(&self, block: &SealedBlock) {
        let mut gathered = self.gathered();
        gathered.everybody |= block.header().number.is_multiple_of(REFRESH_BLOCKS);
        gathered.touched.extend(block.senders.iter().copied());
        for transaction in block.transactions() {
            gathered.included.insert(transaction.hash());
            gathered.touched.extend(transaction.as_transaction().to());
            let authorizations = transaction.as_transaction().authorization_list();
            let authorities = authorizations.unwrap_or_default().iter();
            gathered.touched.extend(authorities.filter_map(|one| one.recover_authority().ok()));
        }
        let withdrawals = block.withdrawals().unwrap_or_default();
        gathered.touched.extend(withdrawals.iter().map(|withdrawal| withdrawal.address));
        gathered.touched.insert(block.header().beneficiary);
    }

    /// Moves the pool to the chain's head.
    pub(crate) fn follow(&self) {
        let Gathered { touched, included, returned, everybody } =
            std::mem::take(&mut *self.gathered());
        let moved = self.chain.reader().map_err(Into::into).and_then(|reader| {
            let head = head_of(&reader)?;
            let touched = if everybody { Touched::All } else { Touched::These(touched) };
            let change = HeadChange { head, touched, included, returned };
            Ok(self.pool().set_head(change, reader.state(), (self.clock)())?)
        });
        match moved {
            Ok(HeadReport { mined, dropped, refused, .. }) => {
                let gone = mined.iter().chain(&dropped).map(|one| one.hash());
                self.forget_in_journal(gone.chain(refused.into_iter().map(|(hash, _)| hash)));
            }
            Err(error) => {
                let error: EthError = error;
                tracing::error!(%error, "the pool could not follow the head; it tries again with the next block");
                self.gathered().everybody = true;
            }
        }
    }

    /// Reads everybody's state again, as after somebody set it by hand.
    pub fn refresh(&self) {
        self.gathered().everybody = true;
        self.follow();
    }

    /// Returns a raw transaction by its hash, as it travels.
    #[must_use]
    pub fn raw(&self, hash: &B256) -> Option<Bytes> {
        self.transaction(hash).map(|one| one.network_encoding().into())
    }
}

fn head_of(reader: &ChainReader) -> EthResult<Head> {
    let at = reader.head();
    let header = reader.header(at.hash)?.ok_or_else(|| {
        EthError::from(quintet_eth_chain::ChainError::UnknownBlock { tag: BlockTag::Latest })
    })?;
    let next = next_block(reader, &header)?;
    Ok(Head {
        hash: at.hash,
        rules: tx_rules(&next.rules),
        base_fee: next.base_fee.unwrap_or_default(),
        blob_fee: next.blob_fee,
        gas_limit: header.gas_limit,
    })
}
