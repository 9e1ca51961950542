//! What this node asks of others: pings, lookups, and lookups that a store follows.
//!
//! ```text
//!   start(wish) ─► [own shelf] ─► lookup a family ─► store round ─► Finished(outcome)
//!                                   │  ▲                │  ▲
//!                              query▼  │answer     store▼  │acknowledged, refused, silent
//! ```
//!
//! The value under a key is looked for on the own shelf first: we may be one of those who hold it.
//!
//! # Invariants
//!
//! - At most [`OPERATIONS_MAX`] operations are under way; every one ends, because lookups and queries
//!   do.
//! - A value is handed on only after its hash or signature has been checked against the key asked for.

mod drive;
mod gather;
mod settle;

use core::net::SocketAddr;
use std::collections::BTreeMap;

use arrayvec::ArrayVec;
use quintet_primitives::time::Instant;

use self::gather::Gathered;
use super::{
    Clock, Dht,
    event::{Effect, Event, Failure, LookupReport, OperationId, Outcome},
};
use crate::{
    contact::{Contact, Family},
    key::Key,
    lookup::{self, Goal, Lookup, Searcher},
    message::{Item, Request, StoreValue, Token, ValueKind},
    record::Refusal,
};

/// Operations under way at once.
pub const OPERATIONS_MAX: usize = 1_024;

/// What somebody wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Is a node there, and how far away?
    Ping {
        /// Its address.
        addr: SocketAddr,
    },
    /// Find the nodes closest to `target`.
    FindNode {
        /// The key.
        target: Key,
    },
    /// Find an immutable item.
    GetImmutable {
        /// SHA-1 of its bencoded value.
        key: Key,
    },
    /// Find the newest version of a mutable item.
    GetMutable {
        /// The owner's public key.
        public_key: [u8; 32],
        /// The salt, empty for none.
        salt: Vec<u8>,
    },
    /// Find unsigned bytes.
    GetRaw {
        /// The key.
        key: Key,
    },
    /// Find peers.
    GetPeers {
        /// The info-hash.
        info_hash: Key,
    },
    /// Store an item at the nodes closest to its key.
    PutItem {
        /// The item.
        item: Item,
        /// Only over this version (compare and swap).
        cas: Option<i64>,
    },
    /// Store unsigned bytes.
    PutRaw {
        /// The key.
        key: Key,
        /// The bytes.
        value: Vec<u8>,
    },
    /// Announce a peer at this node's address.
    Announce {
        /// The info-hash.
        info_hash: Key,
        /// The peer's port; none means this node's own.
        port: Option<u16>,
        /// The peer has everything.
        seed: bool,
    },
}

impl Wish {
    /// Returns the key the wish is about; a ping has none.
    fn target(&self) -> Option<Key> {
        Some(match self {
            Self::Ping { .. } => return None,
            Self::FindNode { target } => *target,
            Self::GetImmutable { key } | Self::GetRaw { key } | Self::PutRaw { key, .. } => *key,
            Self::GetMutable { public_key, salt } => {
                crate::record::item::mutable_target(public_key, salt)
            }
            Self::GetPeers { info_hash } | Self::Announce { info_hash, .. } => *info_hash,
            Self::PutItem { item, .. } => item.target(),
        })
    }

    fn goal(&self) -> Goal {
        match self {
            Self::Ping { .. } | Self::FindNode { .. } => Goal::Nodes,
            Self::GetImmutable { .. } | Self::PutItem { item: Item::Immutable { .. }, .. } => {
                Goal::Immutable
            }
            Self::GetMutable { .. } => Goal::Mutable { newer_than: None },
            // Versions up to ours are of no interest: they need not be sent.
            Self::PutItem { item: Item::Mutable(item), .. } => {
                Goal::Mutable { newer_than: Some(item.seq) }
            }
            Self::GetRaw { .. } | Self::PutRaw { .. } => Goal::Raw,
            Self::GetPeers { .. } | Self::Announce { .. } => Goal::Peers { scrape: false },
        }
    }

    fn stored_value(&self) -> Option<StoreValue> {
        match self {
            Self::PutItem { item, cas } => Some(StoreValue::Item { item: item.clone(), cas: *cas }),
            Self::PutRaw { value, .. } => Some(StoreValue::Raw { value: value.clone() }),
            Self::Announce { port, seed, .. } => {
                Some(StoreValue::Peer { port: *port, seed: *seed })
            }
            Self::Ping { .. }
            | Self::FindNode { .. }
            | Self::GetImmutable { .. }
            | Self::GetMutable { .. }
            | Self::GetRaw { .. }
            | Self::GetPeers { .. } => None,
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        match self {
            Self::PutItem { item, .. } => item.check(item.target()),
            Self::PutRaw { value, .. } if value.len() > crate::message::VALUE_MAX => {
                Err(Refusal::ValueTooBig { actual: value.len() })
            }
            _ => Ok(()),
        }
    }
}

/// Why a query was sent: it comes back with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To see whether a contact is there, for the table.
    Verify(Contact),
    /// To get to know somebody at a bootstrap address.
    Introduce,
    /// On somebody's wish.
    Ping(OperationId),
    /// A step of a lookup.
    Step(OperationId, Contact),
    /// A store.
    Store(OperationId, Contact),
}

/// Who waits for the outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// The driver.
    Driver,
    /// Nobody: the lookup is its own purpose.
    Upkeep,
}

/// One family's lookup, until it is over.
#[derive(Debug)]
struct Run {
    family: Family,
    lookup: Option<Lookup>,
    wake: Instant,
}

/// The stores that follow a lookup.
#[derive(Debug, Default)]
struct StoreRound {
    /// Not sent yet, and when each may be.
    waiting: Vec<(Contact, Token, Instant)>,
    in_flight: usize,
    acknowledged: usize,
    refused: Vec<(Contact, i64, String)>,
    silent: usize,
}

#[derive(Debug)]
struct Operation {
    wish: Wish,
    target: Key,
    audience: Audience,
    started: Instant,
    runs: ArrayVec<Run, 2>,
    gathered: Gathered,
    store: Option<StoreRound>,
    report: LookupReport,
}

/// The operations under way.
#[derive(Debug, Default)]
pub(super) struct Operations {
    under_way: BTreeMap<OperationId, Operation>,
    pings: BTreeMap<OperationId, SocketAddr>,
    next: u64,
}

impl Operations {
    pub(super) fn len(&self) -> usize {
        self.under_way.len() + self.pings.len()
    }

    pub(super) fn upkeep(&self) -> usize {
        self.under_way.values().filter(|op| op.audience == Audience::Upkeep).count()
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        let runs = self.under_way.values().flat_map(|operation| {
            let lookups =
                operation.runs.iter().filter(|run| run.lookup.is_some()).map(|run| run.wake);
            let stores = operation.store.iter().flat_map(|round| &round.waiting);
            lookups.chain(stores.map(|(_, _, at)| *at))
        });
        runs.min()
    }

    const fn name(&mut self) -> OperationId {
        self.next += 1;
        OperationId(self.next)
    }
}

impl Dht {
    /// Begins to fulfil a wish. Its outcome comes as [`Effect::Finished`], perhaps at once.
    pub fn start(&mut self, clock: Clock, wish: Wish, out: &mut Vec<Effect>) -> OperationId {
        let id = self.operations.name();
        let failed = |failure| Effect::Finished(id, Outcome::Failed(failure));
        if self.operations.len() >= OPERATIONS_MAX {
            out.push(failed(Failure::Busy { limit: OPERATIONS_MAX }));
        } else if let Err(refusal) = wish.check() {
            out.push(failed(Failure::Invalid(refusal)));
        } else if let Wish::Ping { addr } = wish {
            self.start_ping(id, addr, clock, out);
        } else if let Some(target) = wish.target() {
            self.begin(id, (wish, target), Audience::Driver, clock, out);
        }
        id
    }

    /// Looks a key up for the table's sake.
    pub(super) fn refresh(&mut self, target: Key, clock: Clock, out: &mut Vec<Effect>) {
        let id = self.operations.name();
        self.begin(id, (Wish::FindNode { target }, target), Audience::Upkeep, clock, out);
    }

    fn start_ping(
        &mut self,
        id: OperationId,
        addr: SocketAddr,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let sent = self
            .welcomes(addr)
            .then(|| self.query(addr, None, Purpose::Ping(id), Request::Ping, clock.now));
        match sent {
            Some(Ok((packet, _))) => {
                self.operations.pings.insert(id, addr);
                out.push(Effect::Send(packet));
            }
            Some(Err(_)) | None => {
                out.push(Effect::Finished(id, Outcome::Failed(Failure::Unreachable(addr))));
            }
        }
    }

    fn begin(
        &mut self,
        id: OperationId,
        (wish, target): (Wish, Key),
        audience: Audience,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let goal = wish.goal();
        let kind = match goal {
            Goal::Nodes => None,
            Goal::Peers { .. } => Some(ValueKind::Peers),
            Goal::Immutable | Goal::Mutable { .. } => Some(ValueKind::Item),
            Goal::Raw => Some(ValueKind::Raw),
        };
        let stores = wish.stored_value().is_some();
        out.push(Effect::Event(Event::LookupStarted { operation: id, target, kind, stores }));
        let gathered = if stores { Gathered::default() } else { self.own_values(&wish, target) };
        let satisfied = gathered.is_final(&wish);
        let runs = if satisfied { ArrayVec::new() } else { self.runs(target, goal, stores, clock) };
        let operation = Operation {
            wish,
            target,
            audience,
            started: clock.now,
            runs,
            gathered,
            store: None,
            report: LookupReport::default(),
        };
        if satisfied {
            self.finish(id, operation, clock, out);
        } else if operation.runs.is_empty() {
            self.finish_without_contacts(id, operation, clock, out);
        } else {
            self.operations.under_way.insert(id, operation);
            self.drive(id, clock, out);
        }
    }

    /// Makes a lookup for each family in which somebody is known.
    fn runs(&self, target: Key, goal: Goal, stores: bool, clock: Clock) -> ArrayVec<Run, 2> {
        let config = lookup::Config {
            k: self.config.bucket_size,
            alpha: self.config.concurrency,
            early_exit: !stores,
            ..lookup::Config::default()
        };
        let mut runs = ArrayVec::new();
        for family in Family::ALL {
            let seeds = self.tables.closest(family, target, self.config.bucket_size);
            if seeds.is_empty() {
                continue;
            }
            let searcher = Searcher { id: self.config.own_id, addr: self.upkeep.elected(family) };
            let lookup = Lookup::new(target, goal, searcher, family, config, seeds);
            runs.push(Run { family, lookup: Some(lookup), wake: clock.now });
        }
        runs
    }
}
