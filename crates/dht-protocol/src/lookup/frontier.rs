//! The candidates of a lookup in order of distance, and the rules for becoming one.
//!
//! A responder may lie: name nodes that do not exist, victims, or its own nodes in numbers. Therefore:
//!
//! - a candidate's address can be sent to, is of the lookup's family, and is not ours;
//! - a local address is taken from a local responder only: nobody on the internet makes us send to
//!   the hosts of our own network;
//! - an address is a candidate once, an id at one address, and at a second if the first failed;
//! - one /24 (IPv6: /48) has at most [`GROUP_CANDIDATES_MAX`] candidates, the closest it was named for;
//! - at most [`CANDIDATES_MAX`] in all; the farthest that was not asked yet goes first.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use super::{
    CANDIDATES_MAX, GROUP_CANDIDATES_MAX,
    candidate::{Candidate, Progress, group},
};
use crate::{
    contact::{self, Contact, Family},
    key::{Distance, Key},
};

#[derive(Debug)]
pub(super) struct Frontier {
    target: Key,
    own: Key,
    own_addr: Option<SocketAddr>,
    family: Family,
    /// XOR is injective, so no two ids share an entry.
    candidates: BTreeMap<Distance, Candidate>,
}

impl Frontier {
    pub(super) const fn new(
        target: Key,
        own: Key,
        own_addr: Option<SocketAddr>,
        family: Family,
    ) -> Self {
        Self { target, own, own_addr, family, candidates: BTreeMap::new() }
    }

    /// All candidates, closest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Candidate> {
        self.candidates.values()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Candidate> {
        self.candidates.values_mut()
    }

    /// The candidate with the id and the address of `contact`.
    pub(super) fn get_mut(&mut self, contact: Contact) -> Option<&mut Candidate> {
        let candidate = self.candidates.get_mut(&self.target.distance(contact.id))?;
        (candidate.contact == contact).then_some(candidate)
    }

    /// Takes in a contact if the rules allow it; `namer` is the address that named it, none for a node
    /// known beforehand.
    pub(super) fn insert(&mut self, newcomer: Candidate, namer: Option<SocketAddr>) -> bool {
        let contact = newcomer.contact;
        let addr = contact.addr;
        let lured =
            contact::is_local(&addr) && namer.is_some_and(|namer| !contact::is_local(&namer));
        if lured
            || contact.id == self.own
            || Some(addr) == self.own_addr
            || Family::of(&addr) != self.family
            || !contact::is_usable(&addr)
            || self.iter().any(|known| known.contact.addr == addr)
        {
            return false;
        }
        let distance = self.target.distance(contact.id);
        if let Some(known) = self.candidates.get_mut(&distance) {
            let retry = known.progress == Progress::Failed && !known.readdressed;
            if retry {
                *known = Candidate { readdressed: true, ..newcomer };
            }
            return retry;
        }
        if !self.make_room_in_group(distance, &addr) || !self.make_room(distance) {
            return false;
        }
        self.candidates.insert(distance, newcomer);
        true
    }

    fn make_room_in_group(&mut self, distance: Distance, addr: &SocketAddr) -> bool {
        let Some(block) = group(addr) else { return true };
        let in_block = |candidate: &Candidate| group(&candidate.contact.addr) == Some(block);
        if self.iter().filter(|candidate| in_block(candidate)).count() < GROUP_CANDIDATES_MAX {
            return true;
        }
        self.displace(distance, in_block)
    }

    fn make_room(&mut self, distance: Distance) -> bool {
        self.candidates.len() < CANDIDATES_MAX || self.displace(distance, |_| true)
    }

    /// Removes the farthest candidate of a kind that was not asked, if it is farther than `distance`.
    fn displace(&mut self, distance: Distance, kind: impl Fn(&Candidate) -> bool) -> bool {
        let farthest =
            self.candidates.iter().rev().find(|(_, candidate)| {
                candidate.progress == Progress::Unqueried && kind(candidate)
            });
        let Some(farther) = farthest.map(|(at, _)| *at).filter(|at| *at > distance) else {
            return false;
        };
        self.candidates.remove(&farther);
        true
    }
}
