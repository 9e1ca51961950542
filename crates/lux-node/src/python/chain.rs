//! Blocks taken in one after the other, each against the one before it.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};

use super::{
    block::{PythonBlock, PythonHeader},
    carry::{self, CarryOptions, Codes, Imported},
    config::PythonConfig,
    error::{Fault, PythonError},
    state::State,
};

/// Version of the blocks' format.
const VERSION: u64 = 1;

/// How far ahead of now a block may be, seconds.
const FUTURE_SECONDS_MAX: u64 = 300;

/// What the first block's extra data begin with where no file says otherwise; the chain's number follows.
const GENESIS_TEXT: &str = "ModernTensor Genesis - Chain ";

/// What is known of the state.
#[derive(Debug)]
enum Books {
    /// It is replayed.
    Replayed { state: State, root: B256 },
    /// A dump tells it at the end; until then only who sent how much, by the nonce that comes next.
    Unknown(BTreeMap<Address, u64>),
}

/// The last block taken in.
#[derive(Debug)]
struct Head {
    header: PythonHeader,
    /// Its hash; more than one if its extra data are not there and its child has not said which it is.
    hashes: Vec<B256>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) blocks: u64,
    pub(super) transactions: u64,
    /// Transactions of blocks that changed nothing.
    pub(super) without_effect: u64,
    /// Blocks signed by the address they name.
    pub(super) signed: u64,
    /// Blocks whose signature proves nothing.
    pub(super) unproven: u64,
}

/// Takes in a chain.
#[derive(Debug)]
pub struct Importer {
    config: Option<PythonConfig>,
    chain_id: Option<u64>,
    /// Seconds since 1970.
    now: u64,
    head: Option<Head>,
    books: Books,
    codes: Codes,
    counts: Counts,
}

impl Importer {
    /// Takes in a chain that began from this file, and replays its state; or one whose state a dump tells at the end.
    ///
    /// `chain_id` is needed only where the first block's extra data are not in the files and it began from no file.
    #[must_use]
    pub fn new(config: Option<PythonConfig>, chain_id: Option<u64>, now: u64) -> Self {
        let books = match &config {
            Some(config) => {
                let state = config.state.clone();
                Books::Replayed { root: state.root(), state }
            }
            None => Books::Unknown(BTreeMap::new()),
        };
        let chain_id = config.as_ref().map(|config| config.chain_id).or(chain_id);
        let (codes, counts) = (Codes::default(), Counts::default());
        Self { config, chain_id, now, head: None, books, codes, counts }
    }

    /// Takes in the next block, from the first on.
    ///
    /// # Errors
    ///
    /// [`PythonError`] if it breaks a rule; nothing more can be taken in then.
    pub fn block(&mut self, json: &[u8]) -> Result<(), PythonError> {
        let height = self.counts.blocks;
        let refused = |fault| PythonError::Block { height, fault: Box::new(fault) };
        let block = PythonBlock::read(json).map_err(refused)?;
        self.codes.keep(&block, height)?;
        self.take(block).map_err(refused)
    }

    /// Returns the height and the time of the last block.
    #[must_use]
    pub fn head(&self) -> Option<(u64, u64)> {
        self.head.as_ref().map(|head| (head.header.height, head.header.timestamp))
    }

    fn take(&mut self, block: PythonBlock) -> Result<(), Fault> {
        let header = &block.header;
        if header.version != VERSION {
            return Err(Fault::Version { actual: header.version });
        }
        if header.height != self.counts.blocks {
            return Err(Fault::Height { expected: self.counts.blocks, actual: header.height });
        }
        let latest = self.now.saturating_add(FUTURE_SECONDS_MAX);
        if header.timestamp > latest {
            return Err(Fault::Future { latest, actual: header.timestamp });
        }
        self.follows(header)?;
        let hashes = self.hashes(&block)?;
        if self.head.is_some()
            && let [hash] = hashes.as_slice()
        {
            let proven = header.check_signature(*hash)?;
            *(if proven { &mut self.counts.signed } else { &mut self.counts.unproven }) += 1;
        }
        self.transactions(&block)?;
        self.counts.blocks += 1;
        self.counts.transactions += block.transactions.len() as u64;
        self.head = Some(Head { header: block.header, hashes });
        Ok(())
    }

    /// Checks that it follows the block before it.
    fn follows(&mut self, header: &PythonHeader) -> Result<(), Fault> {
        let actual = header.previous_hash;
        let Some(head) = &mut self.head else {
            let expected = B256::ZERO;
            return if actual == expected {
                Ok(())
            } else {
                Err(Fault::Previous { expected, actual })
            };
        };
        if !head.hashes.contains(&actual) {
            let expected = head.hashes.first().copied().unwrap_or_default();
            return Err(Fault::Previous { expected, actual });
        }
        head.hashes = vec![actual];
        let parent = head.header.timestamp;
        if header.timestamp <= parent {
            return Err(Fault::Timestamp { parent, actual: header.timestamp });
        }
        Ok(())
    }

    /// Returns what its hash may be: one, unless it is the first and its extra data, which the node's database leaves out, are not there.
    fn hashes(&self, block: &PythonBlock) -> Result<Vec<B256>, Fault> {
        let header = &block.header;
        let mut extra: Vec<Vec<u8>> = match &header.extra_data {
            Some(extra_data) => vec![extra_data.clone()],
            None => vec![Vec::new()],
        };
        if header.height == 0 && header.extra_data.is_none() {
            extra.extend(self.config.iter().map(|config| config.extra_data.clone()));
            extra.extend(self.chain_id.map(|id| format!("{GENESIS_TEXT}{id}").into_bytes()));
        }
        let hashes = extra.iter().map(|extra| header.hash_with(extra));
        let Some(told) = block.told_hash else { return Ok(hashes.collect()) };
        let mut all = hashes.clone();
        if all.any(|hash| hash == told) {
            return Ok(vec![told]);
        }
        let actual = hashes.clone().next().unwrap_or_default();
        Err(Fault::Hash { expected: told, actual })
    }

    fn transactions(&mut self, block: &PythonBlock) -> Result<(), Fault> {
        let PythonBlock { header, transactions, .. } = block;
        if header.height == 0 && !transactions.is_empty() {
            return Err(Fault::GenesisTransactions { actual: transactions.len() });
        }
        let roots @ [expected, _] = block.transactions_roots();
        if !roots.contains(&header.txs_root) {
            return Err(Fault::TransactionsRoot { expected, actual: header.txs_root });
        }
        let mut gas = 0_u64;
        for (index, transaction) in transactions.iter().enumerate() {
            gas = gas.saturating_add(transaction.intrinsic_gas());
            transaction
                .check_signature()
                .map_err(|fault| Fault::Transaction { index, fault: Box::new(fault) })?;
        }
        if header.gas_used > header.gas_limit {
            return Err(Fault::GasLimit { limit: header.gas_limit, actual: header.gas_used });
        }
        let has_effect = header.gas_used != 0;
        if has_effect && header.gas_used != gas {
            return Err(Fault::GasUsed { expected: gas, actual: header.gas_used });
        }
        if !has_effect {
            self.counts.without_effect += transactions.len() as u64;
        }
        self.books.take(block, has_effect)
    }

    /// Ends the import: makes a genesis of the state after the last block, which a dump tells if it was not replayed.
    ///
    /// # Errors
    ///
    /// [`PythonError`] if the dump is not of that state, or holds what cannot be carried.
    pub fn finish(
        self,
        dump: Option<State>,
        options: &CarryOptions,
    ) -> Result<Imported, PythonError> {
        let Some(head) = self.head else { return Err(PythonError::NoBlocks) };
        let (height, expected) = (head.header.height, head.header.state_root);
        let state = match (self.books, dump) {
            (Books::Replayed { state, .. }, None) => state,
            (Books::Unknown(nonces), Some(dump)) => {
                if !dump.has_root(expected) {
                    let actual = dump.root();
                    return Err(PythonError::DumpRoot { height, expected, actual });
                }
                for (address, expected) in nonces {
                    let actual = dump.account(&address).nonce;
                    if actual != expected {
                        return Err(PythonError::DumpNonce { address, expected, actual });
                    }
                }
                dump
            }
            (Books::Replayed { .. }, Some(_)) => {
                return Err(PythonError::Source { actual: "both" });
            }
            (Books::Unknown(_), None) => return Err(PythonError::Source { actual: "neither" }),
        };
        let hash = head.hashes.first().copied().unwrap_or_default();
        let told = self.chain_id.or_else(|| told_chain_id(&self.codes.first_extra_data));
        let ends = carry::Ends {
            header: head.header,
            hash,
            counts: self.counts,
            chain_id: options.chain_id.or(told),
            config: self.config,
        };
        Ok(carry::carry(&state, self.codes, &ends, options)?)
    }
}

/// Reads the chain's number out of the first block's extra data.
fn told_chain_id(extra_data: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(extra_data).ok()?;
    text.strip_prefix(GENESIS_TEXT)?.parse().ok()
}

impl Books {
    fn take(&mut self, block: &PythonBlock, has_effect: bool) -> Result<(), Fault> {
        let PythonBlock { header, transactions, .. } = block;
        let in_transaction = |index, fault| Fault::Transaction { index, fault: Box::new(fault) };
        match self {
            Self::Replayed { state, root } => {
                if has_effect {
                    for (index, transaction) in transactions.iter().enumerate() {
                        state.apply(transaction).map_err(|fault| in_transaction(index, fault))?;
                    }
                    *root = state.root();
                }
                let actual = header.state_root;
                // The first block has zero, whatever it begins with.
                let untold = header.height == 0 && actual == B256::ZERO;
                if !untold && actual != *root && !state.has_root(actual) {
                    return Err(Fault::StateRoot { expected: *root, actual });
                }
            }
            Self::Unknown(nonces) if has_effect => {
                for (index, transaction) in transactions.iter().enumerate() {
                    let (from, actual) = (transaction.from, transaction.nonce);
                    let next = nonces.entry(from).or_insert(actual);
                    if *next != actual {
                        let fault = Fault::Nonce { from, expected: *next, actual };
                        return Err(in_transaction(index, fault));
                    }
                    *next = actual.saturating_add(1);
                }
            }
            Self::Unknown(_) => {}
        }
        Ok(())
    }
}
