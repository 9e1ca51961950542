//! A transaction of any chain here, in alloy's types.

use alloy_consensus::{
    EthereumTxEnvelope, Sealed, Signed, Transaction, TxEip1559, TxEip2930, TxEip4844, TxEip7702,
    TxLegacy,
};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use op_alloy_consensus::{OpTxEnvelope, TxDeposit};

use super::{
    fields::{FieldProblem, TxDecodeError},
    parse::Parsed,
};

/// Type of an OP deposit.
pub const DEPOSIT_TYPE: u8 = 0x7e;

/// A transaction with its hash: signed, or an OP Stack's deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EthTransaction {
    /// Types 0 to 4.
    Signed(EthereumTxEnvelope<TxEip4844>),
    /// Type `0x7e`.
    Deposit(Sealed<TxDeposit>),
}

impl EthTransaction {
    /// Reads a transaction in its own encoding (EIP-2718).
    ///
    /// # Errors
    ///
    /// [`TxDecodeError`], naming the field, unless the bytes are exactly one transaction in its one encoding; fees above 128 bits,
    /// which nobody can pay, are refused here too.
    pub fn decode(bytes: &[u8]) -> Result<Self, TxDecodeError> {
        Parsed::read(bytes)?.into_transaction()
    }

    /// The transaction's hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        match self {
            Self::Signed(transaction) => *transaction.tx_hash(),
            Self::Deposit(deposit) => deposit.seal(),
        }
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Signed(transaction) => transaction.tx_type().into(),
            Self::Deposit(_) => DEPOSIT_TYPE,
        }
    }

    /// Its encoding, as blocks and tries have it.
    #[must_use]
    pub fn encoded(&self) -> Vec<u8> {
        match self {
            Self::Signed(transaction) => transaction.encoded_2718(),
            Self::Deposit(deposit) => deposit.inner().encoded_2718(),
        }
    }

    /// What all transactions say.
    #[must_use]
    pub fn as_transaction(&self) -> &dyn Transaction {
        match self {
            Self::Signed(transaction) => transaction,
            Self::Deposit(deposit) => deposit.inner(),
        }
    }

    /// The transaction as one of Ethereum's, unless it is a deposit.
    #[must_use]
    pub const fn as_signed(&self) -> Option<&EthereumTxEnvelope<TxEip4844>> {
        match self {
            Self::Signed(transaction) => Some(transaction),
            Self::Deposit(_) => None,
        }
    }

    /// The transaction as one of an OP Stack's; there it carries no blobs.
    #[must_use]
    pub fn to_optimism(&self) -> Option<OpTxEnvelope> {
        Some(match self {
            Self::Deposit(deposit) => OpTxEnvelope::Deposit(deposit.clone()),
            Self::Signed(EthereumTxEnvelope::Legacy(tx)) => OpTxEnvelope::Legacy(tx.clone()),
            Self::Signed(EthereumTxEnvelope::Eip2930(tx)) => OpTxEnvelope::Eip2930(tx.clone()),
            Self::Signed(EthereumTxEnvelope::Eip1559(tx)) => OpTxEnvelope::Eip1559(tx.clone()),
            Self::Signed(EthereumTxEnvelope::Eip7702(tx)) => OpTxEnvelope::Eip7702(tx.clone()),
            Self::Signed(EthereumTxEnvelope::Eip4844(_)) => return None,
        })
    }
}

fn narrow<T: TryFrom<U256>>(
    field: &'static str,
    bits: usize,
    number: U256,
) -> Result<T, TxDecodeError> {
    let problem = FieldProblem::Large { bits };
    T::try_from(number).map_err(|_| TxDecodeError::Field { field, problem })
}

impl Parsed<'_> {
    /// Makes alloy's form of it.
    ///
    /// # Errors
    ///
    /// [`TxDecodeError::Field`] if a fee has more than 128 bits, a chain id more than 64, or a legacy `v` is none.
    pub fn into_transaction(self) -> Result<EthTransaction, TxDecodeError> {
        let hash = self.hash();
        if let Some(deposit) = self.deposit {
            let transaction = TxDeposit {
                source_hash: deposit.source_hash,
                from: deposit.from,
                to: kind(self.to),
                mint: narrow("mint", 128, deposit.mint)?,
                value: self.value,
                gas_limit: self.gas_limit,
                is_system_transaction: deposit.is_system,
                input: Bytes::copy_from_slice(self.data),
            };
            return Ok(EthTransaction::Deposit(Sealed::new_unchecked(transaction, hash)));
        }
        let Some(signature) = self.signature else {
            return Err(TxDecodeError::Missing { field: "r" });
        };
        let (chain_id, odd) = if self.kind == 0 {
            Self::legacy_v(signature.v).ok_or(TxDecodeError::Field {
                field: "v",
                problem: FieldProblem::Large { bits: 0 },
            })?
        } else {
            (self.chain_id, signature.v.bit(0))
        };
        let chain_id = chain_id.map(|id| narrow("chain id", 64, id)).transpose()?;
        let signature = Signature::new(signature.r, signature.s, odd);
        self.into_signed(chain_id, signature, hash).map(EthTransaction::Signed)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "an arm for each type, and nothing in it but its fields"
    )]
    fn into_signed(
        self,
        chain: Option<u64>,
        signature: Signature,
        hash: B256,
    ) -> Result<EthereumTxEnvelope<TxEip4844>, TxDecodeError> {
        let fee: u128 = narrow("max fee per gas", 128, self.max_fee)?;
        let priority: u128 =
            narrow("max priority fee per gas", 128, self.priority_fee.unwrap_or_default())?;
        let blob_fee: u128 =
            narrow("max fee per blob gas", 128, self.blob_fee.unwrap_or_default())?;
        let (nonce, gas_limit, value) = (self.nonce, self.gas_limit, self.value);
        let (to, input) = (self.to, Bytes::copy_from_slice(self.data));
        let chain_id = chain.unwrap_or_default();
        let access_list = self.access_list;
        Ok(match self.kind {
            0 => {
                let gas_price = fee;
                let to = kind(to);
                let tx =
                    TxLegacy { chain_id: chain, nonce, gas_price, gas_limit, to, value, input };
                Signed::new_unchecked(tx, signature, hash).into()
            }
            1 => {
                let (to, gas_price) = (kind(to), fee);
                let tx = TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                };
                Signed::new_unchecked(tx, signature, hash).into()
            }
            2 => {
                let tx = TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: fee,
                    max_priority_fee_per_gas: priority,
                    to: kind(to),
                    value,
                    access_list,
                    input,
                };
                Signed::new_unchecked(tx, signature, hash).into()
            }
            3 => {
                let tx = TxEip4844 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: fee,
                    max_priority_fee_per_gas: priority,
                    to: to.unwrap_or_default(),
                    value,
                    access_list,
                    blob_versioned_hashes: self.blob_hashes,
                    max_fee_per_blob_gas: blob_fee,
                    input,
                };
                EthereumTxEnvelope::Eip4844(Signed::new_unchecked(tx, signature, hash))
            }
            _ => {
                let tx = TxEip7702 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas: fee,
                    max_priority_fee_per_gas: priority,
                    to: to.unwrap_or_default(),
                    value,
                    access_list,
                    authorization_list: self.authorizations,
                    input,
                };
                Signed::new_unchecked(tx, signature, hash).into()
            }
        })
    }
}

const fn kind(to: Option<Address>) -> TxKind {
    match to {
        Some(address) => TxKind::Call(address),
        None => TxKind::Create,
    }
}
