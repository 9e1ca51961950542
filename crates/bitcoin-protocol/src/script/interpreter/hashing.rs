//! Opcodes that hash.

use quintet_crypto::digest::{hash160, ripemd160, sha1, sha256, sha256d};

use super::{Item, Machine, ScriptError, Trace};
use crate::script::opcode::{OP_HASH160, OP_HASH256, OP_RIPEMD160, OP_SHA1, OP_SHA256};

impl<T: Trace> Machine<'_, '_, '_, T> {
    /// `RIPEMD160` to `HASH256`.
    pub(super) fn hash(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let top = self.stack.pop()?;
        let bytes = top.as_bytes();
        self.stack.push(match opcode {
            OP_RIPEMD160 => Item::hash20(ripemd160(&[bytes]).into_bytes()),
            OP_SHA1 => Item::hash20(sha1(&[bytes]).into_bytes()),
            OP_SHA256 => Item::hash32(sha256(&[bytes]).into_bytes()),
            OP_HASH160 => Item::hash20(hash160(&[bytes]).into_bytes()),
            OP_HASH256 => Item::hash32(sha256d(&[bytes]).into_bytes()),
            _ => return Err(ScriptError::BadOpcode),
        });
        Ok(())
    }
}
