//! Do ids, hashes, signature hashes, masses, set hashes and proofs of work say what rusty-kaspa's say? On random
//! transactions and headers.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use clap::Parser;
use judge_kaspa_rules::{convert, draw_frame, random::SplitMix};
use kaspa_consensus_core::{
    BlueWorkType,
    config::params::{MAINNET_PARAMS, SIMNET_PARAMS},
    hashing::{
        sighash::{
            SigHashReusedValuesUnsync, calc_ecdsa_signature_hash, calc_schnorr_signature_hash,
        },
        sighash_type::SigHashType,
        tx as their_tx,
    },
    header::Header,
    mass::MassCalculator,
    merkle::calc_hash_merkle_root,
    muhash::MuHashExtensions as _,
    tx::{
        ComputeCommit, PopulatedTransaction as TheirPopulated, ScriptPublicKey, Transaction,
        UtxoEntry,
    },
};
use kaspa_hashes::Hash;
use kaspa_math::Uint256;
use kaspa_muhash::MuHash;
use quintet_kaspa_protocol::{
    hashing::{Sighash, SighashType, UtxoMuHash, hash_merkle_root, utxo_element},
    mass::{storage_mass, tx_mass},
    params::{Network, Params},
    pow::{Pow, level_of},
    target,
    tx::PopulatedTransaction,
};
use quintet_primitives::Hash256;
use rayon::prelude::*;

/// Disagreements printed.
const PRINTED_MAX: u64 = 30;

/// Compares hashes, masses and proofs of work with rusty-kaspa's.
#[derive(Debug, Parser)]
struct Command {
    /// Transactions, and as many headers.
    #[arg(long, default_value_t = 200_000)]
    cases: u64,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What was compared and what differed.
#[derive(Debug, Default)]
struct Tally {
    compared: AtomicU64,
    differ: AtomicU64,
}

impl Tally {
    fn equal<T: PartialEq + std::fmt::Debug>(&self, what: &str, number: u64, ours: T, theirs: T) {
        self.compared.fetch_add(1, Ordering::Relaxed);
        if ours != theirs && self.differ.fetch_add(1, Ordering::Relaxed) < PRINTED_MAX {
            println!("{what} of case {number}: quintet {ours:?}, reference {theirs:?}");
        }
    }
}

fn main() -> ExitCode {
    let Command { cases, seed } = Command::parse();
    let started = Instant::now();
    let tally = Tally::default();
    (0..cases).into_par_iter().for_each(|number| {
        let mut random = SplitMix::of_case(seed, number);
        transaction(number, &mut random, &tally);
        header(number, &mut random, &tally);
    });
    (0..cases / 500).into_par_iter().for_each(|number| {
        sets(number, &mut SplitMix::of_case(!seed, number), &tally);
    });
    let (compared, differ) = (tally.compared.into_inner(), tally.differ.into_inner());
    println!(
        "{cases} transactions and headers, {compared} values compared with kaspa-consensus-core, kaspa-pow and kaspa-muhash 2.1.0, {differ} differ, {:.1} s",
        started.elapsed().as_secs_f64()
    );
    if differ > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Draws a transaction with scripts of any length and what it spends.
fn draw(random: &mut SplitMix) -> (Transaction, Vec<UtxoEntry>) {
    let inputs = 1 + random.index(6);
    let mut case = draw_frame(inputs, random);
    for (input, entry) in case.tx.inputs.iter_mut().zip(&mut case.entries) {
        let len = random.index(120);
        input.signature_script = random.bytes(len);
        let len = random.index(250);
        let version = if random.percent(10) { random.byte().into() } else { 0 };
        entry.script_public_key = ScriptPublicKey::from_vec(version, random.bytes(len));
        entry.amount = random.any_size().max(1) >> 1 | 1;
    }
    for output in &mut case.tx.outputs {
        output.value |= 1;
    }
    case.tx.set_storage_mass(if random.percent(50) { random.any_size() } else { 0 });
    case.tx.finalize();
    (case.tx, case.entries)
}

fn transaction(number: u64, random: &mut SplitMix, tally: &Tally) {
    let (tx, entries) = draw(random);
    let ours = convert::transaction(&tx);
    let our_entries: Vec<_> = entries.iter().map(convert::entry).collect();
    let hash = |hash: Hash| convert::hash(&hash);
    tally.equal("id", number, ours.id(), hash(tx.id()));
    tally.equal("hash", number, ours.hash(), hash(their_tx::hash(&tx)));
    let before = hash(their_tx::hash_pre_crescendo(&tx));
    tally.equal("hash before Crescendo", number, ours.hash_pre_crescendo(), before);

    let theirs = TheirPopulated::new(&tx, entries);
    let populated = PopulatedTransaction::new(&ours, &our_entries).expect("as many entries");
    let (reused, sighash) = (SigHashReusedValuesUnsync::new(), Sighash::new(populated));
    for index in 0..tx.inputs.len() {
        for byte in [1, 2, 4, 0x81, 0x82, 0x84] {
            let theirs_type = SigHashType::from_u8(byte).expect("a known type");
            let ours_type = SighashType::try_from(byte).ok();
            let ask = |ecdsa: bool| {
                let known = ours_type?;
                if ecdsa { sighash.ecdsa(index, known) } else { sighash.schnorr(index, known) }
            };
            let schnorr = calc_schnorr_signature_hash(&theirs, index, theirs_type, &reused);
            tally.equal("signature hash", number, ask(false), Some(hash(schnorr)));
            let ecdsa = calc_ecdsa_signature_hash(&theirs, index, theirs_type, &reused);
            tally.equal("ECDSA signature hash", number, ask(true), Some(hash(ecdsa)));
        }
    }
    for byte in 0..=u8::MAX {
        let known = SigHashType::from_u8(byte).is_ok();
        tally.equal("hash type", number, SighashType::try_from(byte).is_ok(), known);
        if number > 0 {
            break;
        }
    }
    masses(number, (&tx, &theirs), populated, tally);
}

fn masses(
    number: u64,
    (tx, theirs): (&Transaction, &TheirPopulated<'_>),
    ours: PopulatedTransaction<'_>,
    tally: &Tally,
) {
    for (network, params) in
        [(Network::Mainnet, &MAINNET_PARAMS), (Network::Simnet, &SIMNET_PARAMS)]
    {
        let calculator = MassCalculator::new_with_consensus_params(params);
        let fits = |input: &kaspa_consensus_core::tx::TransactionInput| {
            matches!(input.compute_commit, ComputeCommit::SigopCount(_)) == (tx.version == 0)
        };
        // The reference panics where a commitment does not fit the version, which it refuses before.
        if tx.inputs.iter().all(fits) {
            let masses = calculator.calc_non_contextual_masses(tx);
            let mass = tx_mass(&Params::of(network), ours.tx());
            let pair = (mass.compute, mass.transient);
            tally.equal("mass", number, pair, (masses.compute_mass, masses.transient_mass));
        }
        let storage = calculator.calc_contextual_masses(theirs).map(|masses| masses.storage_mass);
        tally.equal("storage mass", number, storage_mass(&Params::of(network), ours), storage);
    }
}

fn header(number: u64, random: &mut SplitMix, tally: &Tally) {
    let mut hash = || Hash::from_bytes(random.array());
    let some: Vec<Hash> = (0..4).map(|_| hash()).collect();
    let roots = [hash(), hash(), hash(), hash()];
    let levels: Vec<Vec<Hash>> =
        (0..random.below(40)).map(|_| some[..random.index(some.len() + 1)].to_vec()).collect();
    let bits = random_bits(random);
    let work =
        BlueWorkType::from_u64(random.any_size()) << u32::try_from(random.below(128)).unwrap_or(0);
    let theirs = Header::new_finalized(
        u16::from(random.byte() % 4),
        levels.try_into().expect("few levels"),
        roots[0],
        roots[1],
        roots[2],
        random.any_size(),
        bits,
        random.next(),
        random.any_size(),
        work,
        random.any_size(),
        roots[3],
    );
    let Ok(ours) = convert::header(&theirs) else {
        tally.equal("header", number, "refused", "taken");
        return;
    };
    tally.equal("header hash", number, ours.hash(), convert::hash(&theirs.hash));
    tally.equal(
        "target",
        number,
        target::from_compact(bits).to_le_bytes::<32>(),
        Uint256::from_compact_target_bits(bits).to_le_bytes(),
    );
    let any =
        Uint256::from_le_bytes(random.array()) >> u32::try_from(random.below(256)).unwrap_or(0);
    let compact = target::to_compact(&ruint::aliases::U256::from_le_bytes(any.to_le_bytes()));
    tally.equal("compact target", number, compact, any.compact_target_bits());
    // A proof of work takes as long as all the rest.
    if number % 8 == 0 {
        let (passes, value) = kaspa_pow::State::new(&theirs).check_pow(theirs.nonce);
        let pow = Pow::new(&ours);
        let ours_value = pow.value(ours.nonce);
        tally.equal("proof of work", number, ours_value.to_le_bytes::<32>(), value.to_le_bytes());
        tally.equal("whether it is enough", number, pow.check(ours.nonce).is_some(), passes);
        for max in [225, 250] {
            let level = kaspa_pow::calc_level_from_pow(value, max);
            tally.equal("level", number, level_of(&ours_value, max), level);
        }
    }
}

/// Bits of all sizes, half of them so easy that proofs of work pass.
fn random_bits(random: &mut SplitMix) -> u32 {
    if random.percent(50) {
        0x2000_0000 | u32::try_from(random.next() >> 41).unwrap_or(0)
    } else {
        u32::try_from(random.next() >> 32).unwrap_or(0)
    }
}

/// Sets of entries, some taken out again; and roots of lists of transactions.
fn sets(number: u64, random: &mut SplitMix, tally: &Tally) {
    let (mut theirs, mut ours) = (MuHash::new(), UtxoMuHash::new());
    let mut txs = Vec::new();
    for _ in 0..random.below(20) {
        let (tx, entries) = draw(random);
        for (input, entry) in tx.inputs.iter().zip(&entries) {
            let element =
                utxo_element(&convert::outpoint(&input.previous_outpoint), &convert::entry(entry));
            if random.percent(60) {
                theirs.add_utxo(&input.previous_outpoint, entry);
                ours.insert(&[&element]);
            } else {
                let populated = TheirPopulated::new(&tx, entries.clone());
                theirs.add_transaction(&populated, 7);
                take(&mut ours, &tx, &entries);
                break;
            }
        }
        txs.push(tx);
    }
    tally.equal("hash of a set", number, ours.finalise(), convert::hash(&theirs.finalize()));
    let ours: Vec<_> = txs.iter().map(convert::transaction).collect();
    if !txs.is_empty() {
        let root: Hash256 = convert::hash(&calc_hash_merkle_root(txs.iter()));
        tally.equal("root of transactions", number, hash_merkle_root(&ours), root);
    }
}

/// Takes out what a transaction spends and adds what it makes, as accepted at DAA score 7.
fn take(set: &mut UtxoMuHash, tx: &Transaction, entries: &[UtxoEntry]) {
    let ours = convert::transaction(tx);
    for (input, entry) in ours.inputs.iter().zip(entries) {
        set.remove(&[&utxo_element(&input.previous_outpoint, &convert::entry(entry))]);
    }
    for (index, output) in (0..).zip(&ours.outputs) {
        let entry = quintet_kaspa_protocol::tx::UtxoEntry {
            amount: output.value,
            script_public_key: output.script_public_key.clone(),
            block_daa_score: 7,
            is_coinbase: ours.is_coinbase(),
            covenant_id: output.covenant.map(|binding| binding.covenant_id),
        };
        let outpoint = quintet_kaspa_protocol::tx::Outpoint::new(ours.id(), index);
        set.insert(&[&utxo_element(&outpoint, &entry)]);
    }
}
