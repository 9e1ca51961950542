//! The first block of a new L2: predeploys and money.
//!
//! The code of L1Block and of the gas price oracle is what Isthmus' upgrade transactions deploy: it is run once, and what it leaves behind is
//! put where its proxies would be. So wallets read what they read on every such chain, and the execution layer finds fee parameters in the
//! slots it looks in.
//!
//! **Spec:** `protocol/predeploys.md`; `isthmus/derivation.md`, "Network upgrade automation transactions".

use alloy_primitives::{Address, B256, Bytes, TxKind, U256, address};
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::{BlockTag, ChainError, ChainOptions, EthChain};
use quintet_evm::execute::{CallTransaction, Checks, Ending};
use quintet_rollup_protocol::{
    config::{Fork, RollupConfig},
    l1_info::L1_BLOCK,
    upgrades::of_fork,
};
use serde_json::{Map, Value, json};
use thiserror::Error;

use super::{NewRollup, assembler::op};
use crate::engine::{Embedded, EngineError, MESSAGE_PASSER};

/// Forks that are active from the first block.
pub const FORKS: [Fork; 8] = [
    Fork::Regolith,
    Fork::Canyon,
    Fork::Delta,
    Fork::Ecotone,
    Fork::Fjord,
    Fork::Granite,
    Fork::Holocene,
    Fork::Isthmus,
];

/// Where wallets ask what a transaction's data costs.
const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");
/// Gas for running what deploys a predeploy.
const DEPLOY_GAS: u64 = 10_000_000;
/// Whether the oracle is to compute by Ecotone's, Fjord's and Isthmus' rules: three truth values of its first slot.
const ORACLE_FORKS: u64 = 0x01_01_01;

/// Why there is no genesis.
#[derive(Debug, Error)]
pub enum GenesisError {
    /// The draft cannot be read.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The draft cannot be run on.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Code of a predeploy leaves nothing behind.
    #[error("predeploy {address}: expected code, got none")]
    NoCode {
        /// Where it should be.
        address: Address,
    },
}

/// Writes `genesis.json`.
///
/// # Errors
///
/// [`GenesisError`] if the predeploys cannot be made.
pub fn write(config: &RollupConfig, new: &NewRollup, time: u64) -> Result<Value, GenesisError> {
    let draft = file(new, time, &Map::new());
    let spec = Embedded::spec(draft.to_string().as_bytes(), config)?;
    let chain = EthChain::in_memory(spec, ChainOptions::default())?;
    let mut deploys = of_fork(Fork::Isthmus)
        .iter()
        .filter_map(|raw| EthTransaction::decode(raw).ok())
        .filter(|tx| tx.as_transaction().to().is_none())
        .map(|tx| tx.as_transaction().input().clone());
    let mut alloc = Map::new();
    for address in [L1_BLOCK, GAS_PRICE_ORACLE] {
        let code = run(&chain, deploys.next().unwrap_or_default())?;
        if code.is_empty() {
            return Err(GenesisError::NoCode { address });
        }
        let mut account = json!({ "balance": "0x0", "nonce": "0x1", "code": code });
        if address == GAS_PRICE_ORACLE
            && let Some(fields) = account.as_object_mut()
        {
            let slot = B256::from(U256::from(ORACLE_FORKS));
            fields.insert("storage".to_owned(), json!({ B256::ZERO.to_string(): slot }));
        }
        alloc.insert(address.to_string(), account);
    }
    // No withdrawals: whoever begins one fails, and keeps the money.
    let passer =
        json!({ "balance": "0x0", "nonce": "0x1", "code": Bytes::from_static(&[op::INVALID]) });
    alloc.insert(MESSAGE_PASSER.to_string(), passer);
    for (address, balance) in &new.funded {
        alloc.insert(address.to_string(), json!({ "balance": balance }));
    }
    Ok(file(new, time, &alloc))
}

/// Runs what deploys a contract, and returns the contract.
fn run(chain: &EthChain, input: Bytes) -> Result<Bytes, GenesisError> {
    let mut simulator = chain.reader()?.simulator(BlockTag::Latest)?;
    simulator.checks = Checks::NONE;
    let call = CallTransaction {
        from: Address::ZERO,
        to: TxKind::Create,
        gas_limit: DEPLOY_GAS,
        max_fee_per_gas: 0,
        max_priority_fee_per_gas: None,
        value: U256::ZERO,
        input,
        nonce: 0,
        access_list: Vec::new().into(),
        blob_hashes: Vec::new(),
        max_fee_per_blob_gas: 0,
        authorization_list: Vec::new(),
    };
    match simulator.call(&call, None)?.ending {
        Ending::Returned { output, .. } => Ok(output),
        // The caller says which predeploy has none.
        Ending::Reverted { .. } | Ending::Halted(_) => Ok(Bytes::new()),
    }
}

fn file(new: &NewRollup, time: u64, alloc: &Map<String, Value>) -> Value {
    // Version 0, denominator, elasticity: as Holocene wants the first block's extra data.
    let extra_data = "0x00000000fa00000006";
    json!({
        "config": {
            "chainId": new.chain_id,
            "homesteadBlock": 0, "eip150Block": 0, "eip155Block": 0, "eip158Block": 0,
            "byzantiumBlock": 0, "constantinopleBlock": 0, "petersburgBlock": 0, "istanbulBlock": 0,
            "berlinBlock": 0, "londonBlock": 0, "shanghaiTime": 0, "cancunTime": 0, "pragueTime": 0,
            "terminalTotalDifficulty": 0, "terminalTotalDifficultyPassed": true,
            "bedrockBlock": 0, "regolithTime": 0, "canyonTime": 0, "ecotoneTime": 0, "fjordTime": 0,
            "graniteTime": 0, "holoceneTime": 0, "isthmusTime": 0,
            "optimism": { "eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250 },
        },
        "nonce": "0x0",
        "timestamp": format!("{time:#x}"),
        "extraData": extra_data,
        "gasLimit": format!("{:#x}", new.gas_limit),
        "difficulty": "0x0",
        "mixHash": B256::ZERO,
        "coinbase": "0x4200000000000000000000000000000000000011",
        "number": "0x0",
        "gasUsed": "0x0",
        "parentHash": B256::ZERO,
        "baseFeePerGas": "0x3b9aca00",
        "alloc": alloc,
    })
}
