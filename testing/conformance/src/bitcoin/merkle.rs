//! `merkle*.raw`: proofs that transactions are in a block, some followed by those transactions.

use std::path::Path;

use quintet_bitcoin_protocol::{
    Block, Transaction,
    encode::Reader,
    merkle_block::{MerkleBlock, PartialMerkleTree, Proven},
};

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Merkle;

impl Suite for Merkle {
    fn name(&self) -> &'static str {
        "merkle"
    }

    fn claims(&self, name: &Path) -> bool {
        super::is_named(name, "merkle", ".raw")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = file.name.display().to_string();
        let mut found = None;
        report.case(format!("{case}: proof"), || {
            found = Some(check(file)?);
            Ok(())
        });
        let Some((message, proven)) = found else { return };
        let height = super::digits(file.own_name());
        let Some(block) = file.other(|name| super::is_block_of(name, height)) else {
            report.skip("the block is not in the folder");
            return;
        };
        report.case(format!("{case}: block"), || check_block(&message, &proven, block.bytes));
    }
}

fn check(file: &File) -> Result<(MerkleBlock, Vec<Proven>), Mismatch> {
    let malformed = |error| Mismatch::new("message", "a Merkle block", format!("{error:?}"));
    let mut reader = Reader::new(&file.bytes).map_err(malformed)?;
    let message = MerkleBlock::read(&mut reader).map_err(malformed)?;
    expect_eq("message written", file.bytes[..reader.at()].to_vec(), message.encode())?;
    let proven = message
        .verify()
        .map_err(|error| Mismatch::new("proof", "of the header's root", error.to_string()))?;
    if file.own_name().contains("extended") {
        // The proven transactions follow, counted, in the order of the block.
        let count = reader.size().map_err(malformed)?;
        expect_eq("transactions that follow", proven.len(), count)?;
        let mut rest = reader.take(reader.left()).map_err(malformed)?;
        for Proven { txid, .. } in &proven {
            let len = (1..=rest.len()).find(|len| {
                Transaction::decode(rest[..*len].to_vec()).is_ok_and(|tx| tx.view().txid() == *txid)
            });
            let len =
                len.ok_or_else(|| Mismatch::new("transaction that follows", txid, "another"))?;
            rest = &rest[len..];
        }
        expect_eq("bytes after the transactions", 0, rest.len())?;
    } else {
        reader.finish().map_err(malformed)?;
    }
    Ok((message, proven))
}

fn check_block(message: &MerkleBlock, proven: &[Proven], block: Vec<u8>) -> Result<(), Mismatch> {
    let block = Block::decode(block)
        .map_err(|error| Mismatch::new("block", "a block", error.to_string()))?;
    expect_eq("header", block.header(), &message.header)?;
    let txids: Vec<_> = block.transactions().iter().map(|tx| tx.txid()).collect();
    expect_eq(
        "transactions",
        Some(txids.len()),
        usize::try_from(message.tree.transaction_count()).ok(),
    )?;
    for Proven { index, txid } in proven {
        let expected = usize::try_from(*index).ok().and_then(|index| txids.get(index));
        expect_eq(format!("transaction {index}"), expected, Some(txid))?;
    }
    let wanted = |_, txid: &_| proven.iter().any(|proven| proven.txid == *txid);
    let made = PartialMerkleTree::prove(&txids, wanted);
    expect_eq("proof made of the block", Some(&message.tree), made.as_ref())
}
