//! What every participant of a network can be asked to do, whoever wrote it.

use std::net::{Ipv4Addr, SocketAddrV4};

use anyhow::Result;

/// An info-hash or item target.
pub type Id = [u8; 20];

/// A key pair that owns mutable items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The Ed25519 private key as a seed (RFC 8032).
    pub seed: [u8; 32],
    /// The public key.
    pub public_key: [u8; 32],
}

/// A mutable item as its reader sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The content of the bencoded byte string.
    pub value: Vec<u8>,
    /// The sequence number.
    pub seq: i64,
}

/// A participant. Values are byte strings: mainline accepts nothing else.
///
/// Each method returns when the participant has finished, or an error when it says that it failed;
/// asking again is the caller's part, through [`eventually`](crate::eventually).
pub trait Peer: Send {
    /// The name to show.
    fn name(&self) -> &str;

    /// Where it listens.
    fn addr(&self) -> SocketAddrV4;

    /// Returns how many nodes its routing table holds.
    ///
    /// # Errors
    ///
    /// If the participant fails.
    fn known_nodes(&mut self) -> Result<usize>;

    /// Stores an immutable item and returns its target.
    ///
    /// # Errors
    ///
    /// If no node stored it.
    fn put_immutable(&mut self, value: &[u8]) -> Result<Id>;

    /// Reads an immutable item.
    ///
    /// # Errors
    ///
    /// If the participant fails; a missing item is none.
    fn get_immutable(&mut self, target: Id) -> Result<Option<Vec<u8>>>;

    /// Stores a mutable item and returns the sequence number it got, which is `seq` unless the
    /// client chooses it.
    ///
    /// # Errors
    ///
    /// If no node stored it.
    fn put_mutable(&mut self, owner: &Owner, salt: &[u8], value: &[u8], seq: i64) -> Result<i64>;

    /// Reads the newest mutable item it finds.
    ///
    /// # Errors
    ///
    /// If the participant fails; a missing item is none.
    fn get_mutable(&mut self, public_key: [u8; 32], salt: &[u8]) -> Result<Option<Found>>;

    /// Announces that it is a peer of the info-hash on `port`.
    ///
    /// # Errors
    ///
    /// If no node took the announce, as far as the client can tell.
    fn announce(&mut self, info_hash: Id, port: u16) -> Result<()>;

    /// Looks peers of the info-hash up.
    ///
    /// # Errors
    ///
    /// If the participant fails; none found is an empty list.
    fn get_peers(&mut self, info_hash: Id) -> Result<Vec<SocketAddrV4>>;
}

/// Returns the address of participant `number`: each is alone in its /24.
#[must_use]
pub const fn place(number: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, number, 1)
}
