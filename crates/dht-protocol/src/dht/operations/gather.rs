//! The values an operation has found so far, each checked against the key.

use core::net::SocketAddr;
use std::collections::BTreeSet;

use super::{Dht, Wish};
use crate::{
    contact::{self, Contact, Family},
    key::Key,
    message::{FoundValue, Item, MutableItem, Response},
};

/// Peers gathered by one operation; a popular info-hash has more than anybody needs.
pub(super) const PEERS_GATHERED_MAX: usize = 2_000;

/// What has been found.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// The closest nodes that answered, of all families.
    pub(super) nodes: Vec<Contact>,
    pub(super) item: Option<Item>,
    pub(super) raw: Option<Vec<u8>>,
    pub(super) peers: BTreeSet<SocketAddr>,
}

impl Gathered {
    /// Returns whether nothing better can be found.
    pub(super) const fn is_final(&self, wish: &Wish) -> bool {
        match wish {
            Wish::GetImmutable { .. } => self.item.is_some(),
            Wish::GetRaw { .. } => self.raw.is_some(),
            Wish::Ping { .. }
            | Wish::FindNode { .. }
            | Wish::GetMutable { .. }
            | Wish::GetPeers { .. }
            | Wish::PutItem { .. }
            | Wish::PutRaw { .. }
            | Wish::Announce { .. } => false,
        }
    }

    /// Takes the values out of a response. Returns whether there was a valid one.
    pub(super) fn take(&mut self, wish: &Wish, target: Key, response: &mut Response) -> bool {
        match (wish, response.value.take()) {
            (Wish::GetImmutable { .. }, Some(FoundValue::Item(item @ Item::Immutable { .. }))) => {
                let valid = item.check(target).is_ok();
                if valid {
                    self.item = Some(item);
                }
                valid
            }
            (Wish::GetMutable { salt, .. }, Some(FoundValue::Item(Item::Mutable(item)))) => {
                self.take_mutable(MutableItem { salt: salt.clone(), ..item }, target)
            }
            (Wish::GetRaw { .. }, Some(FoundValue::Raw(value))) => {
                self.raw = Some(value);
                true
            }
            (Wish::GetPeers { .. }, _) => self.take_peers(&response.peers),
            _ => false,
        }
    }

    /// Keeps the highest version. One that was checked already is not checked again.
    fn take_mutable(&mut self, item: MutableItem, target: Key) -> bool {
        let item = Item::Mutable(item);
        if self.item.as_ref() == Some(&item) {
            return true;
        }
        if item.check(target).is_err() {
            return false;
        }
        if self.item.as_ref().and_then(Item::seq) < item.seq() {
            self.item = Some(item);
        }
        true
    }

    fn take_peers(&mut self, peers: &[SocketAddr]) -> bool {
        let room = PEERS_GATHERED_MAX.saturating_sub(self.peers.len());
        let usable = peers.iter().filter(|peer| contact::is_usable(peer));
        let before = self.peers.len();
        self.peers.extend(usable.take(room));
        self.peers.len() > before || !peers.is_empty()
    }
}

impl Dht {
    /// Looks on the own shelf.
    pub(super) fn own_values(&mut self, wish: &Wish, target: Key) -> Gathered {
        let mut gathered = Gathered::default();
        let shelf = &self.server.shelf;
        match wish {
            Wish::GetImmutable { .. } | Wish::GetMutable { .. } => {
                gathered.item = shelf.item(target).cloned();
            }
            Wish::GetRaw { .. } => gathered.raw = shelf.raw(target).map(<[u8]>::to_vec),
            Wish::GetPeers { .. } => {
                for family in Family::ALL {
                    let peers = shelf.peers(target, family, PEERS_GATHERED_MAX / 2, &mut self.rng);
                    gathered.peers.extend(peers);
                }
            }
            Wish::Ping { .. }
            | Wish::FindNode { .. }
            | Wish::PutItem { .. }
            | Wish::PutRaw { .. }
            | Wish::Announce { .. } => {}
        }
        gathered
    }
}
