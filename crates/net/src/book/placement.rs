//! Where an address may lie: a function of the secret key, its group and its source's group.

use std::{
    hash::Hasher,
    net::{IpAddr, SocketAddr},
};

use quintet_primitives::addr::NetGroup;
use siphasher::sip::SipHasher24;

/// Buckets of the new table.
pub const NEW_BUCKETS: usize = 1024;

/// Buckets of the tried table.
pub const TRIED_BUCKETS: usize = 256;

/// Addresses a bucket holds.
pub const BUCKET_SIZE: usize = 64;

/// Buckets of the new table that addresses named by one group can reach.
const NEW_BUCKETS_PER_SOURCE_GROUP: u64 = 64;

/// Buckets of the tried table that addresses of one group can reach.
const TRIED_BUCKETS_PER_GROUP: u64 = 8;

/// A bucket of one of the tables, and a position in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Below the table's number of buckets.
    pub(super) bucket: u16,
    /// Below [`BUCKET_SIZE`].
    pub(super) position: u8,
}

/// The secret key; each use of it has a number of its own, so that no hash says anything of another.
#[derive(Clone)]
pub(super) struct Placement {
    key: [u8; 16],
}

impl Placement {
    pub(super) const fn new(key: [u8; 16]) -> Self {
        Self { key }
    }

    pub(super) const fn key(&self) -> &[u8; 16] {
        &self.key
    }

    /// The place `source` can put `addr` into.
    pub(super) fn new_place(&self, addr: SocketAddr, source: IpAddr) -> Place {
        let (group, named_by) = (NetGroup::of(addr.ip()), NetGroup::of(source));
        let share = self.hash(0, |hasher| {
            write_group(hasher, group);
            write_group(hasher, named_by);
        }) % NEW_BUCKETS_PER_SOURCE_GROUP;
        let bucket = self.hash(1, |hasher| {
            write_group(hasher, named_by);
            hasher.write(&share.to_le_bytes());
        });
        self.new_place_in(below(bucket, NEW_BUCKETS), addr)
    }

    /// The place of `addr` in a bucket of the new table.
    pub(super) fn new_place_in(&self, bucket: u16, addr: SocketAddr) -> Place {
        Place { bucket, position: self.position(2, bucket, addr) }
    }

    /// The one place of `addr` in the tried table.
    pub(super) fn tried_place(&self, addr: SocketAddr) -> Place {
        let share = self.hash(3, |hasher| write_addr(hasher, addr)) % TRIED_BUCKETS_PER_GROUP;
        let bucket = self.hash(4, |hasher| {
            write_group(hasher, NetGroup::of(addr.ip()));
            hasher.write(&share.to_le_bytes());
        });
        let bucket = below(bucket, TRIED_BUCKETS);
        Place { bucket, position: self.position(5, bucket, addr) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a remainder below 64 fits a byte")]
    fn position(&self, purpose: u8, bucket: u16, addr: SocketAddr) -> u8 {
        let hash = self.hash(purpose, |hasher| {
            hasher.write(&bucket.to_le_bytes());
            write_addr(hasher, addr);
        });
        (hash % BUCKET_SIZE as u64) as u8
    }

    fn hash(&self, purpose: u8, write: impl FnOnce(&mut SipHasher24)) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(purpose);
        write(&mut hasher);
        hasher.finish()
    }
}

impl std::fmt::Debug for Placement {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Placement").finish_non_exhaustive()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder below 1024 fits 16 bits")]
const fn below(hash: u64, buckets: usize) -> u16 {
    (hash % buckets as u64) as u16
}

fn write_group(hasher: &mut SipHasher24, group: NetGroup) {
    match group {
        NetGroup::Local => hasher.write_u8(0),
        NetGroup::V4(bytes) => {
            hasher.write_u8(4);
            hasher.write(&bytes);
        }
        NetGroup::V6(bytes) => {
            hasher.write_u8(6);
            hasher.write(&bytes);
        }
    }
}

fn write_addr(hasher: &mut SipHasher24, addr: SocketAddr) {
    match addr.ip() {
        IpAddr::V4(v4) => hasher.write(&v4.octets()),
        IpAddr::V6(v6) => hasher.write(&v6.octets()),
    }
    hasher.write(&addr.port().to_le_bytes());
}
