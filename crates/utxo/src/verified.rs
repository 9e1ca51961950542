//! Checks that passed, so that they need not be run again: most transactions of a block were checked when they were relayed.
//!
//! A digest names a check: a hash of everything its outcome depends on, under a salt. The set is bounded and forgets at random when
//! it is full; forgetting costs a repeated check, never a wrong verdict.
//!
//! ```text
//!   digest   shard: 6 bits │ bucket │ …           32 uniformly random bytes
//!   bucket   8 digests of 32 bytes, in any order
//! ```
//!
//! # Why whole digests
//!
//! Saying "passed" for a check that was not is a consensus failure. With 64-bit tags each lookup in a cache of a million entries
//! is wrong once in 2^44; over a network and its years that is no longer never, and whoever learned the salt could search for
//! a collision in hours. A whole salted SHA-256 makes a wrong answer as unlikely as a forged transaction id.
//!
//! # Invariants
//!
//! - Digests are hashes under a salt that never leaves the process, so nobody can aim at a bucket.
//! - Memory is fixed when the cache is made.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use quintet_crypto::digest::sha256;

/// Names a check that passed.
pub type Digest = [u8; 32];

/// Independent locks, so that threads seldom meet. A power of two.
const SHARDS: usize = 64;

/// Digests of a bucket. With eight, a full cache has forgotten few that a perfect one would still hold.
const WAYS: usize = 8;

/// Smallest cache, bytes: a bucket for each shard.
pub const BYTES_MIN: usize = SHARDS * WAYS * size_of::<Digest>();

/// No digest: a salted hash is never this, so no slot needs a mark of its own.
const EMPTY: Digest = [0; 32];

type Bucket = [Digest; WAYS];

/// A bounded set of digests, shared between threads.
pub struct Cache {
    shards: Vec<Mutex<Shard>>,
    salt: [u8; 32],
}

struct Shard {
    buckets: Box<[Bucket]>,
    filled: usize,
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Cache {
    /// Makes a cache of about `bytes`, at least [`BYTES_MIN`]. The salt is random, chosen anew each time.
    #[must_use]
    pub fn new(bytes: usize, salt: [u8; 32]) -> Self {
        let buckets = (bytes / SHARDS / size_of::<Bucket>()).max(1);
        let shard =
            || Mutex::new(Shard { buckets: vec![[EMPTY; WAYS]; buckets].into(), filled: 0 });
        Self { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), salt }
    }

    /// Returns the digest of a check: of everything its outcome depends on, at fixed places or with lengths. For scripts: the transaction's
    /// `wtxid` and the flags, as Bitcoin Core does.
    #[must_use]
    pub fn digest(&self, parts: &[&[u8]]) -> Digest {
        // The salt fills one block of SHA-256, as in Core: salt and content cannot run into one another.
        let mut salted = vec![&self.salt[..], &self.salt[..]];
        salted.extend_from_slice(parts);
        sha256(&salted).into_bytes()
    }

    /// Returns whether the check is known to have passed.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        let (mut shard, bucket) = self.place(digest);
        digest != &EMPTY && shard.bucket(bucket).is_some_and(|ways| ways.contains(digest))
    }

    /// Returns whether the check is known to have passed, and forgets it: a block's checks are not asked for again.
    pub fn contains_and_remove(&self, digest: &Digest) -> bool {
        let (mut shard, bucket) = self.place(digest);
        let Some(ways) = shard.bucket(bucket).filter(|_| digest != &EMPTY) else { return false };
        let Some(way) = ways.iter_mut().find(|way| *way == digest) else { return false };
        *way = EMPTY;
        shard.filled -= 1;
        true
    }

    /// Remembers that the check has passed, and forgets another if there is no room.
    pub fn insert(&self, digest: Digest) {
        let (mut shard, bucket) = self.place(&digest);
        let Some(ways) = shard.bucket(bucket).filter(|_| digest != EMPTY) else { return };
        if ways.contains(&digest) {
            return;
        }
        if let Some(way) = ways.iter_mut().find(|way| **way == EMPTY) {
            *way = digest;
            shard.filled += 1;
        } else {
            // Bits that choose neither shard nor bucket: as good as a die.
            ways[usize::from(digest[31]) % WAYS] = digest;
        }
    }

    /// Returns how many digests it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).filled).sum()
    }

    /// Returns whether it holds none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns how many digests it can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).buckets.len() * WAYS).sum()
    }

    fn place(&self, digest: &Digest) -> (MutexGuard<'_, Shard>, u64) {
        let shard = lock(&self.shards[usize::from(digest[0]) % SHARDS]);
        let word = digest[8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
        (shard, word)
    }
}

impl Shard {
    fn bucket(&mut self, word: u64) -> Option<&mut Bucket> {
        let at = word.checked_rem(self.buckets.len() as u64)?;
        self.buckets.get_mut(usize::try_from(at).ok()?)
    }
}

/// A panic leaves a shard whole: each change is one assignment.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
