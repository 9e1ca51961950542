//! Clusters: transactions that hang together, in the order in which a block would take them.
//!
//! ```text
//!   cluster ──► linearise: again and again the set of a transaction and its ancestors that pays best
//!           ──► chunks: neighbours are put together while the later pays better than the earlier
//!           ──► all chunks of all clusters in one order: the best for a block, the worst for eviction
//! ```
//!
//! **Spec:** Bitcoin Core, `cluster_linearize.h`, `ChunkLinearization`, `CompareChunks`.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use bitcoin::Txid;
use quintet_bitcoin_protocol::policy::fee::FeeFraction;

use super::Entry;

/// Transactions of a cluster, transactions.
pub const CLUSTER_MAX: usize = 64;
/// Size of a cluster, virtual bytes.
pub const CLUSTER_VSIZE_MAX: u64 = 101_000;

/// Transactions that are taken or left together, parents first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// What they pay for what size.
    pub fraction: FeeFraction,
    /// The transactions.
    pub txids: Vec<Txid>,
}

/// A chunk's place among all: by rate, then by age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rank {
    pub(super) fraction: FeeFraction,
    pub(super) number: u64,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        self.fraction.compare(&other.fraction).then(other.number.cmp(&self.number))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A transaction as far as the order is concerned.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) txid: Txid,
    pub(super) fraction: FeeFraction,
    pub(super) parents: BTreeSet<Txid>,
}

impl Node {
    pub(super) fn of(entry: &Entry) -> Self {
        Self { txid: entry.txid(), fraction: entry.fraction(), parents: entry.parents.clone() }
    }
}

/// Puts transactions into the order a block takes them in, and into chunks. `nodes` are all of a cluster, or of several.
pub(super) fn linearise(nodes: &[Node]) -> Vec<Chunk> {
    let index: HashMap<Txid, usize> =
        nodes.iter().enumerate().map(|(at, node)| (node.txid, at)).collect();
    let parents: Vec<Vec<usize>> = nodes
        .iter()
        .map(|node| node.parents.iter().filter_map(|txid| index.get(txid).copied()).collect())
        .collect();
    let mut placed = vec![false; nodes.len()];
    let mut chunks: Vec<Chunk> = Vec::new();
    for _ in 0..nodes.len() {
        let mut best: Option<(FeeFraction, Vec<usize>)> = None;
        for at in 0..nodes.len() {
            if placed[at] {
                continue;
            }
            let set = ancestors(at, &parents, &placed);
            let sum =
                set.iter().fold(FeeFraction::default(), |sum, &at| sum.plus(nodes[at].fraction));
            let better = best.as_ref().is_none_or(|(least, chosen)| {
                sum.compare(least).then(chosen.len().cmp(&set.len())).is_gt()
            });
            if better {
                best = Some((sum, set));
            }
        }
        let Some((_, set)) = best else { break };
        for at in set {
            placed[at] = true;
            let node = &nodes[at];
            push(&mut chunks, Chunk { fraction: node.fraction, txids: vec![node.txid] });
        }
    }
    chunks
}

/// Adds a chunk at the end, and puts it together with those before that pay no better.
fn push(chunks: &mut Vec<Chunk>, mut chunk: Chunk) {
    while let Some(last) = chunks.pop_if(|last| last.fraction.compare(&chunk.fraction).is_lt()) {
        let fraction = last.fraction.plus(chunk.fraction);
        let mut txids = last.txids;
        txids.append(&mut chunk.txids);
        chunk = Chunk { fraction, txids };
    }
    chunks.push(chunk);
}

/// Returns a transaction and those it needs that are not placed, parents first.
fn ancestors(at: usize, parents: &[Vec<usize>], placed: &[bool]) -> Vec<usize> {
    let mut seen = vec![false; parents.len()];
    let mut order = Vec::new();
    let mut stack = vec![(at, false)];
    while let Some((at, done)) = stack.pop() {
        if done {
            order.push(at);
            continue;
        }
        if seen[at] || placed[at] {
            continue;
        }
        seen[at] = true;
        stack.push((at, true));
        stack.extend(parents[at].iter().map(|&parent| (parent, false)));
    }
    order
}

/// Compares what a block of any size could collect out of two sets of chunks: `None` if neither is better everywhere.
///
/// **Spec:** Bitcoin Core, `CompareChunks`.
pub(super) fn compare_diagrams(left: &[FeeFraction], right: &[FeeFraction]) -> Option<Ordering> {
    let points = |chunks: &[FeeFraction]| {
        let mut sorted = chunks.to_vec();
        sorted.sort_by(|a, b| b.compare(a));
        let mut sum = FeeFraction::default();
        let mut points = vec![sum];
        for chunk in sorted {
            sum = sum.plus(chunk);
            points.push(sum);
        }
        points
    };
    let (left, right) = (points(left), points(right));
    let mut outcome = Ordering::Equal;
    for (mine, theirs, sign) in
        [(&left, &right, Ordering::Greater), (&right, &left, Ordering::Less)]
    {
        for point in mine {
            let seen = above(point, theirs);
            let seen = if sign == Ordering::Greater { seen } else { seen.reverse() };
            match (outcome, seen) {
                (_, Ordering::Equal) => {}
                (Ordering::Equal, _) => outcome = seen,
                (before, now) if before == now => {}
                _ => return None,
            }
        }
    }
    Some(outcome)
}

/// Compares a point with a diagram: greater if it lies above.
fn above(point: &FeeFraction, diagram: &[FeeFraction]) -> Ordering {
    let Some(after) = diagram.iter().position(|other| other.size >= point.size) else {
        // Beyond its end a diagram goes on level.
        return diagram.last().map_or(Ordering::Equal, |last| point.fee.cmp(&last.fee));
    };
    let right = diagram[after];
    if right.size == point.size {
        return point.fee.cmp(&right.fee);
    }
    let Some(left) = after.checked_sub(1).map(|before| diagram[before]) else {
        return Ordering::Equal;
    };
    let (rise, run) = (i128::from(right.fee - left.fee), i128::from(right.size - left.size));
    let (up, along) = (i128::from(point.fee - left.fee), i128::from(point.size - left.size));
    (up * run).cmp(&(rise * along))
}

/// All chunks, ordered.
pub(super) type Order = BTreeMap<Rank, Chunk>;
