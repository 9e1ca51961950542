//! Changes that the writer had no room for.
//!
//! The store they belong to was refused, or nobody waited for them (an expiry); either way the memory
//! has them and the disk has not. They go in front of the next changes, so that the disk sees every
//! key's changes in the order in which they happened and comes to hold what the memory holds.

use std::collections::BTreeMap;

use quintet_dht_protocol::record::{Change, RecordKey};

/// Keys with a change that is owed. Beyond it changes are forgotten: a record that stays on disk too
/// long is dropped at the next start when it has expired.
const KEYS_MAX: usize = 16_384;

/// The last change of each key that the disk has not seen.
#[derive(Debug, Default)]
pub(super) struct Owed(BTreeMap<RecordKey, Change>);

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps changes that could not be handed over; returns how many had to be forgotten.
    pub(super) fn keep(&mut self, changes: &[Change]) -> u64 {
        let mut forgotten = 0;
        for change in changes {
            let (Change::Put(key, _) | Change::Remove(key)) = change;
            if self.0.len() < KEYS_MAX || self.0.contains_key(key) {
                self.0.insert(*key, change.clone());
            } else {
                forgotten += 1;
            }
        }
        forgotten
    }

    /// Puts what is owed in front of `changes`.
    pub(super) fn settle(&mut self, changes: Vec<Change>) -> Vec<Change> {
        if self.0.is_empty() {
            return changes;
        }
        core::mem::take(&mut self.0).into_values().chain(changes).collect()
    }
}

#[cfg(test)]
mod tests {
    use quintet_dht_protocol::{
        key::Key,
        record::{Content, Record},
    };
    use quintet_primitives::time::UnixTime;

    use super::*;

    fn key(number: u16) -> RecordKey {
        let mut bytes = [0; 20];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        RecordKey::Raw(Key::new(bytes))
    }

    fn put(number: u16, value: u8) -> Change {
        let expires = UnixTime::from_secs(1);
        Change::Put(key(number), Record { content: Content::Raw(vec![value]), expires })
    }

    #[test]
    fn what_is_owed_comes_before_what_is_new_and_only_its_last_version() {
        let mut owed = Owed::default();
        owed.keep(&[put(1, 1), put(2, 1)]);
        owed.keep(&[put(1, 2), Change::Remove(key(2))]);
        let changes = owed.settle(vec![put(2, 3)]);
        assert_eq!(changes, [put(1, 2), Change::Remove(key(2)), put(2, 3)]);
        assert!(owed.is_empty());
        assert_eq!(owed.settle(vec![put(2, 4)]), [put(2, 4)]);
    }

    #[test]
    fn only_so_many_keys_are_kept() {
        let mut owed = Owed::default();
        let many: Vec<Change> = (0..20_000).map(|number| Change::Remove(key(number))).collect();
        assert_eq!(owed.keep(&many), 20_000 - KEYS_MAX as u64);
        assert_eq!(owed.keep(&[put(0, 1)]), 0);
    }
}
