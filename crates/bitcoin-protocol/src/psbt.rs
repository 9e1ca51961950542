//! Partially signed transactions, version 0: what signers, watchers and hardware pass to each other.
//!
//! The format and its maps are the `bitcoin` crate's. It carries some fields unread and leaves one rule
//! to its callers; what Bitcoin Core refuses while reading is refused here as well:
//!
//! - A non-witness UTXO is the transaction its input names, and has the output: else a signer could be
//!   lied to about the amount it spends.
//! - What the unsigned transaction says is not said again in the fields of version 2 (BIP-0370).
//! - The MuSig2 fields have the sizes of their parts, and keys that lie on the curve.
//!
//! Version 2 is not read.
//!
//! **Spec:** BIP-0174, BIP-0371, BIP-0373. Bitcoin Core: `src/psbt.h`, `PSBTInput::Unserialize`.

use bitcoin::{
    psbt::{Psbt, raw},
    secp256k1::PublicKey,
};
use thiserror::Error;

/// Longest PSBT that is read, bytes; Bitcoin Core's limit for a file of one.
pub const PSBT_BYTES_MAX: usize = 100_000_000;

const KEY_BYTES: usize = 33;
const LEAF_BYTES: usize = 32;
const NONCE_BYTES: usize = 66;
const PARTIAL_SIGNATURE_BYTES: usize = 32;

/// Types of the MuSig2 fields (BIP-0373).
const IN_PARTICIPANTS: u8 = 0x1a;
const IN_NONCE: u8 = 0x1b;
const IN_PARTIAL_SIGNATURE: u8 = 0x1c;
const OUT_PARTICIPANTS: u8 = 0x08;

/// Why bytes are no partially signed transaction. The rules kept here speak in Bitcoin Core's words.
#[derive(Debug, Error)]
pub enum PsbtError {
    /// The bytes are too many.
    #[error("expected at most {PSBT_BYTES_MAX} bytes, got {actual}")]
    TooLong {
        /// Bytes given.
        actual: usize,
    },
    /// The format is violated.
    #[error("{0}")]
    Format(#[from] bitcoin::psbt::Error),
    /// The transaction given for an input is not the one the input names.
    #[error("Non-witness UTXO does not match outpoint hash")]
    OtherTransaction {
        /// Which input.
        input: usize,
    },
    /// The transaction given for an input has not the output the input names.
    #[error("Input specifies output index that does not exist")]
    NoSuchOutput {
        /// Which input.
        input: usize,
    },
    /// A field of version 2.
    #[error("expected no field of version 2 in version 0, got type {field:#04x}")]
    Version2Field {
        /// The field's type.
        field: u8,
    },
    /// The key of a field has another size.
    #[error("Size of key was not {expected} for the type {side} MuSig2 Participants Pubkeys")]
    ParticipantsKey {
        /// Input or Output.
        side: &'static str,
        /// Bytes it takes, its type included.
        expected: usize,
    },
    /// An aggregate key is not on the curve.
    #[error("{side}musig2 aggregate pubkey is invalid")]
    Aggregate {
        /// Whose field it is, with a space, if the field is not about one participant.
        side: &'static str,
    },
    /// A participant's key is not on the curve.
    #[error("{side}musig2 participant pubkey is invalid")]
    Participant {
        /// Whose field it is, with a space, if the field is not about one participant.
        side: &'static str,
    },
    /// The participants' keys do not fill the value.
    #[error("{side} musig2 participants pubkeys value size is not a multiple of 33")]
    ParticipantsValue {
        /// Input or Output.
        side: &'static str,
    },
    /// The key of a participant's field is neither with nor without a leaf.
    #[error("Input musig2 {field} key is not expected size")]
    ParticipantKey {
        /// What the participant gives.
        field: &'static str,
    },
    /// A public nonce has another size.
    #[error("Input musig2 pubnonce value is not {NONCE_BYTES} bytes")]
    Nonce,
    /// A partial signature has another size.
    #[error("Size of value was not the stated size")]
    PartialSignature,
}

/// Reads a partially signed transaction of version 0.
///
/// # Errors
///
/// [`PsbtError`] if it is none.
pub fn decode(bytes: &[u8]) -> Result<Psbt, PsbtError> {
    if bytes.len() > PSBT_BYTES_MAX {
        return Err(PsbtError::TooLong { actual: bytes.len() });
    }
    let psbt = Psbt::deserialize(bytes)?;
    check_previous(&psbt)?;
    check_version(&psbt)?;
    for input in &psbt.inputs {
        input.unknown.iter().try_for_each(|(key, value)| check_input_field(key, value))?;
    }
    for output in &psbt.outputs {
        for (key, value) in &output.unknown {
            if key.type_value == OUT_PARTICIPANTS {
                check_participants("Output", "Output ", &key.key, value)?;
            }
        }
    }
    Ok(psbt)
}

/// In version 0 the unsigned transaction says what these fields say in version 2.
fn check_version(psbt: &Psbt) -> Result<(), PsbtError> {
    // With more than its type in the key a field is nobody's, and is carried as it is.
    let is = |key: &&raw::Key, types: &[u8]| key.key.is_empty() && types.contains(&key.type_value);
    let global = psbt.unknown.keys().find(|key| is(key, &[2, 3, 4, 5, 6]));
    let mut inputs = psbt.inputs.iter().flat_map(|input| input.unknown.keys());
    let input = inputs.find(|key| is(key, &[0x0e, 0x0f, 0x10, 0x11, 0x12]));
    let mut outputs = psbt.outputs.iter().flat_map(|output| output.unknown.keys());
    let output = outputs.find(|key| is(key, &[3, 4]));
    match global.or(input).or(output) {
        Some(key) => Err(PsbtError::Version2Field { field: key.type_value }),
        None => Ok(()),
    }
}

fn check_previous(psbt: &Psbt) -> Result<(), PsbtError> {
    let spends = psbt.unsigned_tx.input.iter().map(|input| input.previous_output);
    for (input, (facts, previous)) in psbt.inputs.iter().zip(spends).enumerate() {
        let Some(given) = &facts.non_witness_utxo else { continue };
        if given.compute_txid() != previous.txid {
            return Err(PsbtError::OtherTransaction { input });
        }
        if given.tx_out(usize::try_from(previous.vout).unwrap_or(usize::MAX)).is_err() {
            return Err(PsbtError::NoSuchOutput { input });
        }
    }
    Ok(())
}

fn check_input_field(key: &raw::Key, value: &[u8]) -> Result<(), PsbtError> {
    match key.type_value {
        IN_PARTICIPANTS => check_participants("Input", "Input ", &key.key, value),
        IN_NONCE => {
            check_participant("pubnonce", &key.key)?;
            if value.len() == NONCE_BYTES { Ok(()) } else { Err(PsbtError::Nonce) }
        }
        IN_PARTIAL_SIGNATURE => {
            check_participant("partial sig", &key.key)?;
            let fits = value.len() == PARTIAL_SIGNATURE_BYTES;
            if fits { Ok(()) } else { Err(PsbtError::PartialSignature) }
        }
        _ => Ok(()),
    }
}

/// An aggregate key, and the keys it is made of.
fn check_participants(
    side: &'static str,
    spaced: &'static str,
    key: &[u8],
    value: &[u8],
) -> Result<(), PsbtError> {
    if key.len() != KEY_BYTES {
        return Err(PsbtError::ParticipantsKey { side, expected: KEY_BYTES + 1 });
    }
    if !is_key(key) {
        return Err(PsbtError::Aggregate { side: spaced });
    }
    for participant in value.chunks(KEY_BYTES) {
        if participant.len() < KEY_BYTES {
            return Err(PsbtError::ParticipantsValue { side });
        }
        if !is_key(participant) {
            return Err(PsbtError::Participant { side: spaced });
        }
    }
    Ok(())
}

/// The keys of a participant and of the aggregate, then a leaf's hash if one is signed for.
fn check_participant(field: &'static str, key: &[u8]) -> Result<(), PsbtError> {
    if ![2 * KEY_BYTES, 2 * KEY_BYTES + LEAF_BYTES].contains(&key.len()) {
        return Err(PsbtError::ParticipantKey { field });
    }
    if !is_key(&key[..KEY_BYTES]) {
        return Err(PsbtError::Participant { side: "" });
    }
    if !is_key(&key[KEY_BYTES..2 * KEY_BYTES]) {
        return Err(PsbtError::Aggregate { side: "" });
    }
    Ok(())
}

fn is_key(bytes: &[u8]) -> bool {
    bytes.len() == KEY_BYTES && PublicKey::from_slice(bytes).is_ok()
}

#[cfg(test)]
mod tests {
    use bitcoin::{
        Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness,
        absolute::LockTime, hashes::Hash, transaction::Version,
    };

    use super::*;

    /// The curve's generator.
    const KEY: [u8; KEY_BYTES] = {
        let mut key = [2; KEY_BYTES];
        let mut at = 0;
        while at < 32 {
            key[at + 1] = bitcoin::secp256k1::constants::GENERATOR_X[at];
            at += 1;
        }
        key
    };

    fn transaction(previous: OutPoint) -> Transaction {
        let input = TxIn {
            previous_output: previous,
            script_sig: ScriptBuf::new(),
            sequence: Sequence::MAX,
            witness: Witness::new(),
        };
        let output = TxOut { value: Amount::from_sat(7), script_pubkey: ScriptBuf::new() };
        Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![input],
            output: vec![output],
        }
    }

    fn psbt() -> Psbt {
        let parent = transaction(OutPoint { txid: bitcoin::Txid::all_zeros(), vout: 3 });
        let spend = transaction(OutPoint { txid: parent.compute_txid(), vout: 0 });
        let mut psbt = Psbt::from_unsigned_tx(spend).unwrap();
        psbt.inputs[0].non_witness_utxo = Some(parent);
        psbt
    }

    fn with_field(type_value: u8, key: &[u8], value: &[u8]) -> Result<Psbt, PsbtError> {
        let mut psbt = psbt();
        let key = raw::Key { type_value, key: key.to_vec() };
        psbt.inputs[0].unknown.insert(key, value.to_vec());
        decode(&psbt.serialize())
    }

    #[test]
    fn a_whole_psbt_is_read_and_cut_anywhere_it_is_refused() {
        let bytes = psbt().serialize();
        assert_eq!(decode(&bytes).unwrap(), psbt());
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn a_parent_that_the_input_does_not_name_is_refused() {
        let mut other = psbt();
        other.unsigned_tx.input[0].previous_output.txid = bitcoin::Txid::all_zeros();
        let refused = decode(&other.serialize());
        assert!(matches!(refused, Err(PsbtError::OtherTransaction { input: 0 })));
        let mut beyond = psbt();
        beyond.unsigned_tx.input[0].previous_output.vout = 1;
        let refused = decode(&beyond.serialize());
        assert!(matches!(refused, Err(PsbtError::NoSuchOutput { input: 0 })));
    }

    #[test]
    fn a_field_of_version_2_is_refused() {
        let refused = with_field(0x0f, &[], &[0; 4]);
        assert!(matches!(refused, Err(PsbtError::Version2Field { field: 0x0f })));
        assert!(with_field(0x0f, &[1], &[0; 4]).is_ok());
        let mut psbt = psbt();
        let key = raw::Key { type_value: 0x03, key: Vec::new() };
        psbt.outputs[0].unknown.insert(key, vec![0; 8]);
        let refused = decode(&psbt.serialize());
        assert!(matches!(refused, Err(PsbtError::Version2Field { field: 0x03 })));
    }

    #[test]
    fn the_participants_of_an_aggregate_are_keys() {
        assert!(with_field(IN_PARTICIPANTS, &KEY, &[KEY, KEY].concat()).is_ok());
        let refused = with_field(IN_PARTICIPANTS, &KEY[1..], &KEY);
        assert!(matches!(refused, Err(PsbtError::ParticipantsKey { expected: 34, .. })));
        let refused = with_field(IN_PARTICIPANTS, &[5; KEY_BYTES], &KEY);
        assert!(matches!(refused, Err(PsbtError::Aggregate { side: "Input " })));
        let refused = with_field(IN_PARTICIPANTS, &KEY, &KEY[1..]);
        assert!(matches!(refused, Err(PsbtError::ParticipantsValue { .. })));
        let refused = with_field(IN_PARTICIPANTS, &KEY, &[5; KEY_BYTES]);
        assert!(matches!(refused, Err(PsbtError::Participant { side: "Input " })));
    }

    #[test]
    fn what_a_participant_gives_has_its_size() {
        let both = [KEY, KEY].concat();
        assert!(with_field(IN_NONCE, &both, &[0; NONCE_BYTES]).is_ok());
        let refused = with_field(IN_NONCE, &both, &[0; NONCE_BYTES - 1]);
        assert!(matches!(refused, Err(PsbtError::Nonce)));
        let refused = with_field(IN_NONCE, &KEY, &[0; NONCE_BYTES]);
        assert!(matches!(refused, Err(PsbtError::ParticipantKey { field: "pubnonce" })));
        let leaf = [&both[..], &[9; LEAF_BYTES]].concat();
        assert!(with_field(IN_PARTIAL_SIGNATURE, &leaf, &[1; 32]).is_ok());
        let refused = with_field(IN_PARTIAL_SIGNATURE, &leaf, &[1; 33]);
        assert!(matches!(refused, Err(PsbtError::PartialSignature)));
        let other = [[5; KEY_BYTES], KEY].concat();
        let refused = with_field(IN_PARTIAL_SIGNATURE, &other, &[1; 32]);
        assert!(matches!(refused, Err(PsbtError::Participant { side: "" })));
    }
}
