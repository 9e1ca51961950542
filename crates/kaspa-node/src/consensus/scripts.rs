//! Script checks on every core, and the memory of those that passed.
//!
//! ```text
//!   body stage ──► verify (ahead, against the virtual set) ─┐
//!                                                           ├──► verified: salted digests
//!   virtual stage ─► verify ─► known? skip : pool, signatures in batches ─► verdicts in order
//! ```
//!
//! # Invariants
//!
//! - The digest covers all a verdict depends on: the transaction with its signatures, the entries it spends, the era. A verdict that asked for
//!   the chain (KIP-21's opcode) is not remembered.
//! - Verdicts do not depend on how jobs are spread over threads.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use quintet_kaspa_protocol::{
    hashing::UtxoMuHash,
    script::{Deferred, Rules, SequencingCommitments, TxContext},
    state::{ScriptJob, ScriptVerifier, UtxoDiff, insert_entry, remove_entry},
    tx::{Outpoint, PopulatedTransaction, UtxoEntry},
    validation::TxRuleError,
};
use quintet_primitives::Hash256;
use quintet_utxo::verified::{Cache, Digest};
use rayon::prelude::*;

use super::error::ConsensusError;

/// Most transactions a thread takes at once; their signatures are verified together.
const CHUNK_MAX: usize = 128;

/// Entries from which on hashing them into a multiset is spread over threads.
const MULTISET_PARALLEL_MIN: usize = 32;

/// The threads of the virtual stage, and what they have verified.
#[derive(Debug, Clone)]
pub(super) struct Scripts {
    pool: Arc<rayon::ThreadPool>,
    verified: Arc<Cache>,
}

impl Scripts {
    /// Starts the threads.
    pub(super) fn new(
        threads: usize,
        bytes: usize,
        salt: [u8; 32],
    ) -> Result<Self, ConsensusError> {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|at| format!("kaspa-check-{at}"))
            .build()
            .map_err(|error| ConsensusError::Threads { threads, reason: error.to_string() })?;
        Ok(Self { pool: Arc::new(pool), verified: Arc::new(Cache::new(bytes, salt)) })
    }

    /// Returns a verifier that lets scripts see the chain below `commitments`.
    pub(super) const fn with<'a>(
        &'a self,
        commitments: &'a dyn SequencingCommitments,
    ) -> WithChain<'a> {
        WithChain { scripts: self, commitments }
    }

    /// Returns the hash of a set that `diff` leads to from that of `before`.
    pub(super) fn multiset(&self, before: &UtxoMuHash, diff: &UtxoDiff) -> UtxoMuHash {
        let added: Vec<_> = diff.added().iter().collect();
        let removed: Vec<_> = diff.removed().iter().collect();
        let mut multiset = before.clone();
        let (Some(inserted), Some(taken)) =
            (self.product(&added, insert_entry), self.product(&removed, remove_entry))
        else {
            added.iter().for_each(|(outpoint, entry)| insert_entry(&mut multiset, outpoint, entry));
            removed
                .iter()
                .for_each(|(outpoint, entry)| remove_entry(&mut multiset, outpoint, entry));
            return multiset;
        };
        multiset.combine(&inserted);
        multiset.combine(&taken);
        multiset
    }

    /// Multiplies many entries on all threads; `None` if they are few.
    fn product(
        &self,
        entries: &[(&Outpoint, &UtxoEntry)],
        apply: fn(&mut UtxoMuHash, &Outpoint, &UtxoEntry),
    ) -> Option<UtxoMuHash> {
        if entries.len() < MULTISET_PARALLEL_MIN || self.pool.current_num_threads() == 1 {
            return None;
        }
        let chunk = entries.len().div_ceil(self.pool.current_num_threads() * 2).max(8);
        let part = |chunk: &[(&Outpoint, &UtxoEntry)]| {
            let mut part = UtxoMuHash::new();
            chunk.iter().for_each(|(outpoint, entry)| apply(&mut part, outpoint, entry));
            part
        };
        let combine = |mut one: UtxoMuHash, other: UtxoMuHash| {
            one.combine(&other);
            one
        };
        Some(
            self.pool
                .install(|| entries.par_chunks(chunk).map(part).reduce(UtxoMuHash::new, combine)),
        )
    }

    fn digest(&self, job: &ScriptJob<'_>) -> Digest {
        let mut entries = Vec::with_capacity(job.entries.len() * 9 + 1);
        entries.push(job.era as u8);
        for entry in &job.entries {
            // The outpoint, which the hash covers, names all else of an entry.
            entries.extend_from_slice(&entry.block_daa_score.to_le_bytes());
            entries.push(entry.is_coinbase.into());
        }
        self.verified.digest(&[job.tx.hash().as_bytes(), &entries])
    }
}

/// Verifies on the threads of [`Scripts`], in sight of a chain.
pub(super) struct WithChain<'a> {
    scripts: &'a Scripts,
    commitments: &'a dyn SequencingCommitments,
}

/// Notes whether a script asked for the chain.
struct Noticing<'a> {
    chain: &'a dyn SequencingCommitments,
    was_asked: AtomicBool,
}

impl SequencingCommitments for Noticing<'_> {
    fn is_chain_ancestor(&self, block: &Hash256) -> Option<bool> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.chain.is_chain_ancestor(block)
    }

    fn commitment_within_depth(&self, block: &Hash256) -> Option<Hash256> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.chain.commitment_within_depth(block)
    }
}

impl WithChain<'_> {
    /// Runs jobs whose signatures are verified together; if anything is wrong, each by itself.
    fn run(&self, jobs: &[(Digest, &ScriptJob<'_>)]) -> Vec<Result<(), TxRuleError>> {
        let chain = Noticing { chain: self.commitments, was_asked: AtomicBool::new(false) };
        if all_valid(jobs, &chain) {
            if !chain.was_asked.load(Ordering::Relaxed) {
                jobs.iter().for_each(|(digest, _)| self.scripts.verified.insert(*digest));
            }
            return vec![Ok(()); jobs.len()];
        }
        jobs.iter()
            .map(|(digest, job)| {
                chain.was_asked.store(false, Ordering::Relaxed);
                let verdict = job.run(Some(&chain));
                if verdict.is_ok() && !chain.was_asked.load(Ordering::Relaxed) {
                    self.scripts.verified.insert(*digest);
                }
                verdict
            })
            .collect()
    }
}

fn all_valid(jobs: &[(Digest, &ScriptJob<'_>)], chain: &dyn SequencingCommitments) -> bool {
    let mut deferred = Deferred::default();
    let passed = jobs.iter().all(|(_, job)| {
        let Ok(populated) = PopulatedTransaction::new(job.tx, &job.entries) else { return false };
        let context = TxContext::new(populated, Rules::of(job.era))
            .with_covenants(job.covenants.clone())
            .with_commitments(chain);
        (0..job.tx.inputs.len()).all(|input| deferred.verify(&context, input).is_ok())
    });
    passed && deferred.settle()
}

impl ScriptVerifier for WithChain<'_> {
    fn verify(&self, jobs: &[ScriptJob<'_>]) -> Vec<Result<(), TxRuleError>> {
        let digests = jobs.iter().map(|job| self.scripts.digest(job));
        let unknown: Vec<(usize, (Digest, &ScriptJob<'_>))> = digests
            .zip(jobs)
            .enumerate()
            .filter(|(_, (digest, _))| !self.scripts.verified.contains(digest))
            .collect();
        let mut verdicts = vec![Ok(()); jobs.len()];
        let (places, unknown): (Vec<usize>, Vec<_>) = unknown.into_iter().unzip();
        let threads = self.scripts.pool.current_num_threads();
        let chunk = unknown.len().div_ceil(threads).clamp(1, CHUNK_MAX);
        let found: Vec<Result<(), TxRuleError>> = if unknown.len() <= 1 || threads == 1 {
            unknown.chunks(chunk).flat_map(|chunk| self.run(chunk)).collect()
        } else {
            self.scripts.pool.install(|| {
                unknown.par_chunks(chunk).flat_map_iter(|chunk| self.run(chunk)).collect()
            })
        };
        for (place, verdict) in places.into_iter().zip(found) {
            verdicts[place] = verdict;
        }
        verdicts
    }
}
