//! How far a transaction has come: read and checked by itself, its sender known, in the pool.
//!
//! # Invariants
//!
//! - A [`Decoded`] follows every rule that needs neither its sender nor the state.
//! - A [`Verified`] has the sender that signed it, unless it was made by [`Verified::impersonated`].

use std::sync::Arc;

use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use alloy_primitives::{Address, B256, U256};
use quintet_eth::tx::{CheckError, EthTransaction, Limits, Parsed, TxRules, recover_sender};

use crate::{
    blobs::{self, Sidecar},
    error::PoolError,
};

/// Bytes of a slot, the unit of room in the pool. **Spec:** go-ethereum's `txSlotSize`.
pub const SLOT_BYTES: usize = 32 * 1024;

/// Memory a transaction takes beside its encoding, in bytes: its place in the tables, the fields read out of it.
const OVERHEAD_BYTES: usize = 640;

/// Least fee for blob gas, in wei. **Spec:** EIP-4844, `MIN_BASE_FEE_PER_BLOB_GAS`.
const BLOB_FEE_MIN: u128 = 1;

/// A transaction in the pool, or on its way into it.
#[derive(Debug, PartialEq, Eq)]
pub struct PoolTransaction {
    transaction: EthTransaction,
    sidecar: Option<Sidecar>,
    hash: B256,
    sender: Address,
    authorities: Vec<Address>,
    nonce: u64,
    gas_limit: u64,
    fee_cap: u128,
    tip_cap: u128,
    blob_fee_cap: Option<u128>,
    cost: U256,
    encoded_bytes: usize,
    sidecar_bytes: usize,
    is_signed: bool,
}

/// A transaction that follows every rule of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    pub(crate) transaction: EthTransaction,
    sidecar: Option<Sidecar>,
    encoded_bytes: usize,
    rules: TxRules,
}

/// A transaction whose sender is known: what [`Pool::add`](crate::Pool::add) takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified(pub(crate) Arc<PoolTransaction>);

impl Decoded {
    /// Reads a transaction as clients and peers send it, with its blobs if it has some, and checks all that needs neither sender nor
    /// state.
    ///
    /// Proofs of blobs are checked here, which takes milliseconds; proofs of Cancun's sort are made into Osaka's where Osaka is in
    /// force.
    ///
    /// # Errors
    ///
    /// [`PoolError`] for the first rule that does not hold.
    pub fn read(
        bytes: &[u8],
        rules: TxRules,
        limits: &Limits,
        bytes_max: usize,
    ) -> Result<Self, PoolError> {
        let (split, sidecar) = match blobs::split(bytes)? {
            Some((transaction, sidecar)) => (Some(transaction), Some(sidecar)),
            None => (None, None),
        };
        let own = split.as_deref().unwrap_or(bytes);
        if own.len() > bytes_max {
            return Err(PoolError::Oversized { expected: bytes_max, actual: own.len() });
        }
        let parsed = Parsed::read(own)?;
        if parsed.deposit.is_some() {
            return Err(PoolError::Deposit);
        }
        parsed.check_unsigned(rules, limits)?;
        let sidecar = match (parsed.blob_fee, sidecar) {
            (None, _) => None,
            (Some(_), None) => return Err(PoolError::NoSidecar),
            (Some(_), Some(sidecar)) => {
                let sidecar = blobs::convert(sidecar, rules)?;
                blobs::check(&sidecar, &parsed.blob_hashes, rules)?;
                Some(sidecar)
            }
        };
        let transaction = parsed.into_transaction()?;
        Ok(Self { transaction, sidecar, encoded_bytes: own.len(), rules })
    }

    /// Returns its hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        self.transaction.hash()
    }

    /// Returns whether its signature names its chain (EIP-155 and every later type).
    #[must_use]
    pub fn is_replay_protected(&self) -> bool {
        self.transaction.as_transaction().chain_id().is_some()
    }

    /// Returns the most that its gas may cost, in wei, without value and blobs.
    #[must_use]
    pub fn gas_cost(&self) -> U256 {
        let transaction = self.transaction.as_transaction();
        U256::from(transaction.max_fee_per_gas())
            .saturating_mul(U256::from(transaction.gas_limit()))
    }

    /// Recovers who sent it. [`verify_all`](crate::verify_all) does so for many, several times as fast for each.
    ///
    /// # Errors
    ///
    /// [`PoolError::Sender`] if the signature is nobody's.
    pub fn verify(self) -> Result<Verified, PoolError> {
        let sender = recover_sender(&self.transaction, self.rules);
        match sender {
            Ok(sender) => Ok(self.with_sender(sender)),
            Err(error) => Err(PoolError::Sender { reason: error.to_string() }),
        }
    }

    pub(crate) fn with_sender(self, sender: Address) -> Verified {
        Verified::new(self.transaction, self.sidecar, self.encoded_bytes, sender, true)
    }
}

impl Verified {
    /// Takes a transaction out of a block that is no longer one, with the sender found when it was imported. Its blobs, if it has some,
    /// are found again in the pool or not at all.
    #[must_use]
    pub fn returned(transaction: EthTransaction, sender: Address) -> Self {
        let encoded_bytes = transaction.encoded().len();
        Self::new(transaction, None, encoded_bytes, sender, true)
    }

    /// Takes a transaction that nobody signed: a development chain's, for an account somebody plays.
    #[must_use]
    pub fn impersonated(transaction: EthTransaction, sender: Address) -> Self {
        let encoded_bytes = transaction.encoded().len();
        Self::new(transaction, None, encoded_bytes, sender, false)
    }

    /// Returns the transaction.
    #[must_use]
    pub fn transaction(&self) -> &PoolTransaction {
        &self.0
    }

    fn new(
        transaction: EthTransaction,
        sidecar: Option<Sidecar>,
        encoded_bytes: usize,
        sender: Address,
        is_signed: bool,
    ) -> Self {
        let fields = transaction.as_transaction();
        let blob_fee_cap = fields.max_fee_per_blob_gas();
        let blob_gas =
            fields.blob_versioned_hashes().map_or(0, <[_]>::len) as u64 * DATA_GAS_PER_BLOB;
        let gas =
            U256::from(fields.max_fee_per_gas()).saturating_mul(U256::from(fields.gas_limit()));
        let blobs = U256::from(blob_fee_cap.unwrap_or_default()) * U256::from(blob_gas);
        let authorizations = fields.authorization_list().unwrap_or_default();
        // A signature of nobody's delegates nobody: execution passes over it as well.
        let authorities: Vec<_> =
            authorizations.iter().filter_map(|one| one.recover_authority().ok()).collect();
        let (nonce, gas_limit) = (fields.nonce(), fields.gas_limit());
        let fee_cap = fields.max_fee_per_gas();
        let tip_cap = fields.max_priority_fee_per_gas().unwrap_or(fee_cap);
        let cost = gas.saturating_add(fields.value()).saturating_add(blobs);
        Self(Arc::new(PoolTransaction {
            hash: transaction.hash(),
            sidecar_bytes: sidecar.as_ref().map_or(0, blobs::bytes_of),
            transaction,
            sidecar,
            sender,
            authorities,
            nonce,
            gas_limit,
            fee_cap,
            tip_cap,
            blob_fee_cap,
            cost,
            encoded_bytes,
            is_signed,
        }))
    }
}

impl PoolTransaction {
    /// Returns the transaction as a block holds it.
    #[must_use]
    pub const fn transaction(&self) -> &EthTransaction {
        &self.transaction
    }

    /// Returns what is beside it.
    #[must_use]
    pub const fn sidecar(&self) -> Option<&Sidecar> {
        self.sidecar.as_ref()
    }

    /// Returns its hash.
    #[must_use]
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// Returns who sent it.
    #[must_use]
    pub const fn sender(&self) -> Address {
        self.sender
    }

    /// Returns the accounts it delegates (EIP-7702).
    #[must_use]
    pub fn authorities(&self) -> &[Address] {
        &self.authorities
    }

    /// Returns its nonce.
    #[must_use]
    pub const fn nonce(&self) -> u64 {
        self.nonce
    }

    /// Returns the most gas it may use.
    #[must_use]
    pub const fn gas_limit(&self) -> u64 {
        self.gas_limit
    }

    /// Returns the most it pays for each gas, in wei.
    #[must_use]
    pub const fn fee_cap(&self) -> u128 {
        self.fee_cap
    }

    /// Returns the most of it for the proposer, in wei.
    #[must_use]
    pub const fn tip_cap(&self) -> u128 {
        self.tip_cap
    }

    /// Returns the most it pays for each gas of blobs, in wei, if it carries some.
    #[must_use]
    pub const fn blob_fee_cap(&self) -> Option<u128> {
        self.blob_fee_cap
    }

    /// Returns the most it may cost its sender, in wei: gas, blobs and value.
    #[must_use]
    pub const fn cost(&self) -> U256 {
        self.cost
    }

    /// Returns whether its sender signed it; a development chain's impersonated ones are not.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        self.is_signed
    }

    /// Returns what the proposer gets for each gas at a base fee, in wei; negative if it does not pay the base fee.
    #[must_use]
    pub fn effective_tip(&self, base_fee: u64) -> i128 {
        effective_tip(self.fee_cap, self.tip_cap, base_fee)
    }

    /// Returns it as it travels: with its blobs.
    #[must_use]
    pub fn network_encoding(&self) -> Vec<u8> {
        let own = self.transaction.encoded();
        match &self.sidecar {
            None => own,
            Some(sidecar) => blobs::join(&own, sidecar),
        }
    }

    /// Returns its room, in slots.
    #[must_use]
    pub const fn slots(&self) -> usize {
        self.encoded_bytes.div_ceil(SLOT_BYTES)
    }

    /// Returns about how much memory it takes without its sidecar, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        // The fields of the input are a copy of the encoding's.
        self.encoded_bytes * 2 + OVERHEAD_BYTES
    }

    /// Returns how much memory its sidecar takes, in bytes.
    #[must_use]
    pub const fn sidecar_bytes(&self) -> usize {
        self.sidecar_bytes
    }

    pub(crate) const fn has_blobs(&self) -> bool {
        self.blob_fee_cap.is_some()
    }

    pub(crate) fn check_fees(&self, price_limit: u128) -> Result<(), PoolError> {
        if self.tip_cap < price_limit {
            return Err(PoolError::TipTooLow { expected: price_limit, actual: self.tip_cap });
        }
        match self.blob_fee_cap {
            Some(actual) if actual < BLOB_FEE_MIN => {
                Err(PoolError::BlobFeeTooLow { expected: BLOB_FEE_MIN, actual })
            }
            _ => Ok(()),
        }
    }
}

/// Returns what is left of a fee for the proposer, at most the tip; negative below the base fee.
pub(crate) fn effective_tip(fee_cap: u128, tip_cap: u128, base_fee: u64) -> i128 {
    let signed = |fee: u128| i128::try_from(fee).unwrap_or(i128::MAX);
    signed(tip_cap).min(signed(fee_cap) - i128::from(base_fee))
}

impl From<CheckError> for PoolError {
    fn from(error: CheckError) -> Self {
        use CheckError as E;
        match error {
            E::Type { kind, since } => Self::Type { kind, since },
            E::ChainId { expected, actual } => Self::ChainId { expected, actual },
            E::NonceMax => Self::NonceMax,
            E::CostOverflow { .. } => Self::CostOverflow,
            E::PriorityFee { priority, max_fee } => {
                Self::TipAboveFee { tip: priority, fee: max_fee }
            }
            E::IntrinsicGas { expected, actual } => Self::IntrinsicGas { expected, actual },
            E::GasLimit { actual } => Self::GasCap { expected: 1 << 24, actual },
            E::InitcodeLength { expected, actual } => Self::Initcode { expected, actual },
            E::Blobs { expected, actual } => Self::Blobs { expected, actual },
            E::BlobVersion { actual } => Self::BlobVersion { actual },
            E::NoAuthorization => Self::NoAuthorizations,
            E::Sender(error) => Self::Sender { reason: error.to_string() },
        }
    }
}
