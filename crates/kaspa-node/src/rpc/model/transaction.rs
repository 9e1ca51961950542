//! Transactions and what they spend.

use quintet_kaspa_protocol::{
    address::{Address, Prefix},
    script::ScriptClass,
    tx::{
        ComputeCommit, CovenantBinding, Outpoint, ScriptPublicKey, SubnetworkId, TX_VERSION,
        Transaction, TransactionInput, TransactionOutput, UtxoEntry,
    },
};
use quintet_primitives::Hash256;
use serde_json::{Value, json};

use super::super::wire::{HexBytes, Wire, WireError, record};

record! {
    /// Names an output.
    RpcOutpoint u8 1 {
        /// The transaction's id.
        transaction_id: Hash256 = plain,
        /// The output's index.
        index: u32 = plain,
    }
    /// An unspent output.
    RpcUtxoEntry u8 2 {
        /// Sompi.
        amount: u64 = plain,
        /// Who may spend it.
        script_public_key: ScriptPublicKey = plain,
        /// DAA score of the block that accepted it.
        block_daa_score: u64 = plain,
        /// Whether a coinbase made it.
        is_coinbase: bool = plain,
        /// Its covenant.
        covenant_id: Option<Hash256> = plain2,
    }
    /// Nothing yet.
    RpcInputVerbose u8 1 {}
    /// An input.
    RpcInput u8 2 {
        /// What it spends.
        previous_outpoint: RpcOutpoint = payload,
        /// What satisfies the script.
        signature_script: HexBytes = plain,
        /// Relative lock time.
        sequence: u64 = plain,
        /// Signature operations, of version 0.
        sig_op_count: u8 = plain,
        /// Nothing yet.
        verbose_data: Option<RpcInputVerbose> = payload,
        /// Compute budget, of version 1.
        compute_budget: u16 = plain2,
    }
    /// What an output's script is.
    RpcOutputVerbose u8 1 {
        /// Its form.
        script_public_key_type: ScriptKind = plain,
        /// The address it pays.
        script_public_key_address: Address = plain,
    }
    /// An output.
    RpcOutput u8 2 {
        /// Sompi.
        value: u64 = plain,
        /// Who may spend it.
        script_public_key: ScriptPublicKey = plain,
        /// What the script is.
        verbose_data: Option<RpcOutputVerbose> = payload,
        /// Its covenant.
        covenant: Option<CovenantBinding> = payload2,
    }
    /// Where a transaction is.
    RpcTransactionVerbose u8 1 {
        /// Its id.
        transaction_id: Hash256 = plain,
        /// Its hash.
        hash: Hash256 = plain,
        /// Its compute mass, grams.
        compute_mass: u64 = plain,
        /// The block it is in.
        block_hash: Hash256 = plain,
        /// That block's time, milliseconds.
        block_time: u64 = plain,
    }
    /// A transaction as the encodings have it; JSON names the mass twice.
    TransactionFields u16 1 {
        /// Its version.
        version: u16 = plain,
        /// What it spends.
        inputs: Vec<RpcInput> = payload,
        /// What it makes.
        outputs: Vec<RpcOutput> = payload,
        /// DAA score or time before which it is not final.
        lock_time: u64 = plain,
        /// Its subnetwork.
        subnetwork_id: SubnetworkId = plain,
        /// Gas on its lane.
        gas: u64 = plain,
        /// Its payload.
        payload: HexBytes = plain,
        /// Its storage mass.
        storage_mass: u64 = plain,
        /// Where it is.
        verbose_data: Option<RpcTransactionVerbose> = payload,
    }
    /// A transaction of the pool.
    RpcMempoolEntry none 0 {
        /// What it pays.
        fee: u64 = plain,
        /// The transaction.
        transaction: RpcTransaction = payload,
        /// Whether it waits.
        is_orphan: bool = plain,
    }
    /// What an address has in the pool.
    RpcMempoolEntryByAddress none 0 {
        /// The address.
        address: Address = plain,
        /// What spends of it.
        sending: Vec<RpcMempoolEntry> = payload,
        /// What pays to it.
        receiving: Vec<RpcMempoolEntry> = payload,
    }
    /// An unspent output of an address.
    RpcUtxoByAddress u8 1 {
        /// The address.
        address: Option<Address> = plain,
        /// Which output.
        outpoint: RpcOutpoint = payload,
        /// The output.
        utxo_entry: RpcUtxoEntry = payload,
    }
    /// What a chain block accepted.
    RpcAcceptedIds none 0 {
        /// The chain block.
        accepting_block_hash: Hash256 = plain,
        /// The ids.
        accepted_transaction_ids: Vec<Hash256> = plain,
    }
}

/// A transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct RpcTransaction(pub TransactionFields);

impl Wire for RpcTransaction {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        TransactionFields::take(input).map(Self)
    }

    fn put_versioned(&self, out: &mut Vec<u8>) {
        self.0.put_versioned(out);
    }

    fn take_versioned(input: &mut &[u8]) -> Result<Self, WireError> {
        TransactionFields::take_versioned(input).map(Self)
    }

    fn to_json(&self) -> Value {
        let mut value = self.0.to_json();
        if let Value::Object(fields) = &mut value {
            fields.insert("mass".to_owned(), json!(self.0.storage_mass));
        }
        value
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let given = |name: &str| value.get(name).filter(|mass| !mass.is_null()).cloned();
        let mut value = value.clone();
        match (given("storageMass"), given("mass")) {
            (Some(one), Some(other)) if one != other => {
                return Err(WireError::new(
                    format!("mass to be storageMass, {one}"),
                    other.to_string(),
                ));
            }
            (None, Some(mass)) => {
                if let Value::Object(fields) = &mut value {
                    fields.insert("storageMass".to_owned(), mass);
                }
            }
            _ => {}
        }
        TransactionFields::of_json(&value).map(Self)
    }
}

/// The form of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptKind {
    /// None of the others.
    NonStandard,
    /// Pays to a key.
    PubKey,
    /// Pays to an ECDSA key.
    PubKeyEcdsa,
    /// Pays to the hash of a script.
    ScriptHash,
}

impl ScriptKind {
    const ALL: [(Self, &'static str); 4] = [
        (Self::NonStandard, "NonStandard"),
        (Self::PubKey, "PubKey"),
        (Self::PubKeyEcdsa, "PubKeyECDSA"),
        (Self::ScriptHash, "ScriptHash"),
    ];

    /// Returns its name as in JSON; elsewhere it is in small letters.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    fn of(script: &ScriptPublicKey) -> Self {
        match ScriptClass::of(script.version, &script.script) {
            ScriptClass::NonStandard => Self::NonStandard,
            ScriptClass::PublicKey(_) => Self::PubKey,
            ScriptClass::PublicKeyEcdsa(_) => Self::PubKeyEcdsa,
            ScriptClass::ScriptHash(_) => Self::ScriptHash,
        }
    }
}

impl Wire for ScriptKind {
    fn put(&self, out: &mut Vec<u8>) {
        let place = Self::ALL.iter().position(|(kind, _)| kind == self).unwrap_or(0);
        out.push(u8::try_from(place).unwrap_or(0));
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let place = u8::take(input)?;
        let found = Self::ALL.get(usize::from(place)).map(|(kind, _)| *kind);
        found.ok_or_else(|| WireError::new("a form of script, 0 to 3", place.to_string()))
    }

    fn to_json(&self) -> Value {
        json!(self.name())
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        let found = Self::ALL
            .iter()
            .find(|(_, name)| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(name)));
        let found = found.map(|(kind, _)| *kind);
        found.ok_or_else(|| WireError::new("a form of script", value.to_string()))
    }
}

impl From<Outpoint> for RpcOutpoint {
    fn from(outpoint: Outpoint) -> Self {
        Self { transaction_id: outpoint.transaction_id, index: outpoint.index }
    }
}

impl From<&UtxoEntry> for RpcUtxoEntry {
    fn from(entry: &UtxoEntry) -> Self {
        Self {
            amount: entry.amount,
            script_public_key: entry.script_public_key.clone(),
            block_daa_score: entry.block_daa_score,
            is_coinbase: entry.is_coinbase,
            covenant_id: entry.covenant_id,
        }
    }
}

impl RpcUtxoByAddress {
    /// Shows an unspent output.
    #[must_use]
    pub fn of(prefix: Prefix, outpoint: Outpoint, entry: &UtxoEntry) -> Self {
        Self {
            address: Address::from_script(prefix, &entry.script_public_key),
            outpoint: outpoint.into(),
            utxo_entry: entry.into(),
        }
    }
}

impl RpcTransaction {
    /// Shows a transaction, with what its scripts are if a prefix is given.
    #[must_use]
    pub fn of(tx: &Transaction, verbose: Option<(Prefix, RpcTransactionVerbose)>) -> Self {
        let prefix = verbose.as_ref().map(|(prefix, _)| *prefix);
        let input = |input: &TransactionInput| RpcInput {
            previous_outpoint: input.previous_outpoint.into(),
            signature_script: HexBytes(input.signature_script.clone()),
            sequence: input.sequence,
            sig_op_count: input.compute_commit.sig_op_count().unwrap_or(0),
            verbose_data: None,
            compute_budget: input.compute_commit.compute_budget().unwrap_or(0),
        };
        let output = |output: &TransactionOutput| {
            let script = &output.script_public_key;
            let address = prefix.and_then(|prefix| Address::from_script(prefix, script));
            RpcOutput {
                value: output.value,
                script_public_key: script.clone(),
                verbose_data: address.map(|script_public_key_address| RpcOutputVerbose {
                    script_public_key_type: ScriptKind::of(script),
                    script_public_key_address,
                }),
                covenant: output.covenant,
            }
        };
        Self(TransactionFields {
            version: tx.version,
            inputs: tx.inputs.iter().map(input).collect(),
            outputs: tx.outputs.iter().map(output).collect(),
            lock_time: tx.lock_time,
            subnetwork_id: tx.subnetwork_id,
            gas: tx.gas,
            payload: HexBytes(tx.payload.clone()),
            storage_mass: tx.storage_mass,
            verbose_data: verbose.map(|(_, verbose)| verbose),
        })
    }
}

/// Reads a transaction that a client sent.
#[must_use]
pub fn transaction_of(tx: RpcTransaction) -> Transaction {
    let TransactionFields {
        version,
        inputs,
        outputs,
        lock_time,
        subnetwork_id,
        gas,
        payload,
        storage_mass,
        verbose_data: _,
    } = tx.0;
    let input = |input: RpcInput| TransactionInput {
        previous_outpoint: Outpoint::new(
            input.previous_outpoint.transaction_id,
            input.previous_outpoint.index,
        ),
        signature_script: input.signature_script.0,
        sequence: input.sequence,
        compute_commit: if version == TX_VERSION {
            ComputeCommit::SigOpCount(input.sig_op_count)
        } else {
            ComputeCommit::ComputeBudget(input.compute_budget)
        },
    };
    let output = |output: RpcOutput| TransactionOutput {
        value: output.value,
        script_public_key: output.script_public_key,
        covenant: output.covenant,
    };
    Transaction {
        version,
        inputs: inputs.into_iter().map(input).collect(),
        outputs: outputs.into_iter().map(output).collect(),
        lock_time,
        subnetwork_id,
        gas,
        payload: payload.0,
        storage_mass,
    }
}
