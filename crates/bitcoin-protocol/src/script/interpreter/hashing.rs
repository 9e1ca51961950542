//! Opcodes that hash.

use bitcoin::hashes::{Hash, hash160, ripemd160, sha1, sha256, sha256d};

use super::{Item, Machine, ScriptError, Trace};
use crate::script::opcode::{OP_HASH160, OP_HASH256, OP_RIPEMD160, OP_SHA1, OP_SHA256};

impl<T: Trace> Machine<'_, '_, '_, T> {
    /// `RIPEMD160` to `HASH256`.
    pub(super) fn hash(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let top = self.stack.pop()?;
        let bytes = top.as_bytes();
        self.stack.push(match opcode {
            OP_RIPEMD160 => Item::hash20(ripemd160::Hash::hash(bytes).to_byte_array()),
            OP_SHA1 => Item::hash20(sha1::Hash::hash(bytes).to_byte_array()),
            OP_SHA256 => Item::hash32(sha256::Hash::hash(bytes).to_byte_array()),
            OP_HASH160 => Item::hash20(hash160::Hash::hash(bytes).to_byte_array()),
            OP_HASH256 => Item::hash32(sha256d::Hash::hash(bytes).to_byte_array()),
            _ => return Err(ScriptError::BadOpcode),
        });
        Ok(())
    }
}
