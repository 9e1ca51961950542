//! Random programs that end in true: operations with operands that suit them, kept if the reference runs them, and at the
//! end what they leave compared with itself.

use quintet_kaspa_protocol::script::opcode::{
    self as op, OP_DROP, OP_EQUAL, OP_EQUALVERIFY, OP_TRUE,
};

use super::{
    engines::{Case, left_by},
    random::SplitMix,
    script_text::{number, push, push_somehow},
    spend::{KEYS, compressed, ecdsa, schnorr, x_only},
};

/// Operations of a program at most.
const STEPS_MAX: u64 = 9;
/// Depth of conditions at most.
const DEPTH_MAX: u8 = 3;

/// What an operation takes.
#[derive(Debug, Clone, Copy)]
enum Operand {
    /// Any number.
    Number,
    /// A small one that is no divisor's zero too often.
    Small,
    /// The index of an input or output, or a little more.
    Index,
    /// Two numbers, the first mostly not above the second, both mostly short.
    Range,
    /// Any bytes.
    Bytes,
    /// Bytes of a length that the next ones have too.
    Same,
    /// A key for a hash.
    HashKey,
    /// The hash of a block.
    Block,
    /// The id of a covenant.
    Covenant,
    /// The length of a number.
    Width,
    /// Bytes that are a number.
    Numeric,
    /// The lock time, or a little less.
    LockTime,
    /// The input's sequence, or a little less.
    Sequence,
}

use Operand::{
    Block, Bytes, Covenant, HashKey, Index, LockTime, Number, Numeric, Range, Same, Sequence,
    Small, Width,
};

/// Operations that take no operands, or whatever lies on the stack.
const PLAIN: &[u8] = &[
    op::OP_NOP,
    op::OP_DEPTH,
    op::OP_IFDUP,
    op::OP_DUP,
    op::OP_NIP,
    op::OP_OVER,
    op::OP_ROT,
    op::OP_SWAP,
    op::OP_TUCK,
    op::OP_2DUP,
    op::OP_3DUP,
    op::OP_2OVER,
    op::OP_2ROT,
    op::OP_2SWAP,
    op::OP_2DROP,
    op::OP_DROP,
    op::OP_SIZE,
    op::OP_TOALTSTACK,
    op::OP_FROMALTSTACK,
    op::OP_TX_VERSION,
    op::OP_TX_INPUT_COUNT,
    op::OP_TX_OUTPUT_COUNT,
    op::OP_TX_LOCK_TIME,
    op::OP_TX_SUBNET_ID,
    op::OP_TX_GAS,
    op::OP_TX_INPUT_INDEX,
    op::OP_TX_PAYLOAD_LEN,
    op::OP_EQUAL,
    op::OP_CAT,
    op::OP_INVERT,
    op::OP_SHA256,
    op::OP_BLAKE2B,
    op::OP_BLAKE3,
    op::OP_0NOTEQUAL,
    op::OP_NOT,
];

/// Operations and their operands.
const TYPED: &[(u8, &[Operand])] = &[
    (op::OP_PICK, &[Small]),
    (op::OP_ROLL, &[Small]),
    (op::OP_CAT, &[Bytes, Bytes]),
    (op::OP_SUBSTR, &[Bytes, Range]),
    (op::OP_INVERT, &[Bytes]),
    (op::OP_AND, &[Same, Same]),
    (op::OP_OR, &[Same, Same]),
    (op::OP_XOR, &[Same, Same]),
    (op::OP_EQUAL, &[Bytes, Bytes]),
    (op::OP_1ADD, &[Number]),
    (op::OP_1SUB, &[Number]),
    (op::OP_NEGATE, &[Number]),
    (op::OP_ABS, &[Number]),
    (op::OP_NOT, &[Number]),
    (op::OP_0NOTEQUAL, &[Number]),
    (op::OP_ADD, &[Number, Number]),
    (op::OP_SUB, &[Number, Number]),
    (op::OP_MUL, &[Number, Small]),
    (op::OP_MUL, &[Number, Number]),
    (op::OP_DIV, &[Number, Small]),
    (op::OP_DIV, &[Number, Number]),
    (op::OP_MOD, &[Number, Small]),
    (op::OP_MOD, &[Number, Number]),
    (op::OP_BOOLAND, &[Number, Number]),
    (op::OP_BOOLOR, &[Number, Number]),
    (op::OP_NUMEQUAL, &[Number, Number]),
    (op::OP_NUMNOTEQUAL, &[Number, Number]),
    (op::OP_LESSTHAN, &[Number, Number]),
    (op::OP_GREATERTHAN, &[Number, Number]),
    (op::OP_LESSTHANOREQUAL, &[Number, Number]),
    (op::OP_GREATERTHANOREQUAL, &[Number, Number]),
    (op::OP_MIN, &[Number, Number]),
    (op::OP_MAX, &[Number, Number]),
    (op::OP_WITHIN, &[Number, Number, Number]),
    (op::OP_BLAKE2B_WITH_KEY, &[Bytes, HashKey]),
    (op::OP_SHA256, &[Bytes]),
    (op::OP_BLAKE2B, &[Bytes]),
    (op::OP_BLAKE3, &[Bytes]),
    (op::OP_BLAKE3_WITH_KEY, &[Bytes, HashKey]),
    (op::OP_TX_PAYLOAD_SUBSTR, &[Range]),
    (op::OP_OUTPOINT_TX_ID, &[Index]),
    (op::OP_OUTPOINT_INDEX, &[Index]),
    (op::OP_TX_INPUT_SCRIPT_SIG_SUBSTR, &[Index, Range]),
    (op::OP_TX_INPUT_SEQ, &[Index]),
    (op::OP_TX_INPUT_AMOUNT, &[Index]),
    (op::OP_TX_INPUT_SPK, &[Index]),
    (op::OP_TX_INPUT_DAA_SCORE, &[Index]),
    (op::OP_TX_INPUT_IS_COINBASE, &[Index]),
    (op::OP_TX_OUTPUT_AMOUNT, &[Index]),
    (op::OP_TX_OUTPUT_SPK, &[Index]),
    (op::OP_TX_INPUT_SPK_LEN, &[Index]),
    (op::OP_TX_INPUT_SPK_SUBSTR, &[Index, Range]),
    (op::OP_TX_OUTPUT_SPK_LEN, &[Index]),
    (op::OP_TX_OUTPUT_SPK_SUBSTR, &[Index, Range]),
    (op::OP_TX_INPUT_SCRIPT_SIG_LEN, &[Index]),
    (op::OP_AUTH_OUTPUT_COUNT, &[Index]),
    (op::OP_AUTH_OUTPUT_IDX, &[Index, Index]),
    (op::OP_NUM2BIN, &[Number, Width]),
    (op::OP_BIN2NUM, &[Numeric]),
    (op::OP_INPUT_COVENANT_ID, &[Index]),
    (op::OP_COV_INPUT_COUNT, &[Covenant]),
    (op::OP_COV_INPUT_IDX, &[Covenant, Index]),
    (op::OP_COV_OUTPUT_COUNT, &[Covenant]),
    (op::OP_COV_OUTPUT_IDX, &[Covenant, Index]),
    (op::OP_CHAINBLOCK_SEQ_COMMIT, &[Block]),
    (op::OP_OUTPUT_COVENANT_ID, &[Index]),
    (op::OP_OUTPUT_AUTHORIZING_INPUT, &[Index]),
    (op::OP_CHECK_LOCK_TIME_VERIFY, &[LockTime]),
    (op::OP_CHECK_SEQUENCE_VERIFY, &[Sequence]),
    (op::OP_NUMEQUALVERIFY, &[Small, Small]),
];

/// Draws a program for an input.
pub fn draw(case: &Case, input: usize, random: &mut SplitMix) -> Vec<u8> {
    let mut script = Vec::new();
    let mut left = Some(Vec::new());
    for _ in 0..=random.below(STEPS_MAX) {
        let mut longer = script.clone();
        step(&mut longer, case, input, DEPTH_MAX, random);
        let after = left_by(case, input, &longer);
        if after.is_some() || random.percent(2) {
            (script, left) = (longer, after);
        }
        if left.is_none() {
            return script;
        }
    }
    let left = left.unwrap_or_default();
    if left.is_empty() {
        script.push(OP_TRUE);
        return script;
    }
    for (depth, item) in left.iter().rev().enumerate() {
        let last = depth + 1 == left.len();
        // Half of what is left is compared, half dropped; the last one must be true.
        if last || random.percent(50) {
            push(&mut script, item);
            script.push(if last { OP_EQUAL } else { OP_EQUALVERIFY });
        } else {
            script.push(OP_DROP);
        }
    }
    script
}

fn step(script: &mut Vec<u8>, case: &Case, input: usize, depth: u8, random: &mut SplitMix) {
    match random.below(100) {
        0..20 => script.push(*random.pick(PLAIN)),
        20..28 => {
            let data = bytes(random);
            push_somehow(script, &data, random);
        }
        28..36 if depth > 0 => condition(script, case, input, depth, random),
        36..44 => signature(script, random),
        44 => script.push(random.byte()),
        _ => {
            let (opcode, operands) = random.pick(TYPED);
            let same = random.index(40);
            for operand in *operands {
                take(script, *operand, same, case, input, random);
            }
            script.push(*opcode);
        }
    }
}

fn condition(script: &mut Vec<u8>, case: &Case, input: usize, depth: u8, random: &mut SplitMix) {
    let value = if random.percent(80) { vec![1; random.index(2)] } else { bytes(random) };
    push_somehow(script, &value, random);
    script.push(if random.percent(50) { op::OP_IF } else { op::OP_NOTIF });
    for arm in 0..random.below(4) {
        if arm > 0 {
            script.push(op::OP_ELSE);
        }
        for _ in 0..random.below(3) {
            step(script, case, input, depth - 1, random);
        }
    }
    script.push(op::OP_ENDIF);
}

/// A signature of a hash from the stack, mostly right.
fn signature(script: &mut Vec<u8>, random: &mut SplitMix) {
    let (signer, hash) = (random.index(KEYS), random.array());
    let key = if random.percent(90) { signer } else { random.index(KEYS) };
    let len = if random.percent(98) { 32 } else { random.index(40) };
    let message = if len == 32 { hash.to_vec() } else { random.bytes(len) };
    let (mut signed, mut key, opcode) = if random.percent(50) {
        (schnorr(signer, hash).to_vec(), x_only(key).to_vec(), op::OP_CHECKSIG_FROM_STACK)
    } else {
        (ecdsa(signer, hash).to_vec(), compressed(key).to_vec(), op::OP_CHECKSIG_FROM_STACK_ECDSA)
    };
    if random.percent(6) {
        signed = crooked(signed, random);
    }
    if random.percent(4) {
        key = crooked(key, random);
    }
    for data in [signed, message, key] {
        push_somehow(script, &data, random);
    }
    script.push(opcode);
}

/// Changes a signature or key: a byte, its length, or a number to one that is too high.
pub fn crooked(mut bytes: Vec<u8>, random: &mut SplitMix) -> Vec<u8> {
    match random.below(6) {
        0 => bytes.truncate(random.index(bytes.len() + 1)),
        1 => bytes.push(random.byte()),
        2 => bytes.iter_mut().take(32).for_each(|byte| *byte = 0xff),
        3 => bytes.iter_mut().skip(32).take(32).for_each(|byte| *byte = 0xff),
        4 => bytes.iter_mut().for_each(|byte| *byte = 0),
        _ => {
            let at = random.index(bytes.len());
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
    bytes
}

fn bytes(random: &mut SplitMix) -> Vec<u8> {
    let len = match random.below(100) {
        0..90 => random.index(40),
        90..98 => random.index(300),
        98 => random.index(2_000),
        _ => random.index(20_000),
    };
    random.bytes(len)
}

fn any_number(random: &mut SplitMix) -> i64 {
    const EDGES: [i64; 12] = [
        0,
        1,
        -1,
        127,
        128,
        255,
        256,
        i32::MAX as i64,
        i32::MIN as i64,
        1 << 32,
        i64::MAX,
        -i64::MAX,
    ];
    match random.below(4) {
        0 => *random.pick(&EDGES),
        1 => EDGES[random.index(EDGES.len())].wrapping_add(random.below(5).cast_signed() - 2),
        2 => random.below(20).cast_signed() - 5,
        _ => {
            let size = random.any_size().cast_signed();
            if random.percent(50) { size } else { size.wrapping_neg() }
        }
    }
}

/// Writes a number, at times with a byte or a sign too many.
fn numeric(value: i64, random: &mut SplitMix) -> Vec<u8> {
    let mut bytes = number(value);
    if random.percent(4) {
        let sign = bytes.last().map_or(0, |last| last & 0x80);
        if let Some(last) = bytes.last_mut() {
            *last &= 0x7f;
        }
        bytes.resize(bytes.len() + random.index(3), 0);
        if let Some(last) = bytes.last_mut() {
            *last |= sign;
        }
    }
    bytes
}

fn take(
    script: &mut Vec<u8>,
    operand: Operand,
    same: usize,
    case: &Case,
    input: usize,
    random: &mut SplitMix,
) {
    // Now and then, what lies there.
    if random.percent(12) {
        return;
    }
    let short =
        |random: &mut SplitMix| random.below(5).cast_signed() - i64::from(random.once_in(12));
    let data = match operand {
        Number => {
            let value = any_number(random);
            numeric(value, random)
        }
        Small => {
            let value = random.below(12).cast_signed() - 2;
            numeric(value, random)
        }
        Index => {
            let value = if random.percent(97) { short(random) } else { any_number(random) };
            numeric(value, random)
        }
        Range => {
            let start = random.below(12).cast_signed() - i64::from(random.once_in(20));
            let data = numeric(start, random);
            push_somehow(script, &data, random);
            let end = if random.percent(95) {
                start + random.below(20).cast_signed()
            } else {
                any_number(random)
            };
            numeric(end, random)
        }
        Bytes => bytes(random),
        Same => {
            let len = if random.percent(96) { same } else { random.index(40) };
            random.bytes(len)
        }
        HashKey => {
            let len = if random.percent(90) { 32 } else { random.index(70) };
            random.bytes(len)
        }
        Block => {
            let len = if random.percent(95) { 32 } else { 31 };
            let mut hash = random.bytes(len);
            if random.percent(60) {
                hash[0] = (hash[0] % 50) * 2;
            }
            hash
        }
        Covenant => {
            let known: Vec<_> = case.entries.iter().filter_map(|entry| entry.covenant_id).collect();
            if known.is_empty() || random.percent(10) {
                let len = if random.percent(80) { 32 } else { 33 };
                random.bytes(len)
            } else {
                random.pick(&known).as_bytes().to_vec()
            }
        }
        Width => {
            let value = random.below(10).cast_signed() - i64::from(random.once_in(9));
            numeric(value, random)
        }
        Numeric => {
            let len = random.index(10);
            random.bytes(len)
        }
        LockTime => little_endian(case.tx.lock_time, random),
        Sequence => little_endian(case.tx.inputs[input].sequence, random),
    };
    push_somehow(script, &data, random);
}

/// Writes a lock that `actual` mostly satisfies.
fn little_endian(actual: u64, random: &mut SplitMix) -> Vec<u8> {
    let value = match random.below(4) {
        0 => actual,
        1 => actual.saturating_sub(random.below(3)),
        2 => actual.saturating_add(1),
        _ => random.any_size(),
    };
    let mut bytes = value.to_le_bytes().to_vec();
    while bytes.last() == Some(&0) && random.percent(95) {
        bytes.pop();
    }
    if random.percent(3) {
        bytes.push(0);
    }
    bytes
}
