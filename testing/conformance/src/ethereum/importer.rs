//! A chain in memory: blocks are checked, executed and kept; the heaviest is the head.

use std::collections::HashMap;

use alloy_consensus::{Header, transaction::SignerRecoverable};
use alloy_primitives::{B256, U256};
use quintet_evm::{
    block::{self, Block, BlockError, Chain, Link},
    execute::{BlockInput, BlockOutcome, ExecuteError, Transaction, TransactionError, execute},
    parallel::{self, Options},
    schedule::{Fork, Rules, Schedule},
};

use super::world::World;

/// Threads of the parallel executor.
const THREADS: usize = 2;

/// How many blocks back `BLOCKHASH` looks.
const HASHES: u64 = 256;

/// A block that is good, and the state after it.
struct Known {
    link: Link,
    world: World,
}

/// A chain in memory.
pub(super) struct Importer {
    schedule: Schedule,
    blocks: HashMap<B256, Known>,
    head: B256,
}

impl Chain for Importer {
    fn link(&self, hash: B256) -> Option<Link> {
        Some(self.blocks.get(&hash)?.link.clone())
    }
}

impl Importer {
    pub(super) fn new(schedule: Schedule, genesis: Header, world: World) -> Self {
        let hash = genesis.hash_slow();
        let total_difficulty = genesis.difficulty;
        let link = Link { header: genesis, ommers: Vec::new(), total_difficulty };
        Self { schedule, blocks: HashMap::from([(hash, Known { link, world })]), head: hash }
    }

    pub(super) const fn head(&self) -> B256 {
        self.head
    }

    /// Returns the state after the head.
    pub(super) fn world(&self) -> Option<&World> {
        Some(&self.blocks.get(&self.head)?.world)
    }

    /// Forgets the states of all blocks but the head: for long chains without branches.
    pub(super) fn forget_states(&mut self) {
        let head = self.head;
        for (hash, known) in &mut self.blocks {
            if *hash != head {
                known.world = World::default();
            }
        }
    }

    /// Imports a block.
    ///
    /// # Errors
    ///
    /// Why it is bad.
    pub(super) fn import(&mut self, bytes: &[u8]) -> Result<B256, BlockError> {
        self.import_block(block::decode(bytes)?)
    }

    /// Imports a block whose header is made to commit to its transactions.
    ///
    /// # Errors
    ///
    /// Why it is bad all the same.
    pub(super) fn import_with_root(
        &mut self,
        bytes: &[u8],
        root: B256,
    ) -> Result<B256, BlockError> {
        let mut block = block::decode(bytes)?;
        block.header.transactions_root = root;
        self.import_block(block)
    }

    fn import_block(&mut self, block: Block) -> Result<B256, BlockError> {
        let checked = block::check(&self.schedule, self, &block)?;
        let rules = checked.rules();
        let transactions = senders(&rules, &block)?;
        let parent = block.header.parent_hash;
        let known = self.blocks.get(&parent).ok_or(BlockError::UnknownParent { hash: parent })?;
        let outcome = self.execute(&rules, &block, &transactions, &known.world)?;
        let mut world = known.world.clone();
        world.apply(&outcome.changes);
        block::check_outcome(&rules, &block.header, &outcome, world.root())?;
        Ok(self.keep(block, world, parent))
    }

    fn execute(
        &self,
        rules: &Rules,
        block: &Block,
        transactions: &[Transaction],
        world: &World,
    ) -> Result<BlockOutcome, BlockError> {
        let withdrawals = block.body.withdrawals.as_ref().map(|withdrawals| withdrawals.as_slice());
        let ommers = &block.body.ommers;
        let input = BlockInput { header: &block.header, transactions, ommers, withdrawals };
        let hashes = |number| self.hash_before(&block.header, number);
        let root_after = |changes: &_| world.root_after(changes);
        let sequential = in_words(execute(*rules, &input, world, &hashes, Some(&root_after)));
        let options = Options::always(THREADS);
        let parallel =
            parallel::execute(*rules, &input, world, &hashes, Some(&root_after), &options);
        let parallel = in_words(parallel.map(|(outcome, _)| outcome));
        if sequential != parallel {
            let reason = differing(&sequential, &parallel);
            return Err(BlockError::Encoding { reason });
        }
        sequential
    }

    /// Returns the hash of an ancestor by its number.
    fn hash_before(&self, header: &Header, number: u64) -> Option<B256> {
        let mut hash = header.parent_hash;
        for _ in 0..HASHES {
            let known = self.blocks.get(&hash)?;
            if known.link.header.number == number {
                return Some(hash);
            }
            hash = known.link.header.parent_hash;
        }
        None
    }

    fn keep(&mut self, block: Block, world: World, parent: B256) -> B256 {
        let hash = block.header.hash_slow();
        let total =
            |hash| self.blocks.get(&hash).map_or(U256::ZERO, |known| known.link.total_difficulty);
        let total_difficulty = total(parent).saturating_add(block.header.difficulty);
        let stake = block.header.difficulty.is_zero();
        let heavier = if stake {
            total_difficulty >= total(self.head)
        } else {
            total_difficulty > total(self.head)
        };
        let ommers = block.body.ommers.iter().map(Header::hash_slow).collect();
        let link = Link { header: block.header, ommers, total_difficulty };
        self.blocks.insert(hash, Known { link, world });
        if heavier {
            self.head = hash;
        }
        hash
    }
}

/// Says why a block was not executed, as a fault of the block, which no test expects.
fn in_words<T, E: std::error::Error>(result: Result<T, ExecuteError<E>>) -> Result<T, BlockError> {
    result.map_err(|error| match error {
        ExecuteError::Invalid(error) => error,
        other @ (ExecuteError::Read(_) | ExecuteError::Interpreter { .. }) => {
            BlockError::Encoding { reason: format!("not executed: {other}") }
        }
    })
}

/// Says in what two outcomes differ.
fn differing(
    one: &Result<BlockOutcome, BlockError>,
    many: &Result<BlockOutcome, BlockError>,
) -> String {
    let (Ok(one), Ok(many)) = (one, many) else {
        return format!("executors differ: {:?} and {:?}", one.as_ref().err(), many.as_ref().err());
    };
    let receipts = one.receipts.iter().zip(&many.receipts).find(|(one, many)| one != many);
    let accounts = one
        .changes
        .accounts
        .iter()
        .find(|(at, change)| many.changes.accounts.get(*at) != Some(*change));
    let other = accounts.and_then(|(at, _)| many.changes.accounts.get(at));
    format!("executors differ: {receipts:?}, {accounts:?} and {other:?}")
}

/// Recovers the senders of a block's transactions.
pub(super) fn senders(rules: &Rules, block: &Block) -> Result<Vec<Transaction>, BlockError> {
    let recovered = block.body.transactions.iter().enumerate().map(|(index, transaction)| {
        // From Homestead on the lower half of signatures alone is good. **Spec:** EIP-2.
        let sender = if rules.has(Fork::Homestead) {
            transaction.recover_signer()
        } else {
            transaction.recover_signer_unchecked()
        };
        let failed = |_| BlockError::Transaction {
            index,
            error: TransactionError::Other { reason: "the signature is none".to_owned() },
        };
        Ok(Transaction::ethereum(transaction, sender.map_err(failed)?))
    });
    recovered.collect()
}
