//! Validation of a proof: each level is rebuilt from the highest down, and every header must have its place.
//!
//! Reference: `ProofContext::from_proof`.

use std::{collections::HashMap, sync::Arc};

use quintet_primitives::Hash256;

use super::{
    LEVEL_HEADERS_PER_M, ProofOfWork, ProofRules, PruningImportError, PruningProof, level::Level,
};
use crate::{dag::LevelRules, header::Header};

/// A proof that holds together.
#[derive(Debug)]
pub struct ValidProof {
    pub(super) rules: ProofRules,
    pub(super) levels: Vec<Level>,
    pruning_point: Hash256,
    header: Arc<Header>,
}

impl ValidProof {
    /// Checks a proof. `work` says what a header's proof of work is worth ([`ProofOfWork::of`]); it is asked once for each header, however many
    /// levels that is on.
    ///
    /// Cost: the proofs of work, and a GHOSTDAG for each level.
    ///
    /// # Errors
    ///
    /// [`PruningImportError`], by the rule that is broken.
    pub fn new(
        proof: &PruningProof,
        rules: &ProofRules,
        work: impl Fn(&Header) -> ProofOfWork,
    ) -> Result<Self, PruningImportError> {
        let expected = usize::from(rules.max_level) + 1;
        if proof.len() != expected {
            let actual = proof.len();
            return Err(PruningImportError::ProofNotEnoughLevels { expected, actual });
        }
        let header = proof.first().and_then(|level| level.last());
        let none = PruningImportError::PruningProofNotEnoughHeaders { level: 0 };
        let header = Arc::clone(header.ok_or(none)?);
        let pruning_point = header.hash();
        let anchor = Anchor { hash: pruning_point, level: work(&header).level, header: &header };
        let mut works: HashMap<Hash256, ProofOfWork> = HashMap::new();
        let mut levels: Vec<Level> = Vec::with_capacity(expected);
        for (level, headers) in (0..=rules.max_level).zip(proof).rev() {
            let mut built = Level::new(level, rules);
            check_count(level, headers, rules)?;
            for header in headers {
                let hash = header.hash();
                let work = *works.entry(hash).or_insert_with(|| work(header));
                check_work(level, hash, work, rules)?;
                built.insert_checked(hash, header)?;
            }
            if let Some(next) = levels.last() {
                let hash = *next.dag().hash(next.block_at_depth(rules.m));
                if built.dag().find(&hash).is_none() {
                    return Err(
                        PruningImportError::PruningProofMissingBlockAtDepthMFromNextLevel {
                            level,
                            hash,
                        },
                    );
                }
            }
            anchor.check(level, &built, rules)?;
            levels.push(built);
        }
        levels.reverse();
        Ok(Self { rules: *rules, levels, pruning_point, header })
    }

    /// Returns the hash of the pruning point.
    #[must_use]
    pub const fn pruning_point(&self) -> Hash256 {
        self.pruning_point
    }

    /// Returns the header of the pruning point.
    #[must_use]
    pub const fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Returns the headers of a level, parents first.
    #[must_use]
    pub fn level(&self, level: u8) -> &[Arc<Header>] {
        self.levels.get(usize::from(level)).map_or(&[], Level::headers)
    }

    /// Iterates over the headers of a level with their hashes, parents first.
    pub fn hashed(&self, level: u8) -> impl Iterator<Item = (Hash256, &Arc<Header>)> {
        self.levels.get(usize::from(level)).into_iter().flat_map(|level| {
            let hashes = (1..).map(crate::dag::BlockId::new).map(|block| *level.dag().hash(block));
            hashes.zip(level.headers()).take(level.headers().len())
        })
    }
}

fn check_count(
    level: u8,
    headers: &[Arc<Header>],
    rules: &ProofRules,
) -> Result<(), PruningImportError> {
    let max = usize::try_from(rules.m.saturating_mul(LEVEL_HEADERS_PER_M)).unwrap_or(usize::MAX);
    match headers.len() {
        0 => Err(PruningImportError::PruningProofNotEnoughHeaders { level }),
        actual if actual > max => {
            Err(PruningImportError::PruningProofTooManyHeaders { level, max, actual })
        }
        _ => Ok(()),
    }
}

fn check_work(
    level: u8,
    hash: Hash256,
    work: ProofOfWork,
    rules: &ProofRules,
) -> Result<(), PruningImportError> {
    let (expected, actual) = (level, work.level);
    if actual < expected {
        return Err(PruningImportError::PruningProofWrongBlockLevel { hash, expected, actual });
    }
    if !work.is_valid && !rules.skip_proof_of_work {
        return Err(PruningImportError::ProofOfWorkFailed { hash, level });
    }
    Ok(())
}

/// What all levels end at.
struct Anchor<'a> {
    hash: Hash256,
    level: u8,
    header: &'a Header,
}

impl Anchor<'_> {
    fn check(
        &self,
        level: u8,
        built: &Level,
        rules: &ProofRules,
    ) -> Result<(), PruningImportError> {
        let hash = *built.dag().hash(built.tip());
        if level <= self.level {
            if hash != self.hash {
                return Err(PruningImportError::PruningProofSelectedTipIsNotThePruningPoint {
                    hash,
                    level,
                });
            }
        } else {
            let rules = LevelRules { genesis: rules.genesis, max_level: rules.max_level };
            if !rules.parents_at(&self.header.parents, level.into()).contains(&hash) {
                return Err(PruningImportError::PruningProofSelectedTipNotParentOfPruningPoint {
                    hash,
                    level,
                });
            }
        }
        let number = |number: usize| crate::dag::BlockId::new(u32::try_from(number).unwrap_or(0));
        let (root, last) = (number(1), number(built.headers().len()));
        if last != built.tip() {
            let actual = *built.dag().hash(last);
            let expected = hash;
            return Err(PruningImportError::PruningProofSelectedTipNotLast {
                expected,
                actual,
                level,
            });
        }
        let (expected, actual) = (rules.m.saturating_mul(2), built.blue_score());
        if *built.dag().hash(root) != rules.genesis && actual < expected {
            return Err(PruningImportError::PruningProofSelectedTipNotEnoughBlueScore {
                hash,
                level,
                expected,
                actual,
            });
        }
        Ok(())
    }
}
