//! What a node must know again after it was killed: what it signed, and what was final.
//!
//! # Invariants
//!
//! - The watermark is on disk before the signature it allows exists.
//! - The certificate a vote's source rests on is there with the vote's watermark, so that a node that starts again can go on voting.
//!
//! The tables, by name: `watermark` (24 bytes), `certificates` (0 justification, 1 finalisation), `epochs` (by number of the final block: the
//! first certificate of each epoch that makes a block final), `evidence` (by index of the validator). Certificates are RLP.

use std::path::Path;

use quintet_lux_protocol::{certificate::Certificate, evidence::Evidence, watermark::Watermark};
use quintet_store::{Batch, Durability, Schema, Store, StoreError, StoreOptions, Table};

const SCHEMA: Schema = Schema { name: "lux-validator", version: 1, migrations: &[] };
const WATERMARK: Table<(), [u8; 24]> = Table::new("watermark");
const CERTIFICATES: Table<u8, Vec<u8>> = Table::new("certificates");
const EPOCHS: Table<u64, Vec<u8>> = Table::new("epochs");
const EVIDENCE: Table<u64, Vec<u8>> = Table::new("evidence");

const JUSTIFICATION: u8 = 0;
const FINALISATION: u8 = 1;

/// What a node must know again.
#[derive(Debug)]
pub(super) struct Journal {
    store: Store,
    watermark: Watermark,
}

impl Journal {
    pub(super) fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::with_store(Store::open(directory, &SCHEMA, &StoreOptions::for_metadata())?)
    }

    fn with_store(store: Store) -> Result<Self, StoreError> {
        let watermark = store.get(&WATERMARK, &())?.and_then(|bytes| Watermark::decode(&bytes));
        Ok(Self { watermark: watermark.unwrap_or_default(), store })
    }

    pub(super) const fn watermark(&self) -> Watermark {
        self.watermark
    }

    /// Puts a watermark on disk, with the certificate its vote's source rests on. Returns when both are there.
    pub(super) fn sign(
        &mut self,
        watermark: Watermark,
        justification: Option<&Certificate>,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.put(&WATERMARK, &(), &watermark.encode());
        if let Some(certificate) = justification {
            batch.put(&CERTIFICATES, &JUSTIFICATION, &alloy_rlp::encode(certificate));
        }
        self.store.commit(batch, Durability::Sync)?;
        self.watermark = watermark;
        Ok(())
    }

    /// Keeps the certificate that made a block final; `number` is the block's if it is the first of an epoch.
    pub(super) fn finalise(
        &self,
        certificate: &Certificate,
        number: Option<u64>,
    ) -> Result<(), StoreError> {
        let bytes = alloy_rlp::encode(certificate);
        let mut batch = Batch::new();
        if let Some(number) = number {
            batch.put(&EPOCHS, &number, &bytes);
        }
        batch.put(&CERTIFICATES, &FINALISATION, &bytes);
        self.store.commit(batch, Durability::Buffered)
    }

    pub(super) fn certificates(&self) -> Result<[Option<Certificate>; 2], StoreError> {
        let read = |key| -> Result<Option<Certificate>, StoreError> {
            let bytes = self.store.get(&CERTIFICATES, &key)?;
            Ok(bytes.and_then(|bytes| alloy_rlp::decode_exact(bytes).ok()))
        };
        Ok([read(JUSTIFICATION)?, read(FINALISATION)?])
    }

    /// The newest certificate that makes a block of a range final.
    pub(super) fn final_in(&self, from: u64, upto: u64) -> Result<Option<Certificate>, StoreError> {
        let snapshot = self.store.snapshot()?;
        let newest = snapshot.range_rev(&EPOCHS, from..=upto)?.next().transpose()?;
        Ok(newest.and_then(|(_, bytes)| alloy_rlp::decode_exact(bytes).ok()))
    }

    pub(super) fn keep_evidence(
        &self,
        validator: u64,
        evidence: &Evidence,
    ) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        evidence.encode(&mut bytes);
        let mut batch = Batch::new();
        batch.put(&EVIDENCE, &validator, &bytes);
        self.store.commit(batch, Durability::Sync)
    }

    pub(super) fn evidence(&self, validators: u64) -> Result<Vec<Evidence>, StoreError> {
        let mut kept = Vec::new();
        for validator in 0..validators {
            let bytes = self.store.get(&EVIDENCE, &validator)?;
            kept.extend(bytes.and_then(|bytes| Evidence::decode(&bytes).ok()));
        }
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_signed_is_known_after_the_journal_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(directory.path()).unwrap();
        assert_eq!(journal.watermark(), Watermark::default());
        let after = Watermark::default().propose(4).unwrap().vote(2, 9).unwrap();
        journal.sign(after, None).unwrap();
        drop(journal);
        assert_eq!(Journal::open(directory.path()).unwrap().watermark(), after);
    }
}
