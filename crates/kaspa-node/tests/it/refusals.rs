//! One block for each rule that consensus decides on, which breaks it, and is refused by its name.

use std::sync::{Arc, atomic::AtomicU64};

use quintet_kaspa_node::{consensus::Outcome, ports::BlockStatus};
use quintet_kaspa_protocol::{
    block::Block,
    hashing::hash_merkle_root,
    header::{BlueWork, LevelParents},
    params::Params,
    validation::{ORIGIN, RuleError},
};
use quintet_primitives::Hash256;

use super::lab::{Node, clock, params, refusal, spend};

const START: u64 = 60_000;

fn lab() -> (Params, Node) {
    let params = params(true);
    let now = params.genesis.timestamp + START;
    let node = Node::new(&params, clock(&Arc::new(AtomicU64::new(now))));
    for nonce in 0..8 {
        node.mine(nonce);
    }
    (params, node)
}

/// Submits the next block, changed, and returns what it is refused for.
fn refused(node: &Node, change: impl FnOnce(&mut Block)) -> RuleError {
    let mut block = node.template(vec![], 77);
    change(&mut block);
    refusal(node.consensus.submit_block(block).unwrap())
}

fn with_parents(block: &mut Block, parents: &[Hash256]) {
    let above = (1..block.header.parents.levels())
        .map(|level| block.header.parents.level(level).unwrap().to_vec());
    let levels = std::iter::once(parents.to_vec()).chain(above).collect::<Vec<_>>();
    block.header.parents = LevelParents::from_levels(levels).unwrap();
}

#[test]
fn headers_are_refused_for_the_first_rule_they_break() {
    let (params, node) = lab();
    let other = Hash256::new([7; 32]);
    let far = params.genesis.timestamp + START + 132_001;
    assert!(matches!(
        refused(&node, |block| block.header.version = 1),
        RuleError::WrongBlockVersion { expected: 2, actual: 1 }
    ));
    assert!(matches!(
        refused(&node, |block| block.header.timestamp = far),
        RuleError::TimeTooFarIntoTheFuture { actual, .. } if actual == far
    ));
    assert_eq!(refused(&node, |block| with_parents(block, &[])), RuleError::NoParents);
    assert!(matches!(
        refused(&node, |block| with_parents(block, &[other; 65])),
        RuleError::TooManyParents { max: 64, actual: 65 }
    ));
    assert_eq!(refused(&node, |block| with_parents(block, &[ORIGIN])), RuleError::OriginParent);
    assert_eq!(
        refused(&node, |block| with_parents(block, &[other])),
        RuleError::MissingParents { missing: vec![other] }
    );
    let sink = node.consensus.sink();
    let below = node.consensus.header(&sink).unwrap().unwrap().direct_parents()[0];
    assert_eq!(
        refused(&node, |block| with_parents(block, &[sink, below])),
        RuleError::InvalidParentsRelation { ancestor: below, descendant: sink }
    );
    assert!(matches!(
        refused(&node, |block| block.header.daa_score += 1),
        RuleError::UnexpectedHeaderDaaScore { .. }
    ));
    assert!(matches!(
        refused(&node, |block| block.header.bits -= 1),
        RuleError::UnexpectedDifficulty { .. }
    ));
    assert!(matches!(
        refused(&node, |block| block.header.blue_score += 1),
        RuleError::UnexpectedHeaderBlueScore { .. }
    ));
    assert!(matches!(
        refused(&node, |block| block.header.blue_work += BlueWork::from(1)),
        RuleError::UnexpectedHeaderBlueWork { .. }
    ));
    assert!(matches!(
        refused(&node, |block| block.header.timestamp = params.genesis.timestamp),
        RuleError::TimeTooOld { .. }
    ));
    assert!(matches!(
        refused(&node, |block| {
            let direct = block.header.direct_parents().to_vec();
            block.header.parents = LevelParents::from_levels([direct, vec![other]]).unwrap();
        }),
        RuleError::UnexpectedIndirectParents { .. }
    ));
}

#[test]
fn a_block_refused_for_good_is_remembered_and_so_is_what_builds_on_it() {
    let (_, node) = lab();
    let mut bad = node.template(vec![], 5);
    bad.header.blue_score += 1;
    let hash = bad.header.hash();
    assert!(matches!(
        refusal(node.consensus.submit_block(bad.clone()).unwrap()),
        RuleError::UnexpectedHeaderBlueScore { .. }
    ));
    assert_eq!(refusal(node.consensus.submit_block(bad).unwrap()), RuleError::KnownInvalid);
    assert_eq!(
        refused(&node, |block| with_parents(block, &[hash])),
        RuleError::InvalidParent { parent: hash }
    );
}

#[test]
fn a_proof_of_work_is_asked_for_where_it_counts() {
    let (mut params, maker) = lab();
    params.skip_proof_of_work = false;
    params.genesis.bits = 0x1b00_ffff;
    let now = params.genesis.timestamp + START;
    let strict = Node::new(&params, clock(&Arc::new(AtomicU64::new(now))));
    let mut block = maker.template(vec![], 0);
    block.header.bits = params.genesis.bits;
    assert_eq!(refusal(strict.consensus.submit_block(block).unwrap()), RuleError::InvalidPoW);
}

#[test]
fn bodies_are_refused_and_condemn_their_block_unless_another_body_may_do() {
    let (_, node) = lab();
    let rehash = |block: &mut Block| {
        block.header.hash_merkle_root = hash_merkle_root(&block.transactions);
    };
    let mut block = node.template(vec![], 1);
    let good = block.clone();
    block.transactions[0].payload[19] ^= 1;
    assert!(matches!(
        refusal(node.consensus.submit_block(block).unwrap()),
        RuleError::BadMerkleRoot { .. }
    ));
    assert_eq!(
        node.consensus.submit_block(good).unwrap(),
        Outcome::Accepted(BlockStatus::UtxoValid),
        "the right body comes later"
    );
    assert!(matches!(
        refused(&node, |block| {
            block.transactions[0].payload[0] ^= 1;
            rehash(block);
        }),
        RuleError::BadCoinbasePayloadBlueScore { .. }
    ));
    let mut block = node.template(vec![], 2);
    block.transactions[0].payload[8] ^= 1;
    rehash(&mut block);
    assert!(matches!(
        refusal(node.consensus.submit_block(block.clone()).unwrap()),
        RuleError::WrongSubsidy { .. }
    ));
    let hash = block.header.hash();
    assert_eq!(refusal(node.consensus.submit_block(block).unwrap()), RuleError::KnownInvalid);
    assert_eq!(
        refused(&node, |block| with_parents(block, &[hash])),
        RuleError::InvalidParent { parent: hash }
    );
    let (outpoint, entry) = node.utxos().remove(0);
    let mut locked = spend(node.consensus.params(), outpoint, &entry, 1);
    locked.lock_time = 1_000_000;
    assert!(matches!(
        refused(&node, |block| {
            block.transactions.push(locked);
            rehash(block);
        }),
        RuleError::TxInContextFailed { .. }
    ));
    assert!(matches!(
        refused(&node, |block| block.transactions.clear()),
        RuleError::NoTransactions
    ));
}

#[test]
fn a_body_waits_for_the_bodies_of_its_parents() {
    let (_, node) = lab();
    let parent = node.template(vec![], 1);
    let header = Arc::new(parent.header.clone());
    assert_eq!(
        node.consensus.submit_header(&header).unwrap(),
        Outcome::Accepted(BlockStatus::HeaderOnly)
    );
    let now = node.consensus.params().genesis.timestamp + START;
    let other = Node::new(node.consensus.params(), clock(&Arc::new(AtomicU64::new(now))));
    for nonce in 0..8 {
        other.mine(nonce);
    }
    other.take(&parent);
    let child = other.mine(3);
    let missing = vec![parent.header.hash()];
    assert_eq!(
        refusal(node.consensus.submit_block(child.clone()).unwrap()),
        RuleError::MissingParents { missing }
    );
    node.take(&parent);
    node.take(&child);
    assert_eq!(node.consensus.sink(), child.header.hash());
}

/// Submits the next block, changed, and returns why it is no chain block.
fn disqualified(node: &Node, change: impl FnOnce(&mut Block)) -> RuleError {
    let sink = node.consensus.sink();
    let mut block = node.template(vec![], 99);
    change(&mut block);
    block.header.hash_merkle_root = hash_merkle_root(&block.transactions);
    let hash = block.header.hash();
    let outcome = node.consensus.submit_block(block).unwrap();
    assert_eq!(outcome, Outcome::Accepted(BlockStatus::Disqualified));
    assert_eq!(node.consensus.sink(), sink, "the chain does not go there");
    node.consensus.disqualification(&hash).unwrap()
}

#[test]
fn chain_blocks_say_what_their_mergeset_leads_to() {
    let other = Hash256::new([7; 32]);
    let fresh = || lab().1;
    assert!(matches!(
        disqualified(&fresh(), |block| block.header.utxo_commitment = other),
        RuleError::BadUTXOCommitment { actual, .. } if actual == other
    ));
    assert!(matches!(
        disqualified(&fresh(), |block| block.header.accepted_id_merkle_root = other),
        RuleError::BadAcceptedIDMerkleRoot { actual, .. } if actual == other
    ));
    assert_eq!(
        disqualified(&fresh(), |block| block.transactions[0].outputs[0].value += 1),
        RuleError::BadCoinbaseTransaction
    );
    assert!(matches!(
        disqualified(&fresh(), |block| block.header.pruning_point = other),
        RuleError::WrongHeaderPruningPoint { actual, .. } if actual == other
    ));
    let node = fresh();
    let (outpoint, entry) = node.utxos().remove(0);
    let ripe = spend(node.consensus.params(), outpoint, &entry, 1);
    let mut bad = ripe.clone();
    bad.inputs[0].previous_outpoint.index = 9;
    assert_eq!(
        disqualified(&node, |block| block.transactions.extend([ripe, bad])),
        RuleError::InvalidTransactionsInUtxoContext { invalid: 1, total: 2 }
    );
}

#[test]
fn a_disqualified_block_is_merged_all_the_same() {
    let (_, node) = lab();
    let mut block = node.template(vec![], 99);
    block.header.utxo_commitment = Hash256::new([7; 32]);
    node.take(&block);
    let next = node.template(vec![], 100);
    assert!(!next.header.direct_parents().is_empty());
    node.take(&next);
    assert_eq!(node.consensus.sink(), next.header.hash());
}

#[test]
fn since_toccata_a_chain_block_names_its_selected_parent_first() {
    let (_, node) = lab();
    let twins = [node.template(vec![], 1), node.template(vec![], 2)];
    twins.iter().for_each(|block| node.take(block));
    let error = disqualified(&node, |block| {
        let mut parents = block.header.direct_parents().to_vec();
        assert_eq!(parents.len(), 2);
        parents.reverse();
        with_parents(block, &parents);
    });
    assert!(matches!(error, RuleError::WrongSelectedParentOrder { .. }));
}
