//! A transaction ready to run: the interpreter's form of it, made once and run as often as it takes.

use alloy_consensus::{EthereumTxEnvelope, TxEip4844, Typed2718, transaction::TxEip4844Variant};
use alloy_eips::eip2718::Encodable2718;
use alloy_primitives::{Address, Bytes};
use op_alloy_consensus::OpTxEnvelope;
use op_revm::transaction::deposit::DepositTransactionParts;
use revm::{context::TxEnv, context_interface::either::Either};

/// Type of an OP deposit.
pub const DEPOSIT_TYPE: u8 = 0x7e;

/// A transaction with its sender, in the interpreter's form.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Type: 0 to 4, or [`DEPOSIT_TYPE`].
    pub kind: u8,
    /// What the interpreter runs.
    pub(crate) env: TxEnv,
    /// What only an OP chain's transaction has.
    pub(crate) op: Option<OpParts>,
}

/// What only an OP chain's transaction has.
#[derive(Debug, Clone)]
pub(crate) struct OpParts {
    /// The encoding, by which data for L1 is priced.
    pub(crate) encoded: Bytes,
    /// What a deposit has.
    pub(crate) deposit: Option<DepositTransactionParts>,
}

impl Transaction {
    /// Takes a transaction of Ethereum and its sender, which the caller recovered.
    #[must_use]
    pub fn ethereum(transaction: &EthereumTxEnvelope<TxEip4844>, sender: Address) -> Self {
        Self { kind: transaction.ty(), env: env_of(transaction, sender), op: None }
    }

    /// Takes a transaction of Ethereum whose blobs may be beside it, and its sender.
    #[must_use]
    pub fn pooled(transaction: &EthereumTxEnvelope<TxEip4844Variant>, sender: Address) -> Self {
        Self { kind: transaction.ty(), env: env_of(transaction, sender), op: None }
    }

    /// Takes a transaction of an OP chain and its sender.
    #[must_use]
    pub fn optimism(transaction: &OpTxEnvelope, sender: Address) -> Self {
        let mut env = env_of(transaction, sender);
        let deposit = transaction.as_deposit().map(|deposit| DepositTransactionParts {
            source_hash: deposit.source_hash,
            mint: Some(deposit.mint),
            is_system_transaction: deposit.is_system_transaction,
        });
        if deposit.is_some() {
            // A deposit is paid for on L1 and says no chain.
            env.gas_price = 0;
            env.gas_priority_fee = None;
            env.chain_id = None;
        }
        let encoded = transaction.encoded_2718().into();
        Self { kind: transaction.ty(), env, op: Some(OpParts { encoded, deposit }) }
    }

    /// Takes the interpreter's own form of a transaction of Ethereum: for calls that nobody signed.
    #[must_use]
    pub const fn unsigned(env: TxEnv) -> Self {
        Self { kind: env.tx_type, env, op: None }
    }

    /// Returns who sent it.
    #[must_use]
    pub const fn sender(&self) -> Address {
        self.env.caller
    }

    /// Returns the most gas it may use.
    #[must_use]
    pub const fn gas_limit(&self) -> u64 {
        self.env.gas_limit
    }

    /// Returns how many blobs it carries.
    #[must_use]
    pub const fn blobs(&self) -> u64 {
        self.env.blob_hashes.len() as u64
    }

    /// Returns whether it is an OP deposit.
    #[must_use]
    pub const fn is_deposit(&self) -> bool {
        self.kind == DEPOSIT_TYPE
    }

    /// Returns the encoding of an OP chain's transaction.
    #[must_use]
    pub fn op_encoding(&self) -> Option<&Bytes> {
        self.op.as_ref().map(|op| &op.encoded)
    }
}

fn env_of<T: alloy_consensus::Transaction>(transaction: &T, caller: Address) -> TxEnv {
    TxEnv {
        tx_type: transaction.ty(),
        caller,
        gas_limit: transaction.gas_limit(),
        gas_price: transaction.max_fee_per_gas(),
        kind: transaction.kind(),
        value: transaction.value(),
        data: transaction.input().clone(),
        nonce: transaction.nonce(),
        chain_id: transaction.chain_id(),
        access_list: transaction.access_list().cloned().unwrap_or_default(),
        gas_priority_fee: transaction.max_priority_fee_per_gas(),
        blob_hashes: transaction.blob_versioned_hashes().unwrap_or_default().to_vec(),
        max_fee_per_blob_gas: transaction.max_fee_per_blob_gas().unwrap_or_default(),
        authorization_list: transaction
            .authorization_list()
            .unwrap_or_default()
            .iter()
            .cloned()
            .map(Either::Left)
            .collect(),
    }
}
