//! What a script can see of covenants, and of the chain.
//!
//! **Spec:** KIP-20; KIP-21 for `OP_CHAINBLOCK_SEQ_COMMIT`.

use quintet_primitives::Hash256;

use super::{Item, Machine, ScriptError, Trace};
use crate::script::opcode::{
    OP_AUTH_OUTPUT_COUNT, OP_AUTH_OUTPUT_IDX, OP_CHAINBLOCK_SEQ_COMMIT, OP_COV_INPUT_COUNT,
    OP_COV_INPUT_IDX, OP_COV_OUTPUT_COUNT, OP_COV_OUTPUT_IDX, OP_INPUT_COVENANT_ID,
    OP_OUTPUT_AUTHORIZING_INPUT, OP_OUTPUT_COVENANT_ID,
};

/// What stands for the covenant of an input or output that is under none.
static NO_COVENANT: [u8; 32] = [0; 32];

impl<T: Trace> Machine<'_, '_, T> {
    pub(super) fn covenant(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let covenants = self.context.covenants();
        match opcode {
            OP_AUTH_OUTPUT_COUNT => {
                let [input] = self.pop_indices()?;
                self.input_at(input)?;
                self.push_length(covenants.authorised_count(input))
            }
            OP_AUTH_OUTPUT_IDX => {
                let [input, index] = self.pop_indices()?;
                self.input_at(input)?;
                self.push_length(covenants.authorised(input, index)?)
            }
            OP_INPUT_COVENANT_ID => {
                let [index] = self.pop_indices()?;
                let id = self.entry_at(index)?.covenant_id.as_ref();
                let id = id.map_or(&NO_COVENANT, Hash256::as_bytes);
                self.push(Item::Borrowed(id))
            }
            OP_COV_INPUT_COUNT => {
                let id = self.pop_hash()?;
                self.push_length(covenants.inputs(&id).len())
            }
            OP_COV_OUTPUT_COUNT => {
                let id = self.pop_hash()?;
                self.push_length(covenants.outputs(&id).len())
            }
            OP_COV_INPUT_IDX => {
                let [index] = self.pop_indices()?;
                let id = self.pop_hash()?;
                self.push_length(covenants.input(&id, index)?)
            }
            OP_COV_OUTPUT_IDX => {
                let [index] = self.pop_indices()?;
                let id = self.pop_hash()?;
                self.push_length(covenants.output(&id, index)?)
            }
            OP_OUTPUT_COVENANT_ID => {
                let [index] = self.pop_indices()?;
                let binding = self.output_at(index)?.covenant.as_ref();
                let id = binding.map_or(&NO_COVENANT, |binding| binding.covenant_id.as_bytes());
                self.push(Item::Borrowed(id))
            }
            OP_OUTPUT_AUTHORIZING_INPUT => {
                let [index] = self.pop_indices()?;
                let binding = self.output_at(index)?.covenant;
                self.push_number(binding.map_or(-1, |binding| binding.authorizing_input.into()))
            }
            _ => Err(ScriptError::InvalidOpcode { opcode }),
        }
    }

    /// `OP_CHAINBLOCK_SEQ_COMMIT`: the sequencing commitment of a block of the selected chain.
    pub(super) fn sequencing_commitment(&mut self) -> Result<(), ScriptError> {
        let opcode = OP_CHAINBLOCK_SEQ_COMMIT;
        let commitments = self.context.commitments();
        let commitments = commitments.ok_or(ScriptError::InvalidOpcode { opcode })?;
        let block = self.pop_hash()?;
        if !commitments.is_chain_ancestor(&block).ok_or(ScriptError::BlockPruned)? {
            return Err(ScriptError::BlockNotSelected);
        }
        let commitment =
            commitments.commitment_within_depth(&block).ok_or(ScriptError::BlockTooDeep)?;
        self.push(Item::hash(commitment.into_bytes()))
    }

    fn pop_hash(&mut self) -> Result<Hash256, ScriptError> {
        let [hash] = self.stack.pop_array()?;
        let bytes = hash.as_bytes();
        let bytes = bytes.try_into().map_err(|_| ScriptError::HashSize { actual: bytes.len() })?;
        Ok(Hash256::new(bytes))
    }
}
