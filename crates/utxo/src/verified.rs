//! Checks that passed, so that they need not be run again: most transactions of a block were checked when they were relayed.
//!
//! A digest names a check: a hash of everything its outcome depends on, under a salt. The set is bounded and forgets at random when
//! it is full; forgetting costs a repeated check, never a wrong verdict.
//!
//! ```text
//!   digest   shard: 6 bits │ two candidate buckets: 64 bits each │ …     32 uniformly random bytes
//!   bucket   8 digests of 32 bytes, in any order; a new one goes where there is more room
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

/// Digests of a bucket. With eight, and the emptier of two buckets, a cache half full has forgotten nothing, and a full one hardly anything too early.
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
        let shard = self.shard(digest);
        shard.find(digest).is_some()
    }

    /// Returns whether the check is known to have passed, and forgets it: a block's checks are not asked for again.
    pub fn contains_and_remove(&self, digest: &Digest) -> bool {
        let mut shard = self.shard(digest);
        let Some((bucket, way)) = shard.find(digest) else { return false };
        shard.buckets[bucket][way] = EMPTY;
        shard.filled -= 1;
        true
    }

    /// Remembers that the check has passed, and forgets another if there is no room.
    pub fn insert(&self, digest: Digest) {
        let mut shard = self.shard(&digest);
        if digest == EMPTY || shard.find(&digest).is_some() {
            return;
        }
        let free =
            |bucket: &usize| shard.buckets[*bucket].iter().filter(|way| **way == EMPTY).count();
        let [first, second] = shard.candidates(&digest);
        let bucket = if free(&first) >= free(&second) { first } else { second };
        // A free way, or else one that bits choose which chose neither shard nor bucket: as good as a die.
        let die = usize::from(digest[31]) % WAYS;
        let way = shard.buckets[bucket].iter().position(|way| *way == EMPTY);
        shard.filled += usize::from(way.is_some());
        shard.buckets[bucket][way.unwrap_or(die)] = digest;
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

    fn shard(&self, digest: &Digest) -> MutexGuard<'_, Shard> {
        lock(&self.shards[usize::from(digest[0]) % SHARDS])
    }
}

impl Shard {
    /// Returns the two buckets a digest may lie in.
    fn candidates(&self, digest: &Digest) -> [usize; 2] {
        let count = self.buckets.len() as u64; // at least one
        [8, 16].map(|at| {
            let word = digest[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
            usize::try_from(word % count).unwrap_or(0)
        })
    }

    fn find(&self, digest: &Digest) -> Option<(usize, usize)> {
        // An empty shard, as all are during initial sync, costs no miss of the processor's caches.
        if *digest == EMPTY || self.filled == 0 {
            return None;
        }
        self.candidates(digest).into_iter().find_map(|bucket| {
            let way = self.buckets[bucket].iter().position(|way| way == digest)?;
            Some((bucket, way))
        })
    }
}

/// A panic leaves a shard whole: each change is one assignment.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
