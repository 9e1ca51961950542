//! Opcodes by number and by name.
//!
//! The names are those of rusty-kaspa's `opcodes/mod.rs` at its head, in capitals. An opcode may have had
//! another name, or none, in an earlier era; what it does in an era is in [`Rules`](super::Rules).

/// `OP_FALSE`.
pub const OP_FALSE: u8 = 0x00;
/// `OP_PUSHDATA1`.
pub const OP_PUSHDATA1: u8 = 0x4c;
/// `OP_PUSHDATA2`.
pub const OP_PUSHDATA2: u8 = 0x4d;
/// `OP_PUSHDATA4`.
pub const OP_PUSHDATA4: u8 = 0x4e;
/// `OP_1NEGATE`.
pub const OP_1NEGATE: u8 = 0x4f;
/// `OP_RESERVED`.
pub const OP_RESERVED: u8 = 0x50;
/// `OP_TRUE`.
pub const OP_TRUE: u8 = 0x51;
/// `OP_2`.
pub const OP_2: u8 = 0x52;
/// `OP_3`.
pub const OP_3: u8 = 0x53;
/// `OP_4`.
pub const OP_4: u8 = 0x54;
/// `OP_5`.
pub const OP_5: u8 = 0x55;
/// `OP_6`.
pub const OP_6: u8 = 0x56;
/// `OP_7`.
pub const OP_7: u8 = 0x57;
/// `OP_8`.
pub const OP_8: u8 = 0x58;
/// `OP_9`.
pub const OP_9: u8 = 0x59;
/// `OP_10`.
pub const OP_10: u8 = 0x5a;
/// `OP_11`.
pub const OP_11: u8 = 0x5b;
/// `OP_12`.
pub const OP_12: u8 = 0x5c;
/// `OP_13`.
pub const OP_13: u8 = 0x5d;
/// `OP_14`.
pub const OP_14: u8 = 0x5e;
/// `OP_15`.
pub const OP_15: u8 = 0x5f;
/// `OP_16`.
pub const OP_16: u8 = 0x60;
/// `OP_NOP`.
pub const OP_NOP: u8 = 0x61;
/// `OP_VER`.
pub const OP_VER: u8 = 0x62;
/// `OP_IF`.
pub const OP_IF: u8 = 0x63;
/// `OP_NOTIF`.
pub const OP_NOTIF: u8 = 0x64;
/// `OP_VERIF`.
pub const OP_VERIF: u8 = 0x65;
/// `OP_VERNOTIF`.
pub const OP_VERNOTIF: u8 = 0x66;
/// `OP_ELSE`.
pub const OP_ELSE: u8 = 0x67;
/// `OP_ENDIF`.
pub const OP_ENDIF: u8 = 0x68;
/// `OP_VERIFY`.
pub const OP_VERIFY: u8 = 0x69;
/// `OP_RETURN`.
pub const OP_RETURN: u8 = 0x6a;
/// `OP_TOALTSTACK`.
pub const OP_TOALTSTACK: u8 = 0x6b;
/// `OP_FROMALTSTACK`.
pub const OP_FROMALTSTACK: u8 = 0x6c;
/// `OP_2DROP`.
pub const OP_2DROP: u8 = 0x6d;
/// `OP_2DUP`.
pub const OP_2DUP: u8 = 0x6e;
/// `OP_3DUP`.
pub const OP_3DUP: u8 = 0x6f;
/// `OP_2OVER`.
pub const OP_2OVER: u8 = 0x70;
/// `OP_2ROT`.
pub const OP_2ROT: u8 = 0x71;
/// `OP_2SWAP`.
pub const OP_2SWAP: u8 = 0x72;
/// `OP_IFDUP`.
pub const OP_IFDUP: u8 = 0x73;
/// `OP_DEPTH`.
pub const OP_DEPTH: u8 = 0x74;
/// `OP_DROP`.
pub const OP_DROP: u8 = 0x75;
/// `OP_DUP`.
pub const OP_DUP: u8 = 0x76;
/// `OP_NIP`.
pub const OP_NIP: u8 = 0x77;
/// `OP_OVER`.
pub const OP_OVER: u8 = 0x78;
/// `OP_PICK`.
pub const OP_PICK: u8 = 0x79;
/// `OP_ROLL`.
pub const OP_ROLL: u8 = 0x7a;
/// `OP_ROT`.
pub const OP_ROT: u8 = 0x7b;
/// `OP_SWAP`.
pub const OP_SWAP: u8 = 0x7c;
/// `OP_TUCK`.
pub const OP_TUCK: u8 = 0x7d;
/// `OP_CAT`.
pub const OP_CAT: u8 = 0x7e;
/// `OP_SUBSTR`.
pub const OP_SUBSTR: u8 = 0x7f;
/// `OP_LEFT`.
pub const OP_LEFT: u8 = 0x80;
/// `OP_RIGHT`.
pub const OP_RIGHT: u8 = 0x81;
/// `OP_SIZE`.
pub const OP_SIZE: u8 = 0x82;
/// `OP_INVERT`.
pub const OP_INVERT: u8 = 0x83;
/// `OP_AND`.
pub const OP_AND: u8 = 0x84;
/// `OP_OR`.
pub const OP_OR: u8 = 0x85;
/// `OP_XOR`.
pub const OP_XOR: u8 = 0x86;
/// `OP_EQUAL`.
pub const OP_EQUAL: u8 = 0x87;
/// `OP_EQUALVERIFY`.
pub const OP_EQUALVERIFY: u8 = 0x88;
/// `OP_RESERVED1`.
pub const OP_RESERVED1: u8 = 0x89;
/// `OP_RESERVED2`.
pub const OP_RESERVED2: u8 = 0x8a;
/// `OP_1ADD`.
pub const OP_1ADD: u8 = 0x8b;
/// `OP_1SUB`.
pub const OP_1SUB: u8 = 0x8c;
/// `OP_2MUL`.
pub const OP_2MUL: u8 = 0x8d;
/// `OP_2DIV`.
pub const OP_2DIV: u8 = 0x8e;
/// `OP_NEGATE`.
pub const OP_NEGATE: u8 = 0x8f;
/// `OP_ABS`.
pub const OP_ABS: u8 = 0x90;
/// `OP_NOT`.
pub const OP_NOT: u8 = 0x91;
/// `OP_0NOTEQUAL`.
pub const OP_0NOTEQUAL: u8 = 0x92;
/// `OP_ADD`.
pub const OP_ADD: u8 = 0x93;
/// `OP_SUB`.
pub const OP_SUB: u8 = 0x94;
/// `OP_MUL`.
pub const OP_MUL: u8 = 0x95;
/// `OP_DIV`.
pub const OP_DIV: u8 = 0x96;
/// `OP_MOD`.
pub const OP_MOD: u8 = 0x97;
/// `OP_LSHIFT`.
pub const OP_LSHIFT: u8 = 0x98;
/// `OP_RSHIFT`.
pub const OP_RSHIFT: u8 = 0x99;
/// `OP_BOOLAND`.
pub const OP_BOOLAND: u8 = 0x9a;
/// `OP_BOOLOR`.
pub const OP_BOOLOR: u8 = 0x9b;
/// `OP_NUMEQUAL`.
pub const OP_NUMEQUAL: u8 = 0x9c;
/// `OP_NUMEQUALVERIFY`.
pub const OP_NUMEQUALVERIFY: u8 = 0x9d;
/// `OP_NUMNOTEQUAL`.
pub const OP_NUMNOTEQUAL: u8 = 0x9e;
/// `OP_LESSTHAN`.
pub const OP_LESSTHAN: u8 = 0x9f;
/// `OP_GREATERTHAN`.
pub const OP_GREATERTHAN: u8 = 0xa0;
/// `OP_LESSTHANOREQUAL`.
pub const OP_LESSTHANOREQUAL: u8 = 0xa1;
/// `OP_GREATERTHANOREQUAL`.
pub const OP_GREATERTHANOREQUAL: u8 = 0xa2;
/// `OP_MIN`.
pub const OP_MIN: u8 = 0xa3;
/// `OP_MAX`.
pub const OP_MAX: u8 = 0xa4;
/// `OP_WITHIN`.
pub const OP_WITHIN: u8 = 0xa5;
/// `OP_ZK_PRECOMPILE`.
pub const OP_ZK_PRECOMPILE: u8 = 0xa6;
/// `OP_BLAKE2B_WITH_KEY`.
pub const OP_BLAKE2B_WITH_KEY: u8 = 0xa7;
/// `OP_SHA256`.
pub const OP_SHA256: u8 = 0xa8;
/// `OP_CHECK_MULTISIG_ECDSA`.
pub const OP_CHECK_MULTISIG_ECDSA: u8 = 0xa9;
/// `OP_BLAKE2B`.
pub const OP_BLAKE2B: u8 = 0xaa;
/// `OP_CHECKSIG_ECDSA`.
pub const OP_CHECKSIG_ECDSA: u8 = 0xab;
/// `OP_CHECKSIG`.
pub const OP_CHECKSIG: u8 = 0xac;
/// `OP_CHECKSIGVERIFY`.
pub const OP_CHECKSIGVERIFY: u8 = 0xad;
/// `OP_CHECK_MULTISIG`.
pub const OP_CHECK_MULTISIG: u8 = 0xae;
/// `OP_CHECK_MULTISIG_VERIFY`.
pub const OP_CHECK_MULTISIG_VERIFY: u8 = 0xaf;
/// `OP_CHECK_LOCK_TIME_VERIFY`.
pub const OP_CHECK_LOCK_TIME_VERIFY: u8 = 0xb0;
/// `OP_CHECK_SEQUENCE_VERIFY`.
pub const OP_CHECK_SEQUENCE_VERIFY: u8 = 0xb1;
/// `OP_TX_VERSION`.
pub const OP_TX_VERSION: u8 = 0xb2;
/// `OP_TX_INPUT_COUNT`.
pub const OP_TX_INPUT_COUNT: u8 = 0xb3;
/// `OP_TX_OUTPUT_COUNT`.
pub const OP_TX_OUTPUT_COUNT: u8 = 0xb4;
/// `OP_TX_LOCK_TIME`.
pub const OP_TX_LOCK_TIME: u8 = 0xb5;
/// `OP_TX_SUBNET_ID`.
pub const OP_TX_SUBNET_ID: u8 = 0xb6;
/// `OP_TX_GAS`.
pub const OP_TX_GAS: u8 = 0xb7;
/// `OP_TX_PAYLOAD_SUBSTR`.
pub const OP_TX_PAYLOAD_SUBSTR: u8 = 0xb8;
/// `OP_TX_INPUT_INDEX`.
pub const OP_TX_INPUT_INDEX: u8 = 0xb9;
/// `OP_OUTPOINT_TX_ID`.
pub const OP_OUTPOINT_TX_ID: u8 = 0xba;
/// `OP_OUTPOINT_INDEX`.
pub const OP_OUTPOINT_INDEX: u8 = 0xbb;
/// `OP_TX_INPUT_SCRIPT_SIG_SUBSTR`.
pub const OP_TX_INPUT_SCRIPT_SIG_SUBSTR: u8 = 0xbc;
/// `OP_TX_INPUT_SEQ`.
pub const OP_TX_INPUT_SEQ: u8 = 0xbd;
/// `OP_TX_INPUT_AMOUNT`.
pub const OP_TX_INPUT_AMOUNT: u8 = 0xbe;
/// `OP_TX_INPUT_SPK`.
pub const OP_TX_INPUT_SPK: u8 = 0xbf;
/// `OP_TX_INPUT_DAA_SCORE`.
pub const OP_TX_INPUT_DAA_SCORE: u8 = 0xc0;
/// `OP_TX_INPUT_IS_COINBASE`.
pub const OP_TX_INPUT_IS_COINBASE: u8 = 0xc1;
/// `OP_TX_OUTPUT_AMOUNT`.
pub const OP_TX_OUTPUT_AMOUNT: u8 = 0xc2;
/// `OP_TX_OUTPUT_SPK`.
pub const OP_TX_OUTPUT_SPK: u8 = 0xc3;
/// `OP_TX_PAYLOAD_LEN`.
pub const OP_TX_PAYLOAD_LEN: u8 = 0xc4;
/// `OP_TX_INPUT_SPK_LEN`.
pub const OP_TX_INPUT_SPK_LEN: u8 = 0xc5;
/// `OP_TX_INPUT_SPK_SUBSTR`.
pub const OP_TX_INPUT_SPK_SUBSTR: u8 = 0xc6;
/// `OP_TX_OUTPUT_SPK_LEN`.
pub const OP_TX_OUTPUT_SPK_LEN: u8 = 0xc7;
/// `OP_TX_OUTPUT_SPK_SUBSTR`.
pub const OP_TX_OUTPUT_SPK_SUBSTR: u8 = 0xc8;
/// `OP_TX_INPUT_SCRIPT_SIG_LEN`.
pub const OP_TX_INPUT_SCRIPT_SIG_LEN: u8 = 0xc9;
/// `OP_AUTH_OUTPUT_COUNT`.
pub const OP_AUTH_OUTPUT_COUNT: u8 = 0xcb;
/// `OP_AUTH_OUTPUT_IDX`.
pub const OP_AUTH_OUTPUT_IDX: u8 = 0xcc;
/// `OP_NUM2BIN`.
pub const OP_NUM2BIN: u8 = 0xcd;
/// `OP_BIN2NUM`.
pub const OP_BIN2NUM: u8 = 0xce;
/// `OP_INPUT_COVENANT_ID`.
pub const OP_INPUT_COVENANT_ID: u8 = 0xcf;
/// `OP_COV_INPUT_COUNT`.
pub const OP_COV_INPUT_COUNT: u8 = 0xd0;
/// `OP_COV_INPUT_IDX`.
pub const OP_COV_INPUT_IDX: u8 = 0xd1;
/// `OP_COV_OUTPUT_COUNT`.
pub const OP_COV_OUTPUT_COUNT: u8 = 0xd2;
/// `OP_COV_OUTPUT_IDX`.
pub const OP_COV_OUTPUT_IDX: u8 = 0xd3;
/// `OP_CHAINBLOCK_SEQ_COMMIT`.
pub const OP_CHAINBLOCK_SEQ_COMMIT: u8 = 0xd4;
/// `OP_OUTPUT_COVENANT_ID`.
pub const OP_OUTPUT_COVENANT_ID: u8 = 0xd5;
/// `OP_OUTPUT_AUTHORIZING_INPUT`.
pub const OP_OUTPUT_AUTHORIZING_INPUT: u8 = 0xd6;
/// `OP_CHECKSIG_FROM_STACK`.
pub const OP_CHECKSIG_FROM_STACK: u8 = 0xd7;
/// `OP_CHECKSIG_FROM_STACK_ECDSA`.
pub const OP_CHECKSIG_FROM_STACK_ECDSA: u8 = 0xd8;
/// `OP_BLAKE3`.
pub const OP_BLAKE3: u8 = 0xd9;
/// `OP_BLAKE3_WITH_KEY`.
pub const OP_BLAKE3_WITH_KEY: u8 = 0xda;

/// Every opcode with a name but those that push 1 to 75 bytes, in order.
pub const NAMED: [(u8, &str); 143] = [
    (OP_FALSE, "OP_FALSE"),
    (OP_PUSHDATA1, "OP_PUSHDATA1"),
    (OP_PUSHDATA2, "OP_PUSHDATA2"),
    (OP_PUSHDATA4, "OP_PUSHDATA4"),
    (OP_1NEGATE, "OP_1NEGATE"),
    (OP_RESERVED, "OP_RESERVED"),
    (OP_TRUE, "OP_TRUE"),
    (OP_2, "OP_2"),
    (OP_3, "OP_3"),
    (OP_4, "OP_4"),
    (OP_5, "OP_5"),
    (OP_6, "OP_6"),
    (OP_7, "OP_7"),
    (OP_8, "OP_8"),
    (OP_9, "OP_9"),
    (OP_10, "OP_10"),
    (OP_11, "OP_11"),
    (OP_12, "OP_12"),
    (OP_13, "OP_13"),
    (OP_14, "OP_14"),
    (OP_15, "OP_15"),
    (OP_16, "OP_16"),
    (OP_NOP, "OP_NOP"),
    (OP_VER, "OP_VER"),
    (OP_IF, "OP_IF"),
    (OP_NOTIF, "OP_NOTIF"),
    (OP_VERIF, "OP_VERIF"),
    (OP_VERNOTIF, "OP_VERNOTIF"),
    (OP_ELSE, "OP_ELSE"),
    (OP_ENDIF, "OP_ENDIF"),
    (OP_VERIFY, "OP_VERIFY"),
    (OP_RETURN, "OP_RETURN"),
    (OP_TOALTSTACK, "OP_TOALTSTACK"),
    (OP_FROMALTSTACK, "OP_FROMALTSTACK"),
    (OP_2DROP, "OP_2DROP"),
    (OP_2DUP, "OP_2DUP"),
    (OP_3DUP, "OP_3DUP"),
    (OP_2OVER, "OP_2OVER"),
    (OP_2ROT, "OP_2ROT"),
    (OP_2SWAP, "OP_2SWAP"),
    (OP_IFDUP, "OP_IFDUP"),
    (OP_DEPTH, "OP_DEPTH"),
    (OP_DROP, "OP_DROP"),
    (OP_DUP, "OP_DUP"),
    (OP_NIP, "OP_NIP"),
    (OP_OVER, "OP_OVER"),
    (OP_PICK, "OP_PICK"),
    (OP_ROLL, "OP_ROLL"),
    (OP_ROT, "OP_ROT"),
    (OP_SWAP, "OP_SWAP"),
    (OP_TUCK, "OP_TUCK"),
    (OP_CAT, "OP_CAT"),
    (OP_SUBSTR, "OP_SUBSTR"),
    (OP_LEFT, "OP_LEFT"),
    (OP_RIGHT, "OP_RIGHT"),
    (OP_SIZE, "OP_SIZE"),
    (OP_INVERT, "OP_INVERT"),
    (OP_AND, "OP_AND"),
    (OP_OR, "OP_OR"),
    (OP_XOR, "OP_XOR"),
    (OP_EQUAL, "OP_EQUAL"),
    (OP_EQUALVERIFY, "OP_EQUALVERIFY"),
    (OP_RESERVED1, "OP_RESERVED1"),
    (OP_RESERVED2, "OP_RESERVED2"),
    (OP_1ADD, "OP_1ADD"),
    (OP_1SUB, "OP_1SUB"),
    (OP_2MUL, "OP_2MUL"),
    (OP_2DIV, "OP_2DIV"),
    (OP_NEGATE, "OP_NEGATE"),
    (OP_ABS, "OP_ABS"),
    (OP_NOT, "OP_NOT"),
    (OP_0NOTEQUAL, "OP_0NOTEQUAL"),
    (OP_ADD, "OP_ADD"),
    (OP_SUB, "OP_SUB"),
    (OP_MUL, "OP_MUL"),
    (OP_DIV, "OP_DIV"),
    (OP_MOD, "OP_MOD"),
    (OP_LSHIFT, "OP_LSHIFT"),
    (OP_RSHIFT, "OP_RSHIFT"),
    (OP_BOOLAND, "OP_BOOLAND"),
    (OP_BOOLOR, "OP_BOOLOR"),
    (OP_NUMEQUAL, "OP_NUMEQUAL"),
    (OP_NUMEQUALVERIFY, "OP_NUMEQUALVERIFY"),
    (OP_NUMNOTEQUAL, "OP_NUMNOTEQUAL"),
    (OP_LESSTHAN, "OP_LESSTHAN"),
    (OP_GREATERTHAN, "OP_GREATERTHAN"),
    (OP_LESSTHANOREQUAL, "OP_LESSTHANOREQUAL"),
    (OP_GREATERTHANOREQUAL, "OP_GREATERTHANOREQUAL"),
    (OP_MIN, "OP_MIN"),
    (OP_MAX, "OP_MAX"),
    (OP_WITHIN, "OP_WITHIN"),
    (OP_ZK_PRECOMPILE, "OP_ZK_PRECOMPILE"),
    (OP_BLAKE2B_WITH_KEY, "OP_BLAKE2B_WITH_KEY"),
    (OP_SHA256, "OP_SHA256"),
    (OP_CHECK_MULTISIG_ECDSA, "OP_CHECK_MULTISIG_ECDSA"),
    (OP_BLAKE2B, "OP_BLAKE2B"),
    (OP_CHECKSIG_ECDSA, "OP_CHECKSIG_ECDSA"),
    (OP_CHECKSIG, "OP_CHECKSIG"),
    (OP_CHECKSIGVERIFY, "OP_CHECKSIGVERIFY"),
    (OP_CHECK_MULTISIG, "OP_CHECK_MULTISIG"),
    (OP_CHECK_MULTISIG_VERIFY, "OP_CHECK_MULTISIG_VERIFY"),
    (OP_CHECK_LOCK_TIME_VERIFY, "OP_CHECK_LOCK_TIME_VERIFY"),
    (OP_CHECK_SEQUENCE_VERIFY, "OP_CHECK_SEQUENCE_VERIFY"),
    (OP_TX_VERSION, "OP_TX_VERSION"),
    (OP_TX_INPUT_COUNT, "OP_TX_INPUT_COUNT"),
    (OP_TX_OUTPUT_COUNT, "OP_TX_OUTPUT_COUNT"),
    (OP_TX_LOCK_TIME, "OP_TX_LOCK_TIME"),
    (OP_TX_SUBNET_ID, "OP_TX_SUBNET_ID"),
    (OP_TX_GAS, "OP_TX_GAS"),
    (OP_TX_PAYLOAD_SUBSTR, "OP_TX_PAYLOAD_SUBSTR"),
    (OP_TX_INPUT_INDEX, "OP_TX_INPUT_INDEX"),
    (OP_OUTPOINT_TX_ID, "OP_OUTPOINT_TX_ID"),
    (OP_OUTPOINT_INDEX, "OP_OUTPOINT_INDEX"),
    (OP_TX_INPUT_SCRIPT_SIG_SUBSTR, "OP_TX_INPUT_SCRIPT_SIG_SUBSTR"),
    (OP_TX_INPUT_SEQ, "OP_TX_INPUT_SEQ"),
    (OP_TX_INPUT_AMOUNT, "OP_TX_INPUT_AMOUNT"),
    (OP_TX_INPUT_SPK, "OP_TX_INPUT_SPK"),
    (OP_TX_INPUT_DAA_SCORE, "OP_TX_INPUT_DAA_SCORE"),
    (OP_TX_INPUT_IS_COINBASE, "OP_TX_INPUT_IS_COINBASE"),
    (OP_TX_OUTPUT_AMOUNT, "OP_TX_OUTPUT_AMOUNT"),
    (OP_TX_OUTPUT_SPK, "OP_TX_OUTPUT_SPK"),
    (OP_TX_PAYLOAD_LEN, "OP_TX_PAYLOAD_LEN"),
    (OP_TX_INPUT_SPK_LEN, "OP_TX_INPUT_SPK_LEN"),
    (OP_TX_INPUT_SPK_SUBSTR, "OP_TX_INPUT_SPK_SUBSTR"),
    (OP_TX_OUTPUT_SPK_LEN, "OP_TX_OUTPUT_SPK_LEN"),
    (OP_TX_OUTPUT_SPK_SUBSTR, "OP_TX_OUTPUT_SPK_SUBSTR"),
    (OP_TX_INPUT_SCRIPT_SIG_LEN, "OP_TX_INPUT_SCRIPT_SIG_LEN"),
    (OP_AUTH_OUTPUT_COUNT, "OP_AUTH_OUTPUT_COUNT"),
    (OP_AUTH_OUTPUT_IDX, "OP_AUTH_OUTPUT_IDX"),
    (OP_NUM2BIN, "OP_NUM2BIN"),
    (OP_BIN2NUM, "OP_BIN2NUM"),
    (OP_INPUT_COVENANT_ID, "OP_INPUT_COVENANT_ID"),
    (OP_COV_INPUT_COUNT, "OP_COV_INPUT_COUNT"),
    (OP_COV_INPUT_IDX, "OP_COV_INPUT_IDX"),
    (OP_COV_OUTPUT_COUNT, "OP_COV_OUTPUT_COUNT"),
    (OP_COV_OUTPUT_IDX, "OP_COV_OUTPUT_IDX"),
    (OP_CHAINBLOCK_SEQ_COMMIT, "OP_CHAINBLOCK_SEQ_COMMIT"),
    (OP_OUTPUT_COVENANT_ID, "OP_OUTPUT_COVENANT_ID"),
    (OP_OUTPUT_AUTHORIZING_INPUT, "OP_OUTPUT_AUTHORIZING_INPUT"),
    (OP_CHECKSIG_FROM_STACK, "OP_CHECKSIG_FROM_STACK"),
    (OP_CHECKSIG_FROM_STACK_ECDSA, "OP_CHECKSIG_FROM_STACK_ECDSA"),
    (OP_BLAKE3, "OP_BLAKE3"),
    (OP_BLAKE3_WITH_KEY, "OP_BLAKE3_WITH_KEY"),
];

/// Returns the name of an opcode; those that push 1 to 75 bytes and unknown ones have none.
#[must_use]
pub fn name(opcode: u8) -> Option<&'static str> {
    let at = NAMED.binary_search_by_key(&opcode, |(code, _)| *code).ok()?;
    NAMED.get(at).map(|(_, name)| *name)
}

/// Returns whether an opcode pushes, which is not counted and is all a signature script may hold.
///
/// `OP_RESERVED` counts as one.
#[must_use]
pub const fn is_push(opcode: u8) -> bool {
    opcode <= OP_16
}

/// Returns whether an opcode is looked at even in a branch that is not taken.
#[must_use]
pub const fn is_conditional(opcode: u8) -> bool {
    matches!(opcode, OP_IF..=OP_ENDIF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_in_order_so_that_each_is_found() {
        assert!(NAMED.is_sorted_by(|a, b| a.0 < b.0));
        for (code, expected) in NAMED {
            assert_eq!(name(code), Some(expected));
        }
        assert_eq!(name(0x01), None);
        assert_eq!(name(0xff), None);
    }
}
