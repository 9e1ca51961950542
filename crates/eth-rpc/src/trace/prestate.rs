//! The accounts a transaction needed, as they were before it; or how they differ afterwards.
//!
//! **Spec:** go-ethereum's `eth/tracers/native/prestate.go`.

use alloy_primitives::{B256, Bytes, KECCAK256_EMPTY};
use quintet_eth::state::Account;
use quintet_evm::execute::{Called, Touched};
use serde_json::{Map, Value, json};

use crate::{
    error::EthResult,
    json::{big, data, word},
};

/// Finds code by its hash.
pub(crate) type CodeOf<'a> = &'a dyn Fn(B256) -> EthResult<Bytes>;

/// What is told.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "options of a client's, each by itself")]
pub(crate) struct Options {
    pub(super) diff: bool,
    pub(super) no_code: bool,
    pub(super) no_storage: bool,
    pub(super) with_empty: bool,
}

/// Tells what a transaction touched.
pub(super) fn of(options: Options, called: &Called, code_of: CodeOf<'_>) -> EthResult<Value> {
    let (mut pre, mut post) = (Map::new(), Map::new());
    for touched in &called.touched {
        let address = json!(touched.address).as_str().unwrap_or_default().to_owned();
        if options.diff {
            if let Some((before, after)) = difference(options, touched, code_of)? {
                if touched.before.is_some() {
                    pre.insert(address.clone(), before);
                }
                if let Some(after) = after {
                    post.insert(address, after);
                }
            }
        } else if touched.before.is_some() || options.with_empty {
            pre.insert(address, account(options, touched, code_of)?);
        }
    }
    Ok(if options.diff { json!({ "pre": pre, "post": post }) } else { Value::Object(pre) })
}

/// An account as it was.
fn account(options: Options, touched: &Touched, code_of: CodeOf<'_>) -> EthResult<Value> {
    let mut out = Map::new();
    let before = touched.before;
    out.insert("balance".to_owned(), big(before.map(|one| one.balance).unwrap_or_default()));
    if let Some(nonce) = before.map(|one| one.nonce).filter(|nonce| *nonce > 0) {
        out.insert("nonce".to_owned(), json!(nonce));
    }
    code(options, before, code_of, &mut out)?;
    if !options.no_storage {
        let slots: Map<_, _> = touched
            .slots
            .iter()
            .filter(|(_, before, _)| !options.diff || !before.is_zero())
            .map(|(slot, before, _)| (format!("{slot:#066x}"), word(*before)))
            .collect();
        if !slots.is_empty() {
            out.insert("storage".to_owned(), Value::Object(slots));
        }
    }
    Ok(Value::Object(out))
}

fn code(
    options: Options,
    account: Option<Account>,
    code_of: CodeOf<'_>,
    out: &mut Map<String, Value>,
) -> EthResult<()> {
    let Some(hash) = account.map(|one| one.code_hash).filter(|hash| *hash != KECCAK256_EMPTY)
    else {
        return Ok(());
    };
    if !options.no_code {
        out.insert("code".to_owned(), data(&code_of(hash)?));
    }
    out.insert("codeHash".to_owned(), json!(hash));
    Ok(())
}

/// What differs: what it was, and what it became, nothing if the account is gone.
fn difference(
    options: Options,
    touched: &Touched,
    code_of: CodeOf<'_>,
) -> EthResult<Option<(Value, Option<Value>)>> {
    let changed = touched.slots.iter().filter(|(_, before, after)| before != after);
    let slots: Vec<_> = if options.no_storage { Vec::new() } else { changed.copied().collect() };
    if touched.before == touched.after && slots.is_empty() {
        return Ok(None);
    }
    let only_changed = Touched { slots: slots.clone(), ..touched.clone() };
    let before = account(options, &only_changed, code_of)?;
    let Some(after) = touched.after else { return Ok(Some((before, None))) };
    let was = touched.before;
    let mut out = Map::new();
    if was.map(|one| one.balance).unwrap_or_default() != after.balance {
        out.insert("balance".to_owned(), big(after.balance));
    }
    if was.map(|one| one.nonce).unwrap_or_default() != after.nonce {
        out.insert("nonce".to_owned(), json!(after.nonce));
    }
    if was.map_or(KECCAK256_EMPTY, |one| one.code_hash) != after.code_hash {
        out.insert("codeHash".to_owned(), json!(after.code_hash));
        if !options.no_code {
            let new = match &touched.code {
                Some(code) => code.clone(),
                None if after.code_hash == KECCAK256_EMPTY => Bytes::new(),
                None => code_of(after.code_hash)?,
            };
            out.insert("code".to_owned(), data(&new));
        }
    }
    let storage: Map<_, _> = slots
        .iter()
        .filter(|(_, _, after)| !after.is_zero())
        .map(|(slot, _, after)| (format!("{slot:#066x}"), word(*after)))
        .collect();
    if !storage.is_empty() {
        out.insert("storage".to_owned(), Value::Object(storage));
    }
    Ok(Some((before, Some(Value::Object(out)))))
}
