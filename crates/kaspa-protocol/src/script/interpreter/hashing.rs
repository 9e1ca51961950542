//! Hashes, which since Toccata are paid for by the byte.
//!
//! **Spec:** KIP-17 for the keyed ones and BLAKE3.

use blake2b_simd::{KEYBYTES, Params};
use quintet_crypto::digest;

use super::{Item, Machine, ScriptError, Trace};
use crate::script::opcode::{
    OP_BLAKE2B, OP_BLAKE2B_WITH_KEY, OP_BLAKE3, OP_BLAKE3_WITH_KEY, OP_SHA256,
};

/// Script units for a byte hashed with BLAKE2b.
const BLAKE2B_UNITS: u64 = 2;

/// Script units for a byte hashed with SHA-256 or BLAKE3.
const OTHER_UNITS: u64 = 1;

impl<T: Trace> Machine<'_, '_, T> {
    pub(super) fn hash(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let [data, key] = if matches!(opcode, OP_BLAKE2B_WITH_KEY | OP_BLAKE3_WITH_KEY) {
            self.stack.pop_array()?
        } else {
            let [data] = self.stack.pop_array()?;
            [data, Item::EMPTY]
        };
        let (data, key) = (data.as_bytes(), key.as_bytes());
        // Lossless: a length.
        let len = data.len() as u64;
        let hash = match opcode {
            OP_BLAKE2B | OP_BLAKE2B_WITH_KEY => {
                if key.len() > KEYBYTES {
                    return Err(ScriptError::ElementTooBig { actual: key.len(), limit: KEYBYTES });
                }
                self.meter.spend_units(len.saturating_mul(BLAKE2B_UNITS))?;
                blake2b(key, data)
            }
            OP_SHA256 => {
                self.meter.spend_units(len.saturating_mul(OTHER_UNITS))?;
                digest::sha256(&[data]).into_bytes()
            }
            OP_BLAKE3 => {
                self.meter.spend_units(len.saturating_mul(OTHER_UNITS))?;
                *blake3::hash(data).as_bytes()
            }
            OP_BLAKE3_WITH_KEY => {
                let (expected, actual) = (blake3::KEY_LEN, key.len());
                let key =
                    key.try_into().map_err(|_| ScriptError::MalformedPush { expected, actual })?;
                self.meter.spend_units(len.saturating_mul(OTHER_UNITS))?;
                *blake3::keyed_hash(key, data).as_bytes()
            }
            _ => return Err(ScriptError::InvalidOpcode { opcode }),
        };
        self.push(Item::hash(hash))
    }
}

fn blake2b(key: &[u8], data: &[u8]) -> [u8; 32] {
    let hash = Params::new().hash_length(32).key(key).hash(data);
    let mut bytes = [0; 32];
    bytes.iter_mut().zip(hash.as_bytes()).for_each(|(byte, hash)| *byte = *hash);
    bytes
}
