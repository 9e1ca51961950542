#![no_main]
//! Any message of gossip, and any answer to a question for a block, is judged without harm: what is read is what was written, what is accepted has
//! the hash it names, and nobody's signature is good by chance.

use alloy_primitives::{Address, Bytes};
use libfuzzer_sys::fuzz_target;
use quintet_rollup_protocol::{
    config::{Fork, ForkSchedule, RollupConfig},
    gossip::{Gate, Refusal, Verdict, message, request},
    payload::{PayloadVersion, ssz},
};

const CHAIN: &str = r#"{"genesis":{"l1":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000001"},
    "l2":{"number":0,"hash":"0x0000000000000000000000000000000000000000000000000000000000000002"},"l2_time":100},
    "block_time":2,"max_sequencer_drift":600,"seq_window_size":10,"channel_timeout":300,"l1_chain_id":900,"l2_chain_id":901,
    "batch_inbox_address":"0xff00000000000000000000000000000000000901","deposit_contract_address":"0x0000000000000000000000000000000000000011",
    "l1_system_config_address":"0x0000000000000000000000000000000000000022","protocol_versions_address":null}"#;

/// The first forks whose blocks are of each version.
const FORKS: [Fork; 4] = [Fork::Regolith, Fork::Canyon, Fork::Ecotone, Fork::Jovian];

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let choice = usize::from(choice % 4);
    let (version, fork) = (PayloadVersion::ALL[choice], FORKS[choice]);
    let Ok(config) = RollupConfig::from_json(CHAIN) else { return };
    let config = RollupConfig { forks: ForkSchedule::active_up_to(fork), ..config };
    if let Ok(content) = message::decompress(bytes) {
        assert!(content.len() <= message::CONTENT_BYTES_MAX);
        assert_eq!(message::id_on_the_wire(bytes), message::id(&content));
        judge(&config, version, content.into());
    }
    // Without compression in the way, so that the rest is reached.
    judge(&config, version, Bytes::copy_from_slice(bytes));
    if let Ok(block) = request::decode(&config, 7, bytes) {
        assert_eq!(block.number, 7);
    }
});

fn judge(config: &RollupConfig, version: PayloadVersion, content: Bytes) {
    let Ok(read) = message::Message::split(&content) else { return };
    let mut now = 0;
    if let Ok(envelope) = ssz::decode(version, &read.payload) {
        now = envelope.payload.timestamp;
        let again = ssz::encode(version, &envelope);
        assert_eq!(again.as_deref(), Ok(&read.payload[..]), "written again");
        if let Ok(block) = envelope.block_rlp(version) {
            let answer = request::encode(version, &envelope).map(|answer| {
                request::decode(config, envelope.payload.number, &answer).map(|read| read.block)
            });
            // Unless blocks of that number have another version by their time.
            if let Ok(Ok(given)) = answer {
                assert_eq!(given, block);
            }
        }
    }
    let mut gate = Gate::new(config);
    let verdict = gate.judge(version, &content, now, None);
    assert!(matches!(verdict, Verdict::Ignore(Refusal::NoSigner) | Verdict::Reject(_)));
    let verdict = gate.judge(version, &content, now, Some(Address::repeat_byte(1)));
    assert!(matches!(verdict, Verdict::Reject(_)), "{verdict:?}");
}
