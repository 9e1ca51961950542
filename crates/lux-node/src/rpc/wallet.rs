//! Accounts whose keys the node has: listing them, sending and signing with them.

use alloy_primitives::{Address, B256, eip191_hash_message};
use quintet_eth_rpc::{EthError, typed_data::TypedData};
use serde_json::{Value, json};

use super::{Entry, args::Args, send};
use crate::dev::DevNode;

pub(super) static ENTRIES: &[Entry] = &[
    Entry {
        names: &["eth_accounts", "eth_requestAccounts"],
        summary: "Lists accounts the node has keys of.",
        params: &[],
        run: |node, _| {
            let addresses: Vec<_> = node.dev.accounts().iter().map(|key| key.address).collect();
            Ok(json!(addresses))
        },
    },
    Entry {
        names: &["eth_sendTransaction", "eth_sendUnsignedTransaction"],
        summary: "Signs a transaction with a key of the node, or in the name of an impersonated account, and takes it.",
        params: &[("transaction", "What it does; what is left out is filled in.")],
        run: send::send,
    },
    Entry {
        names: &["eth_signTransaction"],
        summary: "Signs a transaction with a key of the node.",
        params: &[("transaction", "What it does; what is left out is filled in.")],
        run: send::sign,
    },
    Entry {
        names: &["eth_sign"],
        summary: "Signs a message with a key of the node.",
        params: &[("address", "Whose key."), ("message", "The message.")],
        run: |node, args| sign(node, args, 0, 1),
    },
    Entry {
        names: &["personal_sign"],
        summary: "Signs a message with a key of the node.",
        params: &[("message", "The message."), ("address", "Whose key.")],
        run: |node, args| sign(node, args, 1, 0),
    },
    Entry {
        names: &["eth_signTypedData_v4", "eth_signTypedData"],
        summary: "Signs typed data (EIP-712) with a key of the node.",
        params: &[
            ("address", "Whose key."),
            ("data", "types, primaryType, domain and message, or JSON text of them."),
        ],
        run: |node, args| {
            let data = TypedData::from_json(args.needed(1)?);
            let digest = data.and_then(|data| data.digest());
            let digest = digest.map_err(|error| EthError::params(error.to_string()))?;
            sign_digest(node, args.address(0)?, &digest)
        },
    },
];

fn sign(node: &DevNode, args: &Args, address: usize, message: usize) -> Result<Value, EthError> {
    let digest = eip191_hash_message(args.bytes(message)?);
    sign_digest(node, args.address(address)?, &digest)
}

fn sign_digest(node: &DevNode, address: Address, digest: &B256) -> Result<Value, EthError> {
    let account = node.dev.account(address);
    let account = account.ok_or_else(|| EthError::server("unknown account"))?;
    let signature = account.sign_digest(digest);
    let signature = signature.ok_or_else(|| EthError::server("the message cannot be signed"))?;
    Ok(json!(alloy_primitives::Bytes::from(signature.as_bytes().to_vec())))
}
