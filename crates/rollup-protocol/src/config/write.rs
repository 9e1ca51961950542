//! A configuration written as `rollup.json`: what `optimism_rollupConfig` answers with and [`RollupConfig::from_json`] reads.

use serde_json::{Map, Value, json};

use super::{AltDaConfig, CommitmentKind, Fork, RollupConfig};

/// Writes the file.
pub(super) fn write(config: &RollupConfig) -> Value {
    let genesis = &config.genesis;
    let mut out = json!({
        "genesis": {
            "l1": { "hash": genesis.l1.hash, "number": genesis.l1.number },
            "l2": { "hash": genesis.l2.hash, "number": genesis.l2.number },
            "l2_time": genesis.l2_time,
            "system_config": genesis.system_config.to_json(),
        },
        "block_time": config.block_time,
        "max_sequencer_drift": config.max_sequencer_drift,
        "seq_window_size": config.seq_window_size,
        "channel_timeout": config.channel_timeout,
        "granite_channel_timeout": config.granite_channel_timeout,
        "l1_chain_id": config.l1_chain_id,
        "l2_chain_id": config.l2_chain_id,
        "batch_inbox_address": config.batch_inbox,
        "deposit_contract_address": config.deposit_contract,
        "l1_system_config_address": config.l1_system_config,
        "protocol_versions_address": config.protocol_versions.unwrap_or_default(),
        "chain_op_config": {
            "eip1559Elasticity": config.base_fee.elasticity,
            "eip1559Denominator": config.base_fee.denominator,
            "eip1559DenominatorCanyon": config.base_fee.denominator_canyon,
        },
    });
    if let Some(fields) = out.as_object_mut() {
        times(config, fields);
        if let Some(alt_da) = &config.alt_da {
            fields.insert("alt_da".to_owned(), of_alt_da(alt_da));
        }
    }
    out
}

fn times(config: &RollupConfig, fields: &mut Map<String, Value>) {
    for fork in Fork::ALL {
        if let (Some(key), Some(time)) = (fork.keys().first(), config.forks.time(fork)) {
            fields.insert((*key).to_owned(), time.into());
        }
    }
    if let Some(time) = config.pectra_blob_schedule_time {
        fields.insert("pectra_blob_schedule_time".to_owned(), time.into());
    }
    if config.keep_karst_upgrade_gas {
        fields.insert("keep_karst_upgrade_gas".to_owned(), true.into());
    }
}

fn of_alt_da(alt_da: &AltDaConfig) -> Value {
    let kind = match alt_da.commitment {
        CommitmentKind::Keccak => "KeccakCommitment",
        CommitmentKind::Generic => "GenericCommitment",
    };
    json!({
        "da_challenge_contract_address": alt_da.challenge_contract,
        "da_challenge_window": alt_da.challenge_window,
        "da_resolve_window": alt_da.resolve_window,
        "da_commitment_type": kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config_at;

    #[test]
    fn what_is_written_is_read_back() {
        for fork in [Fork::Bedrock, Fork::Granite, Fork::Isthmus, Fork::Jovian] {
            let mut config = config_at(fork);
            config.genesis.system_config.gas_limit = 7;
            config.genesis.system_config.operator_fee_constant = 9;
            config.alt_da = Some(AltDaConfig {
                challenge_contract: alloy_primitives::Address::repeat_byte(3),
                challenge_window: 1,
                resolve_window: 2,
                commitment: CommitmentKind::Generic,
            });
            let text = config.to_json().to_string();
            assert_eq!(RollupConfig::from_json(&text).unwrap(), config, "{text}");
        }
    }
}
