//! The translation itself: pure but for the publisher, which never waits.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use quintet_dashboard::{
    Bucket, DhtKey, DhtNode, Event as Shown, Figures, Kind, LookupId, LookupKind, NodeEntry,
    NodeId, NodeState, Panel, Publisher, Rates, StepOutcome, Throughput,
};
use quintet_dht_node::{DhtEvent, NodeStatus};
use quintet_dht_protocol::{
    contact::Contact,
    dht::{Event, LookupReport, OperationId, Status, StepResult, TrafficCounters},
    key::Key,
    message::ValueKind,
};

/// Bits of a lookup's number that hold the node's own number for it; those above hold the node.
const OPERATION_BITS: u32 = 40;

/// Lookups whose targets are remembered; the oldest are forgotten first, and their further steps not shown.
const TARGETS_MAX: usize = 1_024;

/// What is known of the network, for putting names and keys to what happens in it.
#[derive(Debug)]
pub(super) struct Translator {
    nodes: Vec<Known>,
    by_name: HashMap<Arc<str>, usize>,
    by_addr: HashMap<SocketAddr, Key>,
    /// What the lookups under way are after, oldest first: told at their start and needed for each step.
    targets: VecDeque<(LookupId, Key)>,
}

#[derive(Debug)]
struct Known {
    name: Arc<str>,
    id: Key,
    last: Option<Counted>,
}

/// Counters at an instant, to make rates of.
#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Instant,
    queries_in: u64,
    queries_out: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Translator {
    pub(super) fn new(names: impl IntoIterator<Item = Arc<str>>) -> Self {
        let known = |name| Known { name, id: Key::default(), last: None };
        let nodes: Vec<Known> = names.into_iter().map(known).collect();
        let by_name =
            nodes.iter().enumerate().map(|(index, node)| (Arc::clone(&node.name), index)).collect();
        Self { nodes, by_name, by_addr: HashMap::new(), targets: VecDeque::new() }
    }

    /// Shows what the nodes say of themselves, in the order in which they were named, and what they move together.
    pub(super) fn on_pictures(
        &mut self,
        pictures: &[Option<NodeStatus>],
        publisher: &Publisher,
        now: Instant,
    ) {
        let mut sum = Rates::default();
        for (index, status) in pictures.iter().enumerate() {
            let (Some(status), Some(node)) = (status, self.nodes.get_mut(index)) else { continue };
            let counted = Counted::of(&status.dht, now);
            let rates = node.last.map_or_else(Rates::default, |last| counted.since(last));
            let is_new = node.last.replace(counted).is_none();
            node.id = status.dht.id;
            self.by_addr.extend(status.addrs.iter().map(|addr| (*addr, status.dht.id)));
            if is_new {
                publisher.event(Shown::NodeStarted { node: NodeId::new(&*node.name) });
            }
            publisher.node(entry(&node.name, status, rates));
            sum = Rates {
                queries_in: sum.queries_in + rates.queries_in,
                queries_out: sum.queries_out + rates.queries_out,
                bytes_in: sum.bytes_in + rates.bytes_in,
                bytes_out: sum.bytes_out + rates.bytes_out,
            };
        }
        let figures = Figures::Network(sum);
        publisher.throughput(Throughput { kind: Kind::Dht, time: unix_millis(), figures });
    }

    /// What the page shows of a fact; none for what is seen in the pictures anyway.
    pub(super) fn event(&mut self, event: &DhtEvent) -> Option<Shown> {
        let index = *self.by_name.get(&event.node)?;
        let (name, own) = self.nodes.get(index).map(|node| (NodeId::new(&*node.name), node.id))?;
        Some(match &event.event {
            Event::LookupStarted { operation, target, kind, stores } => {
                let lookup = lookup_id(index, *operation);
                if self.targets.len() >= TARGETS_MAX {
                    self.targets.pop_front();
                }
                self.targets.push_back((lookup, *target));
                let (target, kind) = (shown_key(*target), lookup_kind(*kind, *stores));
                Shown::LookupStarted { lookup, node: name, target, kind }
            }
            Event::LookupStepped { operation, contact, result } => {
                let lookup = lookup_id(index, *operation);
                let (_, target) = self.targets.iter().rev().find(|(known, _)| *known == lookup)?;
                let asked = self.key_of(contact);
                Shown::LookupStepped {
                    lookup,
                    from: shown_key(own),
                    to: shown_key(asked),
                    distance_bits: saturating(asked.distance(*target).bit_length()),
                    outcome: outcome(*result),
                }
            }
            Event::LookupFinished { operation, found, report } => {
                let lookup = lookup_id(index, *operation);
                self.targets.retain(|(known, _)| *known != lookup);
                let LookupReport { hops, elapsed_us, .. } = *report;
                let ms = u32::try_from(elapsed_us / 1_000).unwrap_or(u32::MAX);
                Shown::LookupFinished { lookup, found: *found, hops: saturating(hops), ms }
            }
            Event::RecordStored { key, .. } => {
                Shown::RecordStored { node: name, key: shown_key(*key) }
            }
            Event::ContactAdded(_)
            | Event::ContactRemoved(_)
            | Event::IdChanged { .. }
            | Event::AddressElected { .. } => return None,
        })
    }

    /// The node at a contact's address: a bootstrap contact has an address before it has an id.
    fn key_of(&self, contact: &Contact) -> Key {
        self.by_addr.get(&contact.addr).copied().unwrap_or(contact.id)
    }
}

impl Counted {
    fn of(status: &Status, at: Instant) -> Self {
        let TrafficCounters {
            pings,
            find_nodes,
            find_values,
            stores,
            samples,
            unknown,
            bytes_in,
            bytes_out,
            ..
        } = status.traffic;
        let queries_in = pings + find_nodes + find_values + stores + samples + unknown;
        let [queries_out, ..] = status.queries;
        Self { at, queries_in, queries_out, bytes_in, bytes_out }
    }

    fn since(self, earlier: Self) -> Rates {
        let seconds = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        let rate = |now: u64, before: u64| per_second(now.saturating_sub(before), seconds);
        Rates {
            queries_in: rate(self.queries_in, earlier.queries_in),
            queries_out: rate(self.queries_out, earlier.queries_out),
            bytes_in: rate(self.bytes_in, earlier.bytes_in),
            bytes_out: rate(self.bytes_out, earlier.bytes_out),
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "rates are drawn; counts of a second stay far below 2^52"
)]
fn per_second(count: u64, seconds: f64) -> f64 {
    if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
}

fn entry(name: &str, status: &NodeStatus, rates: Rates) -> NodeEntry {
    let NodeStatus { dht, addrs, .. } = status;
    let buckets = dht.buckets.iter().map(|bucket| Bucket {
        index: saturating(bucket.index),
        live: saturating(bucket.live.len()),
        replacements: saturating(bucket.replacements),
    });
    let contacts = dht.buckets.iter().flat_map(|bucket| &bucket.live);
    let state = if dht.contacts == 0 { NodeState::Degraded } else { NodeState::Running };
    NodeEntry {
        id: NodeId::new(name),
        name: name.to_owned(),
        endpoint: addrs.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", "),
        state,
        peers: u32::try_from(dht.contacts).unwrap_or(u32::MAX),
        rates,
        panel: Panel::Dht(DhtNode {
            key: shown_key(dht.id),
            bucket_size: saturating(super::BUCKET_SIZE),
            buckets: buckets.collect(),
            records: dht.records as u64,
            neighbours: contacts.map(|(contact, _)| shown_key(contact.id)).collect(),
        }),
    }
}

/// A number no other lookup of the network has.
fn lookup_id(node: usize, OperationId(operation): OperationId) -> LookupId {
    let own = operation & ((1 << OPERATION_BITS) - 1);
    LookupId(((node as u64) << OPERATION_BITS) | own)
}

const fn lookup_kind(kind: Option<ValueKind>, stores: bool) -> LookupKind {
    match kind {
        _ if stores => LookupKind::Store,
        None => LookupKind::FindNode,
        Some(ValueKind::Item | ValueKind::Raw) => LookupKind::FindValue,
        Some(ValueKind::Peers) => LookupKind::GetPeers,
    }
}

const fn outcome(result: StepResult) -> StepOutcome {
    match result {
        StepResult::Asked => StepOutcome::Queried,
        StepResult::Answered => StepOutcome::Answered,
        StepResult::Found => StepOutcome::Found,
        StepResult::Refused => StepOutcome::Refused,
        StepResult::Silent => StepOutcome::TimedOut,
    }
}

fn shown_key(key: Key) -> DhtKey {
    DhtKey(key.into_bytes())
}

fn saturating(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

pub(in crate::up) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translator() -> Translator {
        Translator::new([Arc::from("dht-00"), Arc::from("dht-01")])
    }

    fn fact(node: &str, event: Event) -> DhtEvent {
        DhtEvent { node: Arc::from(node), event }
    }

    fn started(node: &str, operation: u64) -> DhtEvent {
        let (operation, target) = (OperationId(operation), Key::new([1; 20]));
        let kind = Some(ValueKind::Peers);
        fact(node, Event::LookupStarted { operation, target, kind, stores: false })
    }

    fn stepped(node: &str, operation: u64) -> DhtEvent {
        let contact = Contact::new(Key::new([0; 20]), ([127, 0, 0, 1], 9).into());
        let operation = OperationId(operation);
        fact(node, Event::LookupStepped { operation, contact, result: StepResult::Answered })
    }

    #[test]
    fn lookups_of_different_nodes_have_different_numbers() {
        let mut translator = translator();
        let numbers = ["dht-00", "dht-01"].map(|node| match translator.event(&started(node, 5)) {
            Some(Shown::LookupStarted { lookup, kind: LookupKind::GetPeers, .. }) => lookup,
            other => panic!("{other:?}"),
        });
        assert_ne!(numbers[0], numbers[1]);
    }

    #[test]
    fn a_step_is_shown_with_its_distance_from_the_target() {
        let mut translator = translator();
        translator.event(&started("dht-01", 5));
        let shown = translator.event(&stepped("dht-01", 5));
        let Some(Shown::LookupStepped { distance_bits, outcome, .. }) = shown else {
            panic!("{shown:?}")
        };
        assert_eq!((distance_bits, outcome), (153, StepOutcome::Answered));
    }

    #[test]
    fn a_step_of_a_lookup_nobody_remembers_is_not_shown() {
        let mut translator = translator();
        assert_eq!(translator.event(&stepped("dht-01", 5)), None);
        assert_eq!(translator.event(&started("stranger", 5)), None);
        for operation in 0..TARGETS_MAX as u64 + 1 {
            translator.event(&started("dht-00", operation));
        }
        assert_eq!(translator.event(&stepped("dht-00", 0)), None);
        assert!(translator.event(&stepped("dht-00", 1)).is_some());
        assert_eq!(translator.targets.len(), TARGETS_MAX);
    }

    #[test]
    fn rates_are_per_second_and_never_negative() {
        let at = Instant::now();
        let before = Counted { at, queries_in: 10, queries_out: 0, bytes_in: 0, bytes_out: 1_000 };
        let later = at + std::time::Duration::from_secs(2);
        let now = Counted { at: later, queries_in: 30, queries_out: 4, bytes_in: 0, bytes_out: 10 };
        let rates = now.since(before);
        assert_eq!((rates.queries_in, rates.queries_out, rates.bytes_out), (10.0, 2.0, 0.0));
        assert_eq!(now.since(now), Rates::default());
    }
}
