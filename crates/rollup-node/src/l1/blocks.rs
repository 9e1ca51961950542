//! From what a node answers to a block of L1: taken apart, checked, and searched for the inbox.
//!
//! ```text
//!   raw (debug_getRawBlock)  ──► slices of one buffer ──┐
//!   JSON, all transactions   ──► encoded anew ──────────┼──► root over all of them ──► those to the inbox
//!   JSON, of a trusted node  ──► only those to the inbox ┘     (not if the node is believed)
//! ```
//!
//! **Spec:** Ethereum's execution API; op-node's `sources.EthClient`, flag `l1.trustrpc`.

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, hex};
use quintet_rollup_protocol::{inbox::scan::scan, verify, view::L1Header};

use super::{
    L1Block, L1Error,
    endpoint::Reply,
    json::{
        JsonError,
        block::{BlockJson, Written, without_transactions},
    },
    raw::RawBlock,
};

/// The method that answers a block as it is stored.
pub(super) const RAW_BLOCK: &str = "debug_getRawBlock";
/// The method that answers a block as JSON.
pub(super) const BLOCK_BY_NUMBER: &str = "eth_getBlockByNumber";

/// A block with the bytes of its transactions, before the inbox is looked for.
struct Whole {
    hash: B256,
    header: Header,
    transactions: Vec<Bytes>,
    /// Whether these are all.
    is_complete: bool,
}

/// A block that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// The node's name, for errors.
    pub(super) endpoint: String,
    /// The block's number.
    pub(super) number: u64,
    /// Where batcher transactions go.
    pub(super) inbox: Address,
    /// Whether the node is believed to give all transactions.
    pub(super) trust: bool,
}

impl Asked {
    /// Reads a raw block.
    pub(super) fn raw(self, reply: &Reply) -> Result<Option<L1Block>, L1Error> {
        let whole = raw_block(&self.endpoint, reply.bytes())?;
        self.finish(whole)
    }

    /// Reads a block of JSON.
    pub(super) fn json(self, reply: &Reply) -> Result<Option<L1Block>, L1Error> {
        let only_to = self.trust.then_some(self.inbox);
        let whole = json_block(&self.endpoint, BLOCK_BY_NUMBER, reply.result(), only_to)?;
        self.finish(whole)
    }

    fn finish(self, whole: Option<Whole>) -> Result<Option<L1Block>, L1Error> {
        let Some(whole) = whole else { return Ok(None) };
        if whole.header.number != self.number {
            return Err(L1Error::OtherBlock {
                endpoint: self.endpoint,
                expected: self.number.to_string(),
                actual: whole.header.number.to_string(),
            });
        }
        finish(self.endpoint, &whole, self.inbox, self.trust).map(Some)
    }
}

fn not_a_block(endpoint: &str, method: &'static str, reason: &dyn std::fmt::Display) -> L1Error {
    let actual = reason.to_string();
    L1Error::Malformed { endpoint: endpoint.to_owned(), method, expected: "a block", actual }
}

pub(super) fn read_block<'a>(
    endpoint: &str,
    method: &'static str,
    text: &'a str,
) -> Result<Option<BlockJson<'a>>, L1Error> {
    if text == "null" {
        return Ok(None);
    }
    BlockJson::read(text).map(Some).map_err(|error| not_a_block(endpoint, method, &error))
}

pub(super) fn checked_header(
    endpoint: &str,
    method: &'static str,
    block: &BlockJson<'_>,
) -> Result<(B256, Header), L1Error> {
    let read = || Ok((block.named_hash()?, block.header()?));
    let (hash, header) =
        read().map_err(|error: JsonError| not_a_block(endpoint, method, &error))?;
    verify::header(&header, hash)
        .map_err(|source| L1Error::Lie { endpoint: endpoint.to_owned(), source })?;
    Ok((hash, header))
}

fn json_block(
    endpoint: &str,
    method: &'static str,
    text: &str,
    only_to: Option<Address>,
) -> Result<Option<Whole>, L1Error> {
    let only_to = only_to.map(Written::new);
    let short = only_to.as_ref().and_then(|inbox| without_transactions(text, inbox));
    let text = short.as_deref().unwrap_or(text);
    let Some(block) = read_block(endpoint, method, text)? else { return Ok(None) };
    let (hash, header) = checked_header(endpoint, method, &block)?;
    let transactions = match &only_to {
        Some(inbox) => block.transactions_to(inbox),
        None => block.transactions(),
    };
    let transactions = transactions.map_err(|error| not_a_block(endpoint, method, &error))?;
    Ok(Some(Whole { hash, header, transactions, is_complete: only_to.is_none() }))
}

fn raw_block(endpoint: &str, text: &[u8]) -> Result<Option<Whole>, L1Error> {
    if text == b"null" {
        return Ok(None);
    }
    // Digits need no unescaping, and whatever is none is refused where they are decoded.
    let digits = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(text);
    let bytes = hex::decode(digits).map_err(|error| not_a_block(endpoint, RAW_BLOCK, &error))?;
    let RawBlock { hash, header, transactions } =
        RawBlock::read(&bytes.into()).map_err(|error| not_a_block(endpoint, RAW_BLOCK, &error))?;
    // The header is hashed as it came, and again as it was read: fields it holds that are not known would be lost else.
    verify::header(&header, hash)
        .map_err(|source| L1Error::Lie { endpoint: endpoint.to_owned(), source })?;
    Ok(Some(Whole { hash, header, transactions, is_complete: true }))
}

fn finish(
    endpoint: String,
    whole: &Whole,
    inbox: Address,
    trust: bool,
) -> Result<L1Block, L1Error> {
    if whole.is_complete && !trust {
        verify::transactions(&whole.transactions, whole.header.transactions_root)
            .map_err(|source| L1Error::Lie { endpoint, source })?;
    }
    Ok(L1Block {
        header: L1Header::new(whole.hash, &whole.header),
        receipts_root: whole.header.receipts_root,
        inbox: scan(&whole.transactions, inbox),
    })
}

/// Reads a block of JSON with all that can be checked of it: for files.
pub(crate) fn recorded_block(path: &str, text: &str, inbox: Address) -> Result<L1Block, L1Error> {
    let whole = json_block(path, "l1", text, None)?;
    let whole = whole.ok_or_else(|| not_a_block(path, "l1", &"null"))?;
    finish(path.to_owned(), &whole, inbox, false)
}
