//! Which transactions were announced by whom, and who was asked for them.
//!
//! ```text
//!   announced ──► candidate, from `not_before` on ──► asked (one peer) ──► came, or not found, or late ──► next candidate
//! ```
//!
//! # Invariants
//!
//! - A transaction is asked of one peer at a time; of preferred ones first.
//! - A peer has at most [`ANNOUNCEMENTS_MAX`] announcements unless it may relay without limit, and is asked for at most [`ASKED_MAX`] at a time without delay.
//!
//! **Spec:** Bitcoin Core, `TxRequestTracker`, `TxDownloadManager`.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use quintet_bitcoin_protocol::p2p::{Inventory, InventoryKind};

use super::PeerId;

/// Announcements of one peer, announcements.
pub(crate) const ANNOUNCEMENTS_MAX: usize = 5_000;
/// Transactions one peer is asked for before the next are delayed, transactions.
const ASKED_MAX: usize = 100;
/// Delay for peers that dialled us, for ids without witness, and for those asked for much.
const NOT_PREFERRED: Duration = Duration::from_secs(2);
const BY_TXID: Duration = Duration::from_secs(2);
const OVERLOADED: Duration = Duration::from_secs(2);
/// Time a peer has to send a transaction.
const ANSWER: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
struct Announcement {
    preferred: bool,
    not_before: Duration,
    /// Until when it may answer, if it was asked.
    asked: Option<Duration>,
}

/// Transactions that are announced and not there yet.
#[derive(Debug, Default)]
pub(crate) struct TxRequests {
    by_id: HashMap<([u8; 32], bool), BTreeMap<PeerId, Announcement>>,
    /// Announcements of each peer.
    counts: HashMap<PeerId, usize>,
}

/// How a peer announces.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announcer {
    pub(crate) peer: PeerId,
    /// Whether it is asked before others: we dialled it, or the operator trusts it.
    pub(crate) preferred: bool,
    /// Whether any peer announces by the id that covers witnesses.
    pub(crate) wtxid_peers: bool,
    /// Whether it may announce as much as it wants.
    pub(crate) unlimited: bool,
}

const fn key(entry: &Inventory) -> ([u8; 32], bool) {
    (entry.hash, matches!(entry.kind, InventoryKind::Wtx))
}

impl TxRequests {
    /// Notes an announcement.
    pub(crate) fn announced(&mut self, entry: &Inventory, by: Announcer, now: Duration) {
        let count = self.counts.entry(by.peer).or_default();
        if *count >= ANNOUNCEMENTS_MAX && !by.unlimited {
            return;
        }
        let announcers = self.by_id.entry(key(entry)).or_default();
        if announcers.contains_key(&by.peer) {
            return;
        }
        let is_wtxid = entry.kind == InventoryKind::Wtx;
        let mut delay = Duration::ZERO;
        if !by.preferred {
            delay += NOT_PREFERRED;
        }
        if !is_wtxid && by.wtxid_peers {
            delay += BY_TXID;
        }
        if *count >= ASKED_MAX && !by.unlimited {
            delay += OVERLOADED;
        }
        *count += 1;
        let preferred = by.preferred;
        let announcement = Announcement { preferred, not_before: now + delay, asked: None };
        announcers.insert(by.peer, announcement);
    }

    /// Returns what to ask a peer for now.
    pub(crate) fn due(&mut self, peer: PeerId, now: Duration) -> Vec<Inventory> {
        if self.counts.get(&peer).is_none_or(|&count| count == 0) {
            return Vec::new();
        }
        let mut due = Vec::new();
        let mut late = Vec::new();
        for (&(hash, is_wtxid), announcers) in &mut self.by_id {
            late.extend(
                announcers
                    .iter()
                    .filter(|(_, a)| a.asked.is_some_and(|until| until <= now))
                    .map(|(&peer, _)| ((hash, is_wtxid), peer)),
            );
            if announcers.values().any(|a| a.asked.is_some_and(|until| until > now)) {
                continue;
            }
            let ready = announcers.iter().filter(|(_, a)| a.asked.is_none() && a.not_before <= now);
            let best = ready.max_by_key(|(_, a)| a.preferred).map(|(&peer, _)| peer);
            if best == Some(peer)
                && let Some(announcement) = announcers.get_mut(&peer)
            {
                announcement.asked = Some(now + ANSWER);
                let kind = if is_wtxid { InventoryKind::Wtx } else { InventoryKind::WitnessTx };
                due.push(Inventory { kind, hash });
            }
        }
        for (key, peer) in late {
            self.forget(key, peer);
        }
        due
    }

    /// A peer does not have it after all, or sent something else under its name.
    pub(crate) fn answered(&mut self, entry: &Inventory, peer: PeerId) {
        self.forget(key(entry), peer);
    }

    fn forget(&mut self, key: ([u8; 32], bool), peer: PeerId) {
        let Some(announcers) = self.by_id.get_mut(&key) else { return };
        if announcers.remove(&peer).is_some()
            && let Some(count) = self.counts.get_mut(&peer)
        {
            *count = count.saturating_sub(1);
        }
        if announcers.is_empty() {
            self.by_id.remove(&key);
        }
    }

    /// It is there, or known to be no good: nobody need be asked.
    pub(crate) fn done(&mut self, hash: [u8; 32]) {
        for is_wtxid in [false, true] {
            let Some(announcers) = self.by_id.remove(&(hash, is_wtxid)) else { continue };
            for peer in announcers.keys() {
                if let Some(count) = self.counts.get_mut(peer) {
                    *count = count.saturating_sub(1);
                }
            }
        }
    }

    /// A peer is gone.
    pub(crate) fn peer_gone(&mut self, peer: PeerId) {
        self.counts.remove(&peer);
        self.by_id.retain(|_, announcers| {
            announcers.remove(&peer);
            !announcers.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(mark: u8) -> Inventory {
        Inventory { kind: InventoryKind::Wtx, hash: [mark; 32] }
    }

    fn by(peer: PeerId, preferred: bool) -> Announcer {
        Announcer { peer, preferred, wtxid_peers: true, unlimited: false }
    }

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_transaction_is_asked_of_one_peer_and_of_the_next_when_that_is_late() {
        let mut requests = TxRequests::default();
        requests.announced(&entry(1), by(1, true), at(0));
        requests.announced(&entry(1), by(2, true), at(0));
        assert_eq!(requests.due(2, at(0)), [entry(1)]);
        assert_eq!(requests.due(1, at(1)), []);
        assert_eq!(requests.due(1, at(60)), [entry(1)], "the first has not answered");
        requests.done([1; 32]);
        assert_eq!(requests.due(1, at(200)), []);
    }

    #[test]
    fn who_dialled_us_waits_and_who_has_it_not_is_not_asked_again() {
        let mut requests = TxRequests::default();
        requests.announced(&entry(1), by(1, false), at(0));
        assert_eq!(requests.due(1, at(1)), []);
        assert_eq!(requests.due(1, at(2)), [entry(1)]);
        requests.answered(&entry(1), 1);
        assert_eq!(requests.due(1, at(500)), []);
    }

    #[test]
    fn a_peer_that_announces_without_end_is_heard_so_far_and_forgotten_with_its_connection() {
        let mut requests = TxRequests::default();
        for number in 0..2 * ANNOUNCEMENTS_MAX {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_le_bytes());
            let entry = Inventory { kind: InventoryKind::Wtx, hash };
            requests.announced(&entry, by(1, true), at(0));
        }
        assert_eq!(requests.by_id.len(), ANNOUNCEMENTS_MAX);
        requests.peer_gone(1);
        assert!(requests.by_id.is_empty());
    }
}
