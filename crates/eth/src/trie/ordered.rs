//! Roots of lists: a block's transactions, receipts and withdrawals.

use alloy_primitives::B256;
use alloy_rlp::Encodable as _;

use super::{EMPTY_ROOT, Entry, root};

/// Returns the root of a trie in which each item lies under the RLP of its index.
///
/// **Spec:** Yellow Paper, section 4.3.2.
#[must_use]
pub fn ordered_root<T: AsRef<[u8]>>(items: &[T]) -> B256 {
    let mut keyed: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| {
            let mut key = arrayvec::ArrayVec::<u8, 9>::new();
            let mut buffer = Vec::with_capacity(9);
            index.encode(&mut buffer);
            key.extend(buffer.into_iter().take(9));
            (key, item.as_ref())
        })
        .collect();
    // Not the order of the indices: 0 is 0x80, behind 1 to 127.
    keyed.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let entries: Vec<_> = keyed.iter().map(|(key, item)| Entry::new(key, item)).collect();
    // Sorted, distinct and short.
    root(&entries).unwrap_or(EMPTY_ROOT)
}
