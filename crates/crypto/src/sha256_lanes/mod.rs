//! SHA-256 of many messages at once: the ids of a block's transactions, and Merkle trees.
//!
//! ```text
//! messages, the longest first ─► lanes, refilled as messages end ─► digests ─► hashed once more
//!
//!   sixteen lanes   AVX-512
//!   two lanes       SHA instructions: one hash waits for each of its rounds, two keep the unit busy
//!   one by one      everything else
//! ```
//!
//! Which there are is found out when the program runs; property tests compare each with the hashes one by one.
//!
//! **Spec:** FIPS 180-4.

use crate::digest::sha256d;

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(not(target_arch = "x86_64"))]
mod elsewhere;
mod messages;
#[cfg(target_arch = "x86_64")]
mod sha_ni;
#[cfg(test)]
mod tests;

#[cfg(target_arch = "x86_64")]
use self::{avx512::Sixteen, sha_ni::Two};
#[cfg(not(target_arch = "x86_64"))]
use elsewhere::{Sixteen, Two};

/// The state before the first block.
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The constants of the rounds.
const ROUND: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// Round constants plus the schedule of the block that pads 64 bytes.
const PADDING: [u32; 64] = {
    let mut schedule = [0_u32; 64];
    schedule[0] = 1 << 31;
    schedule[15] = 512;
    let mut at = 16;
    while at < 64 {
        let (x, y) = (schedule[at - 15], schedule[at - 2]);
        let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        let sum = schedule[at - 16].wrapping_add(s0).wrapping_add(schedule[at - 7]);
        schedule[at] = sum.wrapping_add(s1);
        at += 1;
    }
    let mut at = 0;
    while at < 64 {
        schedule[at] = schedule[at].wrapping_add(ROUND[at]);
        at += 1;
    }
    schedule
};

/// The states of hashes side by side: eight words, each of every lane.
type Words<const N: usize> = [[u32; N]; 8];

/// `N` hashes side by side. A value exists only where the processor can.
trait Lanes<const N: usize>: Copy {
    /// Hashes from which lanes that are not all filled are faster than what comes next.
    const WORTH_WHILE: usize;

    /// Takes one block into each state.
    fn compress(self, state: &mut Words<N>, blocks: [&[u8; 64]; N]);

    /// Returns the double hash of each block.
    fn sha256d_64(self, blocks: &[[u8; 64]; N]) -> [[u8; 32]; N];

    /// Replaces digests by their own.
    fn hash_digests(self, digests: &mut [[u8; 32]; N]) {
        let mut blocks = [[0; 64]; N];
        for (block, digest) in blocks.iter_mut().zip(&*digests) {
            block[..32].copy_from_slice(digest);
            block[32] = 0x80;
            block[62] = 1;
        }
        let mut state = INITIAL.map(|word| [word; N]);
        self.compress(&mut state, blocks.each_ref());
        for (lane, digest) in digests.iter_mut().enumerate() {
            *digest = digest_of(&column(&state, lane));
        }
    }
}

/// What this processor has.
#[derive(Debug, Clone, Copy)]
struct Machine {
    sixteen: Option<Sixteen>,
    two: Option<Two>,
}

impl Machine {
    fn detect() -> Self {
        Self { sixteen: Sixteen::detect(), two: Two::detect() }
    }
}

/// Returns the double SHA-256 of each message, which is the concatenation of its parts.
///
/// From three messages on this is faster than one after another; sixteen and more are best.
#[must_use]
pub fn sha256d_many<const PARTS: usize>(messages: &[[&[u8]; PARTS]]) -> Vec<[u8; 32]> {
    Machine::detect().many(messages)
}

/// Returns the double SHA-256 of each block.
///
/// **Spec:** Bitcoin Core's `SHA256D64`.
#[must_use]
pub fn sha256d_64_many(blocks: &[[u8; 64]]) -> Vec<[u8; 32]> {
    let mut digests = vec![[0; 32]; blocks.len()];
    sha256d_64_into(blocks, &mut digests);
    digests
}

/// Writes the double SHA-256 of each block to the digest at its place; the shorter list decides.
pub(crate) fn sha256d_64_into(blocks: &[[u8; 64]], digests: &mut [[u8; 32]]) {
    Machine::detect().blocks(blocks, digests);
}

impl Machine {
    fn many<const PARTS: usize>(self, messages: &[[&[u8]; PARTS]]) -> Vec<[u8; 32]> {
        if messages.len() < 2 || (self.sixteen.is_none() && self.two.is_none()) {
            return messages.iter().map(|parts| sha256d(parts).into_bytes()).collect();
        }
        let mut digests = messages::hash(self, messages);
        self.digests(&mut digests);
        digests
    }

    fn blocks(self, blocks: &[[u8; 64]], digests: &mut [[u8; 32]]) {
        let done = self.sixteen.map_or(0, |lanes| wide(lanes, blocks, digests));
        let (blocks, digests) = (&blocks[done..], &mut digests[done..]);
        let done = self.two.map_or(0, |lanes| wide(lanes, blocks, digests));
        for (block, digest) in blocks.iter().zip(digests).skip(done) {
            *digest = sha256d(&[block]).into_bytes();
        }
    }

    /// Replaces digests by their own.
    fn digests(self, digests: &mut [[u8; 32]]) {
        let done =
            self.sixteen.map_or(0, |lanes| hash_digests(lanes, digests, self.least_of_sixteen()));
        let digests = &mut digests[done..];
        let done = self.two.map_or(0, |lanes| hash_digests(lanes, digests, 1));
        // Without two lanes, the sixteen took them all.
        debug_assert_eq!(done, if self.two.is_some() { digests.len() } else { 0 });
    }

    /// Filled lanes from which sixteen are used: any number where nothing else is there.
    const fn least_of_sixteen(self) -> usize {
        if self.two.is_some() { <Sixteen as Lanes<16>>::WORTH_WHILE } else { 1 }
    }
}

/// Hashes as many blocks as is worth while side by side, and returns how many those were.
fn wide<const N: usize, L: Lanes<N>>(
    lanes: L,
    blocks: &[[u8; 64]],
    digests: &mut [[u8; 32]],
) -> usize {
    let mut done = 0;
    for (blocks, digests) in blocks.chunks(N).zip(digests.chunks_mut(N)) {
        let count = blocks.len().min(digests.len());
        if count < L::WORTH_WHILE {
            break;
        }
        let mut filled = [[0; 64]; N];
        let input = blocks.try_into().unwrap_or_else(|_| {
            filled[..blocks.len()].copy_from_slice(blocks);
            &filled
        });
        digests.iter_mut().zip(lanes.sha256d_64(input)).for_each(|(digest, lane)| *digest = lane);
        done += count;
    }
    done
}

/// Hashes as many digests as fill at least `least` lanes, and returns how many those were.
fn hash_digests<const N: usize, L: Lanes<N>>(
    lanes: L,
    digests: &mut [[u8; 32]],
    least: usize,
) -> usize {
    let mut done = 0;
    for digests in digests.chunks_mut(N) {
        if digests.len() < least {
            break;
        }
        let mut filled = [[0; 32]; N];
        filled[..digests.len()].copy_from_slice(digests);
        lanes.hash_digests(&mut filled);
        digests.copy_from_slice(&filled[..digests.len()]);
        done += digests.len();
    }
    done
}

/// Returns the state of one lane.
#[inline]
fn column<const N: usize>(state: &Words<N>, lane: usize) -> [u32; 8] {
    state.map(|row| row[lane])
}

#[inline]
fn digest_of(state: &[u32; 8]) -> [u8; 32] {
    let mut digest = [0; 32];
    let (chunks, _) = digest.as_chunks_mut::<4>();
    chunks.iter_mut().zip(state).for_each(|(chunk, word)| *chunk = word.to_be_bytes());
    digest
}
