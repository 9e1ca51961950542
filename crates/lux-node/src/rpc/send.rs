//! Transactions that the node signs, or takes in somebody's name.

use alloy_consensus::{TxEip1559, TxLegacy, TypedTransaction};
use alloy_eips::eip2930::{AccessList, AccessListItem};
use alloy_primitives::{Address, Bytes, TxKind, U256, hex};
use quintet_eth::tx::EthTransaction;
use quintet_eth_chain::{BlockTag, ChainError};
use quintet_eth_pool::{Origin, Verified};
use quintet_eth_rpc::EthError;
use quintet_evm::{execute::CallTransaction, header::base_fee};
use serde_json::{Map, Value, json};

use super::args::{Args, number, parsed, small};
use crate::{
    dev::{DevNode, impersonated},
    send::{TIP_DEFAULT, next_nonce},
};

/// Most gas where nobody says how much: what one transaction may ask for (EIP-7825).
const GAS_MAX: u64 = 1 << 24;

type Fields = Map<String, Value>;

pub(super) fn send(node: &DevNode, args: &Args) -> Result<Value, EthError> {
    let (transaction, from) = filled(node, args)?;
    let pool = node.node.pool();
    let hash = if node.dev.account(from).is_some() && !node.dev.is_impersonated(from) {
        let signed = signed(node, transaction, from)?;
        let decoded = pool.read(&signed.encoded())?;
        let hash = decoded.hash();
        pool.submit(decoded)?;
        hash
    } else if node.dev.is_impersonated(from) {
        let transaction = impersonated(transaction, from)
            .ok_or_else(|| EthError::params("a transaction with blobs cannot be impersonated"))?;
        let hash = transaction.hash();
        pool.add(Verified::impersonated(transaction, from), Origin::Local)?;
        hash
    } else {
        return Err(EthError::server("No Signer available"));
    };
    Ok(json!(hash))
}

pub(super) fn sign(node: &DevNode, args: &Args) -> Result<Value, EthError> {
    let (transaction, from) = filled(node, args)?;
    let signed = signed(node, transaction, from)?;
    Ok(json!(hex::encode_prefixed(signed.encoded())))
}

fn signed(
    node: &DevNode,
    transaction: TypedTransaction,
    from: Address,
) -> Result<EthTransaction, EthError> {
    let account = node.dev.account(from).ok_or_else(|| EthError::server("No Signer available"))?;
    account
        .sign(transaction)
        .ok_or_else(|| EthError::params("a transaction with blobs cannot be signed here"))
}

/// Reads a transaction and fills in what is left out.
fn filled(node: &DevNode, args: &Args) -> Result<(TypedTransaction, Address), EthError> {
    let fields = args.needed(0)?;
    let fields = fields.as_object().ok_or_else(|| EthError::params("expected a transaction"))?;
    let from = match field(fields, "from") {
        Some(from) => parsed(from, "an address of 20 bytes")?,
        None => node.dev.accounts().first().map(|key| key.address).unwrap_or_default(),
    };
    if let Some(name) = ["authorizationList", "blobVersionedHashes", "blobs"]
        .into_iter()
        .find(|name| field(fields, name).is_some())
    {
        return Err(EthError::params(format!("{name}: send such a transaction signed")));
    }
    let mut call = call_of(fields, from)?;
    call.nonce = match field(fields, "nonce") {
        Some(nonce) => small(nonce)?,
        None => next_nonce(&node.node, from)?,
    };
    let reader = node.dev.chain().reader().map_err(EthError::from)?;
    let head = reader.head().hash;
    let header = reader.header(head).map_err(EthError::from)?;
    let header =
        header.ok_or(ChainError::UnknownBlock { tag: BlockTag::Latest }).map_err(EthError::from)?;
    call.gas_limit = match field(fields, "gas").or_else(|| field(fields, "gasLimit")) {
        Some(gas) => small(gas)?,
        None => {
            let simulator = reader.simulator(BlockTag::Latest).map_err(EthError::from)?;
            let cap = header.gas_limit.min(GAS_MAX);
            simulator
                .estimate_gas(&call, cap)
                .map_err(|error| EthError::server(error.to_string()))?
        }
    };
    let chain_id = node.dev.chain().spec().chain_id();
    let wide = |value: &Value| {
        u128::try_from(number(value)?).map_err(|_| EthError::params("a fee has more than 128 bits"))
    };
    if let Some(price) = field(fields, "gasPrice").filter(|_| call.access_list.0.is_empty()) {
        return Ok((legacy(call, chain_id, wide(price)?), from));
    }
    let tip = field(fields, "maxPriorityFeePerGas").map_or(Ok(TIP_DEFAULT), wide)?;
    let usual = u128::from(base_fee::of_child(&header)).saturating_mul(2).saturating_add(tip);
    let fee = field(fields, "maxFeePerGas").or_else(|| field(fields, "gasPrice"));
    let fee = fee.map_or(Ok(usual), wide)?;
    let transaction = TxEip1559 {
        chain_id,
        nonce: call.nonce,
        gas_limit: call.gas_limit,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: tip.min(fee),
        to: call.to,
        value: call.value,
        access_list: call.access_list,
        input: call.input,
    };
    Ok((TypedTransaction::Eip1559(transaction), from))
}

fn legacy(call: CallTransaction, chain_id: u64, gas_price: u128) -> TypedTransaction {
    TypedTransaction::Legacy(TxLegacy {
        chain_id: Some(chain_id),
        nonce: call.nonce,
        gas_price,
        gas_limit: call.gas_limit,
        to: call.to,
        value: call.value,
        input: call.input,
    })
}

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn call_of(fields: &Fields, from: Address) -> Result<CallTransaction, EthError> {
    let to = field(fields, "to").map(|to| parsed(to, "an address of 20 bytes")).transpose()?;
    let input = field(fields, "input").or_else(|| field(fields, "data"));
    let input = input.map(|input| parsed(input, "bytes in hexadecimal")).transpose()?;
    let items = field(fields, "accessList").and_then(Value::as_array);
    let items = items.into_iter().flatten().map(access_list_item);
    Ok(CallTransaction {
        from,
        to: to.map_or(TxKind::Create, TxKind::Call),
        value: field(fields, "value").map_or(Ok(U256::ZERO), number)?,
        input: input.unwrap_or_else(Bytes::new),
        access_list: AccessList(items.collect::<Result<_, _>>()?),
        ..CallTransaction::default()
    })
}

fn access_list_item(item: &Value) -> Result<AccessListItem, EthError> {
    let missing = || EthError::params("expected address and storageKeys in accessList");
    let address = parsed(item.get("address").ok_or_else(missing)?, "an address of 20 bytes")?;
    let keys = item.get("storageKeys").and_then(Value::as_array).ok_or_else(missing)?;
    let keys = keys.iter().map(|key| parsed(key, "32 bytes"));
    Ok(AccessListItem { address, storage_keys: keys.collect::<Result<_, _>>()? })
}
