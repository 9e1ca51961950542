//! Succinct receipts of RISC Zero: that a program with an image id ran to its end and left a journal.
//!
//! ```text
//!   seal ──STARK──► control root · output hash          the seal holds for an allowed recursion program
//!                        │              └─ is the claim
//!   claim = H(image id, journal, halted with 0)         so the program and its journal are these
//! ```
//!
//! Only the Poseidon2 suite is in use.

use quintet_crypto::digest::sha256;
use risc0_circuit_recursion::{CIRCUIT, CircuitImpl, control_id::ALLOWED_CONTROL_ROOT};
use risc0_zkp::{
    adapter::CircuitInfo,
    core::{
        digest::Digest,
        hash::{HashFn, poseidon2::Poseidon2HashSuite},
    },
    field::baby_bear::{BabyBear, BabyBearElem},
    verify::VerificationError,
};

use super::failed;
use crate::script::ScriptError;

/// The hash suite's number.
const POSEIDON2: u8 = 1;

/// Longest path from a control id to the control root, digests.
const CONTROL_PATH_MAX: usize = 8;

/// The parts of a receipt, as they lie on the stack, the top last.
pub(in crate::script) struct Receipt<'a> {
    pub(in crate::script) claim: &'a [u8],
    pub(in crate::script) control_index: &'a [u8],
    pub(in crate::script) control_path: &'a [u8],
    pub(in crate::script) seal: &'a [u8],
    pub(in crate::script) journal: &'a [u8],
    pub(in crate::script) image_id: &'a [u8],
    pub(in crate::script) control_id: &'a [u8],
    pub(in crate::script) suite: &'a [u8],
}

impl Receipt<'_> {
    /// Verifies the receipt.
    pub(in crate::script) fn verify(&self) -> Result<(), ScriptError> {
        let control_id = digest(self.control_id)?;
        let seal = words(self.seal).ok_or(failed("the seal is no list of words"))?;
        let claim = digest(self.claim)?;
        if self.suite != [POSEIDON2] {
            return Err(failed("the receipt's hash suite must be Poseidon2, 1"));
        }
        let Some(&[index]) = words(self.control_index).as_deref() else {
            return Err(failed("the control index must have 4 bytes"));
        };
        let (path, rest) = self.control_path.as_chunks::<32>();
        if !rest.is_empty() || path.len() > CONTROL_PATH_MAX {
            return Err(failed("the control path must be at most 8 digests"));
        }
        let path: Vec<Digest> = path.iter().map(|bytes| Digest::from(*bytes)).collect();
        let (image_id, journal) = (digest(self.image_id)?, digest(self.journal)?);
        verify_seal(&seal, &control_id, index, &path)?;
        let (control_root, output) = globals(&seal).ok_or(failed("the seal has no output"))?;
        if control_root != ALLOWED_CONTROL_ROOT {
            return Err(failed("the seal's control root is not the allowed one"));
        }
        if output != claim {
            return Err(failed("the seal is of another claim"));
        }
        if claim != claim_of(&image_id, &journal) {
            return Err(failed("the claim is of another program or journal"));
        }
        Ok(())
    }
}

fn digest(bytes: &[u8]) -> Result<Digest, ScriptError> {
    Digest::try_from(bytes).map_err(|_| failed("a digest of the receipt must have 32 bytes"))
}

fn words(bytes: &[u8]) -> Option<Vec<u32>> {
    let (words, rest) = bytes.as_chunks::<4>();
    rest.is_empty().then(|| words.iter().copied().map(u32::from_le_bytes).collect())
}

/// Verifies the STARK, and that the program it is of is an allowed one.
fn verify_seal(
    seal: &[u32],
    control_id: &Digest,
    index: u32,
    path: &[Digest],
) -> Result<(), ScriptError> {
    let suite = Poseidon2HashSuite::new_suite();
    let check_code = |_, found: &Digest| {
        let root = root_of(found, index, path, suite.hashfn.as_ref());
        if found == control_id && root == Some(ALLOWED_CONTROL_ROOT) {
            Ok(())
        } else {
            Err(VerificationError::ControlVerificationError { control_id: *found })
        }
    };
    risc0_zkp::verify::verify(&CIRCUIT, &suite, seal, check_code)
        .map_err(|_| failed("the seal does not hold"))
}

/// Returns the root a leaf has with a path. Bits of the index above the path's length say nothing. `None` where something is no digest of the suite.
fn root_of(
    leaf: &Digest,
    index: u32,
    path: &[Digest],
    hash: &dyn HashFn<BabyBear>,
) -> Option<Digest> {
    let mut index = index;
    path.iter().try_fold(*leaf, |node, sibling| {
        if !hash.is_digest_valid(&node) || !hash.is_digest_valid(sibling) {
            return None;
        }
        let (left, right) = if index & 1 == 0 { (&node, sibling) } else { (sibling, &node) };
        let parent = *hash.hash_pair(left, right);
        index >>= 1;
        Some(parent)
    })
}

/// Reads control root and output hash from the start of a seal that has been verified.
///
/// Each takes 16 elements: the root's eight words with padding between them, the hash as 16-bit halves.
fn globals(seal: &[u32]) -> Option<(Digest, Digest)> {
    let mut elements = [0; 32];
    let output = seal.get(..CircuitImpl::OUTPUT_SIZE)?.get(..elements.len())?;
    for (element, raw) in elements.iter_mut().zip(output) {
        *element = BabyBearElem::new_raw(*raw).as_u32();
    }
    let (root, hash) = elements.split_at(16);
    let mut root_words = [0; 8];
    root_words.iter_mut().zip(root.iter().step_by(2)).for_each(|(word, from)| *word = *from);
    let mut bytes = [0; 32];
    for (pair, half) in bytes.as_chunks_mut::<2>().0.iter_mut().zip(hash) {
        *pair = u16::try_from(*half).ok()?.to_le_bytes();
    }
    Some((Digest::from(root_words), Digest::from(bytes)))
}

/// Returns the claim that the program `image_id` halted with 0 and left `journal`.
fn claim_of(image_id: &Digest, journal: &Digest) -> Digest {
    let none = Digest::ZERO;
    let state = tagged("risc0.SystemState", &[&none], &[0]);
    let output = tagged("risc0.Output", &[journal, &none], &[]);
    tagged("risc0.ReceiptClaim", &[&none, image_id, &state, &output], &[0, 0])
}

/// RISC Zero's hash of a tagged structure: tag, digests, words, and how many digests (16 bits).
fn tagged(tag: &str, digests: &[&Digest], words: &[u32]) -> Digest {
    let mut bytes = sha256(&[tag.as_bytes()]).into_bytes().to_vec();
    for digest in digests {
        bytes.extend_from_slice(digest.as_bytes());
    }
    for word in words {
        bytes.extend(word.to_le_bytes());
    }
    // Lossless: at most four.
    bytes.extend(u16::try_from(digests.len()).unwrap_or(u16::MAX).to_le_bytes());
    Digest::from(sha256(&[&bytes]).into_bytes())
}
