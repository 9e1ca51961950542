//! `OP_ZK_PRECOMPILE`: zero-knowledge proofs.
//!
//! The tag on top says what sort the proof is of, and so what it costs; that is paid before anything is
//! looked at.
//!
//! **Spec:** KIP-16; rusty-kaspa's `zk_precompiles`.

use super::{Item, Machine, ScriptError, Trace};
use crate::script::meter::UNITS_PER_GRAM;

/// The tag of Groth16 proofs over BN254.
const GROTH16: u8 = 0x20;

/// The tag of succinct receipts of RISC Zero.
const RISC0_SUCCINCT: u8 = 0x21;

/// Script units of a Groth16 proof, its public inputs aside.
const GROTH16_UNITS: u64 = 140_000 * UNITS_PER_GRAM;

/// Script units of a succinct receipt.
const RISC0_SUCCINCT_UNITS: u64 = 250_000 * UNITS_PER_GRAM;

impl<T: Trace> Machine<'_, '_, T> {
    pub(super) fn verify_proof(&mut self) -> Result<(), ScriptError> {
        let tag = self.stack.pop()?;
        match tag.as_bytes() {
            [GROTH16] => {
                self.meter.spend_units(GROTH16_UNITS)?;
                self.verify_groth16()?;
            }
            [RISC0_SUCCINCT] => {
                self.meter.spend_units(RISC0_SUCCINCT_UNITS)?;
                self.verify_succinct()?;
            }
            [_] => return Err(ScriptError::Proof { reason: "unknown tag" }),
            [] => return Err(ScriptError::Proof { reason: "no tag" }),
            _ => return Err(ScriptError::Proof { reason: "the tag is longer than a byte" }),
        }
        self.push(Item::TRUE)
    }

    /// Key, proof, count of public inputs and these, from the top down.
    #[cfg(feature = "zk")]
    fn verify_groth16(&mut self) -> Result<(), ScriptError> {
        use crate::script::zk::groth16;

        let [key] = self.stack.pop_array()?;
        let [proof] = self.stack.pop_array()?;
        let [count] = self.pop_indices()?;
        let items = self.stack.pop_many(count)?;
        let inputs: Result<Vec<_>, _> =
            items.iter().rev().map(|item| groth16::read_input(item.as_bytes())).collect();
        groth16::verify(key.as_bytes(), proof.as_bytes(), &inputs?, |units| {
            self.meter.spend_units(units)
        })
    }

    /// Hash suite, control id, image id, journal, seal, control path, control index, claim, from the top down.
    #[cfg(feature = "zk")]
    fn verify_succinct(&mut self) -> Result<(), ScriptError> {
        let parts = self.stack.pop_array::<8>()?;
        let [claim, control_index, control_path, seal, journal, image_id, control_id, suite] =
            parts.each_ref().map(Item::as_bytes);
        crate::script::zk::succinct::Receipt {
            claim,
            control_index,
            control_path,
            seal,
            journal,
            image_id,
            control_id,
            suite,
        }
        .verify()
    }

    #[cfg(not(feature = "zk"))]
    const fn verify_groth16(&mut self) -> Result<(), ScriptError> {
        let _ = self;
        Err(ScriptError::ProofsUnavailable)
    }

    #[cfg(not(feature = "zk"))]
    const fn verify_succinct(&mut self) -> Result<(), ScriptError> {
        let _ = self;
        Err(ScriptError::ProofsUnavailable)
    }
}
