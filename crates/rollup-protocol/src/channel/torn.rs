//! What of a torn stream reaches its reader.
//!
//! A batch may be there whole and yet not be read. op-node reads batches through a buffer out of a decoder, and the decoder hands over
//! its last bytes *together with* the error that follows them. Read into the buffer, the bytes count and the error waits. But where
//! the buffer is empty and a batch lacks as much as the buffer holds, the decoder writes into the batch itself; then its error
//! comes with the batch's last byte, and the batch is refused. So the last batch of a channel without a right checksum counts or not by
//! its size and by where the reads before it ended.
//!
//! ```text
//!   decoder ── chunks, to the end of the window, a flush or the stream ──► buffer of 4 KiB ──► batches of less than 4 KiB
//!                                                                  └─────────────────────────► batches of more, directly
//! ```
//!
//! A stream that ends in a flush hands over what it has before it breaks: OP Mainnet's real ones lose nothing.
//!
//! # Invariants
//!
//! - This is about the last batch alone, if it ends with the content and the stream does not end well.
//!
//! **Spec:** silent. op-node's `BatchReader`: `rlp.Stream` over `bufio.Reader` over `zlib.Reader`, their `readFull`, `Read` and `Read`.

use crate::rlp::Header;

/// Bytes of the buffer between decoder and batches.
pub(super) const BUFFER: usize = 4_096;
/// Bytes of the decoder's window: it hands over what it has when it is full.
const WINDOW: usize = 32_768;

/// Returns how much of a content counts, behind which the stream breaks: all, or all but the last batch. `flushes` are where the decoder
/// handed over before its window was full, ascending.
pub(super) fn readable(content: &[u8], flushes: &[usize]) -> usize {
    if content.len().is_multiple_of(WINDOW) || flushes.last() == Some(&content.len()) {
        // Everything was handed over before, and the error comes alone.
        return content.len();
    }
    let mut reads = Reads { length: content.len(), flushes, at: 0, drawn: 0 };
    let mut begin = 0;
    while let Some(Ok(Header { list: false, header, payload })) =
        content.get(begin..).filter(|rest| !rest.is_empty()).map(Header::read)
    {
        // A byte, the length's bytes, and then the batch.
        let whole = reads.take(header.min(1))
            && reads.take(header.saturating_sub(1))
            && reads.take(payload);
        if !whole {
            return begin;
        }
        begin += header + payload;
    }
    content.len()
}

/// Reads of a content whose last bytes come with an error.
struct Reads<'a> {
    /// Bytes of the content.
    length: usize,
    flushes: &'a [usize],
    /// Bytes that were read.
    at: usize,
    /// Bytes that left the decoder; what is between is in the buffer.
    drawn: usize,
}

impl Reads<'_> {
    /// Reads so many bytes that are there. Returns whether they come without the error.
    fn take(&mut self, mut length: usize) -> bool {
        while length > 0 {
            let mut taken = self.drawn.saturating_sub(self.at).min(length);
            if taken == 0 {
                let chunk = self.chunk_end().saturating_sub(self.drawn);
                if chunk == 0 {
                    return false;
                }
                if length < BUFFER {
                    self.drawn += chunk.min(BUFFER);
                    continue;
                }
                taken = chunk.min(length);
                self.drawn += taken;
                if self.drawn == self.length {
                    return false;
                }
            }
            self.at += taken;
            length -= taken;
        }
        true
    }

    /// Returns the end of what the decoder hands over next.
    fn chunk_end(&self) -> usize {
        let window = (self.drawn / WINDOW + 1) * WINDOW;
        let flush = self.flushes.partition_point(|flush| *flush <= self.drawn);
        let flush = self.flushes.get(flush).copied().unwrap_or(self.length);
        window.min(flush).min(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many of these batches, each with a header of three bytes, are read.
    fn reads(flushes: &[usize], batches: &[u16]) -> usize {
        let mut content = Vec::new();
        let mut ends = vec![0];
        for batch in batches {
            content.push(0xb9);
            content.extend(batch.to_be_bytes());
            content.resize(content.len() + usize::from(*batch), 0);
            ends.push(content.len());
        }
        let readable = readable(&content, flushes);
        ends.iter().position(|end| *end == readable).unwrap()
    }

    #[test]
    fn a_small_batch_comes_through_the_buffer_and_the_error_waits() {
        assert_eq!(reads(&[], &[1_000]), 1);
        assert_eq!(reads(&[], &[4_095]), 1);
    }

    #[test]
    fn a_large_batch_comes_with_the_error() {
        // What of it lies in the buffer is not enough: the rest is read directly, if it is as much as a buffer.
        assert_eq!(reads(&[], &[39_997]), 0);
        assert_eq!(reads(&[], &[8_188]), 1, "4,093 and 4,095 bytes");
        assert_eq!(reads(&[], &[8_189]), 0, "4,093 and 4,096 bytes");
    }

    #[test]
    fn a_flush_or_the_windows_end_before_the_break_saves_the_batch() {
        assert_eq!(reads(&[40_000], &[39_997]), 1);
        assert_eq!(reads(&[], &[32_765]), 1);
        assert_eq!(reads(&[39_000], &[39_997]), 1, "the last 1,000 through the buffer");
        assert_eq!(reads(&[], &[32_997]), 1, "behind the window's end too few are left");
    }

    #[test]
    fn the_reads_before_decide_too() {
        assert_eq!(reads(&[], &[300, 8_194]), 1);
        assert_eq!(reads(&[4_500], &[300, 8_194]), 2);
    }
}
