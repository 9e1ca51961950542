//! Clusters are put in the order a block takes them in, and diagrams compared as Bitcoin Core compares them.

use std::{cmp::Ordering, collections::BTreeSet};

use bitcoin::{Txid, hashes::Hash as _};
use quintet_bitcoin_protocol::policy::fee::FeeFraction;

use super::clusters::{Node, compare_diagrams, linearise};

fn txid(mark: u8) -> Txid {
    Txid::from_byte_array([mark; 32])
}

fn node(mark: u8, fee: i64, size: u64, parents: &[u8]) -> Node {
    let parents = parents.iter().map(|&mark| txid(mark)).collect::<BTreeSet<_>>();
    Node { txid: txid(mark), fraction: FeeFraction { fee, size }, parents }
}

#[test]
fn a_child_that_pays_carries_its_parent_and_one_that_does_not_is_left() {
    let chunks =
        linearise(&[node(1, 100, 100, &[]), node(2, 900, 100, &[1]), node(3, 50, 100, &[1])]);
    let marks: Vec<Vec<Txid>> = chunks.iter().map(|chunk| chunk.txids.clone()).collect();
    assert_eq!(marks, [vec![txid(1), txid(2)], vec![txid(3)]]);
    assert_eq!(chunks[0].fraction, FeeFraction { fee: 1_000, size: 200 });
}

#[test]
fn parents_come_before_children_whatever_they_pay() {
    let chunks = linearise(&[node(3, 9, 1, &[2]), node(2, 1, 1, &[1]), node(1, 5, 1, &[])]);
    let order: Vec<Txid> = chunks.into_iter().flat_map(|chunk| chunk.txids).collect();
    assert_eq!(order, [txid(1), txid(2), txid(3)]);
}

#[test]
fn a_diagram_is_better_only_if_it_is_nowhere_worse() {
    let chunk = |fee, size| FeeFraction { fee, size };
    let old = [chunk(1_000, 100), chunk(100, 100)];
    assert_eq!(
        compare_diagrams(&[chunk(2_000, 100), chunk(100, 100)], &old),
        Some(Ordering::Greater)
    );
    assert_eq!(compare_diagrams(&old, &old), Some(Ordering::Equal));
    assert_eq!(compare_diagrams(&[chunk(900, 100), chunk(900, 100)], &old), None);
    assert_eq!(compare_diagrams(&[chunk(1_000, 200)], &old), Some(Ordering::Less));
}
