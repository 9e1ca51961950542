//! The domains, and the codec that writes values into a hasher.

use quintet_primitives::Hash256;
use sha2::Digest as _;

/// Whatever takes bytes one after another. Numbers are little-endian, lengths 64-bit.
pub trait Put {
    /// Takes the bytes as they are.
    fn put(&mut self, bytes: &[u8]) -> &mut Self;

    /// Takes a hash.
    fn hash(&mut self, hash: &Hash256) -> &mut Self {
        self.put(hash.as_bytes())
    }

    /// Takes a truth value as one byte.
    fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value.into())
    }

    /// Takes one byte.
    fn u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }

    /// Takes two bytes.
    fn u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Takes four bytes.
    fn u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Takes eight bytes.
    fn u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_le_bytes())
    }

    /// Takes a length as eight bytes.
    fn length(&mut self, length: usize) -> &mut Self {
        self.u64(length as u64)
    }

    /// Takes the bytes' length, then the bytes.
    fn var_bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.length(bytes.len()).put(bytes)
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }
}

macro_rules! domains {
    ($(#[$doc:meta])* $family:ident, $hasher:ident { $($(#[$each:meta])* $name:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $family(&'static str);

        impl $family {
            $($(#[$each])* pub const $name: Self = Self($text);)*

            /// Every domain of this construction.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns the text that separates it from the others.
            #[must_use]
            pub const fn name(self) -> &'static str {
                self.0
            }

            /// Returns the hash of the concatenation of `parts`.
            #[must_use]
            pub fn hash(self, parts: &[&[u8]]) -> Hash256 {
                let mut hasher = self.hasher();
                for part in parts {
                    hasher.put(part);
                }
                hasher.finish()
            }
        }
    };
}

domains!(
    /// A domain of keyed BLAKE2b-256.
    Blake2b, Blake2bHasher {
        /// Transactions, signatures included.
        TRANSACTION_HASH = "TransactionHash",
        /// Ids of version 0 transactions.
        TRANSACTION_ID = "TransactionID",
        /// What Schnorr signatures sign, and its parts.
        TRANSACTION_SIGNING_HASH = "TransactionSigningHash",
        /// Headers.
        BLOCK_HASH = "BlockHash",
        /// Declared, not used: proof of work takes cSHAKE256 of the same name.
        PROOF_OF_WORK_HASH = "ProofOfWorkHash",
        /// Inner nodes of Merkle trees.
        MERKLE_BRANCH_HASH = "MerkleBranchHash",
        /// Elements of the UTXO set.
        MUHASH_ELEMENT = "MuHashElement",
        /// The hash of the UTXO set.
        MUHASH_FINALIZE = "MuHashFinalize",
        /// Messages of people (KIP-5).
        PERSONAL_MESSAGE_SIGNING_HASH = "PersonalMessageSigningHash",
        /// Ids of covenants (KIP-20).
        COVENANT_ID = "CovenantID",
    }
);

domains!(
    /// A domain of SHA-256.
    Sha256, Sha256Hasher {
        /// What ECDSA signatures sign: the Schnorr hash inside.
        TRANSACTION_SIGNING_HASH_ECDSA = "TransactionSigningHashECDSA",
    }
);

domains!(
    /// A domain of keyed BLAKE3.
    Blake3, Blake3Hasher {
        /// Inner nodes of the sequencing commitment's trees.
        SEQ_COMMIT_MERKLE_BRANCH = "SeqCommitmentMerkleBranchHash",
        /// Payloads in version 1 ids.
        PAYLOAD_DIGEST = "PayloadDigest",
        /// All but the payload in version 1 ids.
        TRANSACTION_REST = "TransactionRest",
        /// Ids of version 1 transactions.
        TRANSACTION_V1_ID = "TransactionV1Id",
        /// Keys of lanes.
        SEQ_COMMIT_LANE_KEY = "SeqCommitLaneKey",
        /// Tips of lanes.
        SEQ_COMMIT_LANE_TIP = "SeqCommitLaneTip",
        /// Leaves of a lane's activity.
        SEQ_COMMIT_ACTIVITY_LEAF = "SeqCommitActivityLeaf",
        /// Contexts of mergesets.
        SEQ_COMMIT_MERGESET_CONTEXT = "SeqCommitMergesetContext",
        /// Leaves of miners' payloads.
        SEQ_COMMIT_MINER_PAYLOAD_LEAF = "SeqCommitMinerPayloadLeaf",
        /// Roots of activity.
        SEQ_COMMIT_ACTIVITY_ROOT = "SeqCommitActivityRoot",
        /// Leaves of the tree of active lanes.
        SEQ_COMMIT_ACTIVE_LEAF = "SeqCommitActiveLeaf",
        /// Nodes of the tree of active lanes.
        SEQ_COMMIT_ACTIVE_NODE = "SeqCommitActiveNode",
        /// Nodes of it that stand for a whole subtree of one leaf.
        SEQ_COMMIT_ACTIVE_COLLAPSED_NODE = "SeqCommitActiveCollapsedNode",
    }
);

impl Blake2b {
    /// Returns an empty hasher of this domain.
    #[must_use]
    pub fn hasher(self) -> Blake2bHasher {
        Blake2bHasher(self.params().to_state())
    }

    /// Returns the parameters, for hashing many inputs at once.
    #[must_use]
    pub(crate) fn params(self) -> blake2b_simd::Params {
        let mut params = blake2b_simd::Params::new();
        params.hash_length(Hash256::LEN).key(self.0.as_bytes());
        params
    }
}

impl Sha256 {
    /// Returns an empty hasher of this domain.
    #[must_use]
    pub fn hasher(self) -> Sha256Hasher {
        Sha256Hasher(sha2::Sha256::new_with_prefix(sha2::Sha256::digest(self.0.as_bytes())))
    }
}

impl Blake3 {
    /// Returns an empty hasher of this domain.
    #[must_use]
    pub fn hasher(self) -> Blake3Hasher {
        let mut key = [0; blake3::KEY_LEN];
        key.iter_mut().zip(self.0.as_bytes()).for_each(|(key, byte)| *key = *byte);
        Blake3Hasher(blake3::Hasher::new_keyed(&key))
    }
}

/// A BLAKE2b hash under way.
#[derive(Debug, Clone)]
pub struct Blake2bHasher(blake2b_simd::State);

impl Blake2bHasher {
    /// Returns the hash.
    #[must_use]
    pub fn finish(&self) -> Hash256 {
        from_slice(self.0.finalize().as_bytes())
    }
}

impl Put for Blake2bHasher {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }
}

/// A SHA-256 hash under way.
#[derive(Debug, Clone)]
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// Returns the hash.
    #[must_use]
    pub fn finish(&self) -> Hash256 {
        from_slice(&self.0.clone().finalize())
    }
}

impl Put for Sha256Hasher {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }
}

/// A BLAKE3 hash under way.
#[derive(Debug, Clone)]
pub struct Blake3Hasher(blake3::Hasher);

impl Blake3Hasher {
    /// Returns the hash.
    #[must_use]
    pub fn finish(&self) -> Hash256 {
        Hash256::new(*self.0.finalize().as_bytes())
    }
}

impl Put for Blake3Hasher {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update(bytes);
        self
    }
}

/// Wraps a digest of 32 bytes.
pub(super) fn from_slice(digest: &[u8]) -> Hash256 {
    let mut bytes = [0; Hash256::LEN];
    bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = *digest);
    Hash256::new(bytes)
}
