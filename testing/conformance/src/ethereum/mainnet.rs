//! `mainnet/`: a real block of Ethereum with the accounts it reads.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
};

use alloy_consensus::Header;
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::{Address, B256, Bytes, TxKind, U256};
use quintet_evm::{
    execute::{Session, Transaction, UnsignedTransaction},
    schedule::{Fork, Rules},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    lies_in,
    world::{World, Written},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// What the chain says of the blocks of the vectors, which the files leave out.
const GAS_USED: [(u64, u64); 1] = [(22_546_209, 0)];

pub(super) struct MainnetBlocks;

impl Suite for MainnetBlocks {
    fn name(&self) -> &'static str {
        "mainnet"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "mainnet") && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        match file.own_name() {
            "block.json" => report.case(name, || check(file)),
            // Read with the block beside it; here only whether they can be read.
            "txs.json" => report.case(name, || read::<Vec<CaseTransaction>>(file).map(drop)),
            _ => report.case(name, || read::<BTreeMap<Address, Written>>(file).map(drop)),
        }
    }
}
