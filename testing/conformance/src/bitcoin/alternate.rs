//! `*_alt.json`: another chain on top of a network's genesis, of real work, as times and nonces.
//!
//! Every block but for these two numbers is what Core's functional test `mining_mainnet.py` says: a coinbase with its
//! height, paying 50 bitcoins to one key hash.

use std::{path::Path, sync::Arc};

use bitcoin::{
    BlockHash, TxMerkleNode,
    block::{Header, Version},
    hashes::Hash,
};
use quintet_bitcoin_protocol::{
    Transaction,
    header::{HeaderId, HeaderTree},
    network::Params,
};
use quintet_primitives::hex;
use serde::Deserialize;

use super::is_named;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Whom the coinbases pay.
const SCRIPT_PUBKEY: &str = "76a914eadbac7f36c37e39361168b7aaee3cb24a25312d88ac";

/// A time after that of every block of the vectors, Unix seconds.
const NOW: u64 = u32::MAX as u64;

pub(super) struct Alternate;

impl Suite for Alternate {
    fn name(&self) -> &'static str {
        "alternate"
    }

    fn claims(&self, name: &Path) -> bool {
        is_named(name, "", "_alt.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let network = file.name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let network = network.trim_end_matches("_alt.json");
        let network = if network == "mainnet" { "main" } else { network };
        let Some(params) = Params::by_name(network) else {
            report.unreadable = Some("expected a name that begins with a network".to_owned());
            return;
        };
        match serde_json::from_slice::<Chain>(&file.bytes) {
            Ok(chain) => chain.run(file, params, report),
            Err(error) => report.unreadable = Some(format!("expected times and nonces: {error}")),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    timestamps: Vec<u32>,
    nonces: Vec<u32>,
}

impl Chain {
    fn run(&self, file: &File, params: Params, report: &mut Report) {
        let name = file.name.display();
        report.case(format!("{name}: lists"), || {
            expect_eq("nonces", self.timestamps.len(), self.nonces.len())
        });
        let interval = params.retarget_interval();
        let mut tree = HeaderTree::new(Arc::new(params), 0);
        let mut tip = HeaderId::GENESIS;
        for (&time, &nonce) in self.timestamps.iter().zip(&self.nonces) {
            let height = tree.height(tip) + 1;
            report.case(format!("{name}: height {height}"), || {
                let header = Header {
                    version: Version::from_consensus(0x2000_0000),
                    prev_blockhash: tree.hash(tip),
                    merkle_root: merkle_root(height)?,
                    time,
                    bits: tree.next_bits(tip, time),
                    nonce,
                };
                // With a wrong nonce the chain does not go on, and all that follow fail.
                tip = tree
                    .insert(&header, NOW)
                    .map_err(|error| Mismatch::new(error.reject_reason(), "accepted", error))?;
                expect_eq("height", height, tree.height(tip))
            });
        }
        // Blocks two minutes apart make the first retarget go as far as it may.
        report.case(format!("{name}: first retarget"), || {
            let first = tree.ancestor(tip, interval).map(|id| tree.bits(id).to_consensus());
            expect_eq("bits", Some(0x1c3f_ffc0), first)
        });
    }
}

/// Returns the Merkle root of a block with nothing but its coinbase.
fn merkle_root(height: u32) -> Result<TxMerkleNode, Mismatch> {
    let script_pubkey = hex::decode(SCRIPT_PUBKEY)
        .map_err(|error| Mismatch::new("script", "hexadecimal digits", error.to_string()))?;
    let script = bip34_script(height);
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or_default();
    let mut tx = vec![2, 0, 0, 0, 1];
    tx.extend_from_slice(BlockHash::all_zeros().as_byte_array());
    tx.extend_from_slice(&[0xff; 4]);
    tx.push(length(&script));
    tx.extend_from_slice(&script);
    tx.extend_from_slice(&[0xff; 4]);
    tx.push(1);
    tx.extend_from_slice(&5_000_000_000u64.to_le_bytes());
    tx.push(length(&script_pubkey));
    tx.extend_from_slice(&script_pubkey);
    tx.extend_from_slice(&[0; 4]);
    let tx = Transaction::decode(tx)
        .map_err(|error| Mismatch::new("coinbase", "a transaction", error.to_string()))?;
    Ok(TxMerkleNode::from_byte_array(*tx.view().txid().as_byte_array()))
}

/// Returns a coinbase script that begins with the height (BIP-0034), at least two bytes long.
fn bip34_script(height: u32) -> Vec<u8> {
    if let Ok(small @ 1..=16) = u8::try_from(height) {
        return vec![0x50 + small, 0];
    }
    let mut number: Vec<u8> = height.to_le_bytes().into();
    while number.len() > 1 && number.ends_with(&[0]) {
        number.pop();
    }
    // The highest bit is the sign.
    if number.last().is_some_and(|last| last & 0x80 != 0) {
        number.push(0);
    }
    let mut script = vec![u8::try_from(number.len()).unwrap_or_default()];
    script.extend_from_slice(&number);
    script
}
