//! A block in the making.

use std::collections::HashMap;

use bitcoin::{
    BlockHash, CompactTarget, Txid,
    block::{Header, Version},
    hashes::Hash as _,
};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block, Transaction,
    block::{encode_header, header_hash},
    encode::put_size,
    header::{HeaderError, pow, tree::TIMEWARP_MAX, versionbits::VersionBits},
    policy::fee::FeeFraction,
    rules::{BLOCK_SIGOP_COST_MAX, BlockError, is_final},
};
use quintet_crypto::merkle;
use thiserror::Error;

use super::coinbase::{self, Coinbase};
use crate::{
    chain::{AcceptError, ChainError},
    kernel::Kernel,
};

/// Weight kept for header, count and coinbase, weight units.
///
/// **Spec:** Bitcoin Core, `DEFAULT_BLOCK_RESERVED_WEIGHT`.
const RESERVED_WEIGHT: usize = 8_000;
/// Signature operations kept for the coinbase.
const RESERVED_SIGOPS: u64 = 400;
/// Heaviest block, weight units.
const WEIGHT_MAX: usize = 4_000_000;
/// Chunks that may fail to fit in a row when the block is nearly full.
const FAILURES_MAX: usize = 1_000;
/// Weight left at which a block is nearly full, weight units.
const NEARLY_FULL: usize = 4_000;
/// Rate below which a chunk is not taken, satoshis a 1,000 virtual bytes.
const RATE_MIN: i64 = 1;

/// Why there is no block.
#[derive(Debug, Error)]
pub enum MineError {
    /// It breaks a rule.
    #[error("TestBlockValidity failed: {}", source.reject_reason())]
    Invalid {
        /// The rule.
        source: BlockError,
    },
    /// No nonce satisfies the target within the tries allowed.
    #[error("no nonce of {tries} satisfies the target")]
    Exhausted {
        /// Nonces that were tried.
        tries: u64,
    },
    /// It is not taken in: the same block was taken back by the operator before.
    #[error("ProcessNewBlock, block not accepted: {source}")]
    NotAccepted {
        /// Why not.
        source: HeaderError,
    },
    /// The chain cannot go on.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// What a block is made of.
#[derive(Debug, Clone)]
pub struct TemplateOptions {
    /// Whom the coinbase pays.
    pub script: Vec<u8>,
    /// Whether transactions of the pool go in.
    pub from_pool: bool,
    /// Transactions that go in besides, in this order.
    pub transactions: Vec<Transaction>,
}

/// A transaction of a template.
#[derive(Debug, Clone)]
pub struct TemplateTransaction {
    /// The transaction.
    pub transaction: Transaction,
    /// What it pays, satoshis; `None` where it did not come from the pool.
    pub fee: Option<u64>,
    /// The cost of its signature operations.
    pub sigop_cost: u64,
}

/// A block in the making: everything but the nonce.
#[derive(Debug, Clone)]
pub struct Template {
    /// The header; its nonce is zero.
    pub header: Header,
    /// Height of the block.
    pub height: u32,
    /// Everything but the coinbase.
    pub transactions: Vec<TemplateTransaction>,
    /// The coinbase.
    pub coinbase: Coinbase,
    /// The least time the header may have, Unix seconds.
    pub time_min: u32,
}

impl Template {
    /// Serialises the block with this header.
    #[must_use]
    pub fn to_bytes(&self, header: &Header) -> Vec<u8> {
        let mut out = encode_header(header).to_vec();
        put_size(&mut out, self.transactions.len() as u64 + 1);
        out.extend_from_slice(&self.coinbase.to_bytes());
        for entry in &self.transactions {
            out.extend_from_slice(entry.transaction.view().bytes());
        }
        out
    }

    /// Tries nonces from zero on; returns the block.
    ///
    /// # Errors
    ///
    /// [`MineError::Exhausted`] after `tries`, which it leaves at what is left of them.
    pub fn mine(&self, tries: &mut u64, limit: ruint::aliases::U256) -> Result<Vec<u8>, MineError> {
        let allowed = *tries;
        let mut header = self.header;
        while *tries > 0 {
            if pow::check(&header_hash(&encode_header(&header)), header.bits, limit) {
                return Ok(self.to_bytes(&header));
            }
            *tries -= 1;
            match header.nonce.checked_add(1) {
                Some(nonce) => header.nonce = nonce,
                None => break,
            }
        }
        Err(MineError::Exhausted { tries: allowed })
    }
}

/// Puts the Merkle root and the commitment of a list of transactions together.
fn roots(coinbase: &Transaction, transactions: &[TemplateTransaction]) -> [u8; 32] {
    let mut ids = vec![coinbase.view().txid().to_byte_array()];
    ids.extend(transactions.iter().map(|entry| entry.transaction.view().txid().to_byte_array()));
    merkle::root(&ids).hash
}

fn witness_root(transactions: &[TemplateTransaction]) -> [u8; 32] {
    let mut ids = vec![[0; 32]];
    ids.extend(transactions.iter().map(|entry| entry.transaction.view().wtxid().to_byte_array()));
    merkle::root(&ids).hash
}

impl Kernel {
    /// Makes a block on top of the tip, its nonce left to be found.
    ///
    /// # Errors
    ///
    /// [`MineError`] if it would be invalid: transactions that were asked for do not fit.
    pub fn make_template(&mut self, options: &TemplateOptions) -> Result<Template, MineError> {
        self.chain.settle()?;
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let height = tree.height(tip) + 1;
        let median = tree.median_time_past(tip);
        let mut time_min = median + 1;
        // The time-warp rule is kept on every network, for the day on which it holds there.
        if height.is_multiple_of(self.params.retarget_interval()) {
            let least = i64::from(tree.time(tip)) - TIMEWARP_MAX;
            time_min = time_min.max(u32::try_from(least).unwrap_or(0));
        }
        let now = u32::try_from(self.now()).unwrap_or(u32::MAX);
        let time = now.max(time_min);
        let bits: CompactTarget = tree.next_bits(tip, time);
        let prev_blockhash: BlockHash = tree.hash(tip);
        let version = VersionBits::new(&self.params).block_version(tree, Some(tip));
        let mut transactions =
            if options.from_pool { self.choose(height, median) } else { Vec::new() };
        transactions.extend(options.transactions.iter().map(|transaction| TemplateTransaction {
            transaction: transaction.clone(),
            fee: None,
            sigop_cost: 0,
        }));
        let fees: u64 = transactions.iter().filter_map(|entry| entry.fee).sum();
        let segwit = height >= self.params.segwit_height;
        let commitment = segwit.then(|| coinbase::commitment(&witness_root(&transactions)));
        let coinbase = Coinbase {
            height,
            extra: Vec::new(),
            value: self.params.subsidy(height) + fees,
            script: options.script.clone(),
            commitment,
        };
        let built = Transaction::decode(coinbase.to_bytes());
        let root = built.map(|built| roots(&built, &transactions)).unwrap_or_default();
        let header = Header {
            version: Version::from_consensus(version),
            prev_blockhash,
            merkle_root: bitcoin::TxMerkleNode::from_byte_array(root),
            time,
            bits,
            nonce: 0,
        };
        let template = Template { header, height, transactions, coinbase, time_min };
        self.check_template(&template)?;
        Ok(template)
    }

    fn check_template(&mut self, template: &Template) -> Result<(), MineError> {
        let bytes = Bytes::from(template.to_bytes(&template.header));
        let Ok(block) = Block::decode(bytes) else {
            return Err(MineError::Exhausted { tries: 0 });
        };
        match self.chain.test_block(&block)? {
            Ok(_) => Ok(()),
            Err(source) => Err(MineError::Invalid { source }),
        }
    }

    /// Chooses transactions: the best chunks that fit.
    ///
    /// **Spec:** Bitcoin Core, `BlockAssembler::addChunks`.
    fn choose(&self, height: u32, median: u32) -> Vec<TemplateTransaction> {
        let (mut weight, mut sigops, mut failures) = (RESERVED_WEIGHT, RESERVED_SIGOPS, 0);
        let mut chosen = Vec::new();
        let least = FeeFraction { fee: RATE_MIN, size: 1_000 };
        // Chunks of a cluster come best first: once one is left out, those after it cannot follow.
        let mut left_out: HashMap<Txid, ()> = HashMap::new();
        for chunk in self.mempool.chunks() {
            if chunk.fraction.compare(&least).is_lt() {
                break;
            }
            let entries: Vec<_> =
                chunk.txids.iter().filter_map(|txid| self.mempool.get(txid)).collect();
            let more: usize = entries.iter().map(|entry| entry.tx().weight()).sum();
            let cost: u64 = entries.iter().map(|entry| entry.sigop_cost).sum();
            let orphaned = entries
                .iter()
                .any(|entry| entry.parents().iter().any(|parent| left_out.contains_key(parent)));
            let fits = weight + more < WEIGHT_MAX
                && sigops + cost < BLOCK_SIGOP_COST_MAX
                && !orphaned
                && entries.iter().all(|entry| is_final(entry.tx(), height, median));
            if !fits {
                left_out.extend(chunk.txids.iter().map(|txid| (*txid, ())));
                failures += 1;
                if failures > FAILURES_MAX && weight + NEARLY_FULL > WEIGHT_MAX {
                    break;
                }
                continue;
            }
            failures = 0;
            weight += more;
            sigops += cost;
            chosen.extend(entries.into_iter().map(|entry| TemplateTransaction {
                transaction: entry.transaction().clone(),
                fee: Some(entry.fee),
                sigop_cost: entry.sigop_cost,
            }));
        }
        chosen
    }

    /// Mines a block of this template and takes it in; returns its hash.
    ///
    /// # Errors
    ///
    /// [`MineError`] if the tries are used up, or the block is refused.
    pub fn mine(&mut self, template: &Template, tries: &mut u64) -> Result<BlockHash, MineError> {
        let bytes = template.mine(tries, self.params.pow_limit)?;
        let Ok(block) = Block::decode(bytes) else {
            return Err(MineError::Exhausted { tries: 0 });
        };
        let hash = block.hash();
        match self.take_block(block)? {
            Ok(_) => {}
            Err(AcceptError::Block { source, .. }) => return Err(MineError::Invalid { source }),
            Err(AcceptError::Header(source)) => return Err(MineError::NotAccepted { source }),
            Err(AcceptError::Chain(error)) => return Err(error.into()),
        }
        self.settle()?;
        Ok(hash)
    }
}
