//! One block's batch.

use std::sync::Arc;

use alloy_consensus::Header;
use alloy_primitives::Bloom;
use quintet_eth::{block::EthBlockBody, state::store::BlockId};
use quintet_store::{Batch, Snapshot};

use super::EthChain;
use crate::{
    attributes::Executed,
    block::{BlockRef, SealedBlock},
    blooms::{self, SECTION},
    error::ChainError,
    observe::ChainEvent,
    reader::ChainReader,
    receipts,
    tables::{
        self, BODIES, BodyRecord, CANONICAL, HEADERS, HeaderRecord, NUMBERS, RECEIPTS, SENDERS,
        SenderList, TRANSACTIONS,
    },
};

/// Adds a block's body.
pub(super) fn put_body(batch: &mut Batch, at: BlockRef, body: &EthBlockBody) {
    batch.put_encoded(&BODIES, &tables::key(at), &alloy_rlp::encode(body));
}

/// Adds the body of a block that holds nothing.
pub(super) fn put_empty_body(batch: &mut Batch, at: BlockRef, header: &Header) {
    let withdrawals = header.withdrawals_root.map(|_| Vec::new().into());
    let body = EthBlockBody { transactions: Vec::new(), ommers: Vec::new(), withdrawals };
    batch.put(&BODIES, &tables::key(at), &BodyRecord(body));
    batch.put(&SENDERS, &tables::key(at), &SenderList(Vec::new()));
    let mut none = Vec::new();
    receipts::encode(&[], &mut none);
    batch.put_encoded(&RECEIPTS, &tables::key(at), &none);
}

/// Adds a block, whatever chain it is on.
pub(super) fn put_block(batch: &mut Batch, block: &SealedBlock) {
    let at = block.at();
    let record = HeaderRecord {
        header: block.header().clone(),
        total_difficulty: block.total_difficulty,
        ommers: block.block.body.ommers.iter().map(Header::hash_slow).collect(),
    };
    batch.put(&NUMBERS, &at.hash.0, &at.number);
    batch.put(&HEADERS, &tables::key(at), &record);
    put_body(batch, at, &block.block.body);
}

impl EthChain {
    /// Makes a block that was executed on the head the head: one batch, then observers.
    pub(super) fn commit(&self, executed: &Arc<Executed>) -> Result<BlockRef, ChainError> {
        let block = &executed.block;
        let at = block.at();
        let mut batch = Batch::new();
        put_block(&mut batch, block);
        let senders: Vec<u8> = block.senders.iter().flat_map(|sender| sender.0.0).collect();
        batch.put_encoded(&SENDERS, &tables::key(at), &senders);
        let mut encoded = Vec::new();
        receipts::encode(&executed.receipts, &mut encoded);
        batch.put_encoded(&RECEIPTS, &tables::key(at), &encoded);
        batch.put(&CANONICAL, &at.number, &at.hash.0);
        for (transaction, index) in block.transactions().iter().zip(0..) {
            batch.put(&TRANSACTIONS, &transaction.hash().0, &(at.number, index));
        }
        let reader = self.reader()?;
        if (at.number + 1).is_multiple_of(SECTION) {
            put_section(&mut batch, &reader, block.header())?;
        }
        self.prune(&mut batch, &reader, at.number)?;
        drop(reader);
        let id = BlockId { number: at.number, hash: at.hash };
        self.inner.state.commit(&executed.update, id, batch, self.inner.options.durability)?;
        self.inner.blocks.insert(Arc::clone(block), Arc::clone(&executed.receipts));
        self.inner.observers.tell(&ChainEvent::Connected {
            block: Arc::clone(block),
            receipts: Arc::clone(&executed.receipts),
        });
        Ok(at)
    }

    pub(super) fn tell_forkchoice(&self) -> Result<(), ChainError> {
        let forkchoice = self.reader()?.forkchoice()?;
        self.inner.observers.tell(&ChainEvent::Forkchoice(forkchoice));
        Ok(())
    }
}

/// Adds the turned filters of the section that `last` ends.
fn put_section(batch: &mut Batch, reader: &ChainReader, last: &Header) -> Result<(), ChainError> {
    let section = last.number / SECTION;
    let mut filters = Vec::new();
    for number in section * SECTION..last.number {
        let header = reader.header_by_number(number)?;
        filters.push(header.map_or(Bloom::ZERO, |record| record.header.logs_bloom));
    }
    filters.push(last.logs_bloom);
    blooms::put_section(batch, section, filters);
    Ok(())
}

/// Removes a block from the head's chain; it stays by its hash.
pub(super) fn put_disconnected(
    batch: &mut Batch,
    snapshot: &Snapshot,
    block: &SealedBlock,
) -> Result<(), ChainError> {
    let at = block.at();
    batch.delete(&CANONICAL, &at.number);
    for transaction in block.transactions() {
        batch.delete(&TRANSACTIONS, &transaction.hash().0);
    }
    if (at.number + 1).is_multiple_of(SECTION) {
        blooms::remove_section(batch, snapshot, at.number / SECTION)?;
    }
    Ok(())
}
