//! Breaking one rule of a block at a time.

use judge_kaspa_rules::{random::SplitMix, spend::KEYS};
use kaspa_consensus_core::{
    block::MutableBlock,
    blockhash::ORIGIN,
    config::params::Params,
    merkle::calc_hash_merkle_root,
    subnets::{SUBNETWORK_ID_COINBASE, SubnetworkId},
    tx::{ComputeCommit, Transaction, TransactionInput, TransactionOutpoint, TransactionOutput},
};
use kaspa_hashes::Hash;

use super::wallet::script;

/// What a change may need to know.
#[derive(Debug)]
pub struct Around<'a> {
    /// The network's parameters.
    pub params: &'a Params,
    /// A block with a header before all parents, that is not their parent.
    pub ancestor: Option<Hash>,
    /// A block that was found invalid.
    pub invalid: Option<Hash>,
}

type Change = fn(&mut MutableBlock, &Around<'_>, &mut SplitMix) -> Option<()>;

/// How many of the changes come first that break a rule of headers.
pub const HEADER_CHANGES: usize = 16;

/// The changes and what they are called.
pub const CHANGES: [(&str, Change); 49] = [
    ("block version", |block, _, random| Some(block.header.version = u16::from(random.byte() % 2))),
    ("time in the future", |block, _, _| Some(block.header.timestamp = 1 << 60)),
    ("no parents", |block, _, _| parents(block, Vec::new())),
    ("too many parents", |block, around, random| {
        let count = around.params.max_block_parents() + 1;
        parents(block, (0..count).map(|_| Hash::from_bytes(random.array())).collect())
    }),
    ("the origin as a parent", |block, _, _| parents(block, vec![ORIGIN])),
    ("an ancestor as a parent", |block, around, _| {
        let mut list = block.header.direct_parents().to_vec();
        list.push(around.ancestor?);
        parents(block, list)
    }),
    ("an ancestor first", |block, around, _| {
        let mut list = block.header.direct_parents().to_vec();
        list.insert(0, around.ancestor?);
        parents(block, list)
    }),
    ("a parent twice", |block, _, _| {
        let mut list = block.header.direct_parents().to_vec();
        list.push(list[0]);
        parents(block, list)
    }),
    ("an invalid parent", |block, around, _| {
        let mut list = block.header.direct_parents().to_vec();
        list.push(around.invalid?);
        parents(block, list)
    }),
    ("a missing parent", |block, _, random| {
        let mut list = block.header.direct_parents().to_vec();
        list.push(Hash::from_bytes(random.array()));
        parents(block, list)
    }),
    ("daa score", |block, _, random| {
        Some(block.header.daa_score = off(block.header.daa_score, random))
    }),
    ("blue score", |block, _, random| {
        Some(block.header.blue_score = off(block.header.blue_score, random))
    }),
    ("blue work", |block, _, _| Some(block.header.blue_work = block.header.blue_work + 1)),
    ("bits", |block, _, random| Some(block.header.bits ^= 1 << random.below(24))),
    ("time in the past", |block, around, _| {
        Some(block.header.timestamp = around.params.genesis.timestamp)
    }),
    ("time zero", |block, _, _| Some(block.header.timestamp = 0)),
    ("hash root", |block, _, _| {
        Some(block.header.hash_merkle_root = flip(block.header.hash_merkle_root))
    }),
    ("first is no coinbase", |block, _, _| {
        (block.transactions.len() > 1).then(|| drop(block.transactions.remove(0)))
    }),
    ("two coinbases", |block, _, _| {
        let first = block.transactions[0].clone();
        Some(block.transactions.push(first))
    }),
    ("short payload", |block, _, random| payload(block, |bytes| bytes.truncate(random.index(18)))),
    ("long payload", |block, _, _| payload(block, |bytes| bytes.resize(205, 0))),
    ("script length in payload", |block, _, _| payload(block, |bytes| bytes[18] = 200)),
    ("blue score in payload", |block, _, _| payload(block, |bytes| bytes[0] ^= 1)),
    ("subsidy in payload", |block, _, _| payload(block, |bytes| bytes[8] ^= 1)),
    ("coinbase amount", |block, _, _| {
        block.transactions[0].outputs.first_mut().map(|output| output.value ^= 1)
    }),
    ("coinbase without outputs", |block, _, _| Some(block.transactions[0].outputs.clear())),
    ("coinbase with an input", |block, _, random| {
        Some(block.transactions[0].inputs.push(input(random)))
    }),
    ("coinbase of the other version", |block, _, _| Some(block.transactions[0].version ^= 1)),
    ("coinbase with mass", |block, _, _| Some(block.transactions[0].set_storage_mass(7))),
    ("no inputs", |block, _, _| last(block, |tx| tx.inputs.clear())),
    ("an input twice", |block, _, _| last(block, |tx| tx.inputs.push(tx.inputs[0].clone()))),
    ("output of zero", |block, _, _| last(block, |tx| tx.outputs[0].value = 0)),
    ("output of too much", |block, _, _| last(block, |tx| tx.outputs[0].value = u64::MAX / 2)),
    ("gas where there is none", |block, _, _| {
        last(block, |tx| {
            tx.subnetwork_id = SubnetworkId::default();
            tx.gas = 1;
        })
    }),
    ("unknown version", |block, _, _| last(block, |tx| tx.version = 2)),
    ("commitment of the other version", |block, _, _| {
        last(block, |tx| {
            tx.inputs[0].compute_commit = match tx.inputs[0].compute_commit {
                ComputeCommit::SigopCount(_) => ComputeCommit::ComputeBudget(1.into()),
                ComputeCommit::ComputeBudget(_) => ComputeCommit::SigopCount(1.into()),
            }
        })
    }),
    ("reserved subnetwork", |block, _, random| {
        last(block, |tx| tx.subnetwork_id = SubnetworkId::from_byte(2 + random.byte() % 9))
    }),
    ("storage mass of the block", |block, _, _| last(block, |tx| tx.set_storage_mass(600_000))),
    ("storage mass of the transaction", |block, _, _| {
        last(block, |tx| tx.set_storage_mass(tx.storage_mass() + 1))
    }),
    ("transient mass", |block, _, _| last(block, |tx| tx.payload = vec![1; 260_000])),
    ("compute mass", |block, _, random| {
        last(block, |tx| {
            tx.outputs = (0..400)
                .map(|_| TransactionOutput::new(1 << 40, script(random.index(KEYS))))
                .collect()
        })
    }),
    ("lanes", |block, _, random| {
        for lane in 0..51 {
            block.transactions.push(foreign(lane, 1, random));
        }
        Some(())
    }),
    ("gas on a lane", |block, _, random| {
        (0..2).for_each(|_| block.transactions.push(foreign(9, 600_000_000, random)));
        Some(())
    }),
    ("spent twice in the block", |block, _, random| {
        let mut other = block.transactions.get(1)?.clone();
        other.outputs[0].script_public_key = script(random.index(KEYS));
        other.lock_time = 1;
        Some(block.transactions.push(other))
    }),
    ("the same transaction twice", |block, _, _| {
        let same = block.transactions.get(1)?.clone();
        Some(block.transactions.push(same))
    }),
    ("spent where it is made", |block, _, random| {
        let made = TransactionOutpoint::new(block.transactions.get(1)?.id(), 0);
        let mut other = foreign(1, 1, random);
        other.inputs[0].previous_outpoint = made;
        Some(block.transactions.push(other))
    }),
    ("lock time to come", |block, _, _| last(block, |tx| tx.lock_time = 1 << 38)),
    ("outpoint that is not there", |block, _, random| {
        Some(block.transactions.push(foreign(3, 1, random)))
    }),
    ("signature", |block, _, _| last(block, |tx| tx.inputs[0].signature_script[9] ^= 1)),
];

/// Changes of a header that leave a valid block, but none for a chain.
pub const DISQUALIFIERS: [(&str, Change); 5] = [
    ("utxo commitment", |block, _, _| {
        Some(block.header.utxo_commitment = flip(block.header.utxo_commitment))
    }),
    ("accepted ids", |block, _, _| {
        Some(block.header.accepted_id_merkle_root = flip(block.header.accepted_id_merkle_root))
    }),
    ("pruning point", |block, _, _| {
        Some(block.header.pruning_point = flip(block.header.pruning_point))
    }),
    ("selected parent not first", |block, _, _| {
        let mut list = block.header.direct_parents().to_vec();
        (list.len() > 1).then(|| list.rotate_left(1))?;
        parents(block, list)
    }),
    ("level parents", |block, _, random| {
        let mut levels: Vec<Vec<Hash>> = (&block.header.parents_by_level).into();
        let at = 1 + random.index(levels.len() - 1);
        match random.below(3) {
            0 => levels.truncate(at),
            1 => levels[at] = vec![Hash::from_bytes(random.array())],
            _ => levels.push(vec![Hash::from_bytes(random.array())]),
        }
        Some(block.header.parents_by_level = levels.try_into().ok()?)
    }),
];

/// Makes what a changed block says of itself right again: ids, the root of its transactions unless that is what was changed, its hash.
pub fn seal(block: &mut MutableBlock, keep_root: bool) {
    block.transactions.iter_mut().for_each(Transaction::finalize);
    if !keep_root {
        block.header.hash_merkle_root = calc_hash_merkle_root(block.transactions.iter());
    }
    block.header.finalize();
}

fn parents(block: &mut MutableBlock, list: Vec<Hash>) -> Option<()> {
    if list.is_empty() {
        block.header.parents_by_level = Vec::<Vec<Hash>>::new().try_into().ok()?;
    } else {
        block.header.parents_by_level.set_direct_parents(list);
    }
    Some(())
}

fn payload(block: &mut MutableBlock, change: impl FnOnce(&mut Vec<u8>)) -> Option<()> {
    change(&mut block.transactions[0].payload);
    Some(())
}

fn last(block: &mut MutableBlock, change: impl FnOnce(&mut Transaction)) -> Option<()> {
    let tx = block.transactions.last_mut()?;
    (tx.subnetwork_id != SUBNETWORK_ID_COINBASE).then(|| change(tx))
}

fn off(value: u64, random: &mut SplitMix) -> u64 {
    if random.percent(50) { value + 1 } else { value.saturating_sub(1) }
}

fn flip(hash: Hash) -> Hash {
    let mut bytes = hash.as_bytes();
    bytes[3] ^= 1;
    Hash::from_bytes(bytes)
}

fn input(random: &mut SplitMix) -> TransactionInput {
    let outpoint = TransactionOutpoint::new(Hash::from_bytes(random.array()), 0);
    TransactionInput::new_with_compute_budget(outpoint, vec![1, 1], 0, 0)
}

/// Returns a transaction on a lane that spends what nobody has.
fn foreign(lane: u8, gas: u64, random: &mut SplitMix) -> Transaction {
    let mut bytes = [0; 20];
    bytes[..4].copy_from_slice(&[1, 2, 3, lane]);
    let outputs = vec![TransactionOutput::new(1 << 40, script(random.index(KEYS)))];
    Transaction::new(1, vec![input(random)], outputs, 0, bytes.into(), gas, Vec::new())
}
