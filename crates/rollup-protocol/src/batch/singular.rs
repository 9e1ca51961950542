//! Singular batches: one block.
//!
//! ```text
//!   0 · rlp [ parent_hash, epoch_number, epoch_hash, timestamp, [transaction, …] ]
//! ```
//!
//! **Spec:** `protocol/derivation.md`, "Batch Format".

use alloy_primitives::{B256, Bytes};
use alloy_rlp::Encodable;

use super::{BatchError, SINGULAR_BATCH};
use crate::rlp::{Items, list_header_len, write_list_header};

/// What one block holds beside its deposits.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SingularBatch {
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Number of its L1 origin.
    pub epoch_number: u64,
    /// Hash of its L1 origin.
    pub epoch_hash: B256,
    /// Its time.
    pub timestamp: u64,
    /// Transactions, EIP-2718 encoded; slices of the channel.
    pub transactions: Vec<Bytes>,
}

impl SingularBatch {
    /// Reads what follows the type. What follows the list is ignored, as the reference does.
    ///
    /// # Errors
    ///
    /// [`BatchError`] if it is malformed.
    pub fn decode(bytes: &Bytes) -> Result<Self, BatchError> {
        let mut fields = Items::of_list(bytes)?;
        let parent_hash = fields.array()?.into();
        let epoch_number = fields.uint64()?;
        let epoch_hash = fields.array()?.into();
        let timestamp = fields.uint64()?;
        let mut list = Items::of_list(fields.raw_list()?)?;
        fields.end()?;
        let mut transactions = Vec::new();
        while !list.is_empty() {
            transactions.push(bytes.slice_ref(list.string()?));
        }
        Ok(Self { parent_hash, epoch_number, epoch_hash, timestamp, transactions })
    }

    /// Appends type and content.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let transactions: usize = self.transactions.iter().map(|tx| tx.as_ref().length()).sum();
        let payload = self.parent_hash.length()
            + self.epoch_number.length()
            + self.epoch_hash.length()
            + self.timestamp.length()
            + list_header_len(transactions)
            + transactions;
        out.push(SINGULAR_BATCH);
        write_list_header(payload, out);
        self.parent_hash.encode(out);
        self.epoch_number.encode(out);
        self.epoch_hash.encode(out);
        self.timestamp.encode(out);
        write_list_header(transactions, out);
        self.transactions.iter().for_each(|tx| tx.as_ref().encode(out));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Batch, *};

    fn batch() -> SingularBatch {
        SingularBatch {
            parent_hash: B256::repeat_byte(1),
            epoch_number: 1_000,
            epoch_hash: B256::repeat_byte(2),
            timestamp: 1_700_000_000,
            transactions: vec![vec![5].into(), vec![0x81; 90].into(), Bytes::new()],
        }
    }

    fn encoded() -> Vec<u8> {
        let mut out = Vec::new();
        batch().encode(&mut out);
        out
    }

    #[test]
    fn a_batch_comes_back_without_a_copy() {
        let bytes = Bytes::from(encoded());
        let Batch::Singular(read) = Batch::decode(&bytes).unwrap() else { panic!("span") };
        assert_eq!(read, batch());
        assert!(bytes.as_ptr_range().contains(&read.transactions[1].as_ptr()));
    }

    #[test]
    fn bytes_behind_the_list_are_ignored() {
        let mut bytes = encoded();
        bytes.extend([1, 2, 3]);
        assert_eq!(Batch::decode(&bytes.into()), Ok(Batch::Singular(batch())));
    }

    #[test]
    fn a_batch_cut_anywhere_is_refused() {
        let bytes = Bytes::from(encoded());
        for end in 0..bytes.len() {
            assert!(Batch::decode(&bytes.slice(..end)).is_err(), "{end}");
        }
    }

    #[test]
    fn lists_of_other_lengths_are_refused() {
        let mut fields = Vec::new();
        B256::ZERO.encode(&mut fields);
        7_u64.encode(&mut fields);
        B256::ZERO.encode(&mut fields);
        7_u64.encode(&mut fields);
        let with = |tail: &[u8]| {
            let mut out = vec![SINGULAR_BATCH];
            write_list_header(fields.len() + tail.len(), &mut out);
            out.extend_from_slice(&fields);
            out.extend_from_slice(tail);
            Batch::decode(&out.into())
        };
        assert!(with(&[0xc0]).is_ok());
        assert!(with(&[]).is_err());
        assert!(with(&[0xc0, 0xc0]).is_err());
        assert!(with(&[0x80]).is_err());
    }
}
