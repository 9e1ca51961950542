//! `quintet rollup` on real blocks, and against an L1 that is served to it.

use std::sync::{Arc, Mutex};

use quintet_rollup_node::testing::{Batcher, FakeNode, MadeL1, Manners, Sequencer};
use serde_json::Value;

use crate::{
    quintet::{Ended, Home},
    vectors::rollup_file,
};

/// A rollup on a made L1, with its files in a home.
#[derive(Debug)]
pub(crate) struct Rollup {
    pub(crate) sequencer: Sequencer,
    pub(crate) node: FakeNode,
    chain: String,
    genesis: String,
    epochs: u64,
}

impl Rollup {
    /// Makes a chain of some L1 blocks, each with three L2 blocks posted in the next.
    pub(crate) fn new(home: &Home, epochs: u64, manners: Manners) -> Self {
        let mut l1 = MadeL1::default();
        let inbox = "0xff00000000000000000000000000000000000901".parse().unwrap();
        let mut batcher = Batcher::new(900, inbox);
        let mut sequencer = Sequencer::new(&l1, batcher.address()).unwrap();
        for epoch in 0..epochs {
            let mut batches = Vec::new();
            while (sequencer.head().number + 1) / 3 <= epoch {
                batches.push(sequencer.next(&l1, 2).unwrap());
            }
            let pieces = batcher.channel(&batches, None);
            let post = batcher.calldata(&pieces);
            l1.mine(post.transactions, Vec::new(), post.blobs);
        }
        let chain = home.write("rollup.json", sequencer.rollup_json());
        let genesis = home.write("genesis.json", &sequencer.genesis_json());
        let node = FakeNode::start(Arc::new(Mutex::new(l1)), manners).unwrap();
        Self { sequencer, node, chain, genesis, epochs }
    }

    /// The command that derives and executes all of it into a directory.
    pub(crate) fn arguments(&self, dir: &str) -> Vec<String> {
        let to = self.epochs.to_string();
        let url = self.node.url();
        let (chain, genesis) = (self.chain.as_str(), self.genesis.as_str());
        ["rollup", "derive", "--chain", chain, "--l1", &url, "--execute", "--genesis", genesis]
            .into_iter()
            .chain(["--data-dir", dir, "--to", &to, "--quiet"])
            .map(str::to_owned)
            .collect()
    }

    /// Asserts that blocks that were printed are the sequencer's, and returns how many there were.
    pub(crate) fn assert_blocks(&self, out: &str) -> usize {
        let hashes: Vec<_> = self.sequencer.blocks().map(|block| block.hash.to_string()).collect();
        let mut count = 0;
        // The last line of a process that was killed may be cut off.
        for line in out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
            if line["event"] == "block" {
                let number = usize::try_from(line["number"].as_u64().unwrap()).unwrap();
                assert_eq!(line["hash"].as_str(), Some(hashes[number].as_str()), "{line}");
                count += 1;
            }
        }
        count
    }
}

fn lines(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{ended:?}");
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn real_l1_blocks_lead_to_the_real_l2_blocks() {
    let (Some(l1), Some(l2)) = (
        rollup_file("derive/op-mainnet-l1-18090205-18090218.json.gz"),
        rollup_file("derive/op-mainnet-l2-109279674-109279685.json"),
    ) else {
        return;
    };
    let home = Home::new();
    let ended = home.run(&[
        "rollup",
        "derive",
        "--chain",
        "op-mainnet",
        "--l1",
        &l1.path,
        "--start",
        &l2.path,
        "--quiet",
    ]);
    let lines = lines(&ended);
    let real: Value = serde_json::from_slice(&std::fs::read(&l2.path).unwrap()).unwrap();
    let mut compared = 0;
    for item in real["l2"].as_array().unwrap().iter().skip(1) {
        let block = &item["block"];
        let number = block["number"].as_str().unwrap();
        let number = u64::from_str_radix(&number[2..], 16).unwrap();
        let found = lines.iter().find(|line| line["number"] == number).unwrap();
        assert_eq!(found["transactions_root"], block["transactionsRoot"]);
        assert_eq!(found["parent_hash"], block["parentHash"]);
        assert_eq!(found["hash"], Value::Null, "nothing was executed");
        compared += 1;
    }
    assert_eq!(compared, 11);
    let end = lines.last().unwrap();
    assert_eq!((&end["event"], &end["stopped"]), (&"end".into(), &false.into()));
    assert!(end["stats"]["receipts"].as_u64().unwrap() <= 3, "{end}");
}

#[test]
fn a_chain_is_derived_and_executed_and_gone_on_with() {
    let home = Home::new();
    let rollup = Rollup::new(&home, 6, Manners::default());
    let dir = home.path("data");
    let arguments = rollup.arguments(&dir);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let first = home.run(&arguments);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(rollup.assert_blocks(&first.out), rollup.sequencer.blocks().count() - 1);
    let again = lines(&home.run(&arguments));
    assert_eq!(again.len(), 1, "nothing was left to do: {again:?}");
    assert_eq!(again[0]["safe"]["hash"], rollup.sequencer.head().hash.to_string());
}

#[test]
fn a_real_block_is_executed_to_its_hash() {
    let Some(file) = rollup_file("exec/10-132795025.json.gz") else { return };
    let line = Home::new().json(&["rollup", "execute", &file.path, "--json"]);
    assert_eq!(line["hash"], "0x9120de2b818f1dbb7435ba7b880f0d12240436d83ca97231a2230a645e827382");
    assert_eq!(line["transactions"], 18);
}

#[test]
fn what_cannot_be_meant_is_a_usage_error() {
    let home = Home::new();
    let l1 = ["--l1", "http://127.0.0.1:1"];
    for (args, expected) in [
        (&["rollup"][..], "expected what to do"),
        (&["rollup", "derive", "--chain", "op-manet", "--l1", "http://h"], "one of op-mainnet"),
        (&["rollup", "derive", "--chain", "op-mainnet", "--from", "5", l1[0], l1[1]], "17422590"),
        (&["rollup", "derive", "--chain", "op-mainnet", l1[0], "a", l1[0], "b"], "or one file"),
        (&["rollup", "derive", "--chain", "op-mainnet", l1[0], l1[1], "--execute"], "--genesis"),
    ] {
        let ended = home.run(args);
        assert_eq!(ended.code, Some(2), "{args:?}: {ended:?}");
        assert!(ended.err.contains(expected), "{args:?}: {}", ended.err);
    }
}
