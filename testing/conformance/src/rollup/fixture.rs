//! `op-test-vectors/derivation_fixture.json` and `fixture_block.json`: the form of derivation fixtures.
//!
//! Their chain has blocks of zero seconds and headers without parents, so they derive nothing; what they hold is read: headers, transactions,
//! attributes, system configurations.

use std::path::Path;

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bytes};
use quintet_rollup_protocol::{config::RollupConfig, inbox::scan::scan};
use serde::Deserialize;
use serde_json::Value;

use super::own_name;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Fixtures;

impl Suite for Fixtures {
    fn name(&self) -> &'static str {
        "fixture"
    }

    fn claims(&self, name: &Path) -> bool {
        matches!(own_name(name), "derivation_fixture.json" | "fixture_block.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        if own_name(&file.name) == "fixture_block.json" {
            report.case("block", || block(&value));
            return;
        }
        let blocks = value.get("l1Blocks").and_then(Value::as_array).cloned().unwrap_or_default();
        for (index, item) in blocks.iter().enumerate() {
            report.case(format!("L1 block {index}"), || block(item));
        }
        report.case("rollup configuration", || {
            let config = value.get("rollupConfig").cloned().unwrap_or_default();
            let read = RollupConfig::from_json(&config.to_string());
            let reason = read.err().map(|error| error.to_string()).unwrap_or_default();
            // Blocks of zero seconds: refused by name.
            expect_eq("refused for its block time", true, reason.contains("block_time"))
        });
        let payloads =
            value.get("l2Payloads").and_then(Value::as_object).cloned().unwrap_or_default();
        for (number, payload) in payloads {
            report.json_case(format!("L2 payload {number}"), payload, |payload: Payload| {
                payload.check()
            });
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    timestamp: u64,
    prev_randao: B256,
    suggested_fee_recipient: Address,
    parent_beacon_block_root: B256,
    transactions: Vec<Bytes>,
    no_tx_pool: bool,
    gas_limit: u64,
}

impl Payload {
    fn check(&self) -> Result<(), Mismatch> {
        let vault = quintet_rollup_protocol::attributes::SEQUENCER_FEE_VAULT;
        expect_eq("fee recipient", vault, self.suggested_fee_recipient)?;
        expect_eq("nothing from the pool", true, self.no_tx_pool)?;
        let set = !self.prev_randao.is_zero() && !self.parent_beacon_block_root.is_zero();
        expect_eq("fields are there", true, set && self.timestamp > 0 && self.gas_limit > 0)?;
        expect_eq("transactions", 0, self.transactions.len())
    }
}

fn block(value: &Value) -> Result<(), Mismatch> {
    let list = value.get("transactions").cloned().unwrap_or_default();
    let raw = Vec::<Bytes>::deserialize(list)
        .map_err(|error| Mismatch::new("transactions", "bytes", error.to_string()))?;
    for tx in &raw {
        let read = TxEnvelope::decode_2718_exact(tx)
            .map_err(|error| Mismatch::new("transaction", "read", error.to_string()))?;
        let to = alloy_consensus::Transaction::to(&read).unwrap_or_default();
        let sender = alloy_consensus::transaction::SignerRecoverable::recover_signer(&read)
            .map_err(|error| Mismatch::new("sender", "recovered", error.to_string()))?;
        let found = scan([tx], to);
        expect_eq("sender in the inbox", Some(sender), found.first().map(|tx| tx.sender))?;
    }
    Ok(())
}
