//! A message on the wire: a signature and a payload, compressed.
//!
//! ```text
//!   snappy block ( r 32 │ s 32 │ parity 1 │ from V3: beacon root 32 │ payload, SSZ )
//!                  └──── signature ────┘  └──────── what is signed ────────┘
//! ```
//!
//! The id of a message is a hash of what is inside, so that it does not depend on who compressed it. op-node hashes the topic's name before it,
//! as Ethereum's consensus layer has done since Altair; the specification does not, and here the specification is followed, as in kona. Ids are
//! exchanged only to say which messages somebody has: nodes that differ send each other a message twice, and each drops the second.
//!
//! **Spec:** `rollup-node-p2p.md`, "Message compression and limits", "Message ID computation", "Block encoding", "Block signatures".

use alloy_primitives::{Address, B256, Bytes, Signature, U256, keccak256};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::signer::recover;

/// Most bytes of a message, compressed or not: 10 MiB.
pub const CONTENT_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 65;
/// Bytes of a message's id.
pub const ID_BYTES: usize = 20;
/// What a byte of a snappy block decompresses to at most, bytes: its longest copy is 64 bytes, for three.
const EXPANSION_MAX: usize = 22;

/// What stands before what is hashed for the id of a message that could be decompressed.
const DOMAIN_VALID: [u8; 4] = [1, 0, 0, 0];
/// What stands before what is hashed for the id of another.
const DOMAIN_INVALID: [u8; 4] = [0, 0, 0, 0];

/// Why bytes are no message.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MessageError {
    /// They are no snappy block.
    #[error("message: expected a snappy block, {reason}")]
    Compression {
        /// What is wrong.
        reason: String,
    },
    /// They would decompress to more than is allowed, or than can be.
    #[error("message: expected at most {expected} bytes, got one that says it has {actual}")]
    Length {
        /// The bound.
        expected: usize,
        /// What it says.
        actual: usize,
    },
    /// There is nothing behind the signature.
    #[error("message: expected a signature of 65 bytes and a payload, got {actual} bytes")]
    Short {
        /// How many there are.
        actual: usize,
    },
}

/// Decompresses a message.
///
/// # Errors
///
/// [`MessageError`] if it is no snappy block, or one of more than [`CONTENT_BYTES_MAX`].
pub fn decompress(data: &[u8]) -> Result<Vec<u8>, MessageError> {
    let bad = |error: snap::Error| MessageError::Compression { reason: error.to_string() };
    let actual = snap::raw::decompress_len(data).map_err(bad)?;
    let expected = CONTENT_BYTES_MAX.min(data.len().saturating_mul(EXPANSION_MAX));
    if actual > expected {
        return Err(MessageError::Length { expected, actual });
    }
    snap::raw::Decoder::new().decompress_vec(data).map_err(bad)
}

/// Compresses a message.
///
/// # Errors
///
/// [`MessageError::Length`] if it is longer than [`CONTENT_BYTES_MAX`].
pub fn compress(content: &[u8]) -> Result<Vec<u8>, MessageError> {
    if content.len() > CONTENT_BYTES_MAX {
        return Err(MessageError::Length { expected: CONTENT_BYTES_MAX, actual: content.len() });
    }
    let bad = |error: snap::Error| MessageError::Compression { reason: error.to_string() };
    snap::raw::Encoder::new().compress_vec(content).map_err(bad)
}

fn hashed(domain: [u8; 4], bytes: &[u8]) -> [u8; ID_BYTES] {
    let digest = Sha256::new().chain_update(domain).chain_update(bytes).finalize();
    let mut id = [0; ID_BYTES];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

/// Returns the id of a message that was decompressed to `content`.
#[must_use]
pub fn id(content: &[u8]) -> [u8; ID_BYTES] {
    hashed(DOMAIN_VALID, content)
}

/// Returns the id of a message as it is on the wire, whether it can be decompressed or not.
#[must_use]
pub fn id_on_the_wire(data: &[u8]) -> [u8; ID_BYTES] {
    decompress(data).map_or_else(|_| hashed(DOMAIN_INVALID, data), |content| id(&content))
}

/// Returns what the sequencer signs: `payload` with the beacon root before it, if its version has one.
#[must_use]
pub fn signing_hash(chain_id: u64, payload: &[u8]) -> B256 {
    // The domain is zero: no other kind of message has been given one.
    let parts = [B256::ZERO, U256::from(chain_id).into(), keccak256(payload)];
    keccak256(parts.map(|part| part.0).concat())
}

/// Puts a signature before what it signs.
#[must_use]
pub fn join(signature: &Signature, payload: &[u8]) -> Vec<u8> {
    let mut content = Vec::with_capacity(SIGNATURE_BYTES + payload.len());
    content.extend_from_slice(&signature.r().to_be_bytes::<32>());
    content.extend_from_slice(&signature.s().to_be_bytes::<32>());
    content.push(u8::from(signature.v()));
    content.extend_from_slice(payload);
    content
}

/// A message taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// R, S, and whether the Y of the point behind R is odd.
    pub signature: [u8; SIGNATURE_BYTES],
    /// What is signed.
    pub payload: Bytes,
}

impl Message {
    /// Takes a message apart that was decompressed.
    ///
    /// # Errors
    ///
    /// [`MessageError::Short`] if there is nothing behind the signature.
    pub fn split(content: &Bytes) -> Result<Self, MessageError> {
        let short = || MessageError::Short { actual: content.len() };
        let (signature, rest) = content.split_first_chunk().ok_or_else(short)?;
        if rest.is_empty() {
            return Err(short());
        }
        Ok(Self { signature: *signature, payload: content.slice(SIGNATURE_BYTES..) })
    }

    /// Returns who signed it, if the signature is one.
    #[must_use]
    pub fn signer(&self, chain_id: u64) -> Option<Address> {
        let (compact, parity) = self.signature.split_first_chunk::<64>()?;
        let odd = match parity {
            [0] => false,
            [1] => true,
            _ => return None,
        };
        recover(compact, odd, &signing_hash(chain_id, &self.payload))
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256, hex};

    use super::*;
    use crate::payload::{PayloadVersion, ssz};

    /// Messages of development chains, as op-alloy's tests have them, with the times of their blocks. That of the last version was made by hand.
    const OTHERS: [(PayloadVersion, u64, &[u8]); 4] = [
        (
            PayloadVersion::V1,
            1_725_271_882,
            &hex!(
                "bd04f043128457c6ccf35128497167442bcc0f8cce78cda8b366e6a12e526d938d1e4c1046acffffbfc542a7e212bb7d80d3a4b2f84f7b196d935398a24eb84c519789b401000000fe0300fe0300fe0300fe0300fe0300fe0300a203000c4a8fd56621ad04fc0101067601008ce60be0005b220117c32c0f3b394b346c2aa42cfa8157cd41f891aa0bec485a62fc010000"
            ),
        ),
        (
            PayloadVersion::V2,
            1_708_427_627,
            &hex!(
                "c104f0433805080eb36c0b130a7cc1dc74c3f721af4e249aa6f61bb89d1557143e971bb738a3f3b98df7c457e74048e9d2d7e5cd82bb45e3760467e2270e9db86d1271a700000000fe0300fe0300fe0300fe0300fe0300fe0300a203000c6b89d46525ad000205067201009cda69cb5b9b73fc4eb2458b37d37f04ff507fe6c9cd2ab704a05ea9dae3cd61760002000000020000"
            ),
        ),
        (
            PayloadVersion::V3,
            1_708_427_461,
            &hex!(
                "f104f0434442b9eb38b259f5b23826e6b623e829d2fb878dac70187a1aecf42a3f9bedfd29793d1fcb5822324be0d3e12340a95855553a65d64b83e5579dffb31470df5d010000006a03000412346a1d00fe0100fe0100fe0100fe0100fe0100fe01004201000cc588d465219504100201067601007cfece77b89685f60e3663b6e0faf2de0734674eb91339700c4858c773a8ff921e014401043e0100"
            ),
        ),
        (
            PayloadVersion::V4,
            1_741_842_007,
            &hex!(
                "9105f043cee25401b6853202950d1d8a082f31a80c4fef5782c049a731f5d104b1b9b9aa7618605b420438ae98b44c8aaaebd482854473c2ae57c079286bb634bece5210000000006a03000412346a1d00fe0100fe0100fe0100fe0100fe0100fe01004201000c5766d26721950430020106f6010001440104b60100049876"
            ),
        ),
    ];

    #[test]
    fn messages_of_other_nodes_are_read_and_hold_the_blocks_they_name() {
        for (version, time, wire) in OTHERS {
            let content: Bytes = decompress(wire).unwrap().into();
            let message = Message::split(&content).unwrap();
            let envelope = ssz::decode(version, &message.payload).unwrap();
            assert_eq!(envelope.payload.timestamp, time);
            if !envelope.payload.block_hash.is_zero() {
                assert_eq!(envelope.block_rlp(version).map(|_| ()), Ok(()), "{version:?}");
            }
            assert!(message.signer(100).is_some());
            assert_eq!(ssz::encode(version, &envelope).unwrap(), message.payload.to_vec());
            assert_eq!(compress(&content).unwrap(), wire, "compressed as the reference does");
        }
    }

    #[test]
    fn what_is_signed_is_what_others_sign() {
        // op-alloy's `test_signature_message`: the hash of 32 bytes 0x99 on chain 10.
        let expected = b256!("44a0e2b1aba1aae1771eddae1dcd2ad18a8cdac8891517153f03253e49d3f206");
        assert_eq!(signing_hash(10, &[0x99; 32]), expected);
    }

    #[test]
    fn a_signature_says_who_made_it_on_which_chain() {
        let payload: Bytes = vec![1, 2, 3].into();
        let (signature, signer) = crate::testing::sign(&signing_hash(901, &payload));
        let content: Bytes = join(&signature, &payload).into();
        let mut message = Message::split(&content).unwrap();
        assert_eq!(message.payload, payload);
        assert_eq!(message.signer(901), Some(signer));
        assert_ne!(message.signer(902), Some(signer));
        // Ethereum's transactions write 27 and 28; gossip does not.
        message.signature[64] += 27;
        assert_eq!(message.signer(901), None);
        message.signature = [0; SIGNATURE_BYTES];
        assert_eq!(message.signer(901), None);
        let nobody = address!("0000000000000000000000000000000000000000");
        assert_ne!(signer, nobody);
    }

    #[test]
    fn an_id_is_of_what_is_inside_or_of_what_cannot_be_opened() {
        let content = vec![7; 300];
        let wire = compress(&content).unwrap();
        assert_eq!(id_on_the_wire(&wire), id(&content));
        let digest = Sha256::digest([&[1, 0, 0, 0][..], &content].concat());
        assert_eq!(id(&content)[..], digest[..20]);
        let broken = &wire[..wire.len() - 1];
        let digest = Sha256::digest([&[0, 0, 0, 0][..], broken].concat());
        assert_eq!(id_on_the_wire(broken)[..], digest[..20]);
    }

    #[test]
    fn a_length_that_cannot_be_is_not_reserved() {
        // Varints of 10 MiB + 1, and of 10 MiB with nothing behind it.
        for claim in [hex!("8180800500").as_slice(), &hex!("8080800500")] {
            let refused = decompress(claim).unwrap_err();
            assert!(matches!(refused, MessageError::Length { .. }), "{refused}");
        }
        assert!(matches!(decompress(&[]), Err(MessageError::Compression { .. })));
        assert!(matches!(decompress(&[0xff; 20]), Err(MessageError::Compression { .. })));
        let long = vec![0; CONTENT_BYTES_MAX + 1];
        assert!(matches!(compress(&long), Err(MessageError::Length { .. })));
        // The best that can be compressed is let through.
        let zeros = vec![0; CONTENT_BYTES_MAX];
        assert_eq!(decompress(&compress(&zeros).unwrap()), Ok(zeros));
    }

    #[test]
    fn a_signature_alone_is_no_message() {
        for length in [0, 64, 65] {
            let refused = Message::split(&vec![0; length].into());
            assert_eq!(refused, Err(MessageError::Short { actual: length }));
        }
    }
}
