//! The trie against alloy's, and against itself: in batches, in any order, on any threads.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, keccak256};
use alloy_trie::{HashBuilder, proof::ProofRetainer};
use proptest::{collection::vec, prelude::*};
use quintet_eth::trie::{
    EMPTY_ROOT, Entry, MemoryNodes, NodeUpdate, Nothing, TrieError, Updated, ordered_root, prove,
    root, update, verify_proof,
};

type Contents = BTreeMap<Vec<u8>, Vec<u8>>;

/// Keys that meet often, share long prefixes, and are hashes.
fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0_u8..40, 0_u8..3, any::<bool>()).prop_map(|(a, b, far)| {
            let mut key = vec![0x11; 32];
            key[if far { 3 } else { 31 }] = a;
            key[15] = b * 16;
            key
        }),
        2 => (0_u16..300).prop_map(|seed| keccak256(seed.to_be_bytes()).to_vec()),
    ]
}

/// Long values, and such that a node fits into its parent; none to remove.
fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => vec(any::<u8>(), 33..80),
        2 => vec(any::<u8>(), 1..4),
        3 => Just(Vec::new()),
    ]
}

fn batches(keys: impl Strategy<Value = Vec<u8>>) -> impl Strategy<Value = Vec<Contents>> {
    vec(proptest::collection::btree_map(keys, value(), 0..40), 1..8)
}

fn entries(contents: &Contents) -> Vec<Entry<'_>> {
    contents.iter().map(|(key, value)| Entry::new(key, value)).collect()
}

fn apply(contents: &mut Contents, batch: &Contents) {
    for (key, value) in batch {
        if value.is_empty() {
            contents.remove(key);
        } else {
            contents.insert(key.clone(), value.clone());
        }
    }
}

fn alloys_root(contents: &Contents) -> B256 {
    let mut builder = HashBuilder::default();
    for (key, value) in contents {
        builder.add_leaf(alloy_trie::Nibbles::unpack(key), value);
    }
    builder.root()
}

/// Changes `nodes` batch by batch; after each, root and nodes must be those of a trie built at once.
fn grow(batches: &[Contents]) -> (MemoryNodes, Contents) {
    let (mut nodes, mut contents) = (MemoryNodes::default(), Contents::new());
    for batch in batches {
        let updated: Updated<Vec<NodeUpdate>> =
            update(&nodes, nodes.root(), &entries(batch)).unwrap();
        nodes.apply(updated.nodes);
        apply(&mut contents, batch);
        assert_eq!(nodes.root(), updated.root);
        let whole: Updated<Vec<NodeUpdate>> =
            update(&Nothing, EMPTY_ROOT, &entries(&contents)).unwrap();
        assert_eq!(updated.root, whole.root);
        let mut built = MemoryNodes::default();
        built.apply(whole.nodes);
        let there: Vec<_> = nodes.iter().collect();
        let expected: Vec<_> = built.iter().collect();
        assert_eq!(there, expected, "nodes that are stored");
    }
    (nodes, contents)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn batches_lead_to_the_root_and_nodes_of_a_trie_built_at_once(batches in batches(key())) {
        let (nodes, contents) = grow(&batches);
        prop_assert_eq!(nodes.root(), alloys_root(&contents));
    }

    #[test]
    fn keys_of_unequal_length_and_keys_within_keys_do_as_well(batches in batches(vec(0_u8..3, 0..5))) {
        grow(&batches);
    }

    #[test]
    fn a_proof_is_the_one_another_implementation_makes_and_both_verify_it(batches in batches(key()), asked in key()) {
        let (nodes, contents) = grow(&batches);
        prop_assume!(!contents.is_empty());
        let (proof, value) = prove(&nodes, nodes.root(), &asked).unwrap();
        let target = alloy_trie::Nibbles::unpack(&asked);
        let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
        for (key, value) in &contents {
            builder.add_leaf(alloy_trie::Nibbles::unpack(key), value);
        }
        builder.root();
        let theirs: Vec<Bytes> = builder.take_proof_nodes().into_nodes_sorted().into_iter().map(|(_, node)| node).collect();
        // Theirs also names nodes that lie within their parents, which a proof does not repeat.
        let theirs: Vec<Bytes> = theirs.into_iter().enumerate().filter(|(at, node)| *at == 0 || node.len() >= 32).map(|(_, node)| node).collect();
        prop_assert_eq!(&proof, &theirs);
        let expected = contents.get(&asked).cloned();
        prop_assert_eq!(value, expected.clone().unwrap_or_default());
        prop_assert_eq!(verify_proof(nodes.root(), &asked, &proof), Ok(expected.clone()));
        alloy_trie::proof::verify_proof(nodes.root(), target, expected, &proof).unwrap();
    }

    #[test]
    fn a_proof_with_a_changed_missing_or_added_node_is_refused(batches in batches(key()), asked in key(), at in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let (nodes, contents) = grow(&batches);
        prop_assume!(!contents.is_empty());
        let (proof, _) = prove(&nodes, nodes.root(), &asked).unwrap();
        let mut changed: Vec<Vec<u8>> = proof.iter().map(|node| node.to_vec()).collect();
        let node = at.get(&proof).len();
        let bit = bit.index(node * 8);
        changed[at.index(proof.len())][bit / 8] ^= 1 << (bit % 8);
        verify_proof(nodes.root(), &asked, &changed).unwrap_err();
        verify_proof(nodes.root(), &asked, &proof[..proof.len() - 1]).unwrap_err();
        let mut longer = proof.clone();
        longer.push(proof[0].clone());
        verify_proof(nodes.root(), &asked, &longer).unwrap_err();
    }

    #[test]
    fn a_list_has_the_root_another_implementation_gives_it(items in vec(vec(any::<u8>(), 1..100), 0..300)) {
        let theirs = alloy_trie::root::ordered_trie_root_with_encoder(&items, |item, out| out.extend_from_slice(item));
        prop_assert_eq!(ordered_root(&items), theirs);
    }
}

#[test]
fn a_batch_large_enough_for_all_cores_has_the_root_of_small_ones() {
    let hash = |seed: u32| keccak256(seed.to_be_bytes()).to_vec();
    let contents: Contents = (0..5_000).map(|seed| (hash(seed), hash(!seed))).collect();
    assert_eq!(root(&entries(&contents)).unwrap(), alloys_root(&contents));
    let half = contents.iter().step_by(2).map(|(key, _)| (key.clone(), Vec::new())).collect();
    let again = (4_000..9_000).map(|seed| (hash(seed), hash(seed))).collect();
    let (nodes, contents) = grow(&[contents, half, again]);
    assert_eq!(nodes.root(), alloys_root(&contents));
}

#[test]
fn removing_everything_leaves_no_node() {
    let contents: Contents =
        (0_u8..100).map(|seed| (keccak256([seed]).to_vec(), vec![seed; 40])).collect();
    let none = contents.keys().map(|key| (key.clone(), Vec::new())).collect();
    let (nodes, _) = grow(&[contents, none]);
    assert_eq!((nodes.root(), nodes.iter().count()), (EMPTY_ROOT, 0));
}

#[test]
fn entries_out_of_order_or_twice_are_refused() {
    for keys in [[[2], [1]], [[1], [1]]] {
        let entries = keys.each_ref().map(|key| Entry::new(key, b"v"));
        assert!(matches!(root(&entries), Err(TrieError::Order { index: 1 })));
    }
    let long = [0; 33];
    assert!(matches!(root(&[Entry::new(&long, b"v")]), Err(TrieError::KeyLength { actual: 33 })));
}

#[test]
fn a_source_without_the_root_is_told_which_node_is_missing() {
    let root = B256::repeat_byte(1);
    let result = update::<_, Nothing>(&Nothing, root, &[Entry::new(b"k", b"v")]);
    assert!(matches!(result, Err(TrieError::Missing { hash, .. }) if hash == root));
}
