//! `anvil --network optimism` beside the embedded execution layer: the same blocks of transactions to both, every receipt compared.
//!
//! anvil tells the nonce a deposit's sender has after it, op-geth and we the one before; and it writes the type of a deposit in capitals. Where a contract
//! would have stood that was not made is what RPC adds to a receipt; it is not compared.
//! Both on Isthmus: before it anvil takes the floor of EIP-7623, which the OP Stack has since Isthmus alone.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, U256, bytes, hex};
use anyhow::{Context as _, Result, ensure};
use interop::{Anvil, skipped};
use quintet_rollup_node::testing::{Batcher, MadeL1, Sequencer};
use serde_json::{Value, json};

/// The rollup's chain id and first time, as the rollup made for tests has them.
const CHAIN_ID: u64 = 901;
const GENESIS_TIME: u64 = 1_000_000;

/// Blocks executed by both.
const BLOCKS: usize = 12;

/// Writes to storage and logs, and leaves a contract that does so whenever it is called.
const CONTRACT: Bytes =
    bytes!("602a600055600760206000a160118060176000396000f3600054600101600055600860206000a100");
/// Reverts.
const REVERTS: Bytes = bytes!("60006000fd");
/// Uses up all its gas.
const INVALID: Bytes = bytes!("fe");

/// A user of the rollup: the one with money in the genesis.
struct User {
    key: Batcher,
    nonce: u64,
}

impl User {
    fn sign(&mut self, to: TxKind, input: Bytes, value: u64) -> Bytes {
        let tx = TxEip1559 {
            chain_id: CHAIN_ID,
            nonce: self.nonce,
            gas_limit: 200_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 3,
            to,
            value: U256::from(value),
            input,
            ..TxEip1559::default()
        };
        self.nonce += 1;
        self.key.sign(tx)
    }

    /// What block `index` holds: a transfer, a contract made, called, one that reverts and one that fails.
    fn block(&mut self, index: usize) -> Vec<Bytes> {
        let contract = self.key.address().create(self.nonce);
        let mut all = vec![self.sign(TxKind::Create, CONTRACT, 0)];
        all.push(self.sign(TxKind::Call(contract), Bytes::new(), 0));
        all.push(self.sign(TxKind::Call(Address::repeat_byte(9)), Bytes::new(), 5));
        if index % 2 == 1 {
            all.push(self.sign(TxKind::Create, REVERTS, 0));
            all.push(self.sign(TxKind::Create, INVALID, 0));
            all.push(self.sign(TxKind::Call(contract), bytes!("00ff00ff"), 0));
        }
        all
    }
}

#[test]
fn anvil_executes_what_the_embedded_layer_executes() -> Result<()> {
    if let Some(reason) = Anvil::absence() {
        return skipped(&reason);
    }
    let l1 = {
        let mut l1 = MadeL1::default();
        l1.mine_empty(u64::try_from(BLOCKS)?);
        l1
    };
    let key = Batcher::new(CHAIN_ID, Address::ZERO);
    let mut sequencer = Sequencer::new(&l1, Batcher::new(900, Address::ZERO).address())?;
    let anvil = Anvil::start_optimism(CHAIN_ID, GENESIS_TIME, "isthmus")?;
    anvil.call("anvil_setBalance", &json!([key.address(), "0xffffffffffffffffffffff"]))?;
    let mut user = User { key, nonce: 0 };
    let mut compared = 0;
    for index in 0..BLOCKS {
        sequencer.next_of(&l1, user.block(index))?;
        compared += compare(&sequencer, &anvil).with_context(|| format!("block {index}"))?;
    }
    ensure!(compared > 5 * BLOCKS, "{compared} receipts");
    Ok(())
}

/// Lets anvil mine the sequencer's newest block and compares what came of each transaction.
fn compare(sequencer: &Sequencer, anvil: &Anvil) -> Result<usize> {
    let head = sequencer.head();
    let chain = sequencer.engine().chain().reader()?;
    let (block, receipts) = chain.block_with_receipts(head.hash)?.context("the block")?;
    let base_fee = block.block.header.base_fee_per_gas.context("a base fee")?;
    anvil.call("anvil_setNextBlockBaseFeePerGas", &json!([format!("{base_fee:#x}")]))?;
    anvil.call("evm_setNextBlockTimestamp", &json!([head.timestamp]))?;
    let mut hashes = Vec::new();
    for transaction in &block.block.body.transactions {
        let raw = hex::encode_prefixed(transaction.encoded());
        hashes.push(anvil.call("eth_sendRawTransaction", &json!([raw]))?);
    }
    anvil.call("evm_mine", &json!([]))?;
    for (hash, ours) in hashes.iter().zip(receipts.iter()) {
        let theirs = anvil.call("eth_getTransactionReceipt", &json!([hash]))?;
        let logs = ours.logs.iter().map(
            |log| json!({ "address": log.address, "topics": log.topics(), "data": log.data.data }),
        );
        let expected = json!({
            "type": format!("{:#x}", ours.kind),
            "status": if ours.status.coerce_status() { "0x1" } else { "0x0" },
            "gasUsed": format!("{:#x}", ours.gas_used),
            "cumulativeGasUsed": format!("{:#x}", ours.cumulative_gas_used),
            "contractAddress": ours.created,
            "depositNonce": ours.deposit.map(|deposit| format!("{:#x}", deposit.nonce + 1)),
            "logs": logs.collect::<Value>(),
        });
        let actual = json!({
            "type": theirs["type"].as_str().map(str::to_ascii_lowercase),
            "status": theirs["status"],
            "gasUsed": theirs["gasUsed"],
            "cumulativeGasUsed": theirs["cumulativeGasUsed"],
            "contractAddress": theirs["contractAddress"].as_str().filter(|_| theirs["status"] == "0x1"),
            "depositNonce": theirs["depositNonce"],
            "logs": theirs["logs"].as_array().into_iter().flatten().map(|log| {
                json!({ "address": log["address"], "topics": log["topics"], "data": log["data"] })
            }).collect::<Value>(),
        });
        ensure!(actual == expected, "{hash}: anvil {actual}, embedded {expected}");
    }
    Ok(hashes.len())
}
