//! Why a proof, or what comes with it, is refused: the names of the reference's `PruningImportError`.

use quintet_primitives::Hash256;
use thiserror::Error;

/// A proof or trusted data that is not what it should be. Whoever sent it broke the rules, or is weaker than we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the fields are what the messages name")]
pub enum PruningImportError {
    /// There are not as many levels as there are.
    #[error("expected a proof of {expected} levels, got {actual}")]
    ProofNotEnoughLevels { expected: usize, actual: usize },
    /// A level without headers.
    #[error("expected headers on level {level} of the proof, got none")]
    PruningProofNotEnoughHeaders { level: u8 },
    /// A level with more headers than anybody needs. The reference leaves this to the size of messages.
    #[error("expected at most {max} headers on level {level} of the proof, got {actual}")]
    PruningProofTooManyHeaders { level: u8, max: usize, actual: usize },
    /// A header that does not reach the level it is on.
    #[error("expected header {hash} to reach level {expected}, it reaches {actual}")]
    PruningProofWrongBlockLevel { hash: Hash256, expected: u8, actual: u8 },
    /// A header whose proof of work is none.
    #[error("expected a proof of work for header {hash} on level {level}, it misses its target")]
    ProofOfWorkFailed { hash: Hash256, level: u8 },
    /// A header, not the first, that hangs in the air.
    #[error("expected a parent of header {hash} before it on level {level}, there is none")]
    PruningProofHeaderWithNoKnownParents { hash: Hash256, level: u8 },
    /// A header with no more blue work than a parent.
    #[error("expected header {hash} on level {level} to have more blue work than its parents")]
    PruningProofInconsistentBlueWork { hash: Hash256, level: u8 },
    /// A header that comes twice.
    #[error("expected header {hash} once on level {level}")]
    PruningProofDuplicateHeaderAtLevel { hash: Hash256, level: u8 },
    /// A header whose parents on a level are ancestors of one another. The reference does not look; no valid header does this.
    #[error("expected parents of header {hash} on level {level} that are not related")]
    PruningProofRelatedParents { hash: Hash256, level: u8 },
    /// Two levels that do not overlap.
    #[error(
        "expected level {level} of the proof to hold {hash}, the block M deep on the next level"
    )]
    PruningProofMissingBlockAtDepthMFromNextLevel { level: u8, hash: Hash256 },
    /// The tip of a level that the pruning point reaches is another block.
    #[error("expected the pruning point as tip of level {level}, got {hash}")]
    PruningProofSelectedTipIsNotThePruningPoint { hash: Hash256, level: u8 },
    /// The tip of a level above the pruning point's is not its parent there.
    #[error("expected a parent of the pruning point as tip of level {level}, got {hash}")]
    PruningProofSelectedTipNotParentOfPruningPoint { hash: Hash256, level: u8 },
    /// The last header of a level is not its tip.
    #[error("expected the tip {expected} as last header of level {level}, got {actual}")]
    PruningProofSelectedTipNotLast { expected: Hash256, actual: Hash256, level: u8 },
    /// A level that neither begins with the genesis nor is deep enough.
    #[error(
        "expected at least {expected} blues below the tip {hash} of level {level}, got {actual}"
    )]
    PruningProofSelectedTipNotEnoughBlueScore {
        hash: Hash256,
        level: u8,
        expected: u64,
        actual: u64,
    },
    /// The proof is right, but not better than ours.
    #[error(transparent)]
    ProofWeakness(#[from] ProofWeakness),
    /// A block beside the pruning point came without its transactions.
    #[error("expected the body of {hash}, which is in the anticone of the pruning point")]
    PruningPointAnticoneMissingBody { hash: Hash256 },
    /// A trusted block above the pruning point, which would have to be validated.
    #[error("expected trusted blocks that are not in the future of the pruning point, got {hash}")]
    TrustedBlockInPruningPointFuture { hash: Hash256 },
    /// A block of the chain below the pruning point was not sent.
    #[error("expected {hash}, of the selected chain below the pruning point, in the trusted data")]
    MissingPruningPointChainSegment { hash: Hash256 },
    /// A header was sent as one of that chain and is not.
    #[error("expected headers of the selected chain below the pruning point alone, got {hash}")]
    UnexpectedPruningPointChainSegmentBlock { hash: Hash256 },
    /// A block of that chain whose selected parent is not among its known parents.
    #[error(
        "expected {parent}, the selected parent of the trusted block {hash}, among its parents"
    )]
    TrustedBlockSelectedParentMissing { hash: Hash256, parent: Hash256 },
    /// Trusted data that does not fit together. The reference would stop.
    #[error("expected trusted data of {hash} that names blocks before it; {what}")]
    TrustedDataInconsistent { hash: Hash256, what: &'static str },
    /// No past pruning point came.
    #[error("expected the headers of past pruning points, got none")]
    MissingPastPruningPoints,
    /// Past pruning points that do not go up.
    #[error(
        "expected past pruning point {index} to have a blue score above {previous}, it has {actual}"
    )]
    InconsistentPastPruningPoints { index: usize, previous: u64, actual: u64 },
    /// Past pruning points that repeat.
    #[error("expected past pruning points to be different, got {count} repetitions")]
    DuplicatedPastPruningPoints { count: usize },
    /// A past pruning point that nothing names came first where a named one should.
    #[error(
        "expected {expected}, which is named next, among the past pruning points, got {actual}"
    )]
    WrongPointedPruningPoint { expected: Hash256, actual: Hash256 },
    /// A past pruning point that the chain and the later points do not name.
    #[error("expected {hash} to be named by a header above it, it is not")]
    MissingPointedPruningPoint { hash: Hash256 },
    /// A point that is named and did not come.
    #[error("expected {hash}, which is named or is the genesis, among the past pruning points")]
    UnpointedPruningPoint { hash: Hash256 },
    /// The last of the past pruning points is not the one that was proven.
    #[error(
        "expected {expected}, which was proven, as the last of the pruning points, got {actual}"
    )]
    WrongLastPruningPoint { expected: Hash256, actual: Hash256 },
}

/// Why a proof that is right does not replace our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProofWeakness {
    /// From the last block that both have, ours has as much work or more.
    #[error("expected a proof with more blue work than our own, it has no more")]
    InsufficientBlueWork,
    /// They share no block, and it has no level deeper than ours.
    #[error(
        "expected a proof that shares blocks with our own or is deep on a higher level, it is neither"
    )]
    NotEnoughHeaders,
}
