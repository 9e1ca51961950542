//! A call or transaction as clients describe it.
//!
//! **Spec:** execution-apis, `GenericTransaction`; go-ethereum's `TransactionArgs`.

use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, U256};
use serde_json::{Map, Value};

use super::values::{FromArg, Quantity};

/// What a client says of a call; everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CallArgs {
    pub(crate) from: Option<Address>,
    pub(crate) to: Option<Address>,
    pub(crate) gas: Option<u64>,
    pub(crate) gas_price: Option<U256>,
    pub(crate) max_fee: Option<U256>,
    pub(crate) tip: Option<U256>,
    pub(crate) max_blob_fee: Option<U256>,
    pub(crate) value: Option<U256>,
    pub(crate) nonce: Option<u64>,
    pub(crate) input: Option<Bytes>,
    pub(crate) chain_id: Option<U256>,
    pub(crate) access_list: Option<AccessList>,
    pub(crate) blob_hashes: Option<Vec<B256>>,
    pub(crate) authorizations: Option<Vec<SignedAuthorization>>,
}

/// Reads a field that may be left out or null.
pub(crate) fn field<T: FromArg>(
    fields: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<T>, String> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::from_arg(value).map(Some).map_err(|reason| format!("{name}: {reason}")),
    }
}

/// Reads a field that must be there.
pub(crate) fn needed<T: FromArg>(
    fields: &Map<String, Value>,
    name: &'static str,
) -> Result<T, String> {
    field(fields, name)?.ok_or_else(|| format!("missing required field '{name}'"))
}

pub(crate) fn object<'a>(value: &'a Value, kind: &str) -> Result<&'a Map<String, Value>, String> {
    value.as_object().ok_or_else(|| format!("json: cannot unmarshal into Go value of type {kind}"))
}

impl FromArg for CallArgs {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "ethapi.TransactionArgs")?;
        let number =
            |name| Ok::<_, String>(field::<Quantity>(fields, name)?.map(|number| number.0));
        let (data, input) = (field::<Bytes>(fields, "data")?, field::<Bytes>(fields, "input")?);
        if let (Some(data), Some(input)) = (&data, &input)
            && data != input
        {
            return Err("both \"data\" and \"input\" are set and not equal. Please use \"input\" to pass transaction call data".to_owned());
        }
        let args = Self {
            from: field(fields, "from")?,
            to: field(fields, "to")?,
            gas: number("gas")?,
            gas_price: field(fields, "gasPrice")?,
            max_fee: field(fields, "maxFeePerGas")?,
            tip: field(fields, "maxPriorityFeePerGas")?,
            max_blob_fee: field(fields, "maxFeePerBlobGas")?,
            value: field(fields, "value")?,
            nonce: number("nonce")?,
            input: input.or(data),
            chain_id: field(fields, "chainId")?,
            access_list: field(fields, "accessList")?,
            blob_hashes: field(fields, "blobVersionedHashes")?,
            authorizations: field(fields, "authorizationList")?,
        };
        Ok(args)
    }
}

impl FromArg for AccessList {
    fn from_arg(value: &Value) -> Result<Self, String> {
        Vec::<AccessListItem>::from_arg(value).map(AccessList)
    }
}

impl FromArg for AccessListItem {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "types.AccessTuple")?;
        Ok(Self {
            address: needed(fields, "address")?,
            storage_keys: field(fields, "storageKeys")?.unwrap_or_default(),
        })
    }
}

impl FromArg for SignedAuthorization {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "types.SetCodeAuthorization")?;
        let authorization = Authorization {
            chain_id: needed(fields, "chainId")?,
            address: needed(fields, "address")?,
            nonce: needed::<Quantity>(fields, "nonce")?.0,
        };
        let parity = needed::<Quantity>(fields, "yParity")?.0;
        let parity = u8::try_from(parity).map_err(|_| "yParity: expected 0 or 1".to_owned())?;
        let (r, s) = (needed(fields, "r")?, needed(fields, "s")?);
        Ok(Self::new_unchecked(authorization, parity, r, s))
    }
}
