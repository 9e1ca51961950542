//! What a consensus says of a block, and of the virtual block, in words both share.

use quintet_primitives::Hash256;

/// What became of a block.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is there, with a status.
    Present(Status),
    /// It was refused: the rule's name, and the transaction's rule's where there is one.
    Refused(String),
}

/// Status of a block that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// A header alone.
    HeaderOnly,
    /// A body whose chain was not looked at.
    Pending,
    /// Valid as a chain block.
    Valid,
    /// Not valid as a chain block.
    Disqualified,
    /// Invalid.
    Invalid,
    /// Not known, or not any more.
    Absent,
}

/// The virtual block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Virtual {
    /// Its parents, the sink first.
    pub parents: Vec<Hash256>,
    /// The blue blocks it merges, in order.
    pub blues: Vec<Hash256>,
    /// The red ones.
    pub reds: Vec<Hash256>,
    /// Its blue score.
    pub blue_score: u64,
    /// Its blue work, little-endian.
    pub blue_work: [u8; 24],
    /// Its DAA score.
    pub daa_score: u64,
    /// Its bits.
    pub bits: u32,
    /// Its past median time.
    pub median_time: u64,
    /// The hash of its UTXO set.
    pub commitment: Hash256,
    /// What a block on top must say of accepted transactions.
    pub accepted: Hash256,
    /// The pruning point.
    pub pruning_point: Hash256,
}

impl Virtual {
    /// Tells which parts differ.
    pub fn differences(&self, theirs: &Self) -> String {
        let lines =
            |state: &Self| format!("{state:#?}").lines().map(str::to_owned).collect::<Vec<_>>();
        let (ours, theirs) = (lines(self), lines(theirs));
        let apart = ours.iter().zip(&theirs).filter(|(a, b)| a != b).take(12);
        let apart = apart.map(|(a, b)| format!("\n  quintet {}, reference {}", a.trim(), b.trim()));
        format!("{} and {} lines{}", ours.len(), theirs.len(), apart.collect::<String>())
    }
}

/// Returns the name of an enum's variant, from its debug form.
pub fn variant(debug: &str) -> &str {
    debug.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default()
}
