//! A header whose proof of work was checked, with its hash: computed once, carried along.

use bitcoin::{BlockHash, block::Header};

use super::{HeaderError, pow};
use crate::{
    block::{HEADER_BYTES, decode_header, encode_header, header_hash},
    network::Params,
};

/// A header that satisfies the target it claims. Whether the claim is right only its chain can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedHeader {
    header: Header,
    hash: BlockHash,
}

impl CheckedHeader {
    /// Hashes a header and checks its proof of work.
    ///
    /// # Errors
    ///
    /// [`HeaderError::HighHash`].
    ///
    /// **Spec:** Core's `CheckBlockHeader`.
    pub fn new(header: &Header, params: &Params) -> Result<Self, HeaderError> {
        let checked = Self::trusted(header);
        if !pow::check(&checked.hash, header.bits, params.pow_limit) {
            let bits = header.bits.to_consensus();
            return Err(HeaderError::HighHash { hash: checked.hash, bits });
        }
        Ok(checked)
    }

    /// Hashes a header that was checked before, such as one out of the node's own files.
    #[must_use]
    pub fn trusted(header: &Header) -> Self {
        Self { header: *header, hash: header_hash(&encode_header(header)) }
    }

    /// Like [`Self::trusted`], from the serialised header.
    #[must_use]
    pub fn trusted_bytes(raw: &[u8; HEADER_BYTES]) -> Self {
        Self { header: decode_header(raw), hash: header_hash(raw) }
    }

    /// Puts together what was taken apart.
    pub(super) const fn from_parts(header: Header, hash: BlockHash) -> Self {
        Self { header, hash }
    }

    /// Checks the headers of a message: the work of each, and that each is on top of the one before.
    ///
    /// # Errors
    ///
    /// [`HeaderError::HighHash`] or [`HeaderError::NotContinuous`] for the first that is wrong.
    ///
    /// **Spec:** Core's `PeerManagerImpl::CheckHeadersPoW`.
    pub fn chain(headers: &[Header], params: &Params) -> Result<Vec<Self>, HeaderError> {
        let mut checked: Vec<Self> = Vec::with_capacity(headers.len());
        for header in headers {
            let next = Self::new(header, params)?;
            if let Some(last) = checked.last()
                && last.hash != header.prev_blockhash
            {
                let (expected, actual) = (last.hash, header.prev_blockhash);
                return Err(HeaderError::NotContinuous { expected, actual });
            }
            checked.push(next);
        }
        Ok(checked)
    }

    /// Returns the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// Returns its hash.
    #[must_use]
    pub const fn hash(&self) -> BlockHash {
        self.hash
    }
}
