//! Which blocks may hold a log, found without reading each header.
//!
//! The filters of [`SECTION`] blocks are turned by 90 degrees: one row a bit of the filter, with a bit for each block. A search
//! for one address reads three rows of 512 bytes for 4,096 blocks, in place of 4,096 filters. Rows without a bit are not there. Blocks
//! behind the last whole section are few, and their headers are asked.
//!
//! **Spec:** Yellow Paper, section 4.4.3, for the filter; the turning is go-ethereum's `core/bloombits`, long its own index.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Bloom, BloomInput};
use quintet_store::{Batch, Snapshot, StoreError};

use crate::{
    reader::{ChainReader, LogFilter},
    tables::BLOOM_BITS,
};

/// Blocks of a section.
pub(crate) const SECTION: u64 = 4_096;

/// Bytes of a row.
const ROW_BYTES: usize = 512;

/// Bits of a filter, of which each entry sets three.
type Bits = Vec<u16>;

/// Returns the bits that one address or topic sets.
fn bits_of(input: &[u8]) -> Bits {
    let mut bloom = Bloom::ZERO;
    bloom.accrue(BloomInput::Raw(input));
    bits_set(&bloom).collect()
}

/// Returns the bits set in a filter, the lowest first.
fn bits_set(bloom: &Bloom) -> impl Iterator<Item = u16> + '_ {
    bloom.0.iter().rev().zip(0_u16..).filter(|(byte, _)| **byte != 0).flat_map(|(byte, at)| {
        (0..8_u16).filter(move |bit| byte >> bit & 1 == 1).map(move |bit| at * 8 + bit)
    })
}

/// Adds the rows of a section, given the filters of its blocks in order.
pub(crate) fn put_section(
    batch: &mut Batch,
    section: u64,
    blooms: impl IntoIterator<Item = Bloom>,
) {
    let mut rows: BTreeMap<u16, Vec<u8>> = BTreeMap::new();
    for (at, bloom) in blooms.into_iter().enumerate() {
        for bit in bits_set(&bloom) {
            let row = rows.entry(bit).or_insert_with(|| vec![0; ROW_BYTES]);
            if let Some(byte) = row.get_mut(at / 8) {
                *byte |= 1 << (at % 8);
            }
        }
    }
    for (bit, row) in rows {
        batch.put(&BLOOM_BITS, &(section, bit), &row);
    }
}

/// Removes the rows of a section, which a reorganisation reached into.
pub(crate) fn remove_section(
    batch: &mut Batch,
    snapshot: &Snapshot,
    section: u64,
) -> Result<(), StoreError> {
    let whole = (section, 0)..=(section, u16::MAX);
    batch.delete_range(snapshot, &BLOOM_BITS, whole, usize::from(u16::MAX)).map(drop)
}

/// What a filter of logs asks of a filter of bits: of each group one entry at least.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    groups: Vec<Vec<Bits>>,
}

impl Wanted {
    pub(crate) fn of(filter: &LogFilter) -> Self {
        let addresses: Vec<_> =
            filter.addresses.iter().map(|address| bits_of(address.as_slice())).collect();
        let topics = filter
            .topics
            .iter()
            .map(|topics| topics.iter().map(|topic: &B256| bits_of(topic.as_slice())).collect());
        let groups = std::iter::once(addresses).chain(topics);
        Self { groups: groups.filter(|group: &Vec<Bits>| !group.is_empty()).collect() }
    }

    /// Whether a block with this filter may hold what is wanted.
    pub(crate) fn may_be_in(&self, bloom: &Bloom) -> bool {
        let set = |bit: &u16| {
            let byte = bloom.0.len() - 1 - usize::from(bit / 8);
            bloom.0.get(byte).is_some_and(|byte| byte >> (bit % 8) & 1 == 1)
        };
        self.groups.iter().all(|group| group.iter().any(|bits| bits.iter().all(set)))
    }

    /// Returns which blocks of a section may hold what is wanted; `None` if the section is not whole.
    pub(crate) fn in_section(
        &self,
        reader: &ChainReader,
        section: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let snapshot = reader.snapshot();
        let mut found = vec![u8::MAX; ROW_BYTES];
        for group in &self.groups {
            let mut any = vec![0; ROW_BYTES];
            for bits in group {
                let mut all = vec![u8::MAX; ROW_BYTES];
                for bit in bits {
                    match snapshot.get(&BLOOM_BITS, &(section, *bit))? {
                        Some(row) => all.iter_mut().zip(row).for_each(|(all, row)| *all &= row),
                        None => all.fill(0),
                    }
                }
                any.iter_mut().zip(all).for_each(|(any, all)| *any |= all);
            }
            found.iter_mut().zip(any).for_each(|(found, any)| *found &= any);
        }
        Ok(found)
    }
}

/// Whether a row, or what was made of rows, names the block at this place of its section.
pub(crate) fn names(row: &[u8], at: u64) -> bool {
    let byte = usize::try_from(at / 8).ok().and_then(|at| row.get(at));
    byte.is_some_and(|byte| byte >> (at % 8) & 1 == 1)
}
