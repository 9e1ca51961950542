//! Where a span's columns lie, and building a block's transactions from them.

use core::ops::Range;

use alloy_primitives::Bytes;

use super::{bits::Bits, tx};

/// Bytes of a signature.
pub(super) const SIGNATURE_LEN: usize = 64;
/// Bytes of a destination.
pub(super) const ADDRESS_LEN: usize = 20;
/// Bytes a transaction has beside its data: list header, chain id, nonce, gas, destination, signature, at most.
const TX_OVERHEAD: usize = 140;

/// A block: what lies before it in each column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Block {
    /// Transactions.
    pub(super) txs: u32,
    /// Destinations.
    pub(super) destinations: u32,
    /// Legacy transactions.
    pub(super) legacies: u32,
    /// Advances of the L1 origin up to and with this block, that of the first block left out.
    pub(super) advances: u32,
}

/// A transaction: what has no place computable from its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tx {
    /// Where its data begins.
    pub(super) data: u32,
    /// Where its data ends.
    pub(super) end: u32,
    pub(super) nonce: u64,
    pub(super) gas: u64,
}

/// A span's bytes and where its columns lie in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) bytes: Bytes,
    pub(super) origin_bits: Range<usize>,
    pub(super) creation_bits: Range<usize>,
    pub(super) parity_bits: Range<usize>,
    pub(super) signatures: Range<usize>,
    pub(super) destinations: Range<usize>,
    pub(super) protected_bits: Range<usize>,
    pub(super) blocks: Vec<Block>,
    pub(super) txs: Vec<Tx>,
}

/// Bounded by [`super::SPAN_ELEMENTS_MAX`], so never beyond 32 bits.
const fn index(value: u32) -> usize {
    value as usize
}

impl Columns {
    /// Returns the transactions of block `block`.
    pub(super) fn txs_of(&self, block: usize) -> &[Tx] {
        let start = |block: usize| self.blocks.get(block).map_or(self.txs.len(), |b| index(b.txs));
        self.txs.get(start(block)..start(block + 1)).unwrap_or_default()
    }

    /// Returns the first byte of the encoding of each transaction of block `block`.
    pub(super) fn kinds(&self, block: usize) -> impl Iterator<Item = u8> {
        self.txs_of(block).iter().map(|tx| self.bytes[index(tx.data)])
    }

    fn bits(&self, range: &Range<usize>) -> Bits<'_> {
        Bits(&self.bytes[range.clone()])
    }

    /// Builds the transactions of block `block`.
    pub(super) fn build(&self, block: usize, chain_id: u64) -> Vec<Bytes> {
        let Some(start) = self.blocks.get(block) else { return Vec::new() };
        let txs = self.txs_of(block);
        let size: usize = txs.iter().map(|tx| index(tx.end - tx.data) + TX_OVERHEAD).sum();
        let mut out = Vec::with_capacity(size);
        let mut ends = Vec::with_capacity(txs.len());
        let (mut destination, mut legacy) = (index(start.destinations), index(start.legacies));
        let (creation, parity, protected) = (
            self.bits(&self.creation_bits),
            self.bits(&self.parity_bits),
            self.bits(&self.protected_bits),
        );
        for (at, row) in (index(start.txs)..).zip(txs) {
            let data = &self.bytes[index(row.data)..index(row.end)];
            let to = if creation.get(at) {
                None
            } else {
                let begin = self.destinations.start + ADDRESS_LEN * destination;
                destination += 1;
                Some(&self.bytes[begin..begin + ADDRESS_LEN])
            };
            let signature = self.signatures.start + SIGNATURE_LEN * at;
            let is_legacy = tx::is_legacy(data);
            let parts = tx::Parts {
                chain_id,
                nonce: row.nonce,
                gas: row.gas,
                to,
                parity: parity.get(at),
                protected: is_legacy && protected.get(legacy),
                signature: &self.bytes[signature..signature + SIGNATURE_LEN],
            };
            legacy += usize::from(is_legacy);
            tx::build(data, &parts, &mut out);
            ends.push(out.len());
        }
        let all = Bytes::from(out);
        let mut begin = 0;
        let slice = |end| all.slice(core::mem::replace(&mut begin, end)..end);
        ends.into_iter().map(slice).collect()
    }
}
