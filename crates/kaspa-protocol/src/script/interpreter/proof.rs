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

    #[expect(clippy::unused_self, reason = "placeholder")]
    fn verify_groth16(&mut self) -> Result<(), ScriptError> {
        Err(ScriptError::ProofsUnavailable)
    }

    #[expect(clippy::unused_self, reason = "placeholder")]
    fn verify_succinct(&mut self) -> Result<(), ScriptError> {
        Err(ScriptError::ProofsUnavailable)
    }
}
