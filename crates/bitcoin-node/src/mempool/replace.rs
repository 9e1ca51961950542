//! Taking the place of others: only for more money, wherever a block may end.
//!
//! **Spec:** Bitcoin Core, `policy/rbf.cpp`: `EntriesAndTxidsDisjoint`, `GetEntriesForConflicts`, `PaysForRBF`, `ImprovesFeerateDiagram`.

use std::{cmp::Ordering, collections::BTreeSet};

use bitcoin::Txid;

use super::{
    Entry, Mempool, Refusal,
    clusters::{Node, compare_diagrams, linearise},
};

/// Clusters a replacement may touch.
const CLUSTERS_MAX: usize = 100;

/// Checks a transaction that spends what others in the pool spend; returns what goes.
pub(super) fn check(
    pool: &Mempool,
    entry: &Entry,
    conflicts: &BTreeSet<Txid>,
) -> Result<BTreeSet<Txid>, Refusal> {
    let txid = entry.txid();
    let ancestors = pool.with_ancestors(entry.tx().inputs().map(|input| input.previous.txid));
    if let Some(both) = ancestors.intersection(conflicts).next() {
        return Err(Refusal::with(
            "bad-txns-spends-conflicting-tx",
            format!("{txid} spends conflicting transaction {both}"),
        ));
    }
    let mut clusters = 0;
    let mut seen = BTreeSet::new();
    for conflict in conflicts {
        if !seen.contains(conflict) {
            clusters += 1;
            seen.extend(pool.cluster(conflict));
        }
    }
    if clusters > CLUSTERS_MAX {
        return Err(Refusal::with(
            "too many potential replacements",
            format!(
                "rejecting replacement {txid}; too many conflicting clusters ({clusters} > {CLUSTERS_MAX})"
            ),
        ));
    }
    let replaced = pool.with_descendants(conflicts.iter().copied());
    pays(pool, entry, &replaced)?;
    improves(pool, entry, &replaced, &seen)?;
    Ok(replaced)
}

/// It pays what they paid, and for its own relay.
fn pays(pool: &Mempool, entry: &Entry, replaced: &BTreeSet<Txid>) -> Result<(), Refusal> {
    let txid = entry.txid();
    let old: i64 = replaced
        .iter()
        .filter_map(|txid| pool.get(txid))
        .fold(0, |sum: i64, entry| sum.saturating_add(entry.fraction().fee));
    let fee = entry.fraction().fee;
    if fee < old {
        return Err(Refusal::with(
            "insufficient fee",
            format!(
                "rejecting replacement {txid}, less fees than conflicting txs; {} < {}",
                btc(fee),
                btc(old)
            ),
        ));
    }
    let needed = pool.options().policy.incremental.fee(entry.vsize());
    let needed = i64::try_from(needed).unwrap_or(i64::MAX);
    let more = fee.saturating_sub(old);
    if more < needed {
        return Err(Refusal::with(
            "insufficient fee",
            format!(
                "rejecting replacement {txid}, not enough additional fees to relay; {} < {}",
                btc(more),
                btc(needed)
            ),
        ));
    }
    Ok(())
}

/// What a block of any size could collect grows somewhere and shrinks nowhere.
fn improves(
    pool: &Mempool,
    entry: &Entry,
    replaced: &BTreeSet<Txid>,
    touched: &BTreeSet<Txid>,
) -> Result<(), Refusal> {
    let mut touched = touched.clone();
    for input in entry.tx().inputs() {
        touched.extend(pool.cluster(&input.previous.txid));
    }
    let old: Vec<Node> = touched.iter().filter_map(|txid| pool.get(txid)).map(Node::of).collect();
    let mut new: Vec<Node> =
        old.iter().filter(|node| !replaced.contains(&node.txid)).cloned().collect();
    let parents = entry.tx().inputs().map(|input| input.previous.txid);
    let parents = parents.filter(|txid| touched.contains(txid)).collect();
    new.push(Node { txid: entry.txid(), fraction: entry.fraction(), parents });
    let fractions =
        |nodes: &[Node]| linearise(nodes).iter().map(|chunk| chunk.fraction).collect::<Vec<_>>();
    if compare_diagrams(&fractions(&new), &fractions(&old)) != Some(Ordering::Greater) {
        return Err(Refusal::with(
            "replacement-failed",
            "insufficient feerate: does not improve feerate diagram",
        ));
    }
    Ok(())
}

/// Satoshis as bitcoins, the way Bitcoin Core's `FormatMoney` prints them: at least two digits behind the point.
fn btc(satoshis: i64) -> String {
    let all = satoshis.unsigned_abs();
    let mut text = format!("{}.{:08}", all / 100_000_000, all % 100_000_000);
    while text.ends_with('0') && !text[text.len() - 3..].starts_with('.') {
        text.pop();
    }
    if satoshis < 0 { format!("-{text}") } else { text }
}
