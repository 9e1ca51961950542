//! The fields of a transaction as its bytes say them.

use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, U256, keccak256};
use alloy_rlp::{Encodable as _, Header};

use super::{
    envelope::DEPOSIT_TYPE,
    fields::{FieldProblem, Fields, TxDecodeError, take},
};

/// A signature as it stands in a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedSignature {
    /// Of a legacy transaction 27 or 28, or the chain's id doubled and 35 or 36; of any other 0 or 1.
    pub v: U256,
    /// X of the point, modulo the order.
    pub r: U256,
    /// The proof.
    pub s: U256,
}

/// What only an OP deposit has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParsedDeposit {
    /// Names it uniquely: derived from L1.
    pub source_hash: B256,
    /// Who sends it; nobody signs.
    pub from: Address,
    /// Wei made on L2.
    pub mint: U256,
    /// Whether it uses no gas of the block.
    pub is_system: bool,
}

/// A transaction's fields; numbers are as wide as the rules have them, so that a fee nobody can pay is still a fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed<'a> {
    /// Type: 0 to 4, or [`DEPOSIT_TYPE`].
    pub kind: u8,
    /// As a typed transaction says; a legacy one says it in its signature's `v`.
    pub chain_id: Option<U256>,
    /// Transactions its sender sent before.
    pub nonce: u64,
    /// Most wei for each gas.
    pub max_fee: U256,
    /// Most wei of it for the proposer, if it is said by itself.
    pub priority_fee: Option<U256>,
    /// Most gas.
    pub gas_limit: u64,
    /// Whom it calls; nobody if it makes a contract.
    pub to: Option<Address>,
    /// Wei.
    pub value: U256,
    /// Input of the call, or code that makes the contract.
    pub data: &'a [u8],
    /// What it says it will touch.
    pub access_list: AccessList,
    /// Most wei for each gas of its blobs.
    pub blob_fee: Option<U256>,
    /// The blobs it carries.
    pub blob_hashes: Vec<B256>,
    /// Accounts that delegate their code.
    pub authorizations: Vec<SignedAuthorization>,
    /// The signature; a deposit has none.
    pub signature: Option<ParsedSignature>,
    /// What only a deposit has.
    pub deposit: Option<ParsedDeposit>,
    /// All bytes.
    pub raw: &'a [u8],
    /// RLP of the fields that are signed, without their list's header.
    signed: &'a [u8],
}

impl<'a> Parsed<'a> {
    /// Reads a transaction in its own encoding (EIP-2718): what lies in a block, without blobs beside it.
    ///
    /// # Errors
    ///
    /// [`TxDecodeError`], naming the field, unless the bytes are exactly one transaction in its one encoding.
    pub fn read(raw: &'a [u8]) -> Result<Self, TxDecodeError> {
        let (first, rest) = raw.split_first().ok_or(TxDecodeError::Empty)?;
        let (kind, mut list) = match first {
            0xc0.. => (0, raw),
            1..=4 | &DEPOSIT_TYPE => (*first, rest),
            _ => return Err(TxDecodeError::Type { actual: *first }),
        };
        let item = take(&mut list).map_err(TxDecodeError::Outer)?;
        if !item.is_list {
            return Err(TxDecodeError::Outer(FieldProblem::Bytes));
        }
        if !list.is_empty() {
            return Err(TxDecodeError::Trailing { bytes: list.len() });
        }
        let fields = Fields::new("transaction", item.payload);
        if kind == DEPOSIT_TYPE {
            return Self::read_deposit(raw, fields);
        }
        Self::read_signed(kind, raw, item.payload, fields)
    }

    fn read_signed(
        kind: u8,
        raw: &'a [u8],
        payload: &'a [u8],
        mut fields: Fields<'a>,
    ) -> Result<Self, TxDecodeError> {
        let chain_id = (kind > 0).then(|| fields.number("chain id")).transpose()?;
        let nonce = fields.u64("nonce")?;
        let priority_fee =
            (kind >= 2).then(|| fields.number("max priority fee per gas")).transpose()?;
        let fee = if kind >= 2 { "max fee per gas" } else { "gas price" };
        let max_fee = fields.number(fee)?;
        let gas_limit = fields.u64("gas limit")?;
        let to =
            if kind >= 3 { Some(Address::new(fields.array("to")?)) } else { fields.to("to")? };
        let value = fields.number("value")?;
        let data = fields.bytes("data")?;
        let access_list = if kind > 0 { access_list(&mut fields)? } else { AccessList::default() };
        let (mut blob_fee, mut blob_hashes) = (None, Vec::new());
        if kind == 3 {
            blob_fee = Some(fields.number("max fee per blob gas")?);
            let mut list = fields.list("blob versioned hashes")?;
            while !list.is_empty() {
                blob_hashes.push(B256::new(list.array("blob versioned hash")?));
            }
        }
        let authorizations = if kind == 4 { authorizations(&mut fields)? } else { Vec::new() };
        let signed = payload.get(..payload.len() - fields.rest().len()).unwrap_or_default();
        let v = if kind == 0 {
            fields.number("v")?
        } else {
            U256::from(u8::from(fields.flag("y parity")?))
        };
        let (r, s) = (fields.number("r")?, fields.number("s")?);
        fields.finish()?;
        Ok(Self {
            kind,
            chain_id,
            nonce,
            max_fee,
            priority_fee,
            gas_limit,
            to,
            value,
            data,
            access_list,
            blob_fee,
            blob_hashes,
            authorizations,
            signature: Some(ParsedSignature { v, r, s }),
            deposit: None,
            raw,
            signed,
        })
    }

    /// **Spec:** OP Stack specification, "The deposited transaction type".
    fn read_deposit(raw: &'a [u8], mut fields: Fields<'a>) -> Result<Self, TxDecodeError> {
        let source_hash = B256::new(fields.array("source hash")?);
        let from = Address::new(fields.array("from")?);
        let to = fields.to("to")?;
        let mint = fields.number("mint")?;
        let value = fields.number("value")?;
        let gas_limit = fields.u64("gas limit")?;
        let is_system = fields.flag("is system transaction")?;
        let data = fields.bytes("data")?;
        fields.finish()?;
        Ok(Self {
            kind: DEPOSIT_TYPE,
            chain_id: None,
            nonce: 0,
            max_fee: U256::ZERO,
            priority_fee: None,
            gas_limit,
            to,
            value,
            data,
            access_list: AccessList::default(),
            blob_fee: None,
            blob_hashes: Vec::new(),
            authorizations: Vec::new(),
            signature: None,
            deposit: Some(ParsedDeposit { source_hash, from, mint, is_system }),
            raw,
            signed: &[],
        })
    }

    /// The transaction's hash.
    #[must_use]
    pub fn hash(&self) -> B256 {
        keccak256(self.raw)
    }

    /// The chain whose id a legacy signature binds (EIP-155), and whether the point's Y is odd. `None` if `v` is neither form.
    #[must_use]
    pub fn legacy_v(v: U256) -> Option<(Option<U256>, bool)> {
        match u8::try_from(v) {
            Ok(27) => Some((None, false)),
            Ok(28) => Some((None, true)),
            Ok(0..35) => None,
            _ => {
                let v = v - U256::from(35);
                Some((Some(v >> 1), v.bit(0)))
            }
        }
    }

    /// The chain the signature is for, if it says one.
    #[must_use]
    pub fn signed_chain_id(&self) -> Option<U256> {
        if self.kind > 0 {
            return self.chain_id;
        }
        Self::legacy_v(self.signature?.v)?.0
    }

    /// RLP of the fields that are signed, one behind the other, without their list's header.
    #[must_use]
    pub const fn unsigned_fields(&self) -> &'a [u8] {
        self.signed
    }

    /// What was signed.
    ///
    /// **Spec:** EIP-155 for legacy transactions; EIP-2718's descendants for the others.
    #[must_use]
    pub fn signing_hash(&self) -> B256 {
        let mut bound = Vec::new();
        if let (0, Some(chain_id)) = (self.kind, self.signed_chain_id()) {
            chain_id.encode(&mut bound);
            bound.extend_from_slice(&[0x80, 0x80]);
        }
        let mut message = Vec::with_capacity(self.signed.len() + bound.len() + 10);
        if self.kind > 0 {
            message.push(self.kind);
        }
        Header { list: true, payload_length: self.signed.len() + bound.len() }.encode(&mut message);
        message.extend_from_slice(self.signed);
        message.extend_from_slice(&bound);
        keccak256(message)
    }
}

fn access_list(fields: &mut Fields<'_>) -> Result<AccessList, TxDecodeError> {
    let mut list = fields.list("access list")?;
    let mut items = Vec::new();
    while !list.is_empty() {
        let mut tuple = list.list("access list entry")?;
        let address = Address::new(tuple.array("access list address")?);
        let mut keys = tuple.list("access list storage keys")?;
        tuple.finish()?;
        let mut storage_keys = Vec::new();
        while !keys.is_empty() {
            storage_keys.push(B256::new(keys.array("access list storage key")?));
        }
        items.push(AccessListItem { address, storage_keys });
    }
    Ok(AccessList(items))
}

/// **Spec:** EIP-7702, "Specification": bounds of the tuple's numbers are those of its types.
fn authorizations(fields: &mut Fields<'_>) -> Result<Vec<SignedAuthorization>, TxDecodeError> {
    let mut list = fields.list("authorization list")?;
    let mut authorizations = Vec::new();
    while !list.is_empty() {
        let mut tuple = list.list("authorization")?;
        let chain_id = tuple.number("authorization chain id")?;
        let address = Address::new(tuple.array("authorization address")?);
        let nonce = tuple.u64("authorization nonce")?;
        let field = "authorization y parity";
        let y_parity = u8::try_from(tuple.number(field)?).map_err(|_| TxDecodeError::Field {
            field,
            problem: FieldProblem::Large { bits: 8 },
        })?;
        let (r, s) = (tuple.number("authorization r")?, tuple.number("authorization s")?);
        tuple.finish()?;
        let authorization = Authorization { chain_id, address, nonce };
        authorizations.push(SignedAuthorization::new_unchecked(authorization, y_parity, r, s));
    }
    Ok(authorizations)
}
