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

/// Bytes of the buffer between decoder and batches.
const BUFFER: usize = 4_096;
/// Bytes of the decoder's window: it hands over what it has when it is full.
const WINDOW: usize = 32_768;

/// The reading of a content whose last bytes come with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Torn {
    /// Bytes of the content.
    length: usize,
    /// Where the decoder handed over before its window was full, ascending.
    flushes: Vec<usize>,
    /// Bytes that were read.
    at: usize,
    /// Bytes that left the decoder; what is between is in the buffer.
    drawn: usize,
}

impl Torn {
    /// Begins reading a content of so many bytes, behind which the stream breaks. There is nothing to tell where the error comes alone,
    /// because everything was handed over before.
    pub(super) fn new(length: usize, flushes: Vec<usize>) -> Option<Self> {
        let alone = length.is_multiple_of(WINDOW) || flushes.last() == Some(&length);
        (!alone).then_some(Self { length, flushes, at: 0, drawn: 0 })
    }

    /// Reads an item: its header, which is a byte and the length's bytes, and its payload. Returns whether it comes without the error.
    pub(super) fn read(&mut self, header: usize, payload: usize) -> bool {
        self.take(1.min(header)) && self.take(header.saturating_sub(1)) && self.take(payload)
    }

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

    fn reads(length: usize, flushes: &[usize], items: &[usize]) -> Vec<bool> {
        let mut torn = Torn::new(length, flushes.to_vec()).unwrap();
        items.iter().map(|item| torn.read(3, *item)).collect()
    }

    #[test]
    fn a_small_batch_comes_through_the_buffer_and_the_error_waits() {
        assert_eq!(reads(1_003, &[], &[1_000]), [true]);
        assert_eq!(reads(4_098, &[], &[4_095]), [true]);
    }

    #[test]
    fn a_large_batch_comes_with_the_error() {
        // What of it lies in the buffer is not enough: the rest is read directly, if it is as much as a buffer.
        assert_eq!(reads(40_000, &[], &[39_997]), [false]);
        assert_eq!(reads(8_191, &[], &[8_188]), [true], "4,093 and 4,095 bytes");
        assert_eq!(reads(8_192, &[], &[8_189]), [false], "4,093 and 4,096 bytes");
    }

    #[test]
    fn a_flush_or_the_windows_end_before_the_break_saves_the_batch() {
        assert_eq!(Torn::new(40_000, vec![40_000]), None);
        assert_eq!(Torn::new(65_536, vec![]), None);
        assert_eq!(
            reads(40_000, &[39_000], &[39_997]),
            [true],
            "the last 1,000 through the buffer"
        );
        assert_eq!(
            reads(33_000, &[], &[32_997]),
            [true],
            "behind the window's end too few are left"
        );
    }

    #[test]
    fn the_reads_before_decide_too() {
        assert_eq!(reads(8_400, &[], &[200, 8_194]), [true, false]);
        assert_eq!(reads(8_400, &[4_500], &[200, 8_194]), [true, true]);
    }
}
