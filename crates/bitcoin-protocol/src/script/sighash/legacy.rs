//! The first signature hash: the transaction, with every input script blanked but the one signed for.
//!
//! ```text
//!   version │ count │ outpoint 00 sequence │ outpoint CODE sequence │ outpoint 00 … │ outputs │ lock time │ hash type
//!           └──────────── the same for every input, but for CODE ───────────┘
//! ```
//!
//! # Oddities
//!
//! - `SIGHASH_SINGLE` without an output at the input's index signs the number one, as Satoshi's code
//!   returned it. Such signatures are valid for any transaction, and coins were lost and spent this way.
//! - The hash type is appended as 32 bits, though a script gives 8 of them; all 32 count here.
//! - `OP_CODESEPARATOR`s are left out of the script code wherever they stand. A code that ends in a cut-off
//!   push is hashed up to that push but announced with its full length, as Bitcoin Core does.
//!
//! # Cost
//!
//! Every input hashes all inputs: quadratic. The blanked inputs are laid out once per transaction, and the
//! state is kept after every [`STRIDE`] of them, which halves the bytes and leaves long runs to hash.

use super::{Outputs, TxContext, Writer, is_anyone_can_pay, serialized_outputs};
use crate::{
    encode::put_size,
    script::{instruction::Instructions, opcode::OP_CODESEPARATOR},
    transaction::{Input, Tx},
};

/// The number one as a hash, first byte lowest.
pub(in crate::script) const SINGLE_BUG: [u8; 32] = {
    let mut one = [0; 32];
    one[0] = 1;
    one
};

/// Bytes of an input whose script is blanked.
const BLANK_LEN: usize = 41;

/// Inputs between two states that are kept.
const STRIDE: usize = 64;

/// Fewest inputs for which the blanked inputs are laid out.
const BLANK_INPUTS_MIN: usize = 4;

/// The version and all inputs with their scripts blanked.
#[derive(Debug)]
pub(in crate::script) struct Blank {
    bytes: Vec<u8>,
    /// Where the first input begins.
    start: usize,
    /// The state before each input whose index is a multiple of [`STRIDE`].
    states: Vec<Writer>,
}

impl Blank {
    pub(in crate::script) fn new(tx: Tx<'_>) -> Self {
        let count = tx.inputs().len();
        let mut bytes = Vec::with_capacity(4 + 9 + count * BLANK_LEN);
        bytes.extend_from_slice(&tx.version().to_le_bytes());
        put_size(&mut bytes, count as u64);
        let start = bytes.len();
        let mut states = Vec::with_capacity(count / STRIDE + 1);
        let mut writer = Writer::new();
        let mut hashed = 0;
        for (index, Input { previous, sequence, .. }) in tx.inputs().enumerate() {
            if index % STRIDE == 0 {
                writer.bytes(&bytes[hashed..]);
                hashed = bytes.len();
                states.push(writer.clone());
            }
            bytes.extend_from_slice(previous.txid.as_ref());
            bytes.extend_from_slice(&previous.vout.to_le_bytes());
            bytes.push(0);
            bytes.extend_from_slice(&sequence.to_le_bytes());
        }
        Self { bytes, start, states }
    }

    /// Returns the state after all inputs, that of `input` signed with `script_code`.
    fn write(&self, input: usize, script_code: &[u8]) -> Writer {
        let mut writer = self.states.get(input / STRIDE).cloned().unwrap_or_default();
        let from = self.start + input / STRIDE * STRIDE * BLANK_LEN;
        let outpoint_end = self.start + input * BLANK_LEN + 36;
        writer.bytes(&self.bytes[from..outpoint_end]);
        write_code(&mut writer, script_code);
        writer.bytes(&self.bytes[outpoint_end + 1..]);
        writer
    }
}

/// Returns the hash that a legacy signature of `input` signs.
///
/// `script_code` is the script being run from its last executed `OP_CODESEPARATOR` on, signatures found in
/// it deleted. Bitcoin Core's `SignatureHash` for `SigVersion::BASE`. An input that does not exist signs
/// the number one, as in Satoshi's code.
#[must_use]
pub fn legacy_sighash(tx: Tx<'_>, input: usize, script_code: &[u8], hash_type: u32) -> [u8; 32] {
    if input >= tx.inputs().len() || is_single_bug(tx, input, hash_type) {
        return SINGLE_BUG;
    }
    let mut writer = write_streaming(tx, serialized_outputs(tx), input, script_code, hash_type);
    writer.u32(hash_type);
    writer.finish_double()
}

/// Returns whether the hash is the number one.
pub(super) fn is_single_bug(tx: Tx<'_>, input: usize, hash_type: u32) -> bool {
    Outputs::of(hash_type) == Outputs::Single && input >= tx.outputs().len()
}

/// Hashes everything before the hash type.
pub(super) fn write(
    context: &TxContext<'_>,
    input: usize,
    script_code: &[u8],
    hash_type: u32,
) -> Writer {
    let tx = context.tx();
    let outputs = context.serialized_outputs();
    let count = tx.inputs().len();
    let signs_all = Outputs::of(hash_type) == Outputs::All && !is_anyone_can_pay(hash_type);
    if !signs_all || count < BLANK_INPUTS_MIN || input >= count {
        return write_streaming(tx, outputs, input, script_code, hash_type);
    }
    let mut writer = context.blank().write(input, script_code);
    writer.size(tx.outputs().len());
    writer.bytes(outputs);
    writer.u32(tx.lock_time());
    writer
}

fn write_streaming(
    tx: Tx<'_>,
    serialized_outputs: &[u8],
    signed: usize,
    script_code: &[u8],
    hash_type: u32,
) -> Writer {
    let outputs = Outputs::of(hash_type);
    let mut writer = Writer::new();
    writer.u32(tx.version());
    if is_anyone_can_pay(hash_type) {
        writer.size(1);
        if let Some(input) = tx.input(signed) {
            write_signed(&mut writer, input, script_code);
        }
    } else {
        writer.size(tx.inputs().len());
        for (index, input) in tx.inputs().enumerate() {
            if index == signed {
                write_signed(&mut writer, input, script_code);
            } else {
                let sequence = if outputs == Outputs::All { input.sequence } else { 0 };
                write_outpoint(&mut writer, input);
                writer.byte(0);
                writer.u32(sequence);
            }
        }
    }
    match outputs {
        Outputs::All => {
            writer.size(tx.outputs().len());
            writer.bytes(serialized_outputs);
        }
        Outputs::None => writer.size(0),
        Outputs::Single => {
            // The outputs before it are there, but say nothing: value -1, no script.
            writer.size(signed + 1);
            for _ in 0..signed {
                writer.i64(-1);
                writer.byte(0);
            }
            if let Some(output) = tx.output(signed) {
                writer.i64(output.value);
                writer.sized(output.script_pubkey);
            }
        }
    }
    writer.u32(tx.lock_time());
    writer
}

fn write_outpoint(writer: &mut Writer, input: Input<'_>) {
    writer.bytes(input.previous.txid.as_ref());
    writer.u32(input.previous.vout);
}

fn write_signed(writer: &mut Writer, input: Input<'_>, script_code: &[u8]) {
    write_outpoint(writer, input);
    write_code(writer, script_code);
    writer.u32(input.sequence);
}

/// Feeds the script code without its `OP_CODESEPARATOR`s.
fn write_code(writer: &mut Writer, code: &[u8]) {
    if !code.contains(&OP_CODESEPARATOR) {
        // Nothing to leave out; a cut-off push still ends it.
        let mut instructions = Instructions::new(code);
        instructions.by_ref().for_each(drop);
        writer.size(code.len());
        writer.bytes(&code[..instructions.at()]);
        return;
    }
    let is_separator = |opcode| opcode == OP_CODESEPARATOR;
    let separators = Instructions::new(code).filter(|next| is_separator(next.opcode)).count();
    writer.size(code.len() - separators);
    let mut instructions = Instructions::new(code);
    let mut written = 0;
    while let Some(instruction) = instructions.next() {
        if is_separator(instruction.opcode) {
            writer.bytes(&code[written..instructions.at() - 1]);
            written = instructions.at();
        }
    }
    writer.bytes(&code[written..instructions.at()]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        script::sighash::{ALL, ANYONECANPAY, NONE, SINGLE},
        transaction::{Output, Transaction},
    };

    /// A transaction of that many inputs and outputs, none alike.
    fn transaction(inputs: u16, outputs: u16) -> Transaction {
        let mut bytes = vec![2, 0, 0, 0];
        put_size(&mut bytes, u64::from(inputs));
        for input in 0..inputs {
            bytes.extend_from_slice(&[7; 30]);
            bytes.extend_from_slice(&input.to_le_bytes());
            bytes.extend_from_slice(&[1, 0, 0, 0, 1, 0x51]);
            bytes.extend_from_slice(&(u32::from(input) + 9).to_le_bytes());
        }
        put_size(&mut bytes, u64::from(outputs));
        for output in 0..outputs {
            bytes.extend_from_slice(&u64::from(output).to_le_bytes());
            bytes.extend_from_slice(&[1, 0x52]);
        }
        bytes.extend_from_slice(&[5, 0, 0, 0]);
        Transaction::decode(bytes).unwrap()
    }

    #[test]
    fn the_laid_out_form_hashes_the_same_as_the_plain_one_for_every_input() {
        for count in [4, 63, 64, 65, 130, 260] {
            let transaction = transaction(count, 3);
            let tx = transaction.view();
            let spent = vec![Output { value: 1, script_pubkey: &[] }; usize::from(count)];
            let context = TxContext::new(tx, spent);
            for input in 0..usize::from(count) {
                for hash_type in [u32::from(ALL), 0, 0x41] {
                    let mut writer = write(&context, input, &[0xac, 0xab], hash_type);
                    writer.u32(hash_type);
                    let plain = legacy_sighash(tx, input, &[0xac, 0xab], hash_type);
                    assert_eq!(writer.finish_double(), plain, "{input} of {count}");
                }
            }
        }
    }

    #[test]
    fn single_without_an_output_signs_one_with_and_without_anyone_can_pay() {
        let transaction = transaction(3, 2);
        let tx = transaction.view();
        for hash_type in [SINGLE, SINGLE | ANYONECANPAY, SINGLE | 0x40].map(u32::from) {
            assert_eq!(legacy_sighash(tx, 2, &[0xac], hash_type), SINGLE_BUG);
            assert_ne!(legacy_sighash(tx, 1, &[0xac], hash_type), SINGLE_BUG);
        }
        // Others sign what there is.
        for hash_type in [ALL, NONE, ALL | ANYONECANPAY].map(u32::from) {
            assert_ne!(legacy_sighash(tx, 2, &[0xac], hash_type), SINGLE_BUG);
        }
    }

    #[test]
    fn all_32_bits_of_the_hash_type_are_signed() {
        let transaction = transaction(1, 1);
        let hash = |hash_type| legacy_sighash(transaction.view(), 0, &[0xac], hash_type);
        assert_ne!(hash(1), hash(0x101));
        assert_ne!(hash(1), hash(0x8000_0001));
    }

    #[test]
    fn code_separators_are_not_signed_unless_they_are_data() {
        let transaction = transaction(1, 1);
        let hash = |code: &[u8]| legacy_sighash(transaction.view(), 0, code, 1);
        assert_eq!(hash(&[0x51, 0xab, 0xac, 0xab]), hash(&[0x51, 0xac]));
        assert_ne!(hash(&[0x01, 0xab, 0xac]), hash(&[0x01, 0xac]));
    }
}
