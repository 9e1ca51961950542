//! Data in a blob: 4,096 field elements of 32 bytes, of which the two highest bits are not free.
//!
//! ```text
//!   element 0   6 bits · version (1) · length (3) · 27 bytes          four elements make a round:
//!   element i   6 bits · 31 bytes                                      4 × 31 bytes and 4 × 6 bits = 127 bytes
//! ```
//!
//! The four times six bits of a round are three bytes, which stand in the output after the first, second and third element's bytes.
//!
//! **Spec:** `ecotone/derivation.md`, "Blob Encoding".

use alloy_primitives::Bytes;
use thiserror::Error;

/// Bytes of a blob.
pub const BLOB_LEN: usize = 131_072;
/// Most bytes of data in a blob.
pub const BLOB_DATA_MAX: usize = ROUNDS * ROUND_DATA - 4;

/// Rounds of four elements.
const ROUNDS: usize = 1_024;
/// Bytes of data in a round.
const ROUND_DATA: usize = 127;
/// Bytes of a round.
const ROUND_LEN: usize = 128;
const VERSION: u8 = 0;

/// Why a blob holds no data of this encoding. Such a blob is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BlobError {
    /// Not as long as blobs are.
    #[error("blob: expected {BLOB_LEN} bytes, got {actual}")]
    Len {
        /// How long it is.
        actual: usize,
    },
    /// A version nobody specified.
    #[error("blob encoding: expected version {VERSION}, got {actual}")]
    Version {
        /// The version.
        actual: u8,
    },
    /// More data than fits.
    #[error("blob encoding: expected at most {BLOB_DATA_MAX} bytes, got {actual}")]
    TooLong {
        /// Bytes of data it says it has.
        actual: usize,
    },
    /// One of the two highest bits of an element is set.
    #[error("blob encoding: expected element {element} below 2^254")]
    Element {
        /// Which element.
        element: usize,
    },
    /// Something stands behind the data.
    #[error("blob encoding: expected zeros behind {length} bytes of data")]
    Trailing {
        /// Bytes of data.
        length: usize,
    },
}

/// Reads the data of a blob.
///
/// # Errors
///
/// [`BlobError`] if the blob is not of the specified encoding.
pub fn decode(blob: &[u8]) -> Result<Bytes, BlobError> {
    if blob.len() != BLOB_LEN {
        return Err(BlobError::Len { actual: blob.len() });
    }
    if blob[1] != VERSION {
        return Err(BlobError::Version { actual: blob[1] });
    }
    let length = usize::from(blob[2]) << 16 | usize::from(blob[3]) << 8 | usize::from(blob[4]);
    if length > BLOB_DATA_MAX {
        return Err(BlobError::TooLong { actual: length });
    }
    // Version and length stand where the first four bytes of data would.
    let rounds = (length + 4).div_ceil(ROUND_DATA).max(1);
    let mut data = vec![0; rounds * ROUND_DATA];
    for (round, (input, output)) in
        blob.chunks_exact(ROUND_LEN).zip(data.chunks_exact_mut(ROUND_DATA)).enumerate()
    {
        decode_round(round, input, output)?;
    }
    let tail = &data[4 + length..];
    if tail.iter().chain(&blob[rounds * ROUND_LEN..]).any(|byte| *byte != 0) {
        return Err(BlobError::Trailing { length });
    }
    Ok(Bytes::from(data).slice(4..4 + length))
}

/// Unpacks four elements into 127 bytes.
fn decode_round(round: usize, input: &[u8], output: &mut [u8]) -> Result<(), BlobError> {
    let mut bits = [0; 4];
    for (index, element) in input.chunks_exact(32).enumerate() {
        bits[index] = element[0];
        // The reference does not look at the first element's highest bits; as a field element it is below 2^255.
        if element[0] & 0b1100_0000 != 0 && round + index > 0 {
            return Err(BlobError::Element { element: 4 * round + index });
        }
        output[32 * index..32 * index + 31].copy_from_slice(&element[1..]);
    }
    output[31] = bits[0] & 0b0011_1111 | (bits[1] & 0b0011_0000) << 2;
    output[63] = bits[1] & 0b0000_1111 | (bits[3] & 0b0000_1111) << 4;
    output[95] = bits[2] & 0b0011_1111 | (bits[3] & 0b0011_0000) << 2;
    Ok(())
}

/// Packs data into a blob, of [`BLOB_LEN`] bytes.
///
/// # Errors
///
/// [`BlobError::TooLong`].
pub fn encode(data: &[u8]) -> Result<Vec<u8>, BlobError> {
    if data.len() > BLOB_DATA_MAX {
        return Err(BlobError::TooLong { actual: data.len() });
    }
    let [_, l0, l1, l2] = u32::try_from(data.len()).unwrap_or_default().to_be_bytes();
    let mut input = vec![VERSION, l0, l1, l2];
    input.extend_from_slice(data);
    input.resize(input.len().next_multiple_of(ROUND_DATA), 0);
    let mut blob = vec![0; BLOB_LEN];
    for (input, output) in input.chunks_exact(ROUND_DATA).zip(blob.chunks_exact_mut(ROUND_LEN)) {
        let (x, y, z) = (input[31], input[63], input[95]);
        let bits = [
            x & 0b0011_1111,
            y & 0b0000_1111 | (x & 0b1100_0000) >> 2,
            z & 0b0011_1111,
            (z & 0b1100_0000) >> 2 | (y & 0b1111_0000) >> 4,
        ];
        for (index, element) in output.chunks_exact_mut(32).enumerate() {
            element[0] = bits[index];
            element[1..].copy_from_slice(&input[32 * index..32 * index + 31]);
        }
    }
    Ok(blob)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(len: usize) -> Vec<u8> {
        (0..len).map(|i| u8::try_from(i * 7 % 251).unwrap() | 1).collect()
    }

    #[test]
    fn data_of_every_length_comes_back() {
        for len in [0, 1, 26, 27, 28, 31, 122, 123, 124, 127, 250, 251, 5_000, BLOB_DATA_MAX] {
            let blob = encode(&data(len)).unwrap();
            assert_eq!(decode(&blob).unwrap().as_ref(), data(len), "{len}");
        }
        assert!(encode(&data(BLOB_DATA_MAX + 1)).is_err());
    }

    #[test]
    fn refuses_what_is_not_of_the_encoding() {
        let good = encode(&data(1_000)).unwrap();
        let with = |at: usize, value: u8| {
            let mut blob = good.clone();
            blob[at] = value;
            decode(&blob)
        };
        assert_eq!(with(1, 1), Err(BlobError::Version { actual: 1 }));
        assert_eq!(with(2, 2), Err(BlobError::TooLong { actual: 0x2_03e8 }));
        assert_eq!(with(64, 0x40), Err(BlobError::Element { element: 2 }));
        assert_eq!(with(BLOB_LEN - 1, 1), Err(BlobError::Trailing { length: 1_000 }));
        assert_eq!(decode(&good[1..]), Err(BlobError::Len { actual: BLOB_LEN - 1 }));
    }
}
