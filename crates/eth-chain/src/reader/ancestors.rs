//! Hashes of the blocks before one, for `BLOCKHASH`.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use alloy_consensus::Header;
use alloy_primitives::B256;
use quintet_evm::execute::BlockHashes;

use super::ChainReader;

/// How far `BLOCKHASH` looks back.
const HASHES: u64 = 256;

/// The blocks before one, whatever chain it is on.
#[derive(Debug)]
pub struct Ancestors<'a> {
    reader: &'a ChainReader,
    /// The parent's hash, and its number.
    parent: (B256, u64),
    /// Hashes found by walking, where the parent is beside the head's chain.
    walked: Mutex<HashMap<u64, B256>>,
}

impl<'a> Ancestors<'a> {
    pub(crate) fn before(reader: &'a ChainReader, header: &Header) -> Self {
        let parent = (header.parent_hash, header.number.saturating_sub(1));
        Self { reader, parent, walked: Mutex::default() }
    }

    fn walk(&self, number: u64) -> Option<B256> {
        let mut walked = self.walked.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut hash, mut at) = self.parent;
        while at > number {
            hash = match walked.get(&(at - 1)) {
                Some(known) => *known,
                None => self.reader.header_record(hash).ok()??.header.parent_hash,
            };
            at -= 1;
            walked.insert(at, hash);
        }
        Some(hash)
    }
}

impl BlockHashes for Ancestors<'_> {
    fn block_hash(&self, number: u64) -> Option<B256> {
        let (parent, height) = self.parent;
        if number > height || height - number >= HASHES {
            return None;
        }
        if self.reader.canonical_hash(height).ok()? == Some(parent) {
            return self.reader.canonical_hash(number).ok()?;
        }
        self.walk(number)
    }
}
