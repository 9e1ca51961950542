//! The tree of lanes against its definition and the reference's roots; commitments, diffs, proofs and imports.

use std::collections::BTreeMap;

use proptest::prelude::*;
use quintet_primitives::Hash256;

use super::*;
use crate::{
    hashing::seq_commit::{
        active_lane_leaf, active_lane_node, active_lane_single, lane_key, lane_tip,
        mergeset_context, seq_commit_merkle_root,
    },
    header::BlueWork,
    tx::SubnetworkId,
};

type Lanes = BTreeMap<Hash256, Lane>;

const fn hash(byte: u8) -> Hash256 {
    Hash256::new([byte; 32])
}

/// Keys that share many first bits as often as few.
fn keys() -> impl Strategy<Value = Hash256> {
    (0..4_usize, any::<[u8; 2]>(), prop::bool::ANY).prop_map(|(at, bytes, end)| {
        let mut key = [0x5a; 32];
        let at = if end { 30 } else { at * 7 };
        key[at] ^= bytes[0] & 3;
        key[at + 1] = bytes[1];
        Hash256::new(key)
    })
}

fn changes() -> impl Strategy<Value = Vec<(Hash256, Option<Lane>)>> {
    let lane =
        (any::<u8>(), 0..100_u64).prop_map(|(tip, blue_score)| Lane { tip: hash(tip), blue_score });
    prop::collection::vec((keys(), prop::option::weighted(0.7, lane)), 0..30)
}

/// The hash of a subtree by its definition.
fn defined(lanes: &[(&Hash256, &Lane)], depth: usize) -> Hash256 {
    match lanes {
        [] => (depth..256).fold(Hash256::default(), |below, _| active_lane_node(&below, &below)),
        [(key, lane)] => active_lane_single(key, &active_lane_leaf(&lane.tip, lane.blue_score)),
        _ => {
            let bit = |key: &Hash256| key.as_bytes()[depth / 8] >> (7 - depth % 8) & 1 == 1;
            let (right, left): (Vec<_>, Vec<_>) = lanes.iter().partition(|(key, _)| bit(key));
            active_lane_node(&defined(&left, depth + 1), &defined(&right, depth + 1))
        }
    }
}

fn defined_root(lanes: &Lanes) -> Hash256 {
    defined(&lanes.iter().collect::<Vec<_>>(), 0)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_tree_is_what_its_definition_says_after_any_changes(
        steps in prop::collection::vec(changes(), 1..6), oldest in 0..110_u64, other in keys(),
    ) {
        let (mut tree, mut lanes) = (LaneTree::new(), Lanes::new());
        for step in steps {
            let before = (tree.clone(), lanes.clone());
            for (key, lane) in &step {
                match lane {
                    Some(lane) => lanes.insert(*key, *lane),
                    None => lanes.remove(key),
                };
            }
            tree = tree.with(step);
            prop_assert_eq!(tree.root(), defined_root(&lanes));
            prop_assert_eq!(before.0.root(), defined_root(&before.1), "the old tree stays");
            prop_assert_eq!(tree.len(), lanes.len());
            prop_assert!(tree.iter().eq(lanes.iter().map(|(key, lane)| (*key, *lane))));
            let old = lanes.iter().filter(|(_, lane)| lane.blue_score < oldest);
            prop_assert!(tree.older_than(oldest).eq(old.map(|(key, lane)| (*key, *lane))));
            prop_assert_eq!(&LaneTree::from_lanes(lanes.clone()), &tree);
            for key in lanes.keys().chain([&other]) {
                let lane = lanes.get(key).copied();
                prop_assert_eq!(tree.get(key), lane);
                let leaf = lane.map(|lane| active_lane_leaf(&lane.tip, lane.blue_score));
                let proof = tree.prove(key);
                prop_assert_eq!(proof.root(key, leaf.as_ref()), Some(tree.root()));
                let lie = if leaf.is_some() { None } else { Some(hash(9)) };
                prop_assert_ne!(proof.root(key, lie.as_ref()), Some(tree.root()));
                prop_assert_ne!(proof.root(key, Some(&hash(8))), Some(tree.root()));
            }
        }
    }

    #[test]
    fn a_diff_is_done_and_undone_on_the_tree_it_was_made_of_alone(first in changes(), second in changes()) {
        let before = LaneTree::new().with(first);
        let after = before.with(second.clone());
        let last: BTreeMap<_, _> = second.into_iter().collect();
        let diff = LaneDiff::new(&before, last);
        prop_assert_eq!(&diff.apply(&before).unwrap(), &after);
        prop_assert_eq!(&diff.undo(&after).unwrap(), &before);
        if let Some(change) = diff.changes.first() {
            let [expected, actual] = [change.before, change.after].map(|lane| lane.map(|lane| lane.tip));
            let key = change.key;
            prop_assert_eq!(diff.apply(&after), Err(LaneDiffError { key, expected, actual }));
        }
    }
}

#[test]
fn agrees_with_the_roots_of_the_reference() {
    let known = |text: &str| text.parse::<Hash256>().unwrap();
    let key = |byte| lane_key(&SubnetworkId::new([byte; 20]));
    let lane = |tip, blue_score| Some(Lane { tip: hash(tip), blue_score });
    let tree = LaneTree::new().with([(key(1), lane(0xa1, 100)), (key(2), lane(0xb1, 100))]);
    assert_eq!(
        tree.root(),
        known("f15468c42075f688dbaea0f69981cc926378b650420b7d2bc0130cd7a1ffe793")
    );
    let tree = tree.with([(key(1), None)]);
    assert_eq!(
        tree.root(),
        known("d8917677bd93422c1b16069c558ad9e6fa6bb3c87243e7d997d55ad2a20cf35e")
    );
    let tree = tree.with([(key(2), lane(0xb2, 300)), (key(3), lane(0xc1, 300))]);
    assert_eq!(
        tree.root(),
        known("41b0f26695c13e32e0e0c1a8fdfacf2c0ced1e1c6e155120952edab8e257e744")
    );
}

fn context(blue_score: u64) -> LaneContext {
    LaneContext {
        parent_commitment: hash(0xaa),
        parent_timestamp: 1_700_000_000,
        daa_score: 100_000,
        blue_score,
        inactivity_shortcut: hash(0x55),
        finality_depth: 10,
    }
}

#[test]
fn a_lane_goes_on_from_its_tip_until_it_expires_and_then_from_the_parents_commitment() {
    let native = SubnetworkId::NATIVE;
    let key = lane_key(&native);
    let mut activity = Activity::new();
    activity.merge(&hash(1), &BlueWork::from(7), b"miner");
    activity.accept(native, &hash(2), 0);
    activity.accept(native, &hash(3), 1);
    assert_eq!(activity.accepted(), 2);
    let digest = seq_commit_merkle_root(
        [(hash(2), 0), (hash(3), 1)]
            .iter()
            .zip(0..)
            .map(|((id, version), at)| crate::hashing::seq_commit::activity_leaf(id, *version, at))
            .collect(),
    );
    let tip = |last: &Hash256, blue_score| {
        lane_tip(last, &key, &digest, &mergeset_context(1_700_000_000, 100_000, blue_score))
    };
    let first = context(50).commit(&LaneTree::new(), &activity);
    let lane = Lane { tip: tip(&hash(0xaa), 50), blue_score: 50 };
    assert_eq!(first.tree.get(&key), Some(lane), "a new lane");
    let again = context(60).commit(&first.tree, &activity);
    let next = Lane { tip: tip(&lane.tip, 60), blue_score: 60 };
    assert_eq!(again.tree.get(&key), Some(next), "active at just the finality depth");
    let anew = context(61).commit(&first.tree, &activity);
    let next = Lane { tip: tip(&hash(0xaa), 61), blue_score: 61 };
    assert_eq!(anew.tree.get(&key), Some(next), "one blue score later it begins anew");
    let idle = Activity::new();
    assert_eq!(context(60).commit(&first.tree, &idle).tree, first.tree);
    let gone = context(61).commit(&first.tree, &idle);
    assert!(gone.tree.is_empty());
    assert_eq!(gone.diff.undo(&gone.tree).as_ref(), Ok(&first.tree));
    assert_ne!(
        LaneContext { inactivity_shortcut: hash(0x56), ..context(60) }
            .commit(&first.tree, &idle)
            .commitment,
        context(60).commit(&first.tree, &idle).commitment
    );
}

#[test]
fn lanes_of_a_peer_are_taken_if_they_are_those_of_the_header_and_refused_for_each_reason() {
    let mut activity = Activity::new();
    for lane in 1..=5 {
        activity.accept(SubnetworkId::new([lane; 20]), &hash(lane), 1);
    }
    let context = context(60);
    let made = context.commit(&LaneTree::new(), &activity);
    let good = LaneMetadata {
        lanes_root: made.tree.root(),
        payload_and_context: made.payload_and_context,
        parent_commitment: context.parent_commitment,
        active_lanes: 5,
    };
    let check = |metadata: LaneMetadata| {
        metadata.check(&made.commitment, &context.parent_commitment, &context.inactivity_shortcut)
    };
    assert_eq!(check(good), Ok(()));
    assert_eq!(
        check(LaneMetadata { parent_commitment: hash(1), ..good }),
        Err(LaneImportError::ParentCommitment {
            expected: context.parent_commitment,
            actual: hash(1)
        })
    );
    for bad in [
        LaneMetadata { lanes_root: hash(1), ..good },
        LaneMetadata { payload_and_context: hash(1), ..good },
    ] {
        assert!(matches!(check(bad), Err(LaneImportError::Commitment { .. })));
    }
    let lanes: Vec<_> = made.tree.iter().collect();
    let import = |metadata, lanes: &[(Hash256, Lane)]| {
        let mut import = LaneImport::new(metadata, 60, 10, 100)?;
        import.push(lanes.iter().copied())?;
        import.finish()
    };
    assert_eq!(import(good, &lanes), Ok(made.tree.clone()));
    let many = LaneMetadata { active_lanes: 101, ..good };
    let announced = LaneImportError::TooManyAnnounced { max: 100, actual: 101 };
    assert_eq!(import(many, &lanes), Err(announced));
    let fewer = LaneImportError::Count { expected: 5, actual: 4 };
    assert_eq!(import(good, &lanes[..4]), Err(fewer));
    let more = LaneMetadata { active_lanes: 4, ..good };
    assert_eq!(import(more, &lanes), Err(LaneImportError::Count { expected: 4, actual: 5 }));
    let unsorted = LaneImportError::Order { previous: lanes[1].0, actual: lanes[0].0 };
    assert_eq!(import(good, &[lanes[1], lanes[0]]), Err(unsorted));
    let mut other = lanes;
    other[2].1.tip = hash(0);
    assert!(matches!(import(good, &other), Err(LaneImportError::Root { .. })));
    other[2].1.blue_score = 49;
    let inactive = LaneImportError::Inactive { from: 50, to: 60, actual: 49 };
    assert_eq!(import(good, &other), Err(inactive));
}
