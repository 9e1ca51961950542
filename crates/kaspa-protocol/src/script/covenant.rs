//! Covenants: which inputs and outputs of a transaction belong together, and by whose authority.
//!
//! An output under a covenant names the input that authorises it. If that input spends an output of the
//! same covenant, the covenant goes on. If not, the output founds the covenant, and the covenant's id must
//! be the hash of the authorising outpoint and of all outputs that input founds it with: nobody can join a
//! covenant from outside.
//!
//! ```text
//!   input 0 (covenant A) ──authorises──► output 1 (covenant A)      goes on: scripts see it
//!   input 1 (none)       ──authorises──► output 2 (covenant B)      founds B: B = H(outpoint, [output 2])
//! ```
//!
//! **Spec:** KIP-20; rusty-kaspa's `covenants.rs` and `hashing/covenant_id.rs`.

use std::collections::BTreeMap;

use quintet_primitives::Hash256;

use crate::{
    hashing::{Blake2b, Put},
    tx::{Outpoint, PopulatedTransaction, TransactionOutput},
};

/// A covenant misused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CovenantError {
    /// The authorising input of an output does not exist.
    #[error("output {output} names input {input} as its authority, which does not exist")]
    AuthorityMissing {
        /// The output.
        output: usize,
        /// The input it names.
        input: u16,
    },
    /// A founded covenant has another id than it must.
    #[error("covenant founded by input {input} must have id {expected}, has {actual}")]
    WrongId {
        /// The input.
        input: usize,
        /// The id it must have.
        expected: Hash256,
        /// The id it has.
        actual: Hash256,
    },
    /// The covenant has fewer inputs.
    #[error("the covenant has no input {index}, it has {count}")]
    NoInput {
        /// Which was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The covenant has fewer outputs.
    #[error("the covenant has no output {index}, it has {count}")]
    NoOutput {
        /// Which was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The input authorises fewer outputs.
    #[error("input {input} authorises no output {index}, it authorises {count}")]
    NotAuthorised {
        /// The input.
        input: usize,
        /// Which was asked for.
        index: usize,
        /// How many it authorises.
        count: usize,
    },
}

/// The covenants of one transaction. Holds at most one number for each input and two for each output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covenants {
    /// The outputs that go on with a covenant, by the input that authorises them.
    authorised: BTreeMap<usize, Vec<usize>>,
    members: BTreeMap<Hash256, Members>,
}

/// The inputs of a covenant and the outputs that go on with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Members {
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl Covenants {
    /// Finds the covenants of a transaction.
    ///
    /// # Errors
    ///
    /// [`CovenantError`] if an output's authority does not exist, or a founded covenant's id is wrong.
    pub fn of(populated: PopulatedTransaction<'_>) -> Result<Self, CovenantError> {
        let mut covenants = Self::default();
        for (index, entry) in populated.entries().iter().enumerate() {
            if let Some(id) = entry.covenant_id {
                covenants.members.entry(id).or_default().inputs.push(index);
            }
        }
        let mut founded: BTreeMap<(usize, Hash256), Vec<usize>> = BTreeMap::new();
        for (index, output) in populated.tx().outputs.iter().enumerate() {
            let Some(binding) = output.covenant else { continue };
            let authority = usize::from(binding.authorizing_input);
            let input = binding.authorizing_input;
            let (_, entry) = populated
                .input(authority)
                .ok_or(CovenantError::AuthorityMissing { output: index, input })?;
            if entry.covenant_id == Some(binding.covenant_id) {
                covenants.authorised.entry(authority).or_default().push(index);
                covenants.members.entry(binding.covenant_id).or_default().outputs.push(index);
            } else {
                founded.entry((authority, binding.covenant_id)).or_default().push(index);
            }
        }
        for ((input, actual), outputs) in founded {
            let Some((spending, _)) = populated.input(input) else { continue };
            let outputs = outputs.iter().filter_map(|index| {
                Some((u32::try_from(*index).ok()?, populated.tx().outputs.get(*index)?))
            });
            let expected = covenant_id(&spending.previous_outpoint, &outputs.collect::<Vec<_>>());
            if expected != actual {
                return Err(CovenantError::WrongId { input, expected, actual });
            }
        }
        Ok(covenants)
    }

    pub(super) fn authorised_count(&self, input: usize) -> usize {
        self.authorised.get(&input).map_or(0, Vec::len)
    }

    pub(super) fn authorised(&self, input: usize, index: usize) -> Result<usize, CovenantError> {
        let outputs = self.authorised.get(&input).map_or(&[][..], Vec::as_slice);
        let count = outputs.len();
        outputs.get(index).copied().ok_or(CovenantError::NotAuthorised { input, index, count })
    }

    pub(super) fn inputs(&self, id: &Hash256) -> &[usize] {
        self.members.get(id).map_or(&[], |members| &members.inputs)
    }

    pub(super) fn input(&self, id: &Hash256, index: usize) -> Result<usize, CovenantError> {
        let inputs = self.inputs(id);
        inputs.get(index).copied().ok_or(CovenantError::NoInput { index, count: inputs.len() })
    }

    pub(super) fn outputs(&self, id: &Hash256) -> &[usize] {
        self.members.get(id).map_or(&[], |members| &members.outputs)
    }

    pub(super) fn output(&self, id: &Hash256, index: usize) -> Result<usize, CovenantError> {
        let outputs = self.outputs(id);
        outputs.get(index).copied().ok_or(CovenantError::NoOutput { index, count: outputs.len() })
    }
}

/// Returns the id of the covenant an outpoint founds with these outputs, each with its index.
///
/// The outputs' own bindings are left out: they hold the id.
///
/// **Spec:** KIP-20; rusty-kaspa's `covenant_id`.
#[must_use]
pub fn covenant_id(outpoint: &Outpoint, outputs: &[(u32, &TransactionOutput)]) -> Hash256 {
    let mut hasher = Blake2b::COVENANT_ID.hasher();
    hasher.hash(&outpoint.transaction_id).u32(outpoint.index).length(outputs.len());
    for (index, output) in outputs {
        let script = &output.script_public_key;
        hasher.u32(*index).u64(output.value).u16(script.version).var_bytes(&script.script);
    }
    hasher.finish()
}
