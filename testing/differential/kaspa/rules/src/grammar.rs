//! Valid spends, one sort after the other.

use quintet_kaspa_protocol::script::opcode::{
    OP_CHECK_LOCK_TIME_VERIFY, OP_CHECK_MULTISIG, OP_CHECK_MULTISIG_ECDSA,
    OP_CHECK_MULTISIG_VERIFY, OP_CHECK_SEQUENCE_VERIFY, OP_CHECKSIG, OP_CHECKSIG_ECDSA,
    OP_CHECKSIGVERIFY, OP_DROP, OP_ELSE, OP_ENDIF, OP_IF, OP_TRUE,
};

use super::{
    engines::Case,
    program,
    random::SplitMix,
    script_text::{number, push},
    spend::{KEYS, Push, Recipe, compressed, x_only},
};

/// The signature hash types there are.
const HASH_TYPES: [u8; 6] = [1, 2, 4, 0x81, 0x82, 0x84];

fn hash_type(random: &mut SplitMix) -> u8 {
    match random.below(40) {
        0 => random.byte(),
        1..20 => 1,
        _ => *random.pick(&HASH_TYPES),
    }
}

/// Draws a recipe for an input.
pub fn draw(case: &Case, input: usize, random: &mut SplitMix) -> Recipe {
    let loose = random.percent(15);
    let recipe =
        |category, pushes, script, hashed| Recipe { category, pushes, script, hashed, loose };
    let hashed = random.percent(50);
    let key = random.index(KEYS);
    match random.below(100) {
        0..12 => {
            let script = schnorr_script(key);
            recipe("one key, Schnorr", vec![Push::Schnorr(key, hash_type(random))], script, hashed)
        }
        12..20 => {
            let script = ecdsa_script(key);
            recipe("one key, ECDSA", vec![Push::Ecdsa(key, hash_type(random))], script, hashed)
        }
        20..32 => {
            let (pushes, script) = multisig(random);
            recipe("several keys", pushes, script, hashed)
        }
        32..40 => {
            let (pushes, script) = conditional(random);
            recipe("either of two keys", pushes, script, hashed)
        }
        40..48 => {
            let (pushes, script) = locked(case, input, random);
            recipe("lock", pushes, script, hashed)
        }
        48..51 => {
            let (pushes, script) = large(random);
            recipe("large", pushes, script, hashed)
        }
        51..54 => {
            let len = random.index(30);
            let script = random.bytes(len);
            recipe("noise", vec![Push::Bytes(vec![1])], script, hashed)
        }
        _ => {
            let script = program::draw(case, input, random);
            recipe("program", Vec::new(), script, hashed)
        }
    }
}

fn schnorr_script(key: usize) -> Vec<u8> {
    [&[32][..], &x_only(key), &[OP_CHECKSIG]].concat()
}

fn ecdsa_script(key: usize) -> Vec<u8> {
    [&[33][..], &compressed(key), &[OP_CHECKSIG_ECDSA]].concat()
}

fn multisig(random: &mut SplitMix) -> (Vec<Push>, Vec<u8>) {
    let keys = if random.percent(85) { random.between(1, 5) } else { random.between(6, 21) };
    let needed = if random.percent(90) { random.between(1, keys) } else { random.below(keys + 2) };
    let schnorr = random.percent(60);
    let mut signers: Vec<usize> = (0..usize::try_from(keys).unwrap_or(1)).collect();
    random.shuffle(&mut signers);
    signers.truncate(usize::try_from(needed).unwrap_or(1));
    signers.sort_unstable();
    if random.percent(5) {
        random.shuffle(&mut signers);
    }
    let sign = |key: &usize| {
        let hash_type = hash_type(random);
        if random.once_in(25) {
            Push::Bytes(Vec::new())
        } else if schnorr {
            Push::Schnorr(*key, hash_type)
        } else {
            Push::Ecdsa(*key, hash_type)
        }
    };
    let pushes = signers.iter().map(sign).collect();
    let mut script = Vec::new();
    push(&mut script, &number(needed.cast_signed()));
    for key in 0..usize::try_from(keys).unwrap_or(1) {
        let key = if schnorr { x_only(key).to_vec() } else { compressed(key).to_vec() };
        let key = if random.once_in(80) { program::crooked(key, random) } else { key };
        push(&mut script, &key);
    }
    push(&mut script, &number(keys.cast_signed()));
    match (schnorr, random.percent(20)) {
        (true, true) => script.extend([OP_CHECK_MULTISIG_VERIFY, OP_TRUE]),
        (true, false) => script.push(OP_CHECK_MULTISIG),
        (false, _) => script.push(OP_CHECK_MULTISIG_ECDSA),
    }
    (pushes, script)
}

fn conditional(random: &mut SplitMix) -> (Vec<Push>, Vec<u8>) {
    let (first, second) = (random.index(KEYS), random.index(KEYS));
    let script =
        [&[OP_IF][..], &schnorr_script(first), &[OP_ELSE], &ecdsa_script(second), &[OP_ENDIF]]
            .concat();
    let which = random.percent(50);
    let signature = if which == random.percent(95) {
        Push::Schnorr(first, hash_type(random))
    } else {
        Push::Ecdsa(second, hash_type(random))
    };
    (vec![signature, Push::Bytes(if which { vec![1] } else { Vec::new() })], script)
}

fn locked(case: &Case, input: usize, random: &mut SplitMix) -> (Vec<Push>, Vec<u8>) {
    let key = random.index(KEYS);
    let (actual, opcode) = if random.percent(50) {
        (case.tx.lock_time, OP_CHECK_LOCK_TIME_VERIFY)
    } else {
        (case.tx.inputs[input].sequence, OP_CHECK_SEQUENCE_VERIFY)
    };
    let required = match random.below(4) {
        0 => actual,
        1 => actual.saturating_sub(random.below(50)),
        2 => actual.saturating_add(1),
        _ => random.any_size(),
    };
    let mut bytes = required.to_le_bytes().to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    let mut script = Vec::new();
    push(&mut script, &bytes);
    script.push(opcode);
    script.push(32);
    script.extend(x_only(key));
    script.extend([OP_CHECKSIGVERIFY, OP_TRUE]);
    (vec![Push::Schnorr(key, hash_type(random))], script)
}

/// Limits: of the stack, of elements, of scripts, of operations.
fn large(random: &mut SplitMix) -> (Vec<Push>, Vec<u8>) {
    let near = |limit: u64, random: &mut SplitMix| {
        usize::try_from(limit - 2 + random.below(5)).unwrap_or(0)
    };
    match random.below(40) {
        0 => {
            let mut script = Vec::new();
            push(&mut script, &vec![1; near(1_000_000, random)]);
            script.extend([OP_DROP, OP_TRUE]);
            (Vec::new(), script)
        }
        1 => (Vec::new(), [vec![0x61; near(1_000_000, random)], vec![OP_TRUE]].concat()),
        2..20 => {
            let count = near(244, random);
            let drops = vec![OP_DROP; count.saturating_sub(1)];
            (vec![Push::Bytes(vec![1]); count], drops)
        }
        _ => {
            let mut script = Vec::new();
            let size = usize::try_from(random.any_size() >> 48).unwrap_or(0);
            push(&mut script, &vec![1; size]);
            for _ in 0..random.below(5) {
                script.extend([0x76, 0x7e]);
            }
            script.push(*random.pick(&[0xa8, 0xaa, 0xd9, 0x82]));
            (Vec::new(), script)
        }
    }
}
