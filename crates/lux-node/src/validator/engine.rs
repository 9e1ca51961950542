//! A node's consensus with its chain, pool, keys and journal: every step of it, one at a time and without waiting for anybody.
//!
//! ```text
//!   block ─► header::check ─► chain.insert ─► Consensus ─► head ─► chain.set_forkchoice (executes)
//!                                                          ▲ └─ bad: invalidate, and the next best
//!   vote, certificate, evidence ───────────────────────────┘
//!   slot ─► propose: draft, build, journal, sign, adopt        attest: journal, sign
//! ```

use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::{B256, Bytes};
use alloy_rlp::Encodable as _;
use quintet_eth::block::EthBlock;
use quintet_eth_chain::{
    Attributes, BlockRef, BuildError, Candidate, ChainError, EthChain, ForkchoiceError, ImportError,
};
use quintet_eth_rpc::PoolService;
use quintet_evm::{
    header::{base_fee, blobs},
    schedule::Fork,
};
use quintet_lux_protocol::{
    certificate::Certificate,
    consensus::{Anchor, Consensus, Progress, SLOTS_AHEAD_MAX},
    evidence::{CheckedEvidence, Evidence},
    finality::VoteTaken,
    header::{self, HeaderError, Position},
    params::Params,
    validator::ValidatorSet,
    vote::{Checkpoint, SignedVote},
    watermark::WatermarkError,
    wire::{
        BLOCKS_MAX, GOSSIP_BYTES_MAX, HEADERS_MAX, Headers, Request, Response, Status, VoteMessage,
    },
};
use quintet_store::StoreError;

use super::{journal::Journal, keys::ValidatorKeys};

/// Blocks that are not final and are kept in memory, so that the head may go to one that was executed and left.
const RECENT_MAX: usize = 256;
/// Bytes of all blocks of an answer; the first is always in it.
const BLOCKS_BYTES_MAX: usize = 8 << 20;
/// Bad blocks passed over in one search for a head.
const HEADS_TRIED_MAX: usize = 16;
/// Most transactions looked at for a block.
const CANDIDATES_MAX: usize = 32_768;
/// Bytes of all transactions of a block of ours: with its header it fits a message of gossip, or nobody would ever hear of it.
const TRANSACTIONS_BYTES_MAX: usize = GOSSIP_BYTES_MAX - (64 << 10);

/// Why a step failed. Nobody else is at fault.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The journal.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The head cannot be moved.
    #[error(transparent)]
    Forkchoice(#[from] ForkchoiceError),
    /// No block can be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A block of our own is not taken.
    #[error("our own block is not taken: {0}")]
    Own(#[from] ImportError),
    /// It may not be signed.
    #[error(transparent)]
    Watermark(#[from] WatermarkError),
    /// A key does not sign.
    #[error("the validator's key does not sign: {reason}")]
    Sign {
        /// What is wrong.
        reason: String,
    },
}

/// What became of a block.
#[derive(Debug)]
pub enum BlockTaken {
    /// It is in the tree.
    New(Box<Progress>),
    /// It was there, or is under the final block.
    Known,
    /// Its parent is not there.
    UnknownParent,
    /// It is of a slot that is long to come.
    Early,
    /// It is bad.
    Bad(String),
}

/// A node's consensus with all that belongs to it.
#[derive(Debug)]
pub struct Engine {
    chain: EthChain,
    pool: Arc<PoolService>,
    consensus: Consensus,
    keys: Option<ValidatorKeys>,
    journal: Journal,
    recent: VecDeque<(B256, EthBlock)>,
    /// Head, safe and final block as the chain was told last.
    told: Option<[B256; 3]>,
    /// The newest epoch with a certificate in the journal.
    epoch: u64,
}

impl Engine {
    /// Begins where the chain and the journal are.
    pub(super) fn open(
        chain: EthChain,
        pool: Arc<PoolService>,
        params: Params,
        set: ValidatorSet,
        keys: Option<ValidatorKeys>,
        journal: Journal,
    ) -> Result<Self, EngineError> {
        let certificates = journal.certificates()?;
        let mut anchor = Anchor::genesis(&params);
        let reader = chain.reader()?;
        let finalised = certificates.iter().flatten().filter_map(Certificate::finalises);
        if let Some(checkpoint) = finalised.max_by_key(|one| one.slot)
            && let Some(header) = reader.header(checkpoint.block)?
            && let Ok(position) = Position::of_checked(&params, &header, checkpoint.block)
        {
            anchor = Anchor { position, checkpoint };
        }
        let mut consensus = Consensus::new(params, set, anchor);
        for number in anchor.position.number + 1..=reader.head().number {
            let Some(hash) = reader.canonical_hash(number)? else { break };
            let Some(header) = reader.header(hash)? else { break };
            let Ok(position) = Position::of_checked(&params, &header, hash) else { break };
            if consensus.on_block(position, false).is_err() {
                break;
            }
        }
        for evidence in journal.evidence(consensus.set().len() as u64)? {
            if let Ok(checked) = evidence.check(&params, consensus.set()) {
                consensus.on_evidence(checked);
            }
        }
        for certificate in certificates.into_iter().flatten() {
            if let Ok(checked) = certificate.check(&params, consensus.set()) {
                consensus.on_certificate(checked);
            }
        }
        drop(reader);
        let (recent, told) = (VecDeque::new(), None);
        let mut engine = Self { chain, pool, consensus, keys, journal, recent, told, epoch: 0 };
        engine.follow()?;
        Ok(engine)
    }

    /// Consensus as this node sees it.
    #[must_use]
    pub const fn consensus(&self) -> &Consensus {
        &self.consensus
    }

    /// Who proposes in a slot on the head.
    pub fn proposer(&mut self, slot: u64) -> Option<usize> {
        self.consensus.proposer(slot)
    }

    /// This node's index among the validators, if it is one.
    #[must_use]
    pub fn index(&self) -> Option<usize> {
        self.consensus.set().index_of(self.keys.as_ref()?.address())
    }

    /// The chain's head.
    #[must_use]
    pub fn head(&self) -> BlockRef {
        self.chain.head()
    }

    /// A slot begins.
    pub fn on_slot(&mut self, slot: u64) {
        self.consensus.on_slot(slot);
    }

    /// Takes a block from elsewhere. `slot` is the clock's, `timely` whether its first part is still on.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if this node cannot go on.
    pub fn import(
        &mut self,
        block: EthBlock,
        slot: u64,
        timely: bool,
    ) -> Result<BlockTaken, EngineError> {
        let hash = block.header.hash_slow();
        if self.consensus.position(&hash).is_some() {
            return Ok(BlockTaken::Known);
        }
        let Some(parent) = self.consensus.position(&block.header.parent_hash).copied() else {
            let known = self.chain.reader()?.number_of(hash)?.is_some();
            return Ok(if known { BlockTaken::Known } else { BlockTaken::UnknownParent });
        };
        let (params, set) = (self.consensus.params(), self.consensus.set());
        let position = match header::check(params, set, &parent, &block.header) {
            Ok(position) => position,
            Err(error) => return Ok(BlockTaken::Bad(error.to_string())),
        };
        if position.slot > slot.saturating_add(SLOTS_AHEAD_MAX) {
            return Ok(BlockTaken::Early);
        }
        let evidence = self.consensus.on_proposal(&block.header, &position);
        match self.chain.insert(block.clone()) {
            Ok(_) => {}
            Err(ImportError::Chain(error)) => return Err(error.into()),
            Err(ImportError::UnknownParent { .. }) => return Ok(BlockTaken::UnknownParent),
            Err(error) => return Ok(BlockTaken::Bad(error.to_string())),
        }
        let progress = self.consensus.on_block(position, timely);
        let mut progress = match progress {
            Ok(progress) => progress,
            Err(error) => return Ok(BlockTaken::Bad(error.to_string())),
        };
        self.remember(hash, block);
        progress.evidence = evidence;
        self.after(&progress)?;
        Ok(BlockTaken::New(Box::new(progress)))
    }

    fn remember(&mut self, hash: B256, block: EthBlock) {
        if self.recent.len() >= RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((hash, block));
    }

    /// Takes a vote, a certificate or evidence; returns whether it is worth passing on, or why it is bad.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if this node cannot go on.
    pub fn on_vote_message(
        &mut self,
        message: VoteMessage,
    ) -> Result<Result<(bool, Progress), String>, EngineError> {
        let (params, set) = (*self.consensus.params(), self.consensus.set());
        let (new, progress) = match message {
            VoteMessage::Vote(vote) => {
                let checked = match vote.check(&params, set) {
                    Ok(checked) => checked,
                    Err(error) => return Ok(Err(error.to_string())),
                };
                let (taken, progress) = self.consensus.on_vote(&checked);
                (matches!(taken, VoteTaken::New | VoteTaken::Conflict(_)), progress)
            }
            // Every proposer tells one, and most know it: signatures only of what is new.
            VoteMessage::Certificate(known) if !self.consensus.finality().is_news(&known) => {
                (false, Progress::default())
            }
            VoteMessage::Certificate(certificate) => match certificate.check(&params, set) {
                Ok(checked) => {
                    let progress = self.consensus.on_certificate(checked);
                    (progress.is_some(), progress.unwrap_or_default())
                }
                Err(error) => return Ok(Err(error.to_string())),
            },
            VoteMessage::Evidence(evidence) => match evidence.check(&params, set) {
                Ok(checked) => {
                    let new = self.consensus.on_evidence(checked.clone());
                    let evidence = new.then_some(checked);
                    (new, Progress { evidence, ..Progress::default() })
                }
                Err(error) => return Ok(Err(error.to_string())),
            },
        };
        self.after(&progress)?;
        Ok(Ok((new, progress)))
    }

    /// Does what follows from progress: the head, the journal.
    fn after(&mut self, progress: &Progress) -> Result<(), EngineError> {
        if let Some(found) = &progress.evidence {
            self.keep(found)?;
        }
        self.follow()?;
        if progress.finalised
            && let Some(certificate) = self.consensus.finality().finalisation()
        {
            let Checkpoint { slot, block } = self.consensus.finality().finalised();
            let epoch = self.consensus.params().epoch_of(slot);
            let number = self.consensus.position(&block).map(|at| at.number);
            let number = number.filter(|_| epoch > self.epoch);
            self.journal.finalise(certificate.get(), number)?;
            self.epoch = epoch;
            let consensus = &self.consensus;
            self.recent.retain(|(hash, _)| consensus.position(hash).is_some());
        }
        Ok(())
    }

    fn keep(&self, found: &CheckedEvidence) -> Result<(), EngineError> {
        let who = self.consensus.set().get(found.validator()).map(|one| one.address);
        tracing::warn!(validator = ?who, offence = found.offence().name(), slot = found.slot(), "a validator said two things");
        Ok(self.journal.keep_evidence(found.validator() as u64, found.evidence())?)
    }

    /// Brings the chain to the head that consensus has.
    fn follow(&mut self) -> Result<(), EngineError> {
        for _ in 0..HEADS_TRIED_MAX {
            let head = self.consensus.head().hash;
            let finality = self.consensus.finality();
            let known = |block: B256| {
                if self.consensus.descends(&head, &block) { block } else { B256::ZERO }
            };
            let safe = known(finality.justified().block);
            let finalised = known(finality.finalised().block);
            if self.told == Some([head, safe, finalised]) {
                return Ok(());
            }
            match self.chain.set_forkchoice(head, safe, finalised) {
                Ok(_) => {
                    self.told = Some([head, safe, finalised]);
                    return Ok(());
                }
                Err(ForkchoiceError::UnknownHead { .. }) => {
                    if !self.bring_back(head)? {
                        self.consensus.invalidate(&head);
                    }
                }
                Err(ForkchoiceError::Invalid { hash, source, .. }) => {
                    let bad = match &*source {
                        ImportError::Invalid { block, .. } => block.hash,
                        _ => hash,
                    };
                    tracing::warn!(block = %bad, error = %source, "a block is bad");
                    self.consensus.invalidate(&bad);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives blocks to the chain again that it executed and forgot; false if one is not in memory any more.
    fn bring_back(&self, head: B256) -> Result<bool, EngineError> {
        let reader = self.chain.reader()?;
        let mut missing = Vec::new();
        let mut at = head;
        while reader.number_of(at)?.is_none() {
            let found = self.recent.iter().rev().find(|(hash, _)| *hash == at);
            let Some((_, block)) = found else { return Ok(false) };
            missing.push(block.clone());
            at = block.header.parent_hash;
        }
        for block in missing.into_iter().rev() {
            if let Err(error) = self.chain.insert(block) {
                tracing::warn!(%error, "a block is not taken a second time");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the block of a slot, if it is this node's; returns it in RLP.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if it cannot be made or may not be signed.
    pub fn propose(&mut self, slot: u64) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(keys) = self.keys.clone() else { return Ok(None) };
        if self.index().is_none() || self.index() != self.consensus.proposer(slot) {
            return Ok(None);
        }
        let head = self.consensus.head().hash;
        let parent = self.consensus.position(&head).copied();
        let Some(parent) = parent.filter(|at| at.slot < slot && self.chain.head().hash == head)
        else {
            return Ok(None);
        };
        let after = self.journal.watermark().propose(slot)?;
        let built = self.build(&parent, slot, &keys)?;
        let params = *self.consensus.params();
        // On disk before the signature exists.
        self.journal.sign(after, None)?;
        let sealed = header::sign(&params, built.block().header(), &keys.secp);
        let sealed =
            sealed.ok_or_else(|| EngineError::Sign { reason: "no signature came".to_owned() })?;
        let built = built.with_extra_data(sealed);
        self.chain.adopt(&built)?;
        let block = built.block();
        let position = header::check(&params, self.consensus.set(), &parent, block.header());
        let position = position
            .map_err(|error: HeaderError| EngineError::Sign { reason: error.to_string() })?;
        self.consensus.on_proposal(block.header(), &position);
        let bytes = alloy_rlp::encode(&block.block);
        self.remember(block.hash, block.block.clone());
        if let Ok(progress) = self.consensus.on_block(position, true) {
            self.after(&progress)?;
        }
        Ok(Some(bytes))
    }

    fn build(
        &self,
        parent: &Position,
        slot: u64,
        keys: &ValidatorKeys,
    ) -> Result<quintet_eth_chain::Built, EngineError> {
        let params = self.consensus.params();
        let draft = header::draft(params, parent, slot, &keys.vrf)
            .map_err(|error| EngineError::Sign { reason: error.to_string() })?;
        let reader = self.chain.reader()?;
        let before = reader.header(parent.hash)?;
        let before = before.ok_or(ChainError::Damaged { what: "headers", hash: parent.hash })?;
        let rules = reader.spec().schedule.rules(parent.number + 1, draft.timestamp, true);
        let blob_fee = rules.blobs.map_or(1, |blobs| {
            blobs::price_of(&blobs, blobs::excess_of_child(&rules, &blobs, &before))
        });
        let attributes = Attributes {
            timestamp: draft.timestamp,
            prev_randao: draft.prev_randao,
            fee_recipient: keys.address(),
            withdrawals: rules.has(Fork::Shanghai).then(Vec::new),
            parent_beacon_block_root: rules.has(Fork::Cancun).then_some(B256::ZERO),
            extra_data: draft.extra_data,
            ..Attributes::default()
        };
        let base_fee = base_fee::of_child(&before);
        let candidates = self.pool.candidates(base_fee, blob_fee, CANDIDATES_MAX);
        let candidates = within(candidates, TRANSACTIONS_BYTES_MAX);
        let built = self.chain.build(Some(parent.hash), &attributes, &candidates)?;
        for refused in &built.refused {
            tracing::debug!(hash = %refused.hash, error = %refused.error, "a transaction is not taken");
            self.pool.pool().remove(&refused.hash);
        }
        Ok(built)
    }

    /// Votes in a slot, if this node is a validator and has not voted in it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the journal cannot be written, or the vote may not be signed.
    pub fn attest(&mut self, slot: u64) -> Result<Option<(SignedVote, Progress)>, EngineError> {
        let Some(keys) = self.keys.clone().filter(|_| self.index().is_some()) else {
            return Ok(None);
        };
        let Some(vote) = self.consensus.next_vote(slot) else { return Ok(None) };
        // What stands on a block was executed only if it is the chain's head.
        if self.chain.head().hash != vote.target.block {
            return Ok(None);
        }
        let after = self.journal.watermark().vote(vote.source.slot, vote.target.slot)?;
        let justification = self.consensus.finality().justification();
        self.journal.sign(after, justification.map(|one| one.get()))?;
        let params = *self.consensus.params();
        let signed = vote.sign(&params, &keys.secp);
        let signed =
            signed.ok_or_else(|| EngineError::Sign { reason: "no signature came".to_owned() })?;
        let checked = signed.check(&params, self.consensus.set());
        let checked = checked.map_err(|error| EngineError::Sign { reason: error.to_string() })?;
        let (_, progress) = self.consensus.on_vote(&checked);
        self.after(&progress)?;
        Ok(Some((signed, progress)))
    }

    /// Where this node is.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the chain cannot be read.
    pub fn status(&self) -> Result<Status, EngineError> {
        let finality = self.consensus.finality();
        let finalised = finality.finalised();
        let head = self.chain.head();
        let certificates = finality.finalisation().into_iter().chain(finality.justification());
        let number = self.consensus.position(&finalised.block).map(|at| at.number);
        Ok(Status {
            genesis: self.consensus.params().genesis,
            head_number: head.number,
            head: head.hash,
            finalised_number: number.unwrap_or_default(),
            finalised,
            certificates: certificates.map(|one| one.get().clone()).collect(),
        })
    }

    /// The certificate of the newest justified checkpoint, to tell peers that may not have heard all its votes.
    #[must_use]
    pub fn justification(&self) -> Option<&Certificate> {
        Some(self.consensus.finality().justification()?.get())
    }

    /// Evidence to tell peers that may not have heard.
    pub fn evidence(&self) -> impl Iterator<Item = &Evidence> {
        self.consensus.evidence().map(CheckedEvidence::evidence)
    }

    /// Answers a peer.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the chain cannot be read.
    pub fn answer(&self, request: Request) -> Result<Response, EngineError> {
        let reader = self.chain.reader()?;
        match request {
            Request::Status(_) => Ok(Response::Status(Box::new(self.status()?))),
            Request::Headers(asked) => {
                let mut headers = Vec::new();
                let count = asked.count.min(HEADERS_MAX as u64);
                for number in asked.from..asked.from.saturating_add(count) {
                    if number > reader.head().number {
                        break;
                    }
                    let Some(hash) = reader.canonical_hash(number)? else { break };
                    let Some(header) = reader.header(hash)? else { break };
                    headers.push(header);
                }
                let upto = asked.from.saturating_add(headers.len() as u64).saturating_sub(1);
                let certificate = self.journal.final_in(asked.from, upto)?;
                let certificate = certificate.into_iter().collect();
                Ok(Response::Headers(Box::new(Headers { headers, certificate })))
            }
            Request::Blocks(hashes) => {
                let mut blocks: Vec<Bytes> = Vec::new();
                let mut room = BLOCKS_BYTES_MAX;
                for hash in hashes.into_iter().take(BLOCKS_MAX) {
                    let Ok(Some(block)) = reader.block(hash) else { continue };
                    let bytes: Bytes = alloy_rlp::encode(&block.block).into();
                    if bytes.len() > room && !blocks.is_empty() {
                        break;
                    }
                    room = room.saturating_sub(bytes.len());
                    blocks.push(bytes);
                }
                Ok(Response::Blocks(blocks))
            }
        }
    }
}

/// The first transactions that together have at most so many bytes.
fn within(candidates: Vec<Candidate>, bytes: usize) -> Vec<Candidate> {
    let mut room = bytes;
    let fits = |one: &Candidate| {
        let left = room.checked_sub(one.transaction.length());
        left.is_some_and(|left| {
            room = left;
            true
        })
    };
    candidates.into_iter().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use alloy_consensus::{TxEip1559, TypedTransaction};

    use super::*;
    use crate::dev::{MNEMONIC, accounts};

    #[test]
    fn a_block_takes_no_more_than_a_message_carries() {
        let sender = accounts(MNEMONIC, 1).unwrap().remove(0);
        let input = Bytes::from(vec![1; 1_000]);
        let candidate = |nonce: u64| {
            let input = input.clone();
            let one = TypedTransaction::Eip1559(TxEip1559 { nonce, input, ..TxEip1559::default() });
            let transaction = Arc::new(sender.sign(one).unwrap());
            Candidate { transaction, sender: sender.address }
        };
        let all: Vec<Candidate> = (0..4).map(candidate).collect();
        let two: usize = all.iter().take(2).map(|one| one.transaction.length()).sum();
        let taken = |bytes: usize| within(all.clone(), bytes).len();
        assert_eq!((taken(two), taken(two - 1), taken(two + 1), taken(0)), (2, 1, 2, 0));
    }
}
