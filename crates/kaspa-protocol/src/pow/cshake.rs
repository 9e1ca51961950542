//! The two cSHAKE256 hashes of the proof of work, each of one block of input.
//!
//! Both inputs are shorter than the sponge's 136 bytes: a customised sponge takes one permutation
//! more, done once for the process.
//!
//! **Spec:** NIST SP 800-185, section 3; FIPS 202.

use std::sync::LazyLock;

use keccak::Keccak;
use quintet_primitives::Hash256;

/// The sponge: 25 words, of which 17 take input.
pub(super) type State = [u64; 25];

/// Words that take input, of 136 bytes.
const RATE: usize = 17;

static PROOF_OF_WORK: LazyLock<State> = LazyLock::new(|| customised(b"ProofOfWorkHash"));
static HEAVY: LazyLock<State> = LazyLock::new(|| customised(b"HeavyHash"));

/// Returns the sponge that has taken the hash, the time and 32 zeros, and is padded for a nonce.
pub(super) fn proof_of_work_prefix(pre_pow: &Hash256, timestamp: u64) -> State {
    let mut state = *PROOF_OF_WORK;
    absorb(&mut state, pre_pow);
    state[4] ^= timestamp;
    // Words 5 to 8 are the zeros, 9 is the nonce.
    pad(&mut state, 10);
    state
}

/// Returns the hash of what `prefix` has taken and a nonce.
pub(super) fn proof_of_work(prefix: &State, nonce: u64) -> Hash256 {
    let mut state = *prefix;
    state[9] ^= nonce;
    squeeze(state)
}

/// Returns the hash of 32 bytes under "HeavyHash".
pub(super) fn heavy(input: &Hash256) -> Hash256 {
    let mut state = *HEAVY;
    absorb(&mut state, input);
    pad(&mut state, 4);
    squeeze(state)
}

/// Returns the sponge that has taken the rate, an empty function name and the customisation.
fn customised(name: &[u8]) -> State {
    let mut block = [0; RATE * 8];
    // left_encode(136), left_encode(0 bits), left_encode(bits of the name): each a length and a value.
    let bits = u8::try_from(name.len() * 8).unwrap_or(u8::MAX);
    let encoded = [1, 136, 1, 0, 1, bits];
    let bytes = encoded.iter().chain(name);
    block.iter_mut().zip(bytes).for_each(|(to, byte)| *to = *byte);
    let mut state = [0; 25];
    let (words, _) = block.as_chunks::<8>();
    state.iter_mut().zip(words).for_each(|(state, word)| *state = u64::from_le_bytes(*word));
    permute(&mut state);
    state
}

fn absorb(state: &mut State, hash: &Hash256) {
    let (words, _) = hash.as_bytes().as_chunks::<8>();
    state.iter_mut().zip(words).for_each(|(state, word)| *state ^= u64::from_le_bytes(*word));
}

/// Pads input that ends before word `end`: cSHAKE's two bits, then a one at the end of the block.
const fn pad(state: &mut State, end: usize) {
    state[end] ^= 0x04;
    state[RATE - 1] ^= 1 << 63;
}

fn squeeze(mut state: State) -> Hash256 {
    permute(&mut state);
    let mut hash = [0; Hash256::LEN];
    let (words, _) = hash.as_chunks_mut::<8>();
    words.iter_mut().zip(state).for_each(|(word, state)| *word = state.to_le_bytes());
    Hash256::new(hash)
}

fn permute(state: &mut State) {
    Keccak::new().with_f1600(|permutation| permutation(state));
}
