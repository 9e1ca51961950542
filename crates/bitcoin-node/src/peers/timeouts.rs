//! Peers that say nothing, send nothing or lag behind.
//!
//! **Spec:** Bitcoin Core, `CConnman::InactivityCheck`, `PeerManagerImpl::SendMessages`, `ConsiderEviction`.

use std::{sync::atomic::Ordering, time::Duration};

use super::{PeerFlags, PeerId, Permissions};
use crate::kernel::{Clock, Kernel};

/// Time without a byte, or without an answer to a ping.
const SILENCE_MAX: Duration = Duration::from_secs(20 * 60);
/// Longest time a peer may keep the window from moving.
const STALLING_MAX: Duration = Duration::from_secs(64);
/// Time for one block in intervals of blocks, and for each other peer that sends blocks, thousandths.
const DOWNLOAD_BASE: u32 = 1_000;
const DOWNLOAD_PER_PEER: u32 = 500;
/// Time an outbound peer has to reach our tip.
const LAGGING_MAX: Duration = Duration::from_secs(20 * 60);
/// Age of the best header from which on headers are up to date, seconds.
const RECENT: u64 = 24 * 60 * 60;

impl Kernel {
    /// Disconnects a peer that is not there; returns whether its connection is open.
    pub(super) fn check_handshake(&mut self, id: PeerId) -> bool {
        let (now, machine) = (self.clock.now(), Clock::machine());
        let timeout = Duration::from_secs(self.options.peer_timeout);
        let Some(peer) = self.peers.get(id) else { return false };
        if peer.outbox.is_closing() {
            return false;
        }
        let traffic = &peer.outbox.traffic;
        let since = |at: u64| machine.saturating_sub(Duration::from_secs(at));
        let (received, sent) = (
            traffic.last_received.load(Ordering::Relaxed),
            traffic.last_sent.load(Ordering::Relaxed),
        );
        // Like Bitcoin Core: nothing is looked at before the peer has had its time.
        if peer.connected + timeout < now {
            if received == 0 || sent == 0 {
                let never = |bytes, what| if bytes == 0 { what } else { "" };
                peer.disconnect(&format!(
                    "socket no message in first {} seconds{}{}",
                    timeout.as_secs(),
                    never(received, ", never received from peer"),
                    never(sent, ", never sent to peer"),
                ));
                return false;
            }
            if since(sent) > SILENCE_MAX || since(received) > SILENCE_MAX {
                peer.disconnect("socket timeout");
                return false;
            }
            if !peer.handshake.is_open() {
                peer.disconnect("version handshake timeout");
                return false;
            }
            let waiting = peer.ping.since.filter(|_| peer.ping.nonce.is_some());
            if waiting.is_some_and(|at| now > at + SILENCE_MAX) {
                peer.disconnect("ping timeout");
                return false;
            }
        }
        peer.is_open()
    }

    /// Disconnects a peer that keeps others from sending blocks, or sends none itself; returns whether it stays.
    pub(super) fn check_download(&mut self, id: PeerId) -> bool {
        let now = self.clock.now();
        let stalling = self.peers.stalling_timeout;
        let others =
            u32::try_from(self.peers.downloading_from()).unwrap_or(u32::MAX).saturating_sub(1);
        let Some(peer) = self.peers.get(id) else { return false };
        if peer.sync.stalling_since.is_some_and(|at| at + stalling < now) {
            tracing::info!(peer = id, "Peer is stalling block download");
            peer.disconnect("stalling block download");
            self.peers.stalling_timeout = (2 * stalling).min(STALLING_MAX);
            return false;
        }
        let spacing = Duration::from_secs(self.params.pow_target_spacing.into());
        let allowance = spacing
            .saturating_mul(DOWNLOAD_BASE + DOWNLOAD_PER_PEER.saturating_mul(others))
            / 1_000;
        if let Some(first) = peer.sync.in_flight.front()
            && now > peer.sync.downloading_since + allowance
        {
            tracing::info!(peer = id, block = %first.hash, "Timeout downloading block");
            peer.disconnect("timeout downloading block");
            return false;
        }
        self.check_headers(id, now)
    }

    /// Gives up on the one peer headers are synchronised with, if it sends none and there are others.
    fn check_headers(&mut self, id: PeerId, now: Duration) -> bool {
        let tree = self.chain.headers();
        let behind = u64::from(tree.time(tree.best())) + RECENT <= self.now();
        let (syncing, preferred) = (self.peers.syncing(), self.peers.preferred());
        let Some(peer) = self.peers.get_mut(id) else { return false };
        let Some(deadline) = peer.sync.headers_deadline else { return true };
        if !behind {
            peer.sync.headers_deadline = None;
            return true;
        }
        let others = preferred > usize::from(peer.has(PeerFlags::PREFERRED));
        if now > deadline && syncing == 1 && others {
            if peer.may(Permissions::NO_BAN) {
                tracing::info!(
                    "Timeout downloading headers from noban peer, not disconnecting peer={id}"
                );
                // Another one is asked.
                peer.flags.remove(PeerFlags::SYNC_STARTED);
                peer.sync.headers_deadline = None;
                return true;
            }
            peer.disconnect("timeout downloading headers");
            return false;
        }
        true
    }

    /// Gives up on a peer we dialled whose chain does not reach our tip.
    pub(super) fn consider_eviction(&mut self, id: PeerId) {
        let now = self.clock.now();
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let Some(peer) = self.peers.get_mut(id) else { return };
        if peer.has(PeerFlags::PROTECTED)
            || !peer.kind.is_replaceable()
            || !peer.has(PeerFlags::SYNC_STARTED)
        {
            return;
        }
        let has =
            |least| peer.sync.best_known.is_some_and(|best| tree.work(best) >= tree.work(least));
        if has(tip) {
            peer.sync.lagging = None;
            return;
        }
        match peer.sync.lagging {
            None => peer.sync.lagging = Some((now + LAGGING_MAX, tip, false)),
            Some((_, goal, _)) if has(goal) => {
                peer.sync.lagging = Some((now + LAGGING_MAX, tip, false));
            }
            Some((deadline, _, true)) if now > deadline => {
                peer.disconnect("outbound peer has old chain")
            }
            Some((deadline, goal, false)) if now > deadline => {
                let deadline = now + super::headers::HEADERS_RESPONSE;
                peer.sync.lagging = Some((deadline, goal, true));
                let locator = tree.locator(tree.parent(goal).unwrap_or(goal));
                self.ask_headers(id, locator);
            }
            Some(_) => {}
        }
    }
}
