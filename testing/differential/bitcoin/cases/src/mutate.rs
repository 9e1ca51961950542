//! Changing a case a little: bytes, opcodes, stack items, amounts, locks, flags; and the script behind a hash, with the
//! hash made right again so that the change is run and not only refused.

use bench::bitcoin_chain::SplitMix;
use bitcoin::{
    Amount, ScriptBuf, Sequence, Witness, XOnlyPublicKey, absolute, script::Instruction,
    transaction,
};

use super::{
    Case,
    assembler::push,
    grammar,
    sign::{Signer, Tree},
};

/// Changes of a case at most.
const CHANGES_MAX: u64 = 3;
/// Bytes a script or stack item may grow to.
const BYTES_MAX: usize = 20_000;

/// Changes a case.
pub fn mutate(mut case: Case, random: &mut SplitMix, signer: &Signer) -> Case {
    for _ in 0..=random.below(CHANGES_MAX) {
        match random.below(100) {
            0..30 => reveal(&mut case, random, signer),
            30..45 => stack(&mut case, random),
            45..60 => script_sig(&mut case, random),
            60..72 => script_pubkey(&mut case, random),
            72..82 => frame(&mut case, random),
            82..92 => case.flags = grammar::flags(random),
            _ => amounts(&mut case, random),
        }
    }
    case
}

/// How many opcodes there are from `OP_RESERVED` on.
const OPCODES: u8 = 0x70;

/// Changes bytes in one of the ways bytes go wrong.
pub fn bytes(bytes: &mut Vec<u8>, random: &mut SplitMix) {
    random.damage(bytes, OPCODES, BYTES_MAX);
}

fn changed(script: &ScriptBuf, random: &mut SplitMix) -> ScriptBuf {
    let mut raw = script.to_bytes();
    bytes(&mut raw, random);
    ScriptBuf::from_bytes(raw)
}

/// Changes the script behind a hash, and the hash with it.
fn reveal(case: &mut Case, random: &mut SplitMix, signer: &Signer) {
    let spent = case.prevouts[case.input].script_pubkey.clone();
    let items = case.tx.input[case.input].witness.to_vec();
    if spent.is_p2sh() {
        redeem_script(case, random);
    } else if spent.is_p2wsh() {
        let mut items = items;
        let Some(last) = items.last_mut() else { return };
        bytes(last, random);
        let script = ScriptBuf::from_bytes(last.clone());
        case.prevouts[case.input].script_pubkey = script.to_p2wsh();
        case.tx.input[case.input].witness = Witness::from_slice(&items);
    } else if spent.is_p2tr() {
        leaf(case, items, random, signer);
    } else {
        script_pubkey(case, random);
    }
}

fn redeem_script(case: &mut Case, random: &mut SplitMix) {
    let input = &mut case.tx.input[case.input];
    let mut pushes: Vec<Vec<u8>> = Vec::new();
    for instruction in input.script_sig.instructions() {
        match instruction {
            Ok(Instruction::PushBytes(bytes)) => pushes.push(bytes.as_bytes().to_vec()),
            _ => return,
        }
    }
    let Some(last) = pushes.last_mut() else { return };
    bytes(last, random);
    case.prevouts[case.input].script_pubkey = ScriptBuf::from_bytes(last.clone()).to_p2sh();
    let mut raw = Vec::new();
    pushes.iter().for_each(|bytes| push(&mut raw, bytes));
    input.script_sig = ScriptBuf::from_bytes(raw);
}

fn leaf(case: &mut Case, mut items: Vec<Vec<u8>>, random: &mut SplitMix, signer: &Signer) {
    let annex = (items.len() > 1 && items.last().is_some_and(|item| item.first() == Some(&0x50)))
        .then(|| items.pop())
        .flatten();
    let (Some(control), Some(mut script)) = (items.pop(), items.pop()) else { return };
    let Some((first, rest)) = control.split_first() else { return };
    let Some((internal, path)) = rest.split_at_checked(32) else { return };
    let Ok(internal) = XOnlyPublicKey::from_slice(internal) else { return };
    bytes(&mut script, random);
    let mut path: Vec<[u8; 32]> =
        path.chunks_exact(32).filter_map(|node| node.try_into().ok()).collect();
    // Trees up to the limit of 128, and one above.
    if random.percent(3) {
        path = vec![[random.byte(); 32]; 127 + random.index(3)];
    }
    let version = if random.percent(5) { 0xc0 ^ (random.byte() & 0x3e) } else { first & 0xfe };
    let (output, control) = signer.leaf_output(
        internal,
        &ScriptBuf::from_bytes(script.clone()),
        &Tree { version, path },
    );
    items.extend([script, control]);
    items.extend(annex);
    case.prevouts[case.input].script_pubkey = output;
    case.tx.input[case.input].witness = Witness::from_slice(&items);
}

fn stack(case: &mut Case, random: &mut SplitMix) {
    let mut items = case.tx.input[case.input].witness.to_vec();
    let at = random.index(items.len());
    match random.below(8) {
        0 => items.insert(random.index(items.len() + 1), vec![random.byte(); random.index(4)]),
        1 => items.push(vec![0x50, random.byte()]),
        _ if items.is_empty() => return,
        2 => {
            items.remove(at);
        }
        3 => {
            let other = random.index(items.len());
            items.swap(at, other);
        }
        4 => {
            let copy = items[at].clone();
            items.insert(at, copy);
        }
        5 => items[at].clear(),
        _ => bytes(&mut items[at], random),
    }
    case.tx.input[case.input].witness = Witness::from_slice(&items);
}

fn script_sig(case: &mut Case, random: &mut SplitMix) {
    let input = &mut case.tx.input[case.input];
    input.script_sig = changed(&input.script_sig, random);
}

fn script_pubkey(case: &mut Case, random: &mut SplitMix) {
    let output = &mut case.prevouts[case.input];
    output.script_pubkey = match random.below(12) {
        0 => ScriptBuf::from_bytes([&[0x51, 0x20][..], &[random.byte(); 32]].concat()),
        // The anchor of BIP-0433, and witness versions that mean nothing yet.
        1 => ScriptBuf::from_bytes(vec![0x51, 0x02, 0x4e, 0x73]),
        2 => ScriptBuf::from_bytes([&[0x52 + random.byte() % 15, 0x04][..], &[7; 4]].concat()),
        _ => changed(&output.script_pubkey, random),
    };
}

/// Changes what is around the scripts: version, locks, inputs, outputs.
fn frame(case: &mut Case, random: &mut SplitMix) {
    let at = random.index(case.tx.input.len());
    match random.below(8) {
        0 => case.tx.version = transaction::Version(i32::from(random.byte()) - 3),
        1 => case.tx.lock_time = absolute::LockTime::from_consensus(random.byte().into()),
        2 => case.tx.input[at].sequence = Sequence(u32::MAX - u32::from(random.byte() % 4)),
        3 => {
            case.tx.input[at].sequence = Sequence(u32::from(random.byte()) << (random.byte() % 25))
        }
        4 if case.tx.output.len() > 1 => {
            let output = random.index(case.tx.output.len());
            case.tx.output.remove(output);
        }
        5 if !case.tx.output.is_empty() => {
            let output = case.tx.output[random.index(case.tx.output.len())].clone();
            case.tx.output.push(output);
        }
        6 if case.tx.input.len() < 8 => {
            let (input, output) = (case.tx.input[at].clone(), case.prevouts[at].clone());
            case.tx.input.push(input);
            case.prevouts.push(output);
        }
        _ => case.tx.input[at].previous_output.vout ^= 1,
    }
}

fn amounts(case: &mut Case, random: &mut SplitMix) {
    let change = Amount::from_sat(1 << random.below(20));
    let at = random.index(case.prevouts.len());
    if random.percent(60) {
        let output = &mut case.prevouts[at];
        output.value = output.value.checked_add(change).unwrap_or(Amount::ZERO);
    } else if let Some(output) = case.tx.output.first_mut() {
        output.value = output.value.checked_sub(change).unwrap_or(change);
    }
}
