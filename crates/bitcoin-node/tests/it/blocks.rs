//! Blocks for tests of the disk: bytes that have a header's form and a hash, and obey no rule.

use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_bitcoin_protocol::block::{HEADER_BYTES, header_hash};

/// Regtest's magic.
pub(crate) const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];

/// Returns a block of `size` bytes more than a header on top of `parent`. Its bytes hold no [`MAGIC`].
pub(crate) fn block(parent: BlockHash, number: u32, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; HEADER_BYTES + size];
    bytes[4..36].copy_from_slice(parent.as_byte_array());
    bytes[76..80].copy_from_slice(&number.to_be_bytes());
    for (at, byte) in bytes[HEADER_BYTES..].iter_mut().enumerate() {
        *byte = u8::try_from(at % 100).expect("below 100");
    }
    bytes
}

pub(crate) fn header(block: &[u8]) -> [u8; HEADER_BYTES] {
    *block.first_chunk().expect("a header")
}

pub(crate) fn hash(block: &[u8]) -> BlockHash {
    header_hash(&header(block))
}

/// Returns `count` blocks, each on top of the one before.
pub(crate) fn chain(count: u32) -> Vec<Vec<u8>> {
    let mut parent = BlockHash::all_zeros();
    let grow = |number: u32| {
        let block = block(parent, number, usize::try_from(number % 7 * 31).expect("small"));
        parent = hash(&block);
        block
    };
    (0..count).map(grow).collect()
}
