//! Blocks and transactions of the Python node: read, hashed, their signatures recovered.

use alloy_primitives::{Address, B256, U256, hex, keccak256};
use quintet_crypto::{digest::sha256, secp::ecdsa_recover};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    error::Fault,
    field::{Hex, Natural},
};

/// Gas of a transaction that does nothing.
const GAS_BASE: u64 = 21_000;
/// Gas of one that makes a contract, beside that.
const GAS_CREATE: u64 = 32_000;
/// Gas of a zero byte, and of any other.
const GAS_BYTE: [u64; 2] = [4, 16];

/// A block's header.
///
/// **Spec:** `sdk/blockchain/block.py`, `BlockHeader`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonHeader {
    /// Version of the format: 1.
    pub version: u64,
    /// Number.
    pub height: u64,
    /// Seconds since 1970.
    pub timestamp: u64,
    /// Hash of the block before; zero of the first.
    pub previous_hash: B256,
    /// Root of the state after it; zero of the first, whatever the state.
    pub state_root: B256,
    /// Root of its transactions.
    pub txs_root: B256,
    /// Root of their receipts.
    pub receipts_root: B256,
    /// Who made it: an address of 20 bytes, or 32 bytes that prove nothing.
    pub validator: Vec<u8>,
    /// 64 or 65 bytes; over the hash, so not part of it.
    pub signature: Vec<u8>,
    /// Gas its transactions used.
    pub gas_used: u64,
    /// Most they might.
    pub gas_limit: u64,
    /// Anything; the node's database leaves it out.
    pub extra_data: Option<Vec<u8>>,
}

/// A transaction.
///
/// **Spec:** `sdk/blockchain/transaction.py`, `Transaction`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonTransaction {
    /// Number among its sender's.
    pub nonce: u64,
    /// Who sends it, as it says itself.
    pub from: Address,
    /// Whom to; nobody if it makes a contract.
    pub to: Option<Address>,
    /// Smallest units.
    pub value: U256,
    /// Smallest units for one gas.
    pub gas_price: U256,
    /// Most gas.
    pub gas_limit: u64,
    /// Anything, or a contract's code.
    pub data: Vec<u8>,
    /// `r` and `s`.
    pub signature: [u8; 64],
}

/// A block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PythonBlock {
    /// Its header.
    pub header: PythonHeader,
    /// Its transactions.
    pub transactions: Vec<PythonTransaction>,
    /// What the file says its hash is, if it says so.
    pub told_hash: Option<B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BlockFields<'a> {
    header: HeaderFields,
    #[serde(borrow)]
    transactions: Vec<&'a RawValue>,
    #[serde(alias = "hash")]
    block_hash: Option<Hex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderFields {
    version: Natural,
    height: Natural,
    timestamp: Natural,
    previous_hash: Hex,
    state_root: Hex,
    txs_root: Hex,
    receipts_root: Hex,
    validator: Hex,
    signature: Hex,
    gas_used: Natural,
    gas_limit: Natural,
    extra_data: Option<Hex>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransactionFields {
    nonce: Natural,
    from: Hex,
    to: Option<Hex>,
    value: Natural,
    gas_price: Natural,
    gas_limit: Natural,
    data: Hex,
    v: Natural,
    r: Hex,
    s: Hex,
}

fn malformed(error: &serde_json::Error) -> Fault {
    Fault::Json { reason: error.to_string() }
}

impl PythonBlock {
    /// Reads a block: as `Block.serialize` writes it, transactions in hexadecimal, or as the database has it, transactions as objects.
    ///
    /// # Errors
    ///
    /// [`Fault`] if it is no block.
    pub fn read(json: &[u8]) -> Result<Self, Fault> {
        let fields: BlockFields<'_> =
            serde_json::from_slice(json).map_err(|error| malformed(&error))?;
        let transaction = |(index, raw): (usize, &&RawValue)| {
            PythonTransaction::read(raw)
                .map_err(|fault| Fault::Transaction { index, fault: Box::new(fault) })
        };
        Ok(Self {
            header: PythonHeader::new(fields.header)?,
            transactions: fields
                .transactions
                .iter()
                .enumerate()
                .map(transaction)
                .collect::<Result<_, _>>()?,
            told_hash: fields.block_hash.map(|hash| hash.word("block_hash")).transpose()?,
        })
    }

    /// Returns the roots its transactions may have: the Merkle root of their hashes, and the hash of all of them in a row.
    ///
    /// **Spec:** `sdk/blockchain/crypto.py`, `MerkleTree`; `sdk/testnet/node.py`, `_calculate_txs_root`.
    #[must_use]
    pub fn transactions_roots(&self) -> [B256; 2] {
        let hashes: Vec<B256> = self.transactions.iter().map(PythonTransaction::hash).collect();
        if hashes.is_empty() {
            return [B256::ZERO; 2];
        }
        let row = sha256_of(hashes.concat());
        let pair = |pair: &[B256]| {
            let (left, right) = (pair.first(), pair.last());
            sha256_of([left, right].into_iter().flatten().copied().collect::<Vec<_>>().concat())
        };
        let mut level = hashes;
        while level.len() > 1 {
            level = level.chunks(2).map(pair).collect();
        }
        [level.first().copied().unwrap_or_default(), row]
    }
}

impl PythonHeader {
    fn new(fields: HeaderFields) -> Result<Self, Fault> {
        let sized = |field, hex: Hex, sizes: [usize; 2], expected| {
            if sizes.contains(&hex.0.len()) {
                Ok(hex.0)
            } else {
                Err(Fault::Length { field, expected, actual: hex.0.len() })
            }
        };
        Ok(Self {
            version: fields.version.small("version")?,
            height: fields.height.small("height")?,
            timestamp: fields.timestamp.small("timestamp")?,
            previous_hash: fields.previous_hash.word("previous_hash")?,
            state_root: fields.state_root.word("state_root")?,
            txs_root: fields.txs_root.word("txs_root")?,
            receipts_root: fields.receipts_root.word("receipts_root")?,
            validator: sized("validator", fields.validator, [20, 32], "20 or 32")?,
            signature: sized("signature", fields.signature, [64, 65], "64 or 65")?,
            gas_used: fields.gas_used.small("gas_used")?,
            gas_limit: fields.gas_limit.small("gas_limit")?,
            extra_data: fields.extra_data.map(|hex| hex.0),
        })
    }

    /// Returns its hash if its extra data are these.
    ///
    /// **Spec:** SHA-256 of compact JSON with sorted keys, without the signature.
    #[must_use]
    pub fn hash_with(&self, extra_data: &[u8]) -> B256 {
        let plain = |word: &B256| hex::encode(word);
        sha256_of(format!(
            concat!(
                r#"{{"extra_data":"{}","gas_limit":{},"gas_used":{},"height":{},"previous_hash":"{}","receipts_root":"{}","#,
                r#""state_root":"{}","timestamp":{},"txs_root":"{}","validator":"{}","version":{}}}"#
            ),
            hex::encode(extra_data),
            self.gas_limit,
            self.gas_used,
            self.height,
            plain(&self.previous_hash),
            plain(&self.receipts_root),
            plain(&self.state_root),
            self.timestamp,
            plain(&self.txs_root),
            hex::encode(&self.validator),
            self.version,
        ))
    }

    /// Checks its signature over its hash, if its maker is an address; false if it is not, and the signature proves nothing.
    ///
    /// # Errors
    ///
    /// [`Fault`] if somebody else signed it.
    pub fn check_signature(&self, hash: B256) -> Result<bool, Fault> {
        let (Ok(validator), Some(signature)) =
            (Address::try_from(self.validator.as_slice()), self.signature.first_chunk::<64>())
        else {
            return Ok(false);
        };
        match signed_by(signature, hash, validator) {
            Ok(()) => Ok(true),
            Err(actual) => Err(Fault::BlockSignature { validator, actual }),
        }
    }
}

impl PythonTransaction {
    fn read(raw: &RawValue) -> Result<Self, Fault> {
        let text = raw.get();
        let fields: TransactionFields = if text.starts_with('"') {
            let hex: Hex = serde_json::from_str(text).map_err(|error| malformed(&error))?;
            serde_json::from_slice(&hex.0).map_err(|error| malformed(&error))?
        } else {
            serde_json::from_str(text).map_err(|error| malformed(&error))?
        };
        let v = fields.v.small("v")?;
        if !matches!(v, 27 | 28) {
            return Err(Fault::Parity { actual: v });
        }
        let mut signature = [0; 64];
        let halves = [fields.r.word("r")?, fields.s.word("s")?].concat();
        signature.copy_from_slice(&halves);
        Ok(Self {
            nonce: fields.nonce.small("nonce")?,
            from: fields.from.address("from")?,
            to: fields.to.map(|to| to.address("to")).transpose()?,
            value: fields.value.0,
            gas_price: fields.gas_price.0,
            gas_limit: fields.gas_limit.small("gas_limit")?,
            data: fields.data.0,
            signature,
        })
    }

    /// Returns its hash: SHA-256 of compact JSON with sorted keys, without the signature.
    #[must_use]
    pub fn hash(&self) -> B256 {
        sha256_of(format!(
            r#"{{"data":"{}","from":"{}","gas_limit":{},"gas_price":{},"nonce":{},"to":"{}","value":{}}}"#,
            hex::encode(&self.data),
            hex::encode(self.from),
            self.gas_limit,
            self.gas_price,
            self.nonce,
            self.to.map(hex::encode).unwrap_or_default(),
            self.value,
        ))
    }

    /// Checks that its sender signed it.
    ///
    /// # Errors
    ///
    /// [`Fault`] if somebody else did.
    pub fn check_signature(&self) -> Result<(), Fault> {
        let from = self.from;
        signed_by(&self.signature, self.hash(), from)
            .map_err(|actual| Fault::Signature { from, actual })
    }

    /// Returns the gas it costs; the node ran no code, so that is all it ever used.
    #[must_use]
    pub fn intrinsic_gas(&self) -> u64 {
        let [zero, other] = GAS_BYTE;
        let byte = |byte: &u8| if *byte == 0 { zero } else { other };
        let data: u64 = self.data.iter().map(byte).sum();
        GAS_BASE + if self.to.is_none() { GAS_CREATE } else { 0 } + data
    }

    /// Returns the address of the contract it makes: none for a sender's first transaction.
    ///
    /// The node hashes the nonce less one. For nonce 0 that is -1, which it cannot write in eight bytes: the error was caught after gas and
    /// value had been taken, so the sender pays and no contract comes of it.
    ///
    /// **Spec:** `sdk/blockchain/validation.py`, `execute_transaction` and `_create_contract_address`.
    #[must_use]
    pub fn created(&self) -> Option<Address> {
        let nonce = self.nonce.checked_sub(1).filter(|_| self.to.is_none())?;
        let hash = sha256_of([self.from.as_slice(), &nonce.to_be_bytes()].concat());
        Some(Address::from_word(hash))
    }
}

/// Tells whose address signed a hash: the node writes 27 whichever parity it was, so both are tried.
fn signed_by(signature: &[u8; 64], hash: B256, expected: Address) -> Result<(), String> {
    let digest = keccak256(hash);
    let keys = [false, true].map(|odd| ecdsa_recover(signature, odd, &digest.0));
    let known: Vec<[u8; 64]> = keys.into_iter().flatten().collect();
    let address = |key: &[u8; 64]| Address::from_word(keccak256(key));
    if known.iter().any(|key| address(key) == expected) {
        return Ok(());
    }
    if known.iter().any(|key| Address::from_word(sha256_of(key)) == expected) {
        return Err("an address made with SHA-256, of a node without Keccak: no key of today's chains moves what it holds".to_owned());
    }
    Err(match known.first() {
        Some(key) => format!("one by {}", address(key)),
        None => "one that no key makes".to_owned(),
    })
}

pub(super) fn sha256_of(bytes: impl AsRef<[u8]>) -> B256 {
    B256::new(sha256(&[bytes.as_ref()]).into_bytes())
}
