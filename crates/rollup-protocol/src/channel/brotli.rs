//! Brotli as op-node reads it: batch by batch, through a buffer, in pieces.
//!
//! A brotli decoder hands its output over when its window is full or its input used up. What it holds when the stream breaks is lost, so what
//! comes out depends on the pieces it is given and asked for. These are the pieces of op-node's readers, and their errors: one that comes
//! with a batch's last byte loses the batch, as in [`torn`](super::torn), and bytes behind the stream are such an error.
//!
//! ```text
//!   channel ── 4,095 bytes, then 32,768 each ──► decoder ──► buffer of 4 KiB ──► item's header, batches of less
//!                                                   └──────────────────────────► batches of more, directly
//! ```
//!
//! # Invariants
//!
//! - Output never exceeds the cap. Memory grows with what was decoded, by [`STEP`] at most beyond it.
//!
//! **Spec:** `fjord/derivation.md`, "Brotli Channel Compression"; RFC 7932; op-node's `BatchReader`: `rlp.Stream` over `bufio.Reader` over
//! andybalholm's `brotli.Reader`, whose `Read` is [`Stream::read`].

use ::brotli::{BrotliDecompressStream, BrotliResult, BrotliState, HeapAlloc, HuffmanCode};

use super::torn::BUFFER;

/// Bytes of input the decoder is given at first, and after that.
const CHUNKS: [usize; 2] = [4_095, 32_768];
/// Bytes of a batch for which memory is made at once: its header may name any length.
const STEP: usize = 1 << 20;

/// Nothing comes any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The stream is over.
    Whole,
    /// It breaks, or is not over and has no more input, or something follows it.
    Torn,
}

/// The decoder.
struct Stream<'a> {
    state: BrotliState<HeapAlloc<u8>, HeapAlloc<u32>, HeapAlloc<HuffmanCode>>,
    input: &'a [u8],
    at: usize,
    /// Where the piece of input ends that the decoder was given.
    given: usize,
    /// Bytes it put out, which it counts itself.
    total: usize,
    /// Whether it holds output that was not asked for yet.
    holds: bool,
    end: Option<End>,
}

impl<'a> Stream<'a> {
    fn new(input: &'a [u8]) -> Self {
        // Windows above 24 bits are an extension nobody specified for channels.
        let state = BrotliState::new_strict(
            HeapAlloc::<u8>::new(0),
            HeapAlloc::<u32>::new(0),
            HeapAlloc::<HuffmanCode>::new(HuffmanCode::default()),
        );
        Self { state, input, at: 0, given: 0, total: 0, holds: false, end: None }
    }

    /// Gives the decoder the next piece; returns whether there is one.
    fn give(&mut self) -> bool {
        let piece = CHUNKS[usize::from(self.given > 0)];
        self.given = self.given.saturating_add(piece).min(self.input.len());
        self.given > self.at
    }

    /// Reads up to `out.len()` bytes. Returns how many, and what comes with them.
    fn read(&mut self, out: &mut [u8]) -> (usize, Option<End>) {
        if self.end == Some(End::Torn) {
            return (0, self.end);
        }
        if !self.holds && self.at == self.given && !self.give() {
            return (0, Some(self.end.unwrap_or(End::Torn)));
        }
        loop {
            let (mut unread, mut room, mut written) = (self.given - self.at, out.len(), 0);
            let result = BrotliDecompressStream(
                &mut unread,
                &mut self.at,
                &self.input[..self.given],
                &mut room,
                &mut written,
                out,
                &mut self.total,
                &mut self.state,
            );
            // Where it wants input it may hold more than fits, too.
            self.holds = written == out.len();
            match result {
                BrotliResult::ResultSuccess => {
                    (self.holds, self.end) = (false, Some(End::Whole));
                    return (written, (self.at < self.given).then_some(End::Torn));
                }
                BrotliResult::ResultFailure => {
                    self.end = Some(End::Torn);
                    return (written, self.end);
                }
                BrotliResult::NeedsMoreOutput => {
                    return (written, (written == 0).then_some(End::Torn));
                }
                BrotliResult::NeedsMoreInput if written > 0 => return (written, None),
                BrotliResult::NeedsMoreInput if self.give() => {}
                BrotliResult::NeedsMoreInput => return (0, Some(End::Torn)),
            }
        }
    }
}

/// The buffer behind the decoder, and the items read out of it.
struct Items<'a> {
    stream: Stream<'a>,
    buffer: Box<[u8; BUFFER]>,
    /// What of the buffer is not read yet.
    unread: std::ops::Range<usize>,
    /// What came with the buffer's last bytes.
    end: Option<End>,
    /// Everything that was read.
    output: Vec<u8>,
    cap: usize,
}

impl Items<'_> {
    /// Reads so many bytes into the output, if the cap allows it. Returns whether they came, without an error.
    fn take(&mut self, length: usize) -> bool {
        let begin = self.output.len();
        if length > self.cap - begin {
            return false;
        }
        let end = begin + length;
        let mut at = begin;
        let mut came_with = None;
        while at < end && came_with.is_none() {
            self.output.resize(end.min(at.saturating_add(STEP)), 0);
            // The decoder is asked for the whole rest, or for as much as there is memory: more than it holds in either case.
            let taken;
            (taken, came_with) = self.read(at);
            at += taken;
        }
        self.output.truncate(at);
        at == end && came_with != Some(End::Torn)
    }

    /// Reads once into the output from `at` to its end.
    fn read(&mut self, at: usize) -> (usize, Option<End>) {
        let out = &mut self.output[at..];
        if self.unread.is_empty() {
            if let Some(end) = self.end.take() {
                return (0, Some(end));
            }
            if out.len() >= BUFFER {
                return self.stream.read(out);
            }
            let (filled, end) = self.stream.read(&mut self.buffer[..]);
            if filled == 0 {
                return (0, end);
            }
            (self.unread, self.end) = (0..filled, end);
        }
        let taken = out.len().min(self.unread.len());
        let from = self.unread.start;
        out[..taken].copy_from_slice(&self.buffer[from..from + taken]);
        self.unread.start += taken;
        (taken, None)
    }

    /// Reads the next item. Returns whether it came whole.
    fn item(&mut self) -> bool {
        let begin = self.output.len();
        if !self.take(1) {
            return false;
        }
        let payload = match self.output[begin] {
            0..0x80 => return true,
            first @ 0x80..0xb8 => usize::from(first - 0x80),
            first @ 0xb8..0xc0 => {
                if !self.take(usize::from(first - 0xb7)) {
                    return false;
                }
                let digits = self.output[begin + 1..].iter();
                let length = digits.fold(0_u64, |length, digit| length << 8 | u64::from(*digit));
                usize::try_from(length).unwrap_or(usize::MAX)
            }
            // No batch: whoever reads the output finds out.
            0xc0.. => return false,
        };
        let end = self.output.len().saturating_add(payload);
        let whole = self.take(payload);
        if !whole && self.output.len() == end {
            // All of it came, and an error with it.
            self.output.truncate(begin);
        }
        whole
    }
}

/// Inflates a brotli stream to at most `cap` bytes, as far as it is read item by item. Of an item that does not come whole there may be a part.
pub(super) fn read_items(input: &[u8], cap: usize) -> Vec<u8> {
    let mut items = Items {
        stream: Stream::new(input),
        buffer: Box::new([0; BUFFER]),
        unread: 0..0,
        end: None,
        output: Vec::new(),
        cap,
    };
    while items.item() {}
    items.output
}
