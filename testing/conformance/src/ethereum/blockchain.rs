//! `blockchain/`: chains of blocks, good and bad, from a genesis to a head.

use std::{collections::BTreeMap, path::Path};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes};
use alloy_rlp::Decodable;
use quintet_evm::{
    block::{self, BlockError},
    schedule::Schedule,
};
use serde::Deserialize;

use super::{
    exceptions,
    importer::Importer,
    lies_in,
    world::{World, Written},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct BlockchainTests;

impl Suite for BlockchainTests {
    fn name(&self) -> &'static str {
        "blockchain"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "blockchain") && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let cases: BTreeMap<String, serde_json::Value> = match serde_json::from_slice(&file.bytes) {
            Ok(cases) => cases,
            Err(error) => {
                report.unreadable = Some(format!("expected tests by name: {error}"));
                return;
            }
        };
        for (name, case) in cases {
            let name = format!("{}: {name}", file.name.display());
            report.json_case(name, case, |case: Case| case.check());
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    network: String,
    #[serde(rename = "genesisRLP")]
    genesis_rlp: Bytes,
    genesis_block_header: serde_json::Value,
    pre: BTreeMap<Address, Written>,
    blocks: Vec<CaseBlock>,
    lastblockhash: B256,
    post_state: Option<BTreeMap<Address, Written>>,
    post_state_hash: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CaseBlock {
    rlp: Bytes,
    expect_exception: Option<String>,
    block_header: Option<CaseHeader>,
}

#[derive(Deserialize)]
struct CaseHeader {
    hash: B256,
}

impl Case {
    fn check(self) -> Result<(), Mismatch> {
        let schedule = Schedule::named(&self.network)
            .ok_or_else(|| Mismatch::new("network", "a known name", &self.network))?;
        let genesis = self.genesis()?;
        let world = World::new(self.pre);
        expect_eq("state root of the genesis", genesis.state_root, world.root())?;
        let mut chain = Importer::new(schedule, genesis, world);
        for (index, block) in self.blocks.iter().enumerate() {
            block.check(&mut chain).map_err(|mismatch| Mismatch {
                what: format!("block {index}: {}", mismatch.what),
                ..mismatch
            })?;
        }
        expect_eq("head", self.lastblockhash, chain.head())?;
        let world = chain.world().ok_or_else(|| Mismatch::new("state", "one", "none"))?;
        if let Some(root) = self.post_state_hash {
            expect_eq("state root", root, world.root())?;
        }
        self.post_state.map_or(Ok(()), |expected| world.expect(expected))
    }

    /// Reads the genesis block. Its body is empty; its header may be older than the network's fork says.
    fn genesis(&self) -> Result<Header, Mismatch> {
        let mut bytes = self.genesis_rlp.as_ref();
        let failed = |error: String| Mismatch::new("genesisRLP", "a block", error);
        let block =
            <block::Block>::decode(&mut bytes).map_err(|error| failed(error.to_string()))?;
        let hash = self.genesis_block_header.get("hash").and_then(|hash| hash.as_str());
        let actual = block.header.hash_slow().to_string();
        expect_eq("hash of the genesis", hash, Some(actual.as_str()))?;
        Ok(block.header)
    }
}

impl CaseBlock {
    /// Returns whether a transaction of the block is said to be at fault, not the header.
    fn blames_a_transaction(&self) -> bool {
        let names = self.expect_exception.as_deref().unwrap_or_default();
        ["TR_", "TransactionException.", "Sender"].iter().any(|prefix| names.starts_with(prefix))
    }

    fn check(&self, chain: &mut Importer) -> Result<(), Mismatch> {
        let mut imported = chain.import(&self.rlp);
        if let Err(BlockError::TransactionsRoot { expected, .. }) = imported {
            // Where a tool could not run a transaction it wrote the root of none. What is wrong with the
            // transaction shows when the header commits to it.
            if self.blames_a_transaction() {
                imported = chain.import_with_root(&self.rlp, expected);
            }
        }
        match (&self.expect_exception, &self.block_header, imported) {
            (Some(names), _, Err(error)) => exceptions::expect(names, &error),
            (None, None, Err(_)) => Ok(()),
            (Some(names), _, Ok(_)) => Err(Mismatch::new("expectException", names, "a good block")),
            (None, None, Ok(_)) => {
                Err(Mismatch::new("block without header", "a bad block", "a good one"))
            }
            (None, Some(header), Ok(hash)) => expect_eq("hash", header.hash, hash),
            (None, Some(_), Err(error)) => {
                Err(Mismatch::new("block", "a good one", error.to_string()))
            }
        }
    }
}
