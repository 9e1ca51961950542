//! Signed transactions of several keys, of both versions, on lanes and under covenants.

use judge_kaspa_rules::{
    random::SplitMix,
    spend::{KEYS, Push, Recipe, compressed, sign, x_only},
};
use kaspa_consensus_core::{
    config::params::Params,
    mass::MassCalculator,
    subnets::SubnetworkId,
    tx::{
        ComputeCommit, GenesisCovenantGroup, PopulatedTransaction, ScriptPublicKey, Transaction,
        TransactionInput, TransactionOutpoint, TransactionOutput, UtxoEntry,
    },
};
use kaspa_hashes::Hash;

use super::reference::Reference;

/// Most storage mass of a transaction; a block holds some of them.
const STORAGE_MASS_MAX: u64 = 60_000;
/// What a transaction pays.
const FEE: u64 = 20_000;

/// Returns the script of a key: Schnorr, or ECDSA for every third key.
pub fn script(key: usize) -> ScriptPublicKey {
    ScriptPublicKey::from_vec(0, raw_script(key))
}

fn raw_script(key: usize) -> Vec<u8> {
    if key % 3 == 0 {
        [&[33][..], &compressed(key), &[0xab]].concat()
    } else {
        [&[32][..], &x_only(key), &[0xac]].concat()
    }
}

fn key_of(script: &ScriptPublicKey) -> Option<usize> {
    (0..KEYS).find(|key| script.script() == raw_script(*key).as_slice())
}

/// Makes up to `count` transactions that spend what the reference's virtual block has.
pub fn transactions(
    reference: &Reference,
    params: &Params,
    count: u64,
    daa_score: u64,
    random: &mut SplitMix,
) -> Vec<Transaction> {
    let from = TransactionOutpoint::new(Hash::from_bytes(random.array()), 0);
    let wanted = usize::try_from(count).unwrap_or(0) * 3;
    let mut spendable = reference.utxos(from, wanted);
    spendable.retain(|(_, entry)| {
        let mature =
            !entry.is_coinbase || entry.block_daa_score + params.coinbase_maturity() <= daa_score;
        mature && entry.amount > 4 * FEE && key_of(&entry.script_public_key).is_some()
    });
    let mut made = Vec::new();
    while !spendable.is_empty() && (made.len() as u64) < count {
        let inputs = (1 + random.index(2)).min(spendable.len());
        let spent = spendable.split_off(spendable.len() - inputs);
        made.extend(transaction(params, &spent, random));
    }
    made
}

/// Makes a transaction; `None` if its storage mass is too high.
pub fn transaction(
    params: &Params,
    spent: &[(TransactionOutpoint, UtxoEntry)],
    random: &mut SplitMix,
) -> Option<Transaction> {
    let version = u16::from(random.percent(60));
    let commit = if version == 0 {
        ComputeCommit::SigopCount(1.into())
    } else {
        ComputeCommit::ComputeBudget(10.into())
    };
    let inputs = spent
        .iter()
        .map(|(outpoint, _)| TransactionInput::new_with_mass(*outpoint, Vec::new(), 0, commit))
        .collect();
    let sum: u64 = spent.iter().map(|(_, entry)| entry.amount).sum();
    let left = sum - FEE - random.below(FEE);
    let output =
        |value, random: &mut SplitMix| TransactionOutput::new(value, script(random.index(KEYS)));
    let outputs = if random.percent(60) && left > 2_000_000_000 {
        let part = left / 2 - random.below(left / 4);
        vec![output(part, random), output(left - part, random)]
    } else {
        vec![output(left, random)]
    };
    let lane = version == 1 && random.percent(40);
    let subnetwork = if lane { lane_of(random) } else { SubnetworkId::default() };
    let gas = if lane { random.below(100_000) } else { 0 };
    let len = if version == 1 && random.percent(30) { random.index(80) } else { 0 };
    let mut tx = Transaction::new(version, inputs, outputs, 0, subnetwork, gas, random.bytes(len));
    if version == 1 && random.percent(25) {
        let outputs = (0..u32::try_from(tx.outputs.len()).unwrap_or(0)).collect();
        let _ = tx.populate_genesis_covenants(&[GenesisCovenantGroup::new(0, outputs)]);
    }
    let entries: Vec<UtxoEntry> = spent.iter().map(|(_, entry)| entry.clone()).collect();
    let recipes: Vec<Recipe> = entries.iter().map(recipe).collect::<Option<_>>()?;
    let mass = MassCalculator::new_with_consensus_params(params)
        .calc_contextual_masses(&PopulatedTransaction::new(&tx, entries.clone()))?
        .storage_mass;
    tx.set_storage_mass(mass);
    sign(&mut tx, &entries, &recipes, random);
    tx.finalize();
    (mass <= STORAGE_MASS_MAX).then_some(tx)
}

fn recipe(entry: &UtxoEntry) -> Option<Recipe> {
    let key = key_of(&entry.script_public_key)?;
    let push = if key % 3 == 0 { Push::Ecdsa(key, 1) } else { Push::Schnorr(key, 1) };
    Some(Recipe {
        category: "one key",
        pushes: vec![push],
        script: raw_script(key),
        hashed: false,
        loose: false,
    })
}

/// A few lanes, so that some go on and some fall asleep.
fn lane_of(random: &mut SplitMix) -> SubnetworkId {
    let mut bytes = [0; 20];
    let wide = random.percent(20);
    bytes[..4].copy_from_slice(&[
        7,
        1,
        u8::from(wide),
        if wide { random.byte() } else { random.byte() % 6 },
    ]);
    SubnetworkId::from(bytes)
}
