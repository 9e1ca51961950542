//! Lanes over messages of any lengths: a lane whose message has ended takes the next.
//!
//! # Invariants
//!
//! - Long messages go first, so that lanes end together; what is left at the end in too few lanes moves to
//!   narrower ones, with its state.
//! - Whole blocks inside one part are read where they lie; others, and padding, are put together.

use core::array;

use super::{INITIAL, Lanes, Machine, Words, column, digest_of};

/// Bytes of a block.
const BLOCK: usize = 64;

/// Lengths in blocks that are told apart when messages are ordered; longer ones come first as they are.
const LENGTHS: usize = 128;

/// What stands in lanes that are not filled.
const NOTHING: [u8; BLOCK] = [0; BLOCK];

/// Returns the SHA-256 of each message. The machine has lanes.
pub(super) fn hash<const PARTS: usize>(
    machine: Machine,
    messages: &[[&[u8]; PARTS]],
) -> Vec<[u8; 32]> {
    let mut digests = vec![[0; 32]; messages.len()];
    let order = longest_first(messages);
    let mut tasks = order.into_iter().map(|place| Task::new(messages[place], place));
    let rest = match machine.sixteen {
        Some(lanes) => run(lanes, &mut tasks, machine.least_of_sixteen(), &mut digests),
        None => Vec::new(),
    };
    if let Some(lanes) = machine.two {
        run(lanes, &mut rest.into_iter().chain(tasks), 1, &mut digests);
    }
    digests
}

/// Returns the places of messages, long ones first.
fn longest_first<const PARTS: usize>(messages: &[[&[u8]; PARTS]]) -> Vec<usize> {
    let rank = |parts: &[&[u8]; PARTS]| LENGTHS - Padded::new(*parts).blocks.min(LENGTHS);
    let mut starts = [0; LENGTHS + 1];
    for message in messages {
        starts[rank(message) + 1] += 1;
    }
    for rank in 1..=LENGTHS {
        starts[rank] += starts[rank - 1];
    }
    let mut order = vec![0; messages.len()];
    for (place, message) in messages.iter().enumerate() {
        let start = &mut starts[rank(message)];
        order[*start] = place;
        *start += 1;
    }
    order
}

/// Runs tasks to their end, and returns those that were left when fewer than `least` lanes were filled.
fn run<'m, const N: usize, const PARTS: usize, L: Lanes<N>>(
    lanes: L,
    tasks: &mut impl Iterator<Item = Task<'m, PARTS>>,
    least: usize,
    digests: &mut [[u8; 32]],
) -> Vec<Task<'m, PARTS>> {
    let mut state: Words<N> = [[0; N]; 8];
    let mut running: [Option<Task<'m, PARTS>>; N] = array::from_fn(|_| None);
    loop {
        for (lane, place) in running.iter_mut().enumerate().filter(|(_, place)| place.is_none()) {
            let Some(task) = tasks.next() else { break };
            state.iter_mut().zip(task.state).for_each(|(row, word)| row[lane] = word);
            *place = Some(task);
        }
        if running.iter().flatten().count() < least.max(1) {
            return leave(&state, running);
        }
        let steps = running.iter().flatten().map(|task| task.message.blocks).min().unwrap_or(0);
        for _ in 0..steps {
            let mut made = [NOTHING; N];
            let mut blocks = [&NOTHING; N];
            for ((block, place), made) in blocks.iter_mut().zip(&mut running).zip(&mut made) {
                if let Some(task) = place {
                    *block = task.message.next(made);
                }
            }
            lanes.compress(&mut state, blocks);
        }
        for (lane, place) in running.iter_mut().enumerate() {
            if let Some(ended) = place.take_if(|task| task.message.blocks == 0) {
                digests[ended.place] = digest_of(&column(&state, lane));
            }
        }
    }
}

/// Returns the tasks that are running, with their states.
fn leave<'m, const N: usize, const PARTS: usize>(
    state: &Words<N>,
    running: [Option<Task<'m, PARTS>>; N],
) -> Vec<Task<'m, PARTS>> {
    let running = running.into_iter().enumerate();
    let left = running
        .filter_map(|(lane, task)| task.map(|task| Task { state: column(state, lane), ..task }));
    left.collect()
}

/// A message on its way, and the place of its digest.
struct Task<'m, const PARTS: usize> {
    state: [u32; 8],
    message: Padded<'m, PARTS>,
    place: usize,
}

impl<'m, const PARTS: usize> Task<'m, PARTS> {
    fn new(parts: [&'m [u8]; PARTS], place: usize) -> Self {
        Self { state: INITIAL, message: Padded::new(parts), place }
    }
}

/// What is left of a message and its padding.
struct Padded<'m, const PARTS: usize> {
    parts: [&'m [u8]; PARTS],
    /// Parts before are used up.
    part: usize,
    /// Blocks left.
    blocks: usize,
    /// Bits of the whole message.
    bits: u64,
    /// Whether the bit behind the message is written.
    ended: bool,
}

impl<'m, const PARTS: usize> Padded<'m, PARTS> {
    fn new(parts: [&'m [u8]; PARTS]) -> Self {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        // A bit and the length, eight bytes, follow the message.
        let blocks = (length + 8) / BLOCK + 1;
        Self { parts, part: 0, blocks, bits: length as u64 * 8, ended: false }
    }

    /// Returns the next block, which may be put together in `made`; there must be one left.
    #[inline]
    fn next<'s>(&mut self, made: &'s mut [u8; BLOCK]) -> &'s [u8; BLOCK]
    where
        'm: 's,
    {
        self.blocks -= 1;
        if let Some(part) = self.parts.get_mut(self.part)
            && let Some((block, rest)) = part.split_first_chunk()
        {
            *part = rest;
            return block;
        }
        self.put_together(made);
        made
    }

    #[inline(never)]
    fn put_together(&mut self, made: &mut [u8; BLOCK]) {
        let mut filled = 0;
        while let Some(part) = self.parts.get_mut(self.part) {
            let (taken, rest) = part.split_at(part.len().min(BLOCK - filled));
            made[filled..filled + taken.len()].copy_from_slice(taken);
            filled += taken.len();
            *part = rest;
            if filled == BLOCK {
                return;
            }
            self.part += 1;
        }
        made[filled..].fill(0);
        if !self.ended {
            made[filled] = 0x80;
            self.ended = true;
        }
        if self.blocks == 0 {
            made[BLOCK - 8..].copy_from_slice(&self.bits.to_be_bytes());
        }
    }
}
