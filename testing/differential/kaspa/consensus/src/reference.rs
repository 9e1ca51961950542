//! The reference's consensus, one block at a time.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, JoinHandle, Thread},
};

use judge_kaspa_rules::convert;
use kaspa_consensus::{
    consensus::test_consensus::TestConsensus,
    model::stores::{
        ghostdag::GhostdagStoreReader as _, virtual_state::VirtualStateStoreReader as _,
    },
};
use kaspa_consensus_core::{
    BlueWorkType,
    api::ConsensusApi as _,
    block::{Block, MutableBlock},
    blockstatus::BlockStatus,
    coinbase::MinerData,
    config::{ConfigBuilder, params::Params},
    errors::block::RuleError,
    tx::{ScriptPublicKey, TransactionOutpoint, UtxoEntry},
};
use kaspa_hashes::Hash;

use super::verdict::{Status, Verdict, Virtual, variant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for a future on this thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future: Pin<Box<F>> = Box::pin(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// The reference's consensus over a database in a temporary folder.
pub struct Reference {
    consensus: TestConsensus,
    threads: Vec<JoinHandle<()>>,
}

impl std::fmt::Debug for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reference")
    }
}

impl Reference {
    /// Starts one.
    pub fn start(params: Params) -> Self {
        let config = ConfigBuilder::new(params).skip_proof_of_work().build();
        let consensus = TestConsensus::new(&config);
        let threads = consensus.init();
        Self { consensus, threads }
    }

    /// Stops it.
    pub fn stop(self) {
        self.consensus.shutdown(self.threads);
    }

    /// Returns the consensus itself.
    pub fn inner(&self) -> &TestConsensus {
        &self.consensus
    }

    /// Builds an empty block on these parents, or on those of them that it can merge.
    pub fn build(
        &self,
        parents: Vec<Hash>,
        miner: ScriptPublicKey,
        extra: Vec<u8>,
    ) -> MutableBlock {
        let miner = MinerData::new(miner, extra);
        self.consensus.build_utxo_valid_block_with_parents(
            Hash::default(),
            parents,
            miner,
            Vec::new(),
        )
    }

    /// Takes a block in and waits until its virtual block stands.
    pub fn submit(&self, block: Block) -> Verdict {
        let hash = block.header.hash;
        match wait(self.consensus.validate_and_insert_block(block).virtual_state_task) {
            Ok(_) => Verdict::Present(self.status(hash)),
            Err(error) => Verdict::Refused(name(&error)),
        }
    }

    /// Returns a block's status.
    pub fn status(&self, hash: Hash) -> Status {
        match self.consensus.get_block_status(hash) {
            Some(BlockStatus::StatusHeaderOnly) => Status::HeaderOnly,
            Some(BlockStatus::StatusUTXOPendingVerification) => Status::Pending,
            Some(BlockStatus::StatusUTXOValid) => Status::Valid,
            Some(BlockStatus::StatusDisqualifiedFromChain) => Status::Disqualified,
            Some(BlockStatus::StatusInvalid) => Status::Invalid,
            None => Status::Absent,
        }
    }

    /// Returns up to `count` entries of the virtual block's set, those behind `from`.
    pub fn utxos(
        &self,
        from: TransactionOutpoint,
        count: usize,
    ) -> Vec<(TransactionOutpoint, UtxoEntry)> {
        self.consensus.get_virtual_utxos(Some(from), count, false)
    }

    /// Returns how many blocks with a body nobody builds on.
    pub fn tips(&self) -> usize {
        self.consensus.get_tips_len()
    }

    /// Returns the header with most blue work.
    pub fn header_tip(&self) -> Hash {
        self.consensus.get_headers_selected_tip()
    }

    /// Returns the blue work of a block that is there.
    pub fn blue_work(&self, hash: Hash) -> BlueWorkType {
        self.consensus.ghostdag_store().get_blue_work(hash).unwrap_or_default()
    }

    /// Returns the virtual block.
    pub fn virtual_block(&self) -> Virtual {
        let stores = self.consensus.virtual_stores();
        let state = stores.read().state.get().expect("there is always one");
        let hashes = |list: &[Hash]| list.iter().map(convert::hash).collect::<Vec<_>>();
        let ghostdag = &state.ghostdag_data;
        Virtual {
            parents: hashes(&state.parents),
            blues: hashes(&ghostdag.mergeset_blues),
            reds: hashes(&ghostdag.mergeset_reds),
            blue_score: ghostdag.blue_score,
            blue_work: ghostdag.blue_work.to_le_bytes(),
            daa_score: state.daa_score,
            bits: state.bits,
            median_time: state.past_median_time,
            commitment: convert::hash(&state.multiset.clone().finalize()),
            accepted: convert::hash(&state.accepted_id_digests[0]),
            pruning_point: convert::hash(&self.consensus.pruning_point()),
        }
    }
}

/// Returns the name of a rule, with the transaction's rule in it.
fn name(error: &RuleError) -> String {
    let outer = format!("{error:?}");
    let inner = match error {
        RuleError::TxInIsolationValidationFailed(_, error)
        | RuleError::TxInContextFailed(_, error) => format!("{error:?}"),
        _ => return variant(&outer).to_owned(),
    };
    format!("{}/{}", variant(&outer), variant(&inner))
}
