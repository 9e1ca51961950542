//! What is published, and when next: the publisher's state, without a clock or a network.

use core::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};
use std::collections::{BTreeMap, BTreeSet};

use quintet_dht_protocol::{
    dht::{Clock, Outcome, Wish},
    key::Key,
    message::code,
    record::{Content, Record, RecordKey},
};
use quintet_primitives::time::Instant;
use rand::{Rng, RngExt as _};
use thiserror::Error;

use super::{HOLD_OFF, IN_FLIGHT_MAX, PACE, PUBLICATIONS_MAX, RETRY};

/// Announcements of peers come this much more often than items: peers live half an hour.
const PEER_FACTOR: u32 = 4;

/// As many records are kept published as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("{limit} records are kept published already: stop publishing one first")]
pub(crate) struct ScheduleFull {
    /// Records allowed.
    pub(crate) limit: usize,
}

/// What becomes of a publication after a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Settled {
    /// It goes on: write down when.
    Again(Record),
    /// Others hold a newer version: it is over.
    Superseded,
    /// It was forgotten meanwhile.
    Gone,
}

#[derive(Debug)]
struct Entry {
    content: Content,
    /// None while it is being published.
    next: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Schedule {
    interval: Duration,
    entries: BTreeMap<RecordKey, Entry>,
    queue: BTreeSet<(Instant, RecordKey)>,
    in_flight: usize,
    /// Nothing begins before.
    free_at: Instant,
}

impl Schedule {
    /// Makes an empty schedule; `interval` is that of items.
    pub(super) fn new(interval: Duration, now: Instant) -> Self {
        Self {
            interval,
            entries: BTreeMap::new(),
            queue: BTreeSet::new(),
            in_flight: 0,
            free_at: now.saturating_add(HOLD_OFF),
        }
    }

    /// Takes back what was on disk, up to [`PUBLICATIONS_MAX`]. A time that lies further ahead than
    /// any interval (the wall clock was wrong) counts as one interval.
    pub(super) fn restore(&mut self, rows: Vec<(RecordKey, Record)>, clock: Clock) {
        for (key, record) in rows.into_iter().take(PUBLICATIONS_MAX) {
            let ahead = record.expires.saturating_since(clock.wall).min(self.interval);
            self.insert(key, record.content, clock.now.saturating_add(ahead));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Adds a record that has just been published, or replaces an older version of it. Returns it in
    /// the form for the disk.
    pub(super) fn keep(
        &mut self,
        key: RecordKey,
        content: Content,
        clock: Clock,
        rng: &mut impl Rng,
    ) -> Result<Record, ScheduleFull> {
        if self.entries.len() >= PUBLICATIONS_MAX && !self.entries.contains_key(&key) {
            return Err(ScheduleFull { limit: PUBLICATIONS_MAX });
        }
        let after = self.jittered(&key, rng);
        self.insert(key, content.clone(), clock.now.saturating_add(after));
        Ok(Record { content, expires: clock.wall.saturating_add(after) })
    }

    /// Removes everything under `key`.
    pub(super) fn forget(&mut self, key: Key) -> Vec<RecordKey> {
        let keys: Vec<RecordKey> =
            self.entries.keys().filter(|record| record.key() == key).copied().collect();
        keys.iter().for_each(|key| self.remove(key));
        keys
    }

    /// Takes the next record to publish now, if there is one. [`Self::settle`] must follow.
    pub(super) fn due(&mut self, now: Instant) -> Option<(RecordKey, Wish)> {
        let (at, key) = *self.queue.first()?;
        if at > now || self.free_at > now || self.in_flight >= IN_FLIGHT_MAX {
            return None;
        }
        self.queue.pop_first();
        let entry = self.entries.get_mut(&key)?;
        entry.next = None;
        self.in_flight += 1;
        self.free_at = now.saturating_add(PACE);
        Some((key, wish(&key, &entry.content)))
    }

    /// Returns when [`Self::due`] may have something; a settled publication may change it.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let (at, _) = self.queue.first().filter(|_| self.in_flight < IN_FLIGHT_MAX)?;
        Some((*at).max(self.free_at))
    }

    /// Notes how a publication went; none means that it could not be tried.
    pub(super) fn settle(
        &mut self,
        key: RecordKey,
        outcome: Option<&Outcome>,
        clock: Clock,
        rng: &mut impl Rng,
    ) -> Settled {
        self.in_flight = self.in_flight.saturating_sub(1);
        let stored = match outcome {
            Some(Outcome::Stored { acknowledged, refused, .. }) => {
                let newer = |refused: &(_, i64, String)| refused.1 == code::SEQ_TOO_LOW;
                if *acknowledged == 0 && !refused.is_empty() && refused.iter().all(newer) {
                    self.remove(&key);
                    return Settled::Superseded;
                }
                *acknowledged > 0
            }
            _ => false,
        };
        let full = self.jittered(&key, rng);
        let after = if stored { full } else { full.min(RETRY) };
        let Some(entry) = self.entries.get_mut(&key) else { return Settled::Gone };
        if entry.next.is_none() {
            let at = clock.now.saturating_add(after);
            entry.next = Some(at);
            self.queue.insert((at, key));
        }
        Settled::Again(Record {
            content: entry.content.clone(),
            expires: clock.wall.saturating_add(after),
        })
    }

    fn insert(&mut self, key: RecordKey, content: Content, at: Instant) {
        self.remove(&key);
        self.entries.insert(key, Entry { content, next: Some(at) });
        self.queue.insert((at, key));
    }

    fn remove(&mut self, key: &RecordKey) {
        if let Some(Entry { next: Some(at), .. }) = self.entries.remove(key) {
            self.queue.remove(&(at, *key));
        }
    }

    /// The interval of a record, a fifth more or less.
    fn jittered(&self, key: &RecordKey, rng: &mut impl Rng) -> Duration {
        let interval = match key {
            RecordKey::Item(_) | RecordKey::Raw(_) => self.interval,
            RecordKey::Peer(..) => self.interval / PEER_FACTOR,
        };
        interval.mul_f64(rng.random_range(0.8..=1.2))
    }
}

/// The key under which an announcement is kept; no port stands for the node's own.
pub(crate) fn announcement(info_hash: Key, port: Option<u16>) -> RecordKey {
    let ip = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    RecordKey::Peer(info_hash, SocketAddr::new(ip, port.unwrap_or(0)))
}

fn wish(key: &RecordKey, content: &Content) -> Wish {
    match (key, content) {
        (RecordKey::Peer(info_hash, addr), Content::Peer { seed }) => Wish::Announce {
            info_hash: *info_hash,
            port: Some(addr.port()).filter(|port| *port != 0),
            seed: *seed,
        },
        (_, Content::Item(item)) => Wish::PutItem { item: item.clone(), cas: None },
        (key, Content::Raw(value)) => Wish::PutRaw { key: key.key(), value: value.clone() },
        // Keys and contents are paired when they are read; an odd pair is looked up and not stored.
        (key, Content::Peer { .. }) => Wish::FindNode { target: key.key() },
    }
}

#[cfg(test)]
mod tests {
    use quintet_dht_protocol::{contact::Contact, dht::LookupReport};
    use quintet_primitives::time::UnixTime;
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(secs: u64) -> Clock {
        Clock { now: Instant::from_secs(secs), wall: UnixTime::from_secs(1_000_000 + secs) }
    }

    fn key(number: u16) -> RecordKey {
        let mut bytes = [0; 20];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        RecordKey::Raw(Key::new(bytes))
    }

    fn raw() -> Content {
        Content::Raw(vec![1])
    }

    fn rng() -> StdRng {
        StdRng::seed_from_u64(5)
    }

    fn stored(acknowledged: usize, codes: &[i64]) -> Outcome {
        let contact = Contact::new(Key::default(), "127.0.0.1:1".parse().unwrap());
        Outcome::Stored {
            key: Key::default(),
            acknowledged,
            refused: codes.iter().map(|code| (contact, *code, String::new())).collect(),
            silent: 0,
            report: LookupReport::default(),
        }
    }

    /// Publishes what falls due until `end`; returns when each began.
    fn run(schedule: &mut Schedule, from: u64, end: u64) -> Vec<Instant> {
        let mut begun = Vec::new();
        let mut now = Instant::from_secs(from);
        while let Some(wake) = schedule.next_wake().filter(|at| *at < Instant::from_secs(end)) {
            now = now.max(wake);
            while let Some((key, _)) = schedule.due(now) {
                begun.push(now);
                let clock = Clock { now, wall: UnixTime::from_secs(0) };
                schedule.settle(key, Some(&stored(8, &[])), clock, &mut rng());
            }
        }
        begun
    }

    #[test]
    fn a_record_is_published_again_after_an_hour_give_or_take_a_fifth() {
        let mut schedule = Schedule::new(HOUR, Instant::ZERO);
        let mut rng = rng();
        for number in 0..200 {
            let record = schedule.keep(key(number), raw(), at(0), &mut rng).unwrap();
            let after = record.expires.as_secs() - 1_000_000;
            assert!((2_880..=4_320).contains(&after), "{after}");
        }
        let times: BTreeSet<u64> =
            schedule.queue.iter().map(|(at, _)| at.since_start().as_secs() / 60).collect();
        assert!(times.len() > 20, "they drift apart: {times:?}");
        let peer = announcement(Key::default(), None);
        let record = schedule.keep(peer, Content::Peer { seed: false }, at(0), &mut rng).unwrap();
        assert!((720..=1_080).contains(&(record.expires.as_secs() - 1_000_000)));
    }

    #[test]
    fn a_restart_publishes_what_was_missed_slowly_and_not_at_once() {
        let mut schedule = Schedule::new(HOUR, Instant::ZERO);
        let overdue = Record { content: raw(), expires: UnixTime::from_secs(5) };
        let rows = (0..1_000).map(|number| (key(number), overdue.clone()));
        schedule.restore(rows.collect(), at(0));
        let begun = run(&mut schedule, 0, 2_000);
        assert_eq!(begun.len(), 1_000);
        assert!(begun[0] >= Instant::ZERO.saturating_add(HOLD_OFF));
        assert!(begun.windows(2).all(|pair| pair[1] - pair[0] >= PACE));
    }

    #[test]
    fn only_so_many_are_under_way() {
        let mut schedule = Schedule::new(HOUR, Instant::ZERO);
        let overdue = Record { content: raw(), expires: UnixTime::from_secs(5) };
        schedule.restore((0..10).map(|number| (key(number), overdue.clone())).collect(), at(0));
        let begun = (0..100)
            .filter(|tenth| schedule.due(Instant::from_millis(40_000 + tenth * 500)).is_some());
        assert_eq!(begun.count(), IN_FLIGHT_MAX);
        assert_eq!(schedule.next_wake(), None);
    }

    #[test]
    fn what_others_have_replaced_is_given_up_and_what_failed_is_tried_again() {
        let mut schedule = Schedule::new(HOUR, Instant::ZERO);
        let overdue = Record { content: raw(), expires: UnixTime::from_secs(5) };
        schedule.restore(vec![(key(1), overdue.clone()), (key(2), overdue)], at(0));
        let (first, _) = schedule.due(Instant::from_secs(60)).unwrap();
        let newer = stored(0, &[code::SEQ_TOO_LOW; 3]);
        let settled = schedule.settle(first, Some(&newer), at(60), &mut rng());
        assert_eq!((settled, schedule.len()), (Settled::Superseded, 1));
        let (second, _) = schedule.due(Instant::from_secs(61)).unwrap();
        let Settled::Again(record) = schedule.settle(second, None, at(61), &mut rng()) else {
            panic!("given up");
        };
        assert_eq!(record.expires, UnixTime::from_secs(1_000_061).saturating_add(RETRY));
    }

    #[test]
    fn a_forgotten_record_is_not_published_even_if_it_is_under_way() {
        let mut schedule = Schedule::new(HOUR, Instant::ZERO);
        let overdue = Record { content: raw(), expires: UnixTime::from_secs(5) };
        schedule.restore(vec![(key(1), overdue)], at(0));
        let (key, _) = schedule.due(Instant::from_secs(60)).unwrap();
        assert_eq!(schedule.forget(key.key()), [key]);
        let settled = schedule.settle(key, Some(&stored(8, &[])), at(61), &mut rng());
        assert_eq!((settled, schedule.next_wake()), (Settled::Gone, None));
    }

    #[test]
    fn a_full_schedule_takes_new_versions_and_no_new_records() {
        let mut schedule = Schedule::new(HOUR, Instant::ZERO);
        let mut rng = rng();
        for number in 0..PUBLICATIONS_MAX {
            let number = u16::try_from(number).unwrap();
            schedule.keep(key(number), raw(), at(0), &mut rng).unwrap();
        }
        let full = schedule.keep(key(u16::MAX), raw(), at(0), &mut rng);
        assert_eq!(full, Err(ScheduleFull { limit: PUBLICATIONS_MAX }));
        assert!(schedule.keep(key(7), raw(), at(0), &mut rng).is_ok());
    }
}
