//! Inflating channels as far as they go.
//!
//! A channel is judged by what comes out of it before the first error, not by whether it ends well: op-node reads the
//! stream batch by batch, and what it has read it has read. OP Mainnet's history holds channels that end in a flush, without
//! final block and checksum. So output stops at the cap, and an error, a wrong checksum among them, ends the output where the
//! reference's reader would have delivered its last byte. Whether the batch before it counts is told by [`torn`](super::torn).
//!
//! Deflate has a decoder of its own for this, [`deflate`](super::deflate); brotli is read as op-node reads it, [`brotli`](super::brotli).
//!
//! # Invariants
//!
//! - Output never exceeds the cap, nor does the memory held for it; it begins at [`FIRST_GUESS`] times the input.
//! - Output is exactly what was produced: never padding of a buffer.
//!
//! **Spec:** `protocol/derivation.md`, "Channel Format"; `fjord/derivation.md`, "Brotli Channel Compression"; RFC 1950, 1951, 7932.

use alloy_primitives::Bytes;
use libdeflater::adler32;
use thiserror::Error;

use super::{
    brotli::read_items,
    deflate::{Deflated, deflated},
    torn::readable,
};

/// Version byte of a channel compressed with brotli.
pub const CHANNEL_VERSION_BROTLI: u8 = 1;
/// The bit of zlib's second byte that announces a dictionary.
const DICTIONARY: u8 = 0x20;
/// The checksum of no bytes.
const EMPTY_ADLER: [u8; 4] = [0, 0, 0, 1];
/// Why a channel cannot be inflated at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum InflateError {
    /// The first byte names no compression.
    #[error("channel: expected zlib (x8) or brotli (01) as first byte, got {actual:?}")]
    Unknown {
        /// The first byte, if there is one.
        actual: Option<u8>,
    },
    /// Brotli before its time.
    #[error("channel: expected zlib before Fjord, got brotli")]
    BrotliBeforeFjord,
    /// zlib's header is not as RFC 1950 asks, or asks for a dictionary.
    #[error("channel: expected a zlib header without dictionary, got {actual:02x?}")]
    ZlibHeader {
        /// The header.
        actual: [u8; 2],
    },
}

/// Inflates a channel of these pieces to at most `cap` bytes, as far as op-node would read batches of it.
///
/// # Errors
///
/// [`InflateError`] if its beginning says nothing that can be inflated. A stream that breaks off is no error.
pub fn inflate(pieces: &[Bytes], cap: usize, brotli_allowed: bool) -> Result<Bytes, InflateError> {
    let joined;
    let input: &[u8] = match pieces {
        [single] => single,
        many => {
            joined = many.concat();
            &joined
        }
    };
    match input.first() {
        Some(first) if matches!(first & 0x0f, 8 | 15) => {
            let header = zlib_header(input)?;
            Ok(zlib(input.get(header..).unwrap_or_default(), cap))
        }
        Some(&CHANNEL_VERSION_BROTLI) if brotli_allowed => Ok(read_items(&input[1..], cap).into()),
        Some(&CHANNEL_VERSION_BROTLI) => Err(InflateError::BrotliBeforeFjord),
        first => Err(InflateError::Unknown { actual: first.copied() }),
    }
}

/// Checks zlib's header: method, window, check bits, and the dictionary, which may be the empty one. Returns its length.
fn zlib_header(input: &[u8]) -> Result<usize, InflateError> {
    let &[first, second, ref rest @ ..] = input else {
        return Err(InflateError::ZlibHeader { actual: [input[0], 0] });
    };
    let checks = (u16::from(first) << 8 | u16::from(second)) % 31 == 0;
    if first & 0x0f != 8 || first >> 4 > 7 || !checks {
        return Err(InflateError::ZlibHeader { actual: [first, second] });
    }
    if second & DICTIONARY == 0 {
        return Ok(2);
    }
    // Go compares with the checksum of the dictionary it was given, which for none is that of no bytes.
    if rest.starts_with(&EMPTY_ADLER) {
        return Ok(2 + EMPTY_ADLER.len());
    }
    Err(InflateError::ZlibHeader { actual: [first, second] })
}

/// Inflates a zlib stream behind its header.
fn zlib(input: &[u8], cap: usize) -> Bytes {
    // One byte more than wanted tells a stream that breaks at the cap from one that goes on.
    let Deflated { mut output, flushes, rest } = deflated(input, cap.saturating_add(1));
    if output.len() > cap {
        output.truncate(cap);
    } else if !rest.is_some_and(|rest| rest.starts_with(&adler32(&output).to_be_bytes())) {
        output.truncate(readable(&output, &flushes));
    }
    output.into()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;
    use crate::encode::{Compression, compress};

    /// Letters without a pattern: half a stream of them is some of them.
    fn text(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b'a' + u8::try_from(state >> 28).unwrap()
        };
        (0..len).map(|_| letter()).collect()
    }

    fn all(data: &[u8], cap: usize) -> Bytes {
        inflate(&[Bytes::copy_from_slice(data)], cap, true).unwrap()
    }

    #[test]
    fn both_compressions_come_back_from_any_number_of_pieces() {
        for compression in [Compression::Zlib, Compression::Brotli] {
            let channel = compress(&text(200_000), compression);
            let pieces: Vec<_> = channel.chunks(1_000).map(Bytes::copy_from_slice).collect();
            assert_eq!(inflate(&pieces, 1 << 20, true).unwrap(), text(200_000));
        }
    }

    #[test]
    fn output_is_cut_off_at_the_cap() {
        for compression in [Compression::Zlib, Compression::Brotli] {
            let channel = compress(&text(200_000), compression);
            for cap in [0, 1, 70_000, 199_999] {
                assert_eq!(all(&channel, cap), text(200_000)[..cap], "{compression:?} {cap}");
            }
        }
    }

    #[test]
    fn a_bomb_is_cut_off_too() {
        let channel = compress(&vec![0; 30_000_000], Compression::Zlib);
        assert!(channel.len() < 40_000);
        assert_eq!(all(&channel, 10_000_000).len(), 10_000_000);
    }

    #[test]
    fn what_came_before_the_break_is_kept() {
        for compression in [Compression::Zlib, Compression::Brotli] {
            let channel = compress(&text(200_000), compression);
            let half = all(&channel[..channel.len() / 2], 1 << 20);
            assert!(half.len() > 10_000, "{compression:?} {}", half.len());
            assert_eq!(half, text(200_000)[..half.len()]);
        }
        let mut channel = compress(&text(1_000), Compression::Zlib);
        let checksum = channel.len() - 1;
        channel[checksum] ^= 1;
        assert_eq!(all(&channel, 1 << 20), text(1_000), "the checksum is behind the data");
    }

    /// Every match has a distance whose code is one bit, and the other value of this bit is no code: libdeflate takes both for it, Go
    /// stops at byte 57.
    #[test]
    fn a_bit_that_is_no_code_ends_the_stream_under_every_cap() {
        let stream = hex!("78016baf56240b318d6b3800505050a3a3a3a3a3a3a3a3a3afaf550baf");
        let mut expected = [0x87, 0x7b, 0x21].repeat(19);
        expected[56] = 0x02;
        for cap in (0..64).chain([316, 1 << 18]) {
            assert_eq!(all(&stream, cap), expected[..cap.min(57)], "{cap}");
        }
    }

    #[test]
    fn a_large_batch_at_the_end_of_a_wrong_stream_does_not_count() {
        // A batch of 20,000 bytes behind one of 100.
        let content = [&[0xb8, 100][..], &[1; 100], &[0xb9, 0x4e, 0x20], &[2; 20_000]].concat();
        let mut zlib = compress(&content, Compression::Zlib);
        assert_eq!(all(&zlib, 1 << 20), content);
        *zlib.last_mut().unwrap() ^= 1;
        assert_eq!(all(&zlib, 1 << 20), content[..102], "the checksum is wrong");
        assert_eq!(all(&zlib, content.len() - 1), content[..content.len() - 1], "and not reached");
        let mut brotli = compress(&content, Compression::Brotli);
        assert_eq!(all(&brotli, 1 << 20), content);
        brotli.push(0);
        assert_eq!(all(&brotli, 1 << 20), content[..102], "something follows");
    }

    #[test]
    fn a_stream_may_ask_for_the_empty_dictionary() {
        let plain = compress(&text(100), Compression::Zlib);
        let with = |dictionary: [u8; 4]| {
            let channel = [&[0x78, 0xbb], &dictionary[..], &plain[2..]].concat();
            inflate(&[channel.into()], 1 << 20, false)
        };
        assert_eq!(with([0, 0, 0, 1]).unwrap(), text(100));
        assert_eq!(with([0; 4]), Err(InflateError::ZlibHeader { actual: [0x78, 0xbb] }));
    }

    #[test]
    fn refuses_what_names_no_compression() {
        let error =
            |data: &[u8], brotli| inflate(&[Bytes::copy_from_slice(data)], 10, brotli).unwrap_err();
        assert_eq!(error(&[], true), InflateError::Unknown { actual: None });
        assert_eq!(error(&[2, 3], true), InflateError::Unknown { actual: Some(2) });
        assert_eq!(error(&[1, 3], false), InflateError::BrotliBeforeFjord);
        for header in [[0x78, 0x9d], [0x7f, 0x9c], [0x88, 0x1c], [0x78, 0xbb]] {
            assert_eq!(error(&header, true), InflateError::ZlibHeader { actual: header });
        }
    }
}
