//! What the interpreter is told of a block.

use alloy_consensus::Header;
use alloy_primitives::U256;
use op_revm::OpSpecId;
use revm::{
    context::{BlockEnv, CfgEnv},
    context_interface::block::BlobExcessGasAndPrice,
};

use super::Checks;
use crate::{
    header::blobs::price_of,
    schedule::{Fork, Rules},
};

/// What the interpreter is told of a block and its rules.
#[derive(Debug, Clone)]
pub(crate) struct Environment {
    pub(crate) rules: Rules,
    pub(crate) block: BlockEnv,
    pub(crate) checks: Checks,
}

impl Environment {
    /// Reads what a header says before execution: not its roots, nor the gas used.
    pub(crate) fn new(rules: Rules, header: &Header) -> Self {
        let excess = header.excess_blob_gas.filter(|_| rules.has(Fork::Cancun));
        let blobs = excess.map(|excess_blob_gas| BlobExcessGasAndPrice {
            excess_blob_gas,
            blob_gasprice: rules.blobs.map_or(1, |blobs| price_of(&blobs, excess_blob_gas)),
        });
        let block = BlockEnv {
            number: U256::from(header.number),
            beneficiary: header.beneficiary,
            timestamp: U256::from(header.timestamp),
            gas_limit: header.gas_limit,
            basefee: header.base_fee_per_gas.unwrap_or_default(),
            difficulty: header.difficulty,
            prevrandao: rules.has(Fork::Paris).then_some(header.mix_hash),
            blob_excess_gas_and_price: blobs,
            slot_num: 0,
        };
        Self { rules, block, checks: Checks::ALL }
    }

    /// Returns the rules in the interpreter's form.
    pub(crate) fn cfg(&self) -> CfgEnv {
        self.with_limits(CfgEnv::new_with_spec(self.rules.spec_id()))
    }

    /// Returns the rules in the interpreter's form, if the chain is an OP chain.
    pub(crate) fn op_cfg(&self) -> Option<CfgEnv<OpSpecId>> {
        Some(self.with_limits(CfgEnv::new_with_spec(self.rules.op_spec_id()?)))
    }

    fn with_limits<S>(&self, mut cfg: CfgEnv<S>) -> CfgEnv<S> {
        cfg.chain_id = self.rules.chain_id;
        cfg.tx_chain_id_check = true;
        cfg.disable_nonce_check = !self.checks.nonce;
        cfg.disable_eip3607 = !self.checks.sender_code;
        if !self.checks.gas_limit {
            cfg.disable_block_gas_limit = true;
            cfg.tx_gas_limit_cap = Some(u64::MAX);
        }
        cfg.max_blobs_per_tx = self.rules.blobs.map(|blobs| blobs.max_blobs_per_tx);
        cfg
    }
}
