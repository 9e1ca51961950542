//! Transactions around scripts: versions, locks, outputs, covenants, budgets.

use kaspa_consensus_core::{
    subnets::SubnetworkId,
    tx::{
        ComputeCommit, CovenantBinding, GenesisCovenantGroup, ScriptPublicKey, Transaction,
        TransactionInput, TransactionOutpoint, TransactionOutput, UtxoEntry,
    },
};
use kaspa_hashes::Hash;

use super::{
    engines::Case,
    random::SplitMix,
    spend::{self, Recipe},
};

/// Most inputs of a random transaction, and outputs.
const PARTS_MAX: u64 = 4;

/// Returns a commitment that no script exhausts, or a random one.
fn commitment(version: u16, random: &mut SplitMix) -> ComputeCommit {
    let all = random.percent(80);
    if version == 0 {
        let count = if all { 250 } else { random.byte() >> random.below(8) };
        ComputeCommit::SigopCount(count.into())
    } else {
        let wide = if all { 60_000 } else { random.next() >> (48 + random.below(16)) };
        ComputeCommit::ComputeBudget(u16::try_from(wide).unwrap_or(u16::MAX).into())
    }
}

/// Makes a transaction with random parts, for as many inputs as asked for, without scripts.
pub fn draw(inputs: usize, random: &mut SplitMix) -> Case {
    let version = if random.percent(70) { 1 } else { u16::from(random.percent(8)) * 2 };
    let spent = |random: &mut SplitMix| TransactionInput {
        previous_outpoint: TransactionOutpoint::new(
            Hash::from_bytes(random.array()),
            u32::try_from(random.any_size() >> 32).unwrap_or(0),
        ),
        signature_script: Vec::new(),
        sequence: sequence(random),
        compute_commit: commitment(version, random),
    };
    let inputs: Vec<_> = (0..inputs).map(|_| spent(random)).collect();
    let covenants: Vec<Hash> = (0..2).map(|_| Hash::from_bytes(random.array())).collect();
    let covenant = |random: &mut SplitMix| random.percent(40).then(|| *random.pick(&covenants));
    let entry = |random: &mut SplitMix| UtxoEntry {
        amount: amount(random),
        script_public_key: ScriptPublicKey::from_vec(0, Vec::new()),
        block_daa_score: random.any_size(),
        is_coinbase: random.percent(20),
        covenant_id: if version == 0 { None } else { covenant(random) },
    };
    let entries: Vec<_> = inputs.iter().map(|_| entry(random)).collect();
    let outputs: Vec<_> = (0..random.below(PARTS_MAX + 1)).map(|_| output(random)).collect();
    let subnetwork = match random.below(4) {
        0 => SubnetworkId::from(
            [[7, 7, 7, random.byte()].as_slice(), &[0; 16]].concat().try_into().unwrap_or([0; 20]),
        ),
        _ => SubnetworkId::default(),
    };
    let len = if random.percent(50) { random.index(60) } else { 0 };
    let payload = random.bytes(len);
    let gas = if random.percent(20) { random.any_size() } else { 0 };
    let mut tx =
        Transaction::new(version, inputs, outputs, lock_time(random), subnetwork, gas, payload);
    if version > 0 {
        bind(&mut tx, &entries, random);
    }
    tx.finalize();
    Case { tx, entries, sees_chain: random.percent(90) }
}

/// Binds outputs to covenants: going on with an input's, or founding one.
fn bind(tx: &mut Transaction, entries: &[UtxoEntry], random: &mut SplitMix) {
    if tx.outputs.is_empty() || tx.inputs.is_empty() {
        return;
    }
    for output in &mut tx.outputs {
        if !random.percent(50) {
            continue;
        }
        let input = random.index(entries.len());
        let Some(id) = entries[input].covenant_id else { continue };
        let authority = u16::try_from(input).unwrap_or(0);
        output.covenant = Some(CovenantBinding::new(authority, id));
    }
    if random.percent(30) {
        let free: Vec<u32> = (0u32..)
            .zip(&tx.outputs)
            .filter(|(_, output)| output.covenant.is_none())
            .map(|(index, _)| index)
            .collect();
        let authority = u16::try_from(random.index(entries.len())).unwrap_or(0);
        if !free.is_empty() {
            let group = GenesisCovenantGroup::new(authority, free);
            let _ = tx.populate_genesis_covenants(&[group]);
        }
    }
}

fn output(random: &mut SplitMix) -> TransactionOutput {
    let script = match random.below(3) {
        0 => Vec::new(),
        1 => [&[32][..], &spend::x_only(random.index(spend::KEYS)), &[0xac]].concat(),
        _ => {
            let len = random.index(80);
            random.bytes(len)
        }
    };
    let version = if random.percent(10) { random.byte().into() } else { 0 };
    TransactionOutput::new(amount(random), ScriptPublicKey::from_vec(version, script))
}

/// An amount: of any magnitude, a few beyond what there can be.
pub fn amount(random: &mut SplitMix) -> u64 {
    if random.percent(97) { random.any_size() >> 2 } else { random.next() }
}

fn sequence(random: &mut SplitMix) -> u64 {
    match random.below(4) {
        0 => u64::MAX,
        1 => random.below(100),
        2 => 0,
        _ => random.any_size(),
    }
}

fn lock_time(random: &mut SplitMix) -> u64 {
    match random.below(4) {
        0 => random.below(1_000),
        1 => 500_000_000_000 + random.below(1_000),
        2 => random.any_size(),
        _ => 0,
    }
}

/// Puts recipes' scripts into the entries.
pub fn lock(case: &mut Case, recipes: &[Recipe]) {
    for (entry, recipe) in case.entries.iter_mut().zip(recipes) {
        entry.script_public_key = recipe.script_public_key();
    }
}

/// Sets what the inputs commit to near what they spend: enough, exactly enough, one less, anything.
pub fn commit(case: &mut Case, spent: &[Option<u64>], random: &mut SplitMix) {
    for (input, spent) in case.tx.inputs.iter_mut().zip(spent) {
        let Some(units) = spent else { continue };
        let (unit, most) = match input.compute_commit {
            ComputeCommit::SigopCount(_) => (100_000, u64::from(u8::MAX)),
            ComputeCommit::ComputeBudget(_) => (10_000, u64::from(u16::MAX)),
        };
        // 9,999 units are free: the least commitment that is enough.
        let enough = units.saturating_sub(9_999).div_ceil(unit);
        let value = match random.below(10) {
            0..=5 => continue,
            6 | 7 => enough,
            8 => enough.saturating_sub(1),
            _ => random.below(enough + 2),
        }
        .min(most);
        input.compute_commit = match input.compute_commit {
            ComputeCommit::SigopCount(_) => {
                ComputeCommit::SigopCount(u8::try_from(value).unwrap_or(u8::MAX).into())
            }
            ComputeCommit::ComputeBudget(_) => {
                ComputeCommit::ComputeBudget(u16::try_from(value).unwrap_or(u16::MAX).into())
            }
        };
    }
}
