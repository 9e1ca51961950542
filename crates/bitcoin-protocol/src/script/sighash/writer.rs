//! SHA-256 over fields as Bitcoin serialises them.

use std::fmt;

use bitcoin::hashes::{Hash, HashEngine, sha256};

/// A SHA-256 that is fed fields. Cloning it forks the hash: that is what a midstate is.
#[derive(Clone, Default)]
pub(in crate::script) struct Writer(sha256::HashEngine);

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Writer").field(&self.0.n_bytes_hashed()).finish()
    }
}

impl Writer {
    pub(in crate::script) fn new() -> Self {
        Self::default()
    }

    /// Starts a BIP-0340 tagged hash.
    pub(in crate::script) fn tagged(tag: &str) -> Self {
        let tag = sha256::Hash::hash(tag.as_bytes());
        let mut writer = Self::new();
        writer.bytes(tag.as_ref());
        writer.bytes(tag.as_ref());
        writer
    }

    #[inline]
    pub(in crate::script) fn bytes(&mut self, bytes: &[u8]) {
        self.0.input(bytes);
    }

    pub(in crate::script) fn byte(&mut self, byte: u8) {
        self.bytes(&[byte]);
    }

    pub(in crate::script) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }

    pub(in crate::script) fn i64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }

    /// Feeds a compact size.
    pub(in crate::script) fn size(&mut self, size: usize) {
        let bytes = (size as u64).to_le_bytes();
        match Self::size_len(size) {
            1 => self.bytes(&bytes[..1]),
            3 => {
                self.byte(0xfd);
                self.bytes(&bytes[..2]);
            }
            5 => {
                self.byte(0xfe);
                self.bytes(&bytes[..4]);
            }
            _ => {
                self.byte(0xff);
                self.bytes(&bytes);
            }
        }
    }

    /// Returns the bytes of a compact size.
    pub(in crate::script) const fn size_len(size: usize) -> usize {
        match size {
            0..=0xfc => 1,
            0xfd..=0xffff => 3,
            0x1_0000..=0xffff_ffff => 5,
            _ => 9,
        }
    }

    /// Feeds a byte string behind its compact size.
    pub(in crate::script) fn sized(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.bytes(bytes);
    }

    pub(in crate::script) fn finish(self) -> [u8; 32] {
        sha256::Hash::from_engine(self.0).to_byte_array()
    }

    /// Returns the hash of the hash.
    pub(in crate::script) fn finish_double(self) -> [u8; 32] {
        sha256::Hash::from_engine(self.0).hash_again().to_byte_array()
    }
}
