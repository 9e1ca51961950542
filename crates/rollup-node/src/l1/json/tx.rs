//! A transaction's fields as text, and the RLP they make.
//!
//! **Spec:** EIP-2718, 155, 2930, 1559, 4844, 7702; `protocol/deposits.md` for type 0x7e, which an L1 has that is itself an L2.

use alloy_primitives::Bytes;
use alloy_rlp::Header;
use serde::Deserialize;

use super::{
    JsonError,
    digits::{append, fixed, quantity, uint64},
};

/// A transaction, as slices of the text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TxJson<'a> {
    #[serde(rename = "type")]
    kind: Option<&'a str>,
    chain_id: Option<&'a str>,
    nonce: Option<&'a str>,
    gas_price: Option<&'a str>,
    max_priority_fee_per_gas: Option<&'a str>,
    max_fee_per_gas: Option<&'a str>,
    max_fee_per_blob_gas: Option<&'a str>,
    gas: Option<&'a str>,
    to: Option<&'a str>,
    from: Option<&'a str>,
    value: Option<&'a str>,
    #[serde(alias = "data")]
    input: Option<&'a str>,
    #[serde(borrow)]
    access_list: Option<Vec<AccessJson<'a>>>,
    #[serde(borrow)]
    authorization_list: Option<Vec<AuthorizationJson<'a>>>,
    #[serde(borrow)]
    blob_versioned_hashes: Option<Vec<&'a str>>,
    v: Option<&'a str>,
    y_parity: Option<&'a str>,
    r: Option<&'a str>,
    s: Option<&'a str>,
    source_hash: Option<&'a str>,
    mint: Option<&'a str>,
    is_system_tx: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessJson<'a> {
    address: &'a str,
    #[serde(borrow)]
    storage_keys: Vec<&'a str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationJson<'a> {
    chain_id: &'a str,
    address: &'a str,
    nonce: &'a str,
    y_parity: Option<&'a str>,
    v: Option<&'a str>,
    r: &'a str,
    s: &'a str,
}

/// A list that is being written.
#[derive(Default)]
struct List(Vec<u8>);

impl List {
    fn string(&mut self, bytes: &[u8]) {
        alloy_rlp::Encodable::encode(bytes, &mut self.0);
    }

    fn number(&mut self, field: &'static str, text: &str) -> Result<(), JsonError> {
        let (bytes, at) = quantity(field, text)?;
        self.string(&bytes[at..]);
        Ok(())
    }

    fn fixed<const N: usize>(&mut self, field: &'static str, text: &str) -> Result<(), JsonError> {
        self.string(&fixed::<N>(field, text)?);
        Ok(())
    }

    fn bytes(&mut self, field: &'static str, text: &str) -> Result<(), JsonError> {
        let mut bytes = Vec::with_capacity(text.len() / 2);
        append(field, text, &mut bytes)?;
        self.string(&bytes);
        Ok(())
    }

    fn list(&mut self, list: &Self) {
        Header { list: true, payload_length: list.0.len() }.encode(&mut self.0);
        self.0.extend_from_slice(&list.0);
    }
}

fn need<'a>(field: &'static str, value: Option<&'a str>) -> Result<&'a str, JsonError> {
    value.ok_or(JsonError::NoField { field })
}

impl TxJson<'_> {
    /// Returns the transaction's encoding.
    ///
    /// # Errors
    ///
    /// [`JsonError`] if a field of its type is missing or holds something else.
    pub(crate) fn encode(&self) -> Result<Bytes, JsonError> {
        let kind = self.kind.map_or(Ok(0), |kind| uint64("type", kind))?;
        let mut list = List(Vec::with_capacity(self.input.map_or(0, str::len) / 2 + 256));
        match kind {
            0 => self.legacy(&mut list)?,
            1 => self.access(&mut list)?,
            2..=4 => self.dynamic(kind, &mut list)?,
            0x7e => self.deposit(&mut list)?,
            _ => return Err(JsonError::Kind { actual: format!("{kind:#x}") }),
        }
        let mut out = Vec::with_capacity(list.0.len() + 8);
        if kind != 0 {
            out.push(u8::try_from(kind).unwrap_or_default());
        }
        Header { list: true, payload_length: list.0.len() }.encode(&mut out);
        out.extend_from_slice(&list.0);
        Ok(out.into())
    }

    fn legacy(&self, list: &mut List) -> Result<(), JsonError> {
        list.number("nonce", need("nonce", self.nonce)?)?;
        list.number("gasPrice", need("gasPrice", self.gas_price)?)?;
        self.call(list)?;
        list.number("v", need("v", self.v)?)?;
        self.point(list)
    }

    fn access(&self, list: &mut List) -> Result<(), JsonError> {
        list.number("chainId", need("chainId", self.chain_id)?)?;
        list.number("nonce", need("nonce", self.nonce)?)?;
        list.number("gasPrice", need("gasPrice", self.gas_price)?)?;
        self.call(list)?;
        self.accesses(list)?;
        self.signature(list)
    }

    fn dynamic(&self, kind: u64, list: &mut List) -> Result<(), JsonError> {
        list.number("chainId", need("chainId", self.chain_id)?)?;
        list.number("nonce", need("nonce", self.nonce)?)?;
        let tip = need("maxPriorityFeePerGas", self.max_priority_fee_per_gas)?;
        list.number("maxPriorityFeePerGas", tip)?;
        list.number("maxFeePerGas", need("maxFeePerGas", self.max_fee_per_gas)?)?;
        self.call(list)?;
        self.accesses(list)?;
        if kind == 3 {
            let fee = need("maxFeePerBlobGas", self.max_fee_per_blob_gas)?;
            list.number("maxFeePerBlobGas", fee)?;
            let mut hashes = List::default();
            for hash in self.blob_versioned_hashes.iter().flatten() {
                hashes.fixed::<32>("blobVersionedHashes", hash)?;
            }
            list.list(&hashes);
        }
        if kind == 4 {
            let mut all = List::default();
            for item in self.authorization_list.iter().flatten() {
                let mut one = List::default();
                one.number("authorizationList", item.chain_id)?;
                one.fixed::<20>("authorizationList", item.address)?;
                one.number("authorizationList", item.nonce)?;
                one.number("authorizationList", need("yParity", item.y_parity.or(item.v))?)?;
                one.number("authorizationList", item.r)?;
                one.number("authorizationList", item.s)?;
                all.list(&one);
            }
            list.list(&all);
        }
        self.signature(list)
    }

    fn deposit(&self, list: &mut List) -> Result<(), JsonError> {
        list.fixed::<32>("sourceHash", need("sourceHash", self.source_hash)?)?;
        list.fixed::<20>("from", need("from", self.from)?)?;
        self.destination(list)?;
        list.number("mint", self.mint.unwrap_or("0x0"))?;
        list.number("value", need("value", self.value)?)?;
        list.number("gas", need("gas", self.gas)?)?;
        list.number("isSystemTx", if self.is_system_tx == Some(true) { "0x1" } else { "0x0" })?;
        list.bytes("input", need("input", self.input)?)
    }

    /// What every signed transaction has in its middle.
    fn call(&self, list: &mut List) -> Result<(), JsonError> {
        list.number("gas", need("gas", self.gas)?)?;
        self.destination(list)?;
        list.number("value", need("value", self.value)?)?;
        list.bytes("input", need("input", self.input)?)
    }

    fn destination(&self, list: &mut List) -> Result<(), JsonError> {
        match self.to {
            Some(to) => list.fixed::<20>("to", to),
            None => {
                list.string(&[]);
                Ok(())
            }
        }
    }

    fn accesses(&self, list: &mut List) -> Result<(), JsonError> {
        let mut all = List::default();
        for item in self.access_list.iter().flatten() {
            let mut keys = List::default();
            for key in &item.storage_keys {
                keys.fixed::<32>("storageKeys", key)?;
            }
            let mut one = List::default();
            one.fixed::<20>("accessList", item.address)?;
            one.list(&keys);
            all.list(&one);
        }
        list.list(&all);
        Ok(())
    }

    fn signature(&self, list: &mut List) -> Result<(), JsonError> {
        list.number("yParity", need("yParity", self.y_parity.or(self.v))?)?;
        self.point(list)
    }

    fn point(&self, list: &mut List) -> Result<(), JsonError> {
        list.number("r", need("r", self.r)?)?;
        list.number("s", need("s", self.s)?)
    }
}
