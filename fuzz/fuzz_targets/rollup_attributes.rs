#![no_main]
//! Any logs of an L1 block make attributes or are refused by name; what the first transaction of a block says is read back.
//!
//! The input: the fork (1 byte), then logs, each of a kind (1 byte), a length (2, little-endian) and data.

use alloy_primitives::{B256, Bytes, Log, LogData};
use libfuzzer_sys::fuzz_target;
use quintet_rollup_protocol::{
    attributes::{Epoch, prepare},
    config::{Fork, ForkSchedule, RollupConfig},
    deposit::{DEPOSIT_TOPIC, derive_deposits},
    l1_info::L1Info,
    refs::{L1Ref, L2Ref},
    system::{CONFIG_UPDATE_TOPIC, ConfigUpdate, SystemConfig},
    view::L1Header,
};

fn config(fork: Fork) -> RollupConfig {
    let zero = B256::ZERO;
    let address = "0x0000000000000000000000000000000000000000";
    let json = format!(
        r#"{{"genesis":{{"l1":{{"number":0,"hash":"{zero}"}},"l2":{{"number":0,"hash":"{zero}"}},"l2_time":0}},"block_time":2,
        "max_sequencer_drift":1,"seq_window_size":2,"channel_timeout":3,"l1_chain_id":1,"l2_chain_id":10,
        "batch_inbox_address":"{address}","deposit_contract_address":"{address}","l1_system_config_address":"{address}"}}"#
    );
    let config = RollupConfig::from_json(&json).expect("a chain");
    RollupConfig { forks: ForkSchedule::active_up_to(fork), ..config }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = L1Info::of_tx(bytes);
    let _ = L1Info::decode(bytes);
    let Some((&fork, mut rest)) = bytes.split_first() else { return };
    let config = config(Fork::ALL[usize::from(fork) % Fork::COUNT]);
    let mut logs = Vec::new();
    while let Some((&[kind, low, high], tail)) = rest.split_first_chunk() {
        let len = usize::from(u16::from_le_bytes([low, high])).min(tail.len());
        let (data, tail) = tail.split_at(len);
        let topics = if kind % 2 == 0 {
            vec![DEPOSIT_TOPIC, B256::repeat_byte(kind), B256::ZERO, B256::ZERO]
        } else {
            vec![CONFIG_UPDATE_TOPIC, B256::ZERO, B256::with_last_byte(kind / 2)]
        };
        let data = LogData::new_unchecked(topics, Bytes::copy_from_slice(data));
        logs.push(Log { address: config.deposit_contract, data });
        rest = tail;
    }
    let header = L1Header {
        block: L1Ref { number: 7, timestamp: 5, ..L1Ref::default() },
        excess_blob_gas: Some(u64::from(fork)),
        ..L1Header::default()
    };
    let Ok(deposits) = derive_deposits(&logs, config.deposit_contract, B256::ZERO) else { return };
    let updates = logs
        .iter()
        .filter(|log| log.topics()[0] == CONFIG_UPDATE_TOPIC)
        .flat_map(ConfigUpdate::read)
        .collect();
    let epoch = Epoch { header, deposits, updates };
    let parent = L2Ref { number: 3, timestamp: 98, ..L2Ref::default() };
    let Ok((attributes, sequence, system)) =
        prepare(&config, &parent, &SystemConfig::default(), &epoch)
    else {
        return;
    };
    let info = L1Info::of_tx(&attributes.transactions[0]).expect("our own L1 information");
    assert_eq!((info.origin.number, info.sequence_number), (7, sequence));
    assert_eq!(info.system.batcher, system.batcher);
    assert_eq!(attributes.transactions.len(), 1 + epoch.deposits.len());
});
