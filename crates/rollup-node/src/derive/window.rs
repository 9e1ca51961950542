//! L1 as far as it has been fetched and not yet been read.

use std::collections::VecDeque;

use alloy_consensus::Receipt;
use alloy_primitives::{B256, Bytes};
use quintet_rollup_protocol::{
    channel::inflate::InflateError,
    inbox::InboxTx,
    refs::L1Ref,
    view::{L1Header, L1View},
};

use crate::l1::prefetch::FetchedBlock;

/// Consecutive L1 blocks: the one derivation stands at, and those after it.
#[derive(Debug, Default)]
pub(super) struct Window {
    blocks: VecDeque<FetchedBlock>,
}

impl Window {
    /// Adds the next block.
    pub(super) fn push(&mut self, block: FetchedBlock) {
        self.blocks.push_back(block);
    }

    /// Forgets the blocks below a number: derivation has left them.
    pub(super) fn leave(&mut self, number: u64) {
        while self.blocks.front().is_some_and(|block| block.block.header.block.number < number) {
            self.blocks.pop_front();
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.blocks.clear();
    }

    fn by_number(&self, number: u64) -> Option<&FetchedBlock> {
        let first = self.blocks.front()?.block.header.block.number;
        self.blocks.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    fn of(&self, block: &L1Ref) -> Option<&FetchedBlock> {
        self.by_number(block.number).filter(|found| found.block.header.block.hash == block.hash)
    }

    /// Returns the block of a name, to add what was not fetched with it.
    pub(super) fn of_mut(&mut self, block: &L1Ref) -> Option<&mut FetchedBlock> {
        let first = self.blocks.front()?.block.header.block.number;
        let index = usize::try_from(block.number.checked_sub(first)?).ok()?;
        self.blocks.get_mut(index).filter(|found| found.block.header.block.hash == block.hash)
    }
}

impl L1View for Window {
    fn header(&self, number: u64) -> Option<&L1Header> {
        self.by_number(number).map(|block| &block.block.header)
    }

    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]> {
        self.of(block).map(|block| block.block.inbox.as_slice())
    }

    fn receipts(&self, block: &L1Ref) -> Option<&[Receipt]> {
        self.of(block)?.receipts.as_deref()
    }

    fn blob(&self, block: &L1Ref, hash: &B256) -> Option<&[u8]> {
        let blobs: &[(B256, Bytes)] = &self.of(block)?.blobs;
        blobs.iter().find(|(known, _)| known == hash).map(|(_, blob)| blob.as_ref())
    }

    fn inflated(&self, block: &L1Ref, pieces: &[Bytes]) -> Option<Result<Bytes, InflateError>> {
        let channels = &self.of(block)?.channels;
        channels.iter().find(|channel| channel.is_of(pieces)).map(|channel| channel.inflated())
    }
}
