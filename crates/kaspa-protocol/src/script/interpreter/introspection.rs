//! What a script can see of the transaction that spends it.
//!
//! Scripts of outputs are seen as two bytes of version, big-endian, and the script.
//!
//! **Spec:** KIP-10 (counts, own index, amounts and scripts); KIP-17 (the rest).

use super::{Item, Machine, ScriptError, Trace};
use crate::{
    script::opcode::{
        OP_OUTPOINT_INDEX, OP_OUTPOINT_TX_ID, OP_TX_GAS, OP_TX_INPUT_AMOUNT, OP_TX_INPUT_COUNT,
        OP_TX_INPUT_DAA_SCORE, OP_TX_INPUT_INDEX, OP_TX_INPUT_IS_COINBASE,
        OP_TX_INPUT_SCRIPT_SIG_LEN, OP_TX_INPUT_SCRIPT_SIG_SUBSTR, OP_TX_INPUT_SEQ,
        OP_TX_INPUT_SPK, OP_TX_INPUT_SPK_LEN, OP_TX_INPUT_SPK_SUBSTR, OP_TX_LOCK_TIME,
        OP_TX_OUTPUT_AMOUNT, OP_TX_OUTPUT_COUNT, OP_TX_OUTPUT_SPK, OP_TX_OUTPUT_SPK_LEN,
        OP_TX_OUTPUT_SPK_SUBSTR, OP_TX_PAYLOAD_LEN, OP_TX_PAYLOAD_SUBSTR, OP_TX_SUBNET_ID,
        OP_TX_VERSION,
    },
    tx::{ScriptPublicKey, TransactionOutput, UtxoEntry},
};

impl<'s, T: Trace> Machine<'s, '_, T> {
    /// `OP_TX_VERSION` to `OP_TX_INPUT_SCRIPT_SIG_LEN`.
    pub(super) fn introspect(&mut self, opcode: u8) -> Result<(), ScriptError> {
        let tx = self.tx;
        match opcode {
            OP_TX_VERSION => self.push_number(tx.version.into()),
            OP_TX_INPUT_COUNT => self.push_length(tx.inputs.len()),
            OP_TX_OUTPUT_COUNT => self.push_length(tx.outputs.len()),
            // The bits are taken as a signed number, whatever they say.
            OP_TX_LOCK_TIME => self.push_number(tx.lock_time.cast_signed()),
            OP_TX_SUBNET_ID => self.push(Item::Borrowed(tx.subnetwork_id.as_bytes())),
            OP_TX_GAS => self.push_number(tx.gas.cast_signed()),
            OP_TX_PAYLOAD_SUBSTR => {
                let [start, end] = self.pop_indices()?;
                self.push_part(&tx.payload, start, end)
            }
            OP_TX_PAYLOAD_LEN => self.push_length(tx.payload.len()),
            OP_TX_INPUT_INDEX => self.push_length(self.input),
            OP_OUTPOINT_TX_ID..=OP_TX_INPUT_SEQ | OP_TX_INPUT_SCRIPT_SIG_LEN => {
                self.introspect_input(opcode)
            }
            OP_TX_INPUT_AMOUNT..=OP_TX_INPUT_IS_COINBASE
            | OP_TX_INPUT_SPK_LEN
            | OP_TX_INPUT_SPK_SUBSTR => self.introspect_entry(opcode),
            _ => self.introspect_output(opcode),
        }
    }

    fn introspect_input(&mut self, opcode: u8) -> Result<(), ScriptError> {
        if opcode == OP_TX_INPUT_SCRIPT_SIG_SUBSTR {
            let [index, start, end] = self.pop_indices()?;
            let input = self.input_at(index)?;
            return self.push_part(&input.signature_script, start, end);
        }
        let [index] = self.pop_indices()?;
        let input = self.input_at(index)?;
        let outpoint = &input.previous_outpoint;
        match opcode {
            OP_OUTPOINT_TX_ID => self.push(Item::Borrowed(outpoint.transaction_id.as_bytes())),
            OP_OUTPOINT_INDEX => self.push_number(outpoint.index.into()),
            // Bits, and no number: all eight bytes.
            OP_TX_INPUT_SEQ => self.push(Item::copy_of(&input.sequence.to_le_bytes())),
            OP_TX_INPUT_SCRIPT_SIG_LEN => self.push_length(input.signature_script.len()),
            _ => Err(ScriptError::InvalidOpcode { opcode }),
        }
    }

    fn introspect_entry(&mut self, opcode: u8) -> Result<(), ScriptError> {
        if opcode == OP_TX_INPUT_SPK_SUBSTR {
            let [index, start, end] = self.pop_indices()?;
            let entry = self.entry_at(index)?;
            return self.push_script_part(&entry.script_public_key, start, end);
        }
        let entry = match opcode {
            // KIP-10's own refuse a negative index as one there is no input of.
            OP_TX_INPUT_AMOUNT | OP_TX_INPUT_SPK => {
                let [index] = self.pop_counts()?;
                let inputs = self.tx.inputs.len();
                let entry =
                    usize::try_from(index).ok().and_then(|at| self.context.entries().get(at));
                entry.ok_or(ScriptError::InvalidInputIndex { index, inputs })?
            }
            _ => {
                let [index] = self.pop_indices()?;
                self.entry_at(index)?
            }
        };
        match opcode {
            OP_TX_INPUT_AMOUNT => self.push_amount(entry.amount),
            OP_TX_INPUT_SPK => self.push_script(&entry.script_public_key),
            OP_TX_INPUT_DAA_SCORE => self.push_number(entry.block_daa_score.cast_signed()),
            OP_TX_INPUT_IS_COINBASE => self.push_number(entry.is_coinbase.into()),
            OP_TX_INPUT_SPK_LEN => self.push_length(seen_len(&entry.script_public_key)),
            _ => Err(ScriptError::InvalidOpcode { opcode }),
        }
    }

    fn introspect_output(&mut self, opcode: u8) -> Result<(), ScriptError> {
        if opcode == OP_TX_OUTPUT_SPK_SUBSTR {
            let [index, start, end] = self.pop_indices()?;
            let output = self.output_at(index)?;
            return self.push_script_part(&output.script_public_key, start, end);
        }
        let output = match opcode {
            OP_TX_OUTPUT_AMOUNT | OP_TX_OUTPUT_SPK => {
                let [index] = self.pop_counts()?;
                let outputs = self.tx.outputs.len();
                let output = usize::try_from(index).ok().and_then(|at| self.tx.outputs.get(at));
                output.ok_or(ScriptError::InvalidOutputIndex { index, outputs })?
            }
            _ => {
                let [index] = self.pop_indices()?;
                self.output_at(index)?
            }
        };
        match opcode {
            OP_TX_OUTPUT_AMOUNT => self.push_amount(output.value),
            OP_TX_OUTPUT_SPK => self.push_script(&output.script_public_key),
            OP_TX_OUTPUT_SPK_LEN => self.push_length(seen_len(&output.script_public_key)),
            _ => Err(ScriptError::InvalidOpcode { opcode }),
        }
    }

    pub(super) fn entry_at(&self, index: usize) -> Result<&'s UtxoEntry, ScriptError> {
        self.context.entries().get(index).ok_or_else(|| self.no_input(index))
    }

    pub(super) fn output_at(&self, index: usize) -> Result<&'s TransactionOutput, ScriptError> {
        let outputs = self.tx.outputs.len();
        let output = self.tx.outputs.get(index);
        let index = i64::try_from(index).unwrap_or(i64::MAX);
        output.ok_or(ScriptError::InvalidOutputIndex { index, outputs })
    }

    fn push_amount(&mut self, amount: u64) -> Result<(), ScriptError> {
        let amount = i64::try_from(amount).map_err(|_| ScriptError::NumberTooBig { limit: 8 })?;
        self.push_number(amount)
    }

    fn push_part(&mut self, whole: &'s [u8], start: usize, end: usize) -> Result<(), ScriptError> {
        let part = self.part(&Item::Borrowed(whole), start, end)?;
        self.push(part)
    }

    fn push_script(&mut self, script: &ScriptPublicKey) -> Result<(), ScriptError> {
        self.push(seen(script))
    }

    fn push_script_part(
        &mut self,
        script: &ScriptPublicKey,
        start: usize,
        end: usize,
    ) -> Result<(), ScriptError> {
        let part = self.part(&seen(script), start, end)?;
        self.push(part)
    }
}

/// Returns a script as scripts see it: behind its version.
fn seen(script: &ScriptPublicKey) -> Item<'static> {
    Item::owned([&script.version.to_be_bytes()[..], &script.script].concat())
}

/// Returns the length of [`seen`].
fn seen_len(script: &ScriptPublicKey) -> usize {
    script.script.len() + 2
}
