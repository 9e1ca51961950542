//! How many nodes of one party the table holds: an attacker gets addresses by the block.
//!
//! The limits count *verified* contacts only. A claim that a node exists costs nothing, so counting
//! claims would let anybody use up the share of a network with many honest nodes (carrier-grade NAT).

use core::net::IpAddr;

use quintet_primitives::addr;

use crate::contact::{self, Contact};

/// Verified nodes of one /24 (IPv6: /48) in one bucket.
pub const GROUP_BUCKET_MAX: usize = 2;

/// Verified nodes of one /24 (IPv6: /48) in the table.
pub const GROUP_TABLE_MAX: usize = 10;

/// Address limits of a table. They never apply to an address twice: one node per address and port is
/// not configurable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Diversity {
    /// Verified nodes of one /24 (IPv6: /48) in one bucket.
    pub group_bucket_max: usize,
    /// Verified nodes of one /24 (IPv6: /48) in the table.
    pub group_table_max: usize,
    /// Whether one IP address may have one node only, whatever the port.
    pub one_per_ip: bool,
    /// Whether local ranges are free of all this; without it, a network on 127.0.0.1 has one node.
    pub exempt_local: bool,
}

impl Default for Diversity {
    fn default() -> Self {
        Self {
            group_bucket_max: GROUP_BUCKET_MAX,
            group_table_max: GROUP_TABLE_MAX,
            one_per_ip: true,
            exempt_local: true,
        }
    }
}

impl Diversity {
    pub(super) fn exempts(&self, contact: &Contact) -> bool {
        self.exempt_local && contact::is_local(&contact.addr)
    }
}

/// Returns the block of addresses one party usually owns: /24 of IPv4, /48 of IPv6.
#[must_use]
pub(crate) fn group(ip: IpAddr) -> IpAddr {
    addr::prefix(ip, if ip.is_ipv4() { 24 } else { 48 })
}

/// Tallies the verified nodes that share an address or a group with a newcomer.
#[derive(Debug)]
pub(super) struct Tally {
    ip: IpAddr,
    group: IpAddr,
    same_ip: usize,
    in_bucket: usize,
    in_table: usize,
}

impl Tally {
    pub(super) fn new(newcomer: &Contact) -> Self {
        let ip = newcomer.addr.ip();
        Self { ip, group: group(ip), same_ip: 0, in_bucket: 0, in_table: 0 }
    }

    pub(super) fn related(&self, contact: &Contact) -> bool {
        group(contact.addr.ip()) == self.group
    }

    pub(super) fn count(&mut self, contact: &Contact, same_bucket: bool) {
        if self.related(contact) {
            self.in_table += 1;
            self.in_bucket += usize::from(same_bucket);
            self.same_ip += usize::from(contact.addr.ip() == self.ip);
        }
    }

    pub(super) const fn verdict(&self, limits: &Diversity) -> Result<(), Refusal> {
        if limits.one_per_ip && self.same_ip > 0 {
            Err(Refusal::IpTaken)
        } else if self.in_bucket >= limits.group_bucket_max {
            Err(Refusal::GroupFullInBucket)
        } else if self.in_table >= limits.group_table_max {
            Err(Refusal::GroupFullInTable)
        } else {
            Ok(())
        }
    }
}

/// Why a contact stays out of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// It is our own id.
    #[error("the contact has our own id")]
    Own,
    /// The table is for the other address family (BEP 32).
    #[error("the address is of the family this table is not for")]
    OtherFamily,
    /// No packet may be sent to such an address ([`contact::is_usable`]).
    #[error("the address can not be sent to")]
    Unusable,
    /// The node answers no queries (BEP 43).
    #[error("the node is read-only")]
    ReadOnly,
    /// A node we know answered under a new id. It is dropped, and may come back as a newcomer.
    #[error("the node changed its id and was dropped")]
    IdChanged,
    /// The id belongs to a live node at another address.
    #[error("the id belongs to a known node at another address")]
    IdTaken,
    /// One IP address may have one node.
    #[error("another node has the IP address")]
    IpTaken,
    /// Enough nodes of this /24 or /48 are in the bucket.
    #[error("enough nodes of this address block are in the bucket")]
    GroupFullInBucket,
    /// Enough nodes of this /24 or /48 are in the table.
    #[error("enough nodes of this address block are in the table")]
    GroupFullInTable,
    /// The replacement cache is full of contacts that have answered.
    #[error("verified contacts fill the replacement cache")]
    CacheFull,
}
