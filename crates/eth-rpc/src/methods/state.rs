//! Accounts: balances, nonces, code, slots, proofs.

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY};
use quintet_eth::state::{Account, StateView as _, store::StateError};
use quintet_eth_chain::{BlockTag, ChainError};
use serde_json::{Map, Value, json};

use super::Entry;
use crate::{
    answer::Answer,
    args::{Args, BlockId, FromArg, Slot, object, slot},
    error::{EthError, EthResult, codes},
    json::{big, data, quantity, word},
    node::{EthNode, Named as _},
    schema::{Addr, Block, Data, Hash, List, Object, Text, Uint},
};

pub(super) fn entries() -> Vec<Entry> {
    let of = |entry: Entry| entry.param::<Addr>("address", "The account.");
    let at = |entry: Entry| {
        entry.optional::<Block>("block", "After which block; the head if left out.").reads_state()
    };
    vec![
        at(of(Entry::light("eth_getBalance", "Tells an account's balance.", balance)))
            .gives::<Uint>("balance", "Wei."),
        at(of(Entry::light("eth_getTransactionCount", "Tells an account's next nonce.", nonce)))
            .gives::<Uint>("nonce", "The nonce; after `pending`, the pool's transactions counted."),
        at(of(Entry::light("eth_getCode", "Returns an account's code.", code)))
            .gives::<Data>("code", "The code."),
        at(of(Entry::light("eth_getStorageAt", "Returns what a slot holds.", storage))
            .param::<Text>("slot", "The slot."))
        .gives::<Hash>("value", "Its value."),
        at(Entry::heavy(
            "eth_getStorageValues",
            "Returns what slots of several accounts hold.",
            storage_values,
        )
        .param::<Object>("slots", "Lists of slots by account."))
        .fails(codes::LIMIT, "too many slots")
        .gives::<Object>("values", "Lists of values by account."),
        at(of(Entry::heavy("eth_getProof", "Proves an account and slots of it.", proof))
            .param::<List>("slots", "The slots."))
        .fails(codes::LIMIT, "too many slots")
        .gives::<Object>("proof", "As in EIP-1186."),
        at(of(Entry::light("eth_getAccount", "Returns an account as the trie holds it.", account)))
            .gives::<Object>("account", "Balance, nonce, hash of code, root of storage."),
    ]
}

pub(crate) fn state_error(error: StateError) -> EthError {
    ChainError::State(error).into()
}

fn find(node: &EthNode, args: &Args, block: usize) -> EthResult<Option<Account>> {
    let address: Address = args.required(0)?;
    let state = node.reader()?.state_named(args.block(block)?)?;
    state.account(address).map_err(state_error)
}

fn balance(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let account = find(node, args, 1)?;
    Ok(big(account.map(|account| account.balance).unwrap_or_default()).into())
}

fn nonce(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let in_state = || Ok(find(node, args, 1)?.map_or(0, |account| account.nonce));
    if args.block(1)? == BlockId::Pending {
        let address: Address = args.required(0)?;
        let in_pool = || node.pool.pool().next_nonce(&address);
        return Ok(quantity(pending_nonce(in_pool, in_state)?).into());
    }
    Ok(quantity(in_state()?).into())
}

/// Returns the nonce after an account's waiting transactions.
///
/// The pool is asked before the state: a block takes transactions from the one after it has changed the other, so that whoever asks the state
/// first may miss them in both. The pool may lag behind: a used nonce is never given out.
pub(crate) fn pending_nonce(
    in_pool: impl FnOnce() -> Option<u64>,
    in_state: impl FnOnce() -> EthResult<u64>,
) -> EthResult<u64> {
    let waiting = in_pool();
    Ok(waiting.unwrap_or_default().max(in_state()?))
}

fn code(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let address: Address = args.required(0)?;
    let state = node.reader()?.state_named(args.block(1)?)?;
    let account = state.account(address).map_err(state_error)?;
    let hash = account.map_or(KECCAK256_EMPTY, |account| account.code_hash);
    let code: Bytes = state.code(hash).map_err(state_error)?;
    Ok(data(&code).into())
}

fn storage(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let address: Address = args.required(0)?;
    let key: String = args.required(1)?;
    let Slot { number, .. } = slot(&key).map_err(EthError::params)?;
    let state = node.reader()?.state_named(args.block(2)?)?;
    Ok(word(state.storage(address, number).map_err(state_error)?).into())
}

/// Slots by account.
struct Wanted(Vec<(Address, Vec<B256>)>);

impl FromArg for Wanted {
    fn from_arg(value: &Value) -> Result<Self, String> {
        let fields = object(value, "map[common.Address][]common.Hash")?;
        let one = |(address, slots): (&String, &Value)| {
            let address = Address::from_arg(&Value::String(address.clone()))?;
            Ok::<_, String>((address, Vec::from_arg(slots)?))
        };
        fields.iter().map(one).collect::<Result<_, _>>().map(Self)
    }
}

fn storage_values(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let Wanted(wanted) = args.required(0)?;
    let slots: usize = wanted.iter().map(|(_, slots)| slots.len()).sum();
    if slots > node.config.slots_max {
        let most = node.config.slots_max;
        return Err(EthError::new(codes::LIMIT, format!("too many slots (max {most})")));
    }
    if slots == 0 {
        return Err(EthError::params("empty request"));
    }
    let state = node.reader()?.state_named(args.block(1)?)?;
    let mut out = Map::new();
    for (address, slots) in wanted {
        let value = |slot: B256| state.storage(address, slot.into()).map(word).map_err(state_error);
        let values: Vec<_> = slots.into_iter().map(value).collect::<EthResult<_>>()?;
        out.insert(format!("{address:#x}"), Value::Array(values));
    }
    Ok(Value::Object(out).into())
}

fn proof(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let address: Address = args.required(0)?;
    let keys: Vec<Slot> = args.required(1)?;
    if keys.len() > node.config.slots_max {
        let most = node.config.slots_max;
        return Err(EthError::new(codes::LIMIT, format!("too many slots (max {most})")));
    }
    let reader = node.reader()?;
    let at = reader.needed(args.block(2)?)?;
    let slots: Vec<_> = keys.iter().map(|key| key.number).collect();
    let proof = reader.prove(BlockTag::Hash(at.hash), address, &slots)?;
    let storage: Vec<Value> = keys
        .iter()
        .zip(&proof.storage)
        .map(|(key, proof)| {
            let written = if key.is_full { word(key.number) } else { big(key.number) };
            json!({ "key": written, "value": big(proof.value), "proof": proof.nodes })
        })
        .collect();
    let account = proof.account;
    Ok(json!({
        "address": address,
        "accountProof": proof.nodes,
        "balance": big(account.balance),
        "codeHash": account.code_hash,
        "nonce": quantity(account.nonce),
        "storageHash": account.storage_root,
        "storageProof": storage,
    })
    .into())
}

fn account(node: &EthNode, args: &Args) -> EthResult<Answer> {
    let address: Address = args.required(0)?;
    let state = node.reader()?.state_named(args.block(1)?)?;
    let leaf = state.leaf(alloy_primitives::keccak256(address)).map_err(state_error)?;
    let Some(leaf) = leaf else { return Ok(Value::Null.into()) };
    Ok(json!({
        "balance": big(leaf.balance),
        "nonce": quantity(leaf.nonce),
        "codeHash": leaf.code_hash,
        "storageRoot": leaf.storage_root,
    })
    .into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_block_between_pool_and_state_hides_no_transaction() {
        // Two transactions wait on nonce 33; then a block has them.
        let moments = [(Some(35), 33), (None, 35)];
        for after in 0..=2 {
            let asked = Cell::new(0);
            let now = || {
                let questions = asked.replace(asked.get() + 1);
                moments[usize::from(questions >= after)]
            };
            assert_eq!(pending_nonce(|| now().0, || Ok(now().1)).unwrap(), 35, "after {after}");
        }
    }
}
