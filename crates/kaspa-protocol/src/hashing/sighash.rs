//! What signatures sign.
//!
//! Five parts are the same for every input (outpoints, sequences, counts of signature operations,
//! outputs, payload): [`Sighash`] computes each once for a transaction, when a signature first asks
//! for it. Without that a transaction of many inputs would cost the square of its size.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/hashing/sighash.rs`.

use std::sync::OnceLock;

use quintet_primitives::Hash256;
use thiserror::Error;

use super::{Blake2b, Blake2bHasher, Put, Sha256, transaction::put_output};
use crate::tx::{PopulatedTransaction, ScriptPublicKey, TX_VERSION, Transaction};

/// A byte that says no way of signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a hash type of 0x01, 0x02, 0x04, 0x81, 0x82 or 0x84, got {actual:#04x}")]
pub struct SighashTypeError {
    /// The byte.
    pub actual: u8,
}

/// Which parts of a transaction a signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SighashType(u8);

impl SighashType {
    /// Every input and output.
    pub const ALL: Self = Self(1);
    /// Every input, no output.
    pub const NONE: Self = Self(2);
    /// Every input, and the output of the input's index.
    pub const SINGLE: Self = Self(4);
    /// Flag: of the inputs, only the one that signs.
    pub const ANYONE_CAN_PAY: u8 = 0x80;

    /// Returns the same with [`Self::ANYONE_CAN_PAY`].
    #[must_use]
    pub const fn anyone_can_pay(self) -> Self {
        Self(self.0 | Self::ANYONE_CAN_PAY)
    }

    /// Returns the byte at the end of a signature.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        self.0
    }

    const fn is_anyone_can_pay(self) -> bool {
        self.0 & Self::ANYONE_CAN_PAY != 0
    }

    fn outputs(self) -> Self {
        Self(self.0 & !Self::ANYONE_CAN_PAY)
    }
}

impl TryFrom<u8> for SighashType {
    type Error = SighashTypeError;

    fn try_from(actual: u8) -> Result<Self, SighashTypeError> {
        match actual & !Self::ANYONE_CAN_PAY {
            1 | 2 | 4 => Ok(Self(actual)),
            _ => Err(SighashTypeError { actual }),
        }
    }
}

/// The signature hashes of one transaction. Threads may share it.
#[derive(Debug)]
pub struct Sighash<'a> {
    populated: PopulatedTransaction<'a>,
    outpoints: OnceLock<Hash256>,
    sequences: OnceLock<Hash256>,
    sig_op_counts: OnceLock<Hash256>,
    outputs: OnceLock<Hash256>,
    payload: OnceLock<Hash256>,
}

const ZERO: Hash256 = Hash256::new([0; Hash256::LEN]);

impl<'a> Sighash<'a> {
    /// Begins for a transaction; nothing is hashed yet.
    #[must_use]
    pub const fn new(populated: PopulatedTransaction<'a>) -> Self {
        Self {
            populated,
            outpoints: OnceLock::new(),
            sequences: OnceLock::new(),
            sig_op_counts: OnceLock::new(),
            outputs: OnceLock::new(),
            payload: OnceLock::new(),
        }
    }

    /// Returns the transaction and the entries it spends.
    #[must_use]
    pub const fn populated(&self) -> PopulatedTransaction<'a> {
        self.populated
    }

    /// Returns what a Schnorr signature of input `index` signs; `None` if there is no such input.
    #[must_use]
    pub fn schnorr(&self, index: usize, hash_type: SighashType) -> Option<Hash256> {
        let tx = self.populated.tx();
        let (input, entry) = self.populated.input(index)?;
        let sig_ops = |hasher: &mut Blake2bHasher| {
            hasher.u8(input.compute_commit.sig_op_count().unwrap_or(0));
        };
        let mut hasher = hasher();
        hasher.u16(tx.version).hash(&self.outpoints(hash_type)).hash(&self.sequences(hash_type));
        if tx.version == TX_VERSION {
            hasher.hash(&self.sig_op_counts(hash_type));
        }
        let outpoint = &input.previous_outpoint;
        hasher.hash(&outpoint.transaction_id).u32(outpoint.index);
        put_script(&mut hasher, &entry.script_public_key);
        hasher.u64(entry.amount).u64(input.sequence);
        if tx.version == TX_VERSION {
            sig_ops(&mut hasher);
        }
        hasher
            .hash(&self.outputs(index, hash_type))
            .u64(tx.lock_time)
            .put(tx.subnetwork_id.as_bytes())
            .u64(tx.gas)
            .hash(&self.payload())
            .u8(hash_type.to_byte());
        Some(hasher.finish())
    }

    /// Returns what an ECDSA signature of input `index` signs; `None` if there is no such input.
    #[must_use]
    pub fn ecdsa(&self, index: usize, hash_type: SighashType) -> Option<Hash256> {
        let schnorr = self.schnorr(index, hash_type)?;
        Some(Sha256::TRANSACTION_SIGNING_HASH_ECDSA.hash(&[schnorr.as_bytes()]))
    }

    fn once(
        &self,
        cell: &OnceLock<Hash256>,
        put: impl FnOnce(&'a Transaction, &mut Blake2bHasher),
    ) -> Hash256 {
        *cell.get_or_init(|| {
            let mut hasher = hasher();
            put(self.populated.tx(), &mut hasher);
            hasher.finish()
        })
    }

    fn outpoints(&self, hash_type: SighashType) -> Hash256 {
        if hash_type.is_anyone_can_pay() {
            return ZERO;
        }
        self.once(&self.outpoints, |tx, hasher| {
            for outpoint in tx.inputs.iter().map(|input| &input.previous_outpoint) {
                hasher.hash(&outpoint.transaction_id).u32(outpoint.index);
            }
        })
    }

    fn sequences(&self, hash_type: SighashType) -> Hash256 {
        if hash_type != SighashType::ALL {
            return ZERO;
        }
        self.once(&self.sequences, |tx, hasher| {
            for input in &tx.inputs {
                hasher.u64(input.sequence);
            }
        })
    }

    fn sig_op_counts(&self, hash_type: SighashType) -> Hash256 {
        if hash_type.is_anyone_can_pay() {
            return ZERO;
        }
        self.once(&self.sig_op_counts, |tx, hasher| {
            for input in &tx.inputs {
                hasher.u8(input.compute_commit.sig_op_count().unwrap_or(0));
            }
        })
    }

    fn outputs(&self, index: usize, hash_type: SighashType) -> Hash256 {
        let tx = self.populated.tx();
        match hash_type.outputs() {
            SighashType::NONE => ZERO,
            SighashType::SINGLE => tx.outputs.get(index).map_or(ZERO, |output| {
                let mut hasher = hasher();
                put_output(&mut hasher, output, tx.version);
                hasher.finish()
            }),
            _ => self.once(&self.outputs, |tx, hasher| {
                tx.outputs.iter().for_each(|output| put_output(hasher, output, tx.version));
            }),
        }
    }

    fn payload(&self) -> Hash256 {
        let tx = self.populated.tx();
        if tx.subnetwork_id.is_native() && tx.payload.is_empty() {
            return ZERO;
        }
        self.once(&self.payload, |tx, hasher| {
            hasher.var_bytes(&tx.payload);
        })
    }
}

fn hasher() -> Blake2bHasher {
    Blake2b::TRANSACTION_SIGNING_HASH.hasher()
}

fn put_script(hasher: &mut Blake2bHasher, script: &ScriptPublicKey) {
    hasher.u16(script.version).var_bytes(&script.script);
}
