//! LuxTensor: validators that make blocks by themselves; work is a transfer.

use std::path::{Path, PathBuf};

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_primitives::{Address, TxKind, U256, hex};
use anyhow::{Context as _, Result, ensure};
use interop::{Binary, jsonrpc};
use quintet_lux_node::{
    dev::{MNEMONIC, accounts},
    validator::ValidatorKeys,
};
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::{
    kind::{Head, Kind, Place},
    rpc::{quantity, text},
};

/// Milliseconds of a slot: long enough for four unoptimised nodes on two busy cores.
const SLOT_MILLIS: &str = "500";

const CHAIN_ID: u64 = 88_980;

/// Validators of LuxTensor.
#[derive(Debug)]
pub struct Lux {
    folder: PathBuf,
}

/// Calls a method of a validator's.
pub(crate) fn call(place: &Place, method: &str, params: &Value) -> Result<Value> {
    jsonrpc::call(&place.rpc.to_string(), method, params)
}

impl Lux {
    /// Where its files are: `genesis.json`, `validator-1.key` and the others.
    pub(crate) fn files(&self) -> &Path {
        &self.folder
    }

    /// A validator's address, by its number from 0.
    pub(crate) fn validator(&self, index: usize) -> Result<String> {
        let key =
            std::fs::read_to_string(self.folder.join(format!("validator-{}.key", index + 1)))?;
        let keys = ValidatorKeys::from_secret(&interop::hex::decode_array(key.trim())?)?;
        Ok(keys.address().to_string())
    }
}

impl Kind for Lux {
    const NAME: &'static str = "lux";
    const NODES: usize = 4;
    const GOES_ON: bool = true;

    fn prepare(folder: &Path, binary: &Binary, _: &[Place]) -> Result<Self> {
        let folder = folder.join("network");
        let mut command = binary.command();
        command.args(["lux", "new", "--slot-millis", SLOT_MILLIS, "--epoch-slots", "8"]);
        let made = command.arg(&folder).output()?;
        ensure!(made.status.success(), "{command:?}: {}", String::from_utf8_lossy(&made.stderr));
        Ok(Self { folder })
    }

    fn arguments(&self, place: &Place) -> Vec<String> {
        let key = self.folder.join(format!("validator-{}.key", place.index + 1));
        let known: Vec<_> = place.known.iter().map(ToString::to_string).collect();
        let genesis = self.folder.join("genesis.json");
        let mut arguments: Vec<String> =
            ["lux", "run", "--json", "--log=info,quintet_lux_node=debug"].map(String::from).into();
        arguments.push(format!("--port={}", place.rpc.port()));
        arguments.push(format!("--genesis={}", genesis.display()));
        arguments.push(format!("--validator-key={}", key.display()));
        arguments.push(format!("--data-dir={}", place.folder.join("data").display()));
        arguments.push(format!("--listen={}", place.peers));
        arguments.push(format!("--peers={}", known.join(",")));
        arguments
    }

    /// Each node has an account of its own to send from, so that nonces do not meet.
    fn work(&self, place: &Place, _: &mut StdRng) -> Result<Vec<String>> {
        let sender = accounts(MNEMONIC, 10)?.into_iter().nth(place.index).context("an account")?;
        let of_sender = json!([sender.address.to_string(), "pending"]);
        let nonce = quantity(&call(place, "eth_getTransactionCount", &of_sender)?)?;
        let transaction = TypedTransaction::Eip1559(TxEip1559 {
            chain_id: CHAIN_ID,
            nonce,
            gas_limit: 21_000,
            max_fee_per_gas: 10_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(Address::repeat_byte(0x77)),
            value: U256::from(1),
            ..TxEip1559::default()
        });
        let signed = sender.sign(transaction).context("a signature")?;
        let raw = hex::encode_prefixed(signed.encoded());
        let hash = call(place, "eth_sendRawTransaction", &json!([raw]))?;
        Ok(hash.as_str().map(str::to_owned).into_iter().collect())
    }

    /// The last final block: of those before it nodes may still disagree.
    fn head(&self, place: &Place) -> Result<Head> {
        let block = call(place, "eth_getBlockByNumber", &json!(["finalized", false]))?;
        Ok(Head { height: quantity(&block["number"])?, hash: text(&block, "hash")? })
    }

    fn holds(&self, place: &Place, head: &Head) -> Result<bool> {
        let at = json!([format!("{:#x}", head.height), false]);
        Ok(call(place, "eth_getBlockByNumber", &at)?["hash"] == head.hash)
    }

    /// It waits, or it is in a block.
    fn keeps(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        let known = call(place, "eth_getTransactionByHash", &json!([acknowledged]))?;
        Ok(known["hash"] == acknowledged)
    }

    fn arrived(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        let known = call(place, "eth_getTransactionByHash", &json!([acknowledged]))?;
        Ok(known["blockNumber"].is_string())
    }
}
