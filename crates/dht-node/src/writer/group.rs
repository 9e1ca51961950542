//! One group of writes: a batch for the store, and who waits for it.

use std::sync::Arc;

use quintet_actor::inbox::Reply;
use quintet_dht_protocol::record::Change;
use quintet_store::Batch;

use super::{GROUP_BYTES_MAX, GROUP_WRITES_MAX, Message, RecordWrite, Row};
use crate::persistence::{
    CONTACTS, ContactList, IDENTITY, PUBLICATIONS, RECORDS, StoredKey, StoredRecord,
};

/// Who is told when the batch is durable.
#[derive(Debug)]
pub(super) enum Waiting {
    Peer(Arc<RecordWrite>),
    Caller(Reply<()>),
}

#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) batch: Batch,
    pub(super) waiting: Vec<Waiting>,
    pub(super) writes: usize,
}

impl Group {
    pub(super) fn is_full(&self) -> bool {
        self.writes >= GROUP_WRITES_MAX || self.batch.bytes() >= GROUP_BYTES_MAX
    }

    pub(super) fn add(&mut self, message: Message) {
        self.writes += 1;
        match message {
            Message::Records(write) => {
                write.changes.iter().for_each(|change| self.change(change));
                if write.reply.is_some() || write.refusal.is_some() {
                    self.waiting.push(Waiting::Peer(write));
                }
            }
            Message::Rows { rows, done } => {
                rows.into_iter().for_each(|row| self.row(row));
                self.waiting.extend(done.map(Waiting::Caller));
            }
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::Put(key, record) => {
                self.batch.put(&RECORDS, &StoredKey(*key), &StoredRecord::of(record))
            }
            Change::Remove(key) => self.batch.delete(&RECORDS, &StoredKey(*key)),
        };
    }

    fn row(&mut self, row: Row) {
        match row {
            Row::Contacts(contacts) => self.batch.put(&CONTACTS, &(), &ContactList::new(contacts)),
            Row::Identity(identity) => self.batch.put(&IDENTITY, &(), &identity),
            Row::Publication(key, Some(record)) => {
                self.batch.put(&PUBLICATIONS, &StoredKey(key), &StoredRecord::of(&record))
            }
            Row::Publication(key, None) => self.batch.delete(&PUBLICATIONS, &StoredKey(key)),
        };
    }
}
