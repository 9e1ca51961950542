//! A new rollup on an L1: the contracts there, the genesis here, and the file that names both.
//!
//! ```text
//!   deployer's key ──► L1: portal, system configuration, money for the batcher ──► their block is the rollup's first origin
//!   predeploys, funded accounts ──► genesis.json ──► its hash ──► rollup.json
//! ```
//!
//! For development. The portal takes deposits as OptimismPortal does and logs them the same, without metering the gas they buy; it gives
//! nothing back, and there is no contract for withdrawals on L2.
//!
//! - [`assembler`]: opcodes with labels, to bytes.
//! - [`contracts`]: the contracts on L1, opcode by opcode.
//! - [`genesis`]: the first block of L2.
//!
//! **Spec:** `protocol/deposits.md`, "Deposit Contract"; `protocol/predeploys.md`; `protocol/system-config.md`.

pub mod assembler;
pub mod contracts;
pub mod genesis;

use std::time::Duration;

use alloy_consensus::TxEip1559;
use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B256, Bytes, TxKind, U64, U256, keccak256};
use quintet_rollup_protocol::config::{ConfigError, RollupConfig};
use serde::Deserialize;
use serde_json::{Value, json};
use thiserror::Error;

use self::genesis::GenesisError;
use crate::{
    batcher::outbox::Offer,
    engine::{Embedded, EngineError},
    l1::{
        L1Error,
        account::{L1Receipt, L1Writer},
    },
    wallet::Wallet,
};

/// Looks for a receipt before it is given up.
const LOOKS_MAX: u32 = 240;
/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Gas that deploying one of the contracts takes at most.
const DEPLOY_GAS: u64 = 1_000_000;

/// What a new rollup is like.
#[derive(Debug, Clone)]
pub struct NewRollup {
    /// Number that its transactions sign.
    pub chain_id: u64,
    /// Seconds between blocks.
    pub block_time: u64,
    /// Gas of a block.
    pub gas_limit: u64,
    /// Who posts batches.
    pub batcher: Address,
    /// Who signs blocks that are gossiped.
    pub signer: Address,
    /// Wei that the batcher gets on L1.
    pub batcher_money: U256,
    /// Accounts with money on L2, and how much, wei.
    pub funded: Vec<(Address, U256)>,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Made {
    /// `genesis.json`.
    pub genesis: Value,
    /// `rollup.json`.
    pub rollup: Value,
    /// The portal on L1.
    pub portal: Address,
    /// The system configuration on L1.
    pub system_config: Address,
}

/// Why there is no new rollup.
#[derive(Debug, Error)]
pub enum CreateError {
    /// L1 does not answer, or refuses.
    #[error(transparent)]
    L1(#[from] L1Error),
    /// A transaction found no block.
    #[error(
        "transaction {hash}: expected a block with it within {seconds} s: does L1 make blocks?"
    )]
    NoReceipt {
        /// Its hash.
        hash: B256,
        /// How long it was waited for.
        seconds: u64,
    },
    /// A transaction failed.
    #[error("transaction {hash}: expected it to succeed, it was reverted")]
    Reverted {
        /// Its hash.
        hash: B256,
    },
    /// The deployer has too little.
    #[error("account {account}: expected more than {expected} wei on L1, got {actual}")]
    Poor {
        /// The account.
        account: Address,
        /// What is needed.
        expected: U256,
        /// What it has.
        actual: U256,
    },
    /// The genesis cannot be made.
    #[error(transparent)]
    Genesis(#[from] GenesisError),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The genesis is none.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

#[derive(Deserialize)]
struct BlockJson {
    number: U64,
    hash: B256,
    timestamp: U64,
}

/// Sends transactions of one account, one after the other.
struct Deployer<'a> {
    l1: &'a L1Writer,
    wallet: &'a Wallet,
    chain_id: u64,
    nonce: u64,
}

impl Deployer<'_> {
    async fn send(
        &mut self,
        to: TxKind,
        value: U256,
        input: Bytes,
    ) -> Result<L1Receipt, CreateError> {
        let offer = Offer::first(&self.l1.fees().await?);
        let raw = self.wallet.sign(TxEip1559 {
            chain_id: self.chain_id,
            nonce: self.nonce,
            gas_limit: DEPLOY_GAS,
            max_fee_per_gas: offer.fee,
            max_priority_fee_per_gas: offer.tip,
            to,
            value,
            input,
            ..TxEip1559::default()
        });
        self.l1.send(&raw).await?;
        self.nonce = self.nonce.saturating_add(1);
        let hash = keccak256(&raw);
        for _ in 0..LOOKS_MAX {
            if let Some(receipt) = self.l1.receipt(hash).await? {
                let is_good = receipt.status.to::<u64>() == 1;
                return if is_good { Ok(receipt) } else { Err(CreateError::Reverted { hash }) };
            }
            tokio::time::sleep(LOOK).await;
        }
        Err(CreateError::NoReceipt { hash, seconds: LOOK.as_secs().max(u64::from(LOOKS_MAX) / 4) })
    }
}

/// Makes a rollup: puts its contracts on L1 with `wallet`'s money, and writes its files.
///
/// # Errors
///
/// [`CreateError`]; what was deployed until then stays on L1 and is of no use.
pub async fn create(l1: &L1Writer, wallet: &Wallet, new: &NewRollup) -> Result<Made, CreateError> {
    let account = wallet.address();
    let actual = l1.balance(account).await?;
    if actual <= new.batcher_money {
        return Err(CreateError::Poor { account, expected: new.batcher_money, actual });
    }
    let chain_id = l1.chain_id().await?;
    let nonce = l1.nonce(account, true).await?;
    let mut deployer = Deployer { l1, wallet, chain_id, nonce };
    let portal = account.create(nonce);
    deployer.send(TxKind::Create, U256::ZERO, contracts::portal_init()).await?;
    let system_config = account.create(nonce.saturating_add(1));
    let init = contracts::system_config_init(new.signer);
    let mut last = deployer.send(TxKind::Create, U256::ZERO, init).await?;
    if !new.batcher_money.is_zero() {
        let to = TxKind::Call(new.batcher);
        last = deployer.send(to, new.batcher_money, Bytes::new()).await?;
    }
    let params = json!([format!("{:#x}", last.block_number.to::<u64>()), false]);
    let first: BlockJson = l1.ask("eth_getBlockByNumber", params).await?;
    let origin = BlockNumHash { number: first.number.to(), hash: first.hash };
    let time = first.timestamp.to::<u64>();

    write(new, &Place { l1_chain_id: chain_id, origin, time, portal, system_config })
}

/// Writes the files of a rollup whose contracts are on L1: deployed, or in L1's own genesis with [`contracts::portal`] and
/// [`contracts::system_config`].
///
/// # Errors
///
/// [`CreateError`] if the genesis cannot be made.
pub fn write(new: &NewRollup, place: &Place) -> Result<Made, CreateError> {
    // The forks do not depend on the hash of the first block.
    let draft = RollupConfig::from_json(&place.rollup(new, B256::ZERO).to_string())?;
    let genesis = genesis::write(&draft, new, place.time)?;
    let spec = Embedded::spec(genesis.to_string().as_bytes(), &draft)?;
    let rollup = RollupConfig::from_json(&place.rollup(new, spec.hash).to_string())?.to_json();
    Ok(Made { genesis, rollup, portal: place.portal, system_config: place.system_config })
}

/// Where a rollup is on L1.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// L1's chain id.
    pub l1_chain_id: u64,
    /// The L1 block the first block stands on: the contracts are there by then.
    pub origin: BlockNumHash,
    /// Its time, in seconds since 1970, which is the first block's too.
    pub time: u64,
    /// The portal.
    pub portal: Address,
    /// The system configuration.
    pub system_config: Address,
}

impl Place {
    fn rollup(&self, new: &NewRollup, l2_genesis: B256) -> Value {
        // Version 1, then blob base fee scalar and base fee scalar: OP Mainnet's at Fjord.
        let scalar = (U256::from(1) << 248) | (U256::from(1_014_213) << 32) | U256::from(5_227);
        let mut inbox = [0; 20];
        inbox[0] = 0xff;
        inbox[12..].copy_from_slice(&new.chain_id.to_be_bytes());
        let mut out = json!({
            "genesis": {
                "l1": { "number": self.origin.number, "hash": self.origin.hash },
                "l2": { "number": 0, "hash": l2_genesis },
                "l2_time": self.time,
                "system_config": {
                    "batcherAddr": new.batcher,
                    "overhead": B256::ZERO,
                    "scalar": B256::from(scalar),
                    "gasLimit": new.gas_limit,
                },
            },
            "block_time": new.block_time,
            "max_sequencer_drift": 600,
            "seq_window_size": 3_600,
            "channel_timeout": 300,
            "granite_channel_timeout": 50,
            "l1_chain_id": self.l1_chain_id,
            "l2_chain_id": new.chain_id,
            "batch_inbox_address": Address::from(inbox),
            "deposit_contract_address": self.portal,
            "l1_system_config_address": self.system_config,
            "protocol_versions_address": Address::ZERO,
        });
        if let Some(fields) = out.as_object_mut() {
            for fork in genesis::FORKS {
                for key in fork.keys().iter().take(1) {
                    fields.insert((*key).to_owned(), 0.into());
                }
            }
        }
        out
    }
}
