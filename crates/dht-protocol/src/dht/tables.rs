//! The routing tables of a node: one for each address family it has a socket for (BEP 32).

use quintet_primitives::time::Instant;
use rand::Rng;

use super::Config;
use crate::{
    contact::{self, Contact, Family},
    key::Key,
    secure_id,
    table::{self, Diversity, Failure, Insert, K_MAX, Named, Node, Refresh, RoutingTable},
};

/// At most two tables, found by family.
#[derive(Debug)]
pub(super) struct Tables {
    tables: Vec<RoutingTable>,
    allow_local: bool,
}

impl Tables {
    pub(super) fn new(config: &Config) -> Self {
        let diversity = Diversity { exempt_local: config.allow_local, ..Diversity::default() };
        let table = table::Config { k: config.bucket_size, diversity };
        let make = |family: &Family| RoutingTable::new(config.own_id, *family, table);
        Self { tables: config.families.iter().map(make).collect(), allow_local: config.allow_local }
    }

    pub(super) fn get(&self, family: Family) -> Option<&RoutingTable> {
        self.tables.iter().find(|table| table.family() == family)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &RoutingTable> {
        self.tables.iter()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tables.iter().all(RoutingTable::is_empty)
    }

    /// Returns the `count` contacts closest to `target`; none of a family without a table.
    pub(super) fn closest(&self, family: Family, target: Key, count: usize) -> Vec<Contact> {
        let Some(table) = self.get(family) else { return Vec::new() };
        let mut contacts = Vec::with_capacity(count.min(K_MAX));
        contacts.extend(table.closest(target).take(count).map(Node::contact));
        contacts
    }

    /// Returns whether this node deals with `contact` at all.
    pub(super) fn welcomes(&self, contact: &Contact) -> bool {
        contact::is_usable(&contact.addr)
            && (self.allow_local || !contact::is_local(&contact.addr))
            && self.get(Family::of(&contact.addr)).is_some()
    }

    pub(super) fn on_response(&mut self, contact: Contact, now: Instant) -> Option<Insert> {
        if !self.welcomes(&contact) {
            return None;
        }
        let secure = secure_id::is_valid(contact.id, contact.addr.ip());
        self.of(&contact).map(|table| table.on_response(contact, secure, now))
    }

    pub(super) fn on_query(
        &mut self,
        contact: Contact,
        read_only: bool,
        now: Instant,
    ) -> Option<Named> {
        if !self.welcomes(&contact) {
            return None;
        }
        self.of(&contact).map(|table| table.on_query(contact, read_only, now))
    }

    pub(super) fn on_named(&mut self, contact: Contact, now: Instant) -> Option<Named> {
        if !self.welcomes(&contact) {
            return None;
        }
        self.of(&contact).map(|table| table.on_named(contact, now))
    }

    pub(super) fn on_failure(&mut self, contact: Contact, now: Instant) -> Option<Failure> {
        self.of(&contact).map(|table| table.on_failure(contact, now))
    }

    pub(super) fn on_lookup(&mut self, family: Family, target: Key, now: Instant) {
        if let Some(table) = self.tables.iter_mut().find(|table| table.family() == family) {
            table.on_lookup(target, now);
        }
    }

    pub(super) fn ping_due(&mut self, now: Instant) -> Option<Contact> {
        self.tables.iter_mut().find_map(|table| table.ping_due(now))
    }

    pub(super) fn refresh_due(&mut self, now: Instant, rng: &mut impl Rng) -> Option<Refresh> {
        self.tables.iter_mut().find_map(|table| table.refresh_due(now, rng))
    }

    pub(super) fn mark_stale(&mut self) {
        self.tables.iter_mut().for_each(RoutingTable::mark_stale);
    }

    pub(super) fn set_owner(&mut self, owner: Key) {
        self.tables.iter_mut().for_each(|table| table.set_owner(owner));
    }

    fn of(&mut self, contact: &Contact) -> Option<&mut RoutingTable> {
        let family = Family::of(&contact.addr);
        self.tables.iter_mut().find(|table| table.family() == family)
    }
}
