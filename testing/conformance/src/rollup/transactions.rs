//! `codec/hildr/fulltx*`: whole transactions, put into a span and built again.

use std::path::Path;

use alloy_consensus::{Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{B256, Bytes};
use quintet_rollup_protocol::{
    batch::{Batch, SingularBatch},
    config::RollupConfig,
    encode::ChannelBuilder,
};

use super::{is_in, own_name};
use crate::{
    field::bytes,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct FullTxs;

impl Suite for FullTxs {
    fn name(&self) -> &'static str {
        "transactions"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "codec/hildr") && own_name(name).starts_with("fulltx")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let text = String::from_utf8_lossy(&file.bytes).into_owned();
        for (index, line) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
            report.case(format!("{}[{index}]", own_name(&file.name)), || {
                check(&bytes("transaction", line.trim().trim_start_matches("0x"))?.into())
            });
        }
    }
}

/// Makes a chain of an id.
pub(super) fn chain(id: u64) -> Result<RollupConfig, Mismatch> {
    let (zero, address) = (B256::ZERO, alloy_primitives::Address::ZERO);
    let json = format!(
        r#"{{"genesis":{{"l1":{{"number":0,"hash":"{zero}"}},"l2":{{"number":0,"hash":"{zero}"}},"l2_time":0}},"block_time":2,
        "max_sequencer_drift":1,"seq_window_size":2,"channel_timeout":3,"l1_chain_id":1,"l2_chain_id":{id},
        "batch_inbox_address":"{address}","deposit_contract_address":"{address}","l1_system_config_address":"{address}"}}"#
    );
    RollupConfig::from_json(&json)
        .map_err(|error| Mismatch::new("chain", "read", error.to_string()))
}

fn check(raw: &Bytes) -> Result<(), Mismatch> {
    let tx = TxEnvelope::decode_2718_exact(raw)
        .map_err(|error| Mismatch::new("transaction", "read", error.to_string()))?;
    let config = chain(tx.chain_id().unwrap_or(10))?;
    let block = SingularBatch {
        epoch_number: 7,
        timestamp: 2,
        transactions: vec![raw.clone(), raw.clone()],
        ..SingularBatch::default()
    };
    let mut builder = ChannelBuilder::default();
    builder
        .push_span(&[block], true, &config)
        .map_err(|error| Mismatch::new("span", "made", error.to_string()))?;
    let content = Bytes::copy_from_slice(builder.content());
    let mut rest = &content[..];
    let batch = alloy_rlp::Header::decode_bytes(&mut rest, false)
        .map_err(|error| Mismatch::new("RLP", "a string", error.to_string()))?;
    match Batch::decode(&content.slice_ref(batch)) {
        Ok(Batch::Span(span)) => {
            expect_eq("transactions", vec![raw.clone(); 2], span.transactions(0, &config))
        }
        other => Err(Mismatch::new("batch", "a span", other)),
    }
}
