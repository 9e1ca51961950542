//! Transactions between peers: heard of, asked for once, judged, and passed on.
//!
//! **Spec:** Bitcoin Core, `NetMsgType::INV`, `NetMsgType::TX`, `SendMessages`, `MaybeSendFeefilter`; BIP-0133, BIP-0339.

use std::time::Duration;

use bitcoin::{Wtxid, hashes::Hash as _};
use quintet_bitcoin_protocol::{
    Transaction,
    p2p::{FEEFILTER_VERSION, GETDATA_SENT_MAX, INVENTORY_MAX, Inventory, InventoryKind, Message},
};
use rand::RngExt as _;

use super::{ConnectionKind, Peer, PeerFlags, PeerId, Permissions, requests::Announcer};
use crate::{chain::ChainError, kernel::Kernel, mempool::Verdict};

/// Mean time between announcements to peers that dialled us, and to those we dialled.
const INBOUND_EVERY: Duration = Duration::from_secs(5);
const OUTBOUND_EVERY: Duration = Duration::from_secs(2);
/// Time between two looks at what a peer should be told about fees.
const FEE_FILTER_EVERY: Duration = Duration::from_secs(600);
/// Transactions of one announcement, transactions.
const ANNOUNCED_MAX: usize = 1_000;

impl Kernel {
    /// Deals with an announcement.
    pub(super) fn announced(&mut self, id: PeerId, entries: &[Inventory]) {
        let now = self.clock.now();
        let catching_up = self.is_catching_up();
        let wtxid_peers = self.peers.iter().any(|peer| peer.handshake.wtxid_relay());
        let mut unknown_block = None;
        for entry in entries {
            let Some(peer) = self.peers.get_mut(id) else { return };
            let skipped = if peer.handshake.wtxid_relay() {
                entry.kind == InventoryKind::Tx
            } else {
                entry.kind == InventoryKind::Wtx
            };
            if skipped {
                continue;
            }
            if entry.kind == InventoryKind::Block {
                let hash = entry.block_hash();
                self.note_has(id, hash);
                let have = self.chain.headers().find(&hash).is_some();
                if !have && !self.peers.is_requested(&hash) {
                    unknown_block = Some(hash);
                }
            } else if entry.kind.is_transaction() {
                if takes_none(peer, self.options.blocks_only) {
                    let name = Wtxid::from_byte_array(entry.hash);
                    peer.disconnect(&format!(
                        "transaction ({name}) inv sent in violation of protocol"
                    ));
                    return;
                }
                peer.transactions.know(entry.hash);
                let unlimited = peer.may(Permissions::RELAY);
                let preferred = peer.has(PeerFlags::PREFERRED);
                let by = Announcer { peer: id, preferred, wtxid_peers, unlimited };
                if !catching_up && !self.mempool.knows(entry) {
                    self.peers.requests.announced(entry, by, now);
                }
            }
        }
        if let Some(hash) = unknown_block {
            self.ask_after_inv(id, hash);
        }
    }

    /// A block was announced by its name: ask for headers, of one new peer a block while not synchronised.
    fn ask_after_inv(&mut self, id: PeerId, hash: bitcoin::BlockHash) {
        let Some(peer) = self.peers.get(id) else { return };
        let started = peer.has(PeerFlags::SYNC_STARTED);
        let first = !peer.has(PeerFlags::INV_TRIGGERED) && self.peers.inv_triggering != Some(hash);
        if !started && !first {
            return;
        }
        let best = self.chain.headers().best();
        let locator = self.chain.headers().locator(best);
        self.ask_headers(id, locator);
        if !started {
            self.set_flag(id, PeerFlags::INV_TRIGGERED, true);
            self.peers.inv_triggering = Some(hash);
        }
    }

    /// Asks a peer for transactions whose turn it is.
    pub(super) fn ask_transactions(&mut self, id: PeerId) {
        let now = self.clock.now();
        let due = self.peers.requests.due(id, now);
        let mut wanted: Vec<_> =
            due.into_iter().filter(|entry| !self.mempool.knows(entry)).collect();
        let Some(peer) = self.peers.get(id) else { return };
        if !peer.serves_witnesses() {
            // It knows no other way to ask for one.
            for entry in wanted.iter_mut().filter(|entry| entry.kind == InventoryKind::WitnessTx) {
                entry.kind = InventoryKind::Tx;
            }
        }
        for part in wanted.chunks(GETDATA_SENT_MAX) {
            peer.send(&Message::GetData(part.to_vec()));
        }
    }

    /// A peer does not have what it announced.
    pub(super) fn not_found(&mut self, id: PeerId, entries: &[Inventory]) {
        for entry in entries.iter().filter(|entry| entry.kind.is_transaction()) {
            self.peers.requests.answered(entry, id);
        }
    }

    /// Deals with a transaction a peer sent.
    pub(super) fn transaction_came(
        &mut self,
        id: PeerId,
        transaction: &Transaction,
    ) -> Result<(), ChainError> {
        let catching_up = self.is_catching_up();
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        if takes_none(peer, self.options.blocks_only) {
            peer.disconnect("transaction sent in violation of protocol");
            return Ok(());
        }
        if catching_up {
            return Ok(());
        }
        let tx = transaction.view();
        let (txid, wtxid) = (tx.txid(), tx.wtxid());
        let by_wtxid = peer.handshake.wtxid_relay();
        let name = if by_wtxid { wtxid.to_byte_array() } else { txid.to_byte_array() };
        peer.transactions.know(name);
        for kind in [InventoryKind::Wtx, InventoryKind::Tx] {
            let hash = if kind == InventoryKind::Wtx {
                wtxid.to_byte_array()
            } else {
                txid.to_byte_array()
            };
            self.peers.requests.answered(&Inventory { kind, hash }, id);
        }
        if self.mempool.knows(&Inventory::wtx(wtxid)) {
            self.relay_again(id, transaction);
            return Ok(());
        }
        self.settle()?;
        match self.accept_transaction(transaction)? {
            Verdict::Accepted(_) => {
                let now = self.now();
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.last_transaction = now;
                }
                self.relay(wtxid);
                self.retry_orphans(transaction)?;
            }
            Verdict::Refused(refusal) if refusal.is_missing_inputs() => {
                self.keep_orphan(id, transaction);
            }
            Verdict::Refused(refusal) => {
                // Tools that drive Bitcoin Core look for these words.
                tracing::debug!(
                    "{txid} (wtxid={wtxid}) from peer={id} was not accepted: {refusal}"
                );
                self.peers.requests.done(wtxid.to_byte_array());
                self.mempool.remember_refused(&refusal, transaction);
            }
        }
        Ok(())
    }

    /// Passes a transaction on that is here already, for a peer that was granted it.
    ///
    /// **Spec:** Bitcoin Core, `NetMsgType::TX`, on `ForceRelay`.
    fn relay_again(&mut self, id: PeerId, transaction: &Transaction) {
        if !self.peers.get(id).is_some_and(|peer| peer.may(Permissions::FORCE_RELAY)) {
            return;
        }
        let (txid, wtxid) = (transaction.view().txid(), transaction.view().wtxid());
        if self.mempool.by_wtxid(&wtxid).is_some() {
            tracing::info!("Force relaying tx {txid} (wtxid={wtxid}) from peer={id}");
            self.relay(wtxid);
        } else {
            tracing::info!(
                "Not relaying non-mempool transaction {txid} (wtxid={wtxid}) from forcerelay peer={id}"
            );
        }
    }

    /// Keeps a transaction whose parents are not known, and asks the sender for them.
    fn keep_orphan(&mut self, id: PeerId, transaction: &Transaction) {
        let now = self.clock.now();
        let tx = transaction.view();
        self.peers.requests.done(tx.wtxid().to_byte_array());
        let parents: std::collections::BTreeSet<_> =
            tx.inputs().map(|input| input.previous.txid).collect();
        if parents.iter().any(|parent| self.mempool.is_refused(&parent.to_byte_array())) {
            self.mempool.remember_hopeless(transaction);
            return;
        }
        if !self.mempool.orphans_mut().keep(transaction, id) {
            return;
        }
        let Some(peer) = self.peers.get(id) else { return };
        let unlimited = peer.may(Permissions::RELAY);
        let preferred = peer.has(PeerFlags::PREFERRED);
        let by = Announcer { peer: id, preferred, wtxid_peers: false, unlimited };
        for parent in parents {
            let entry = Inventory::tx(parent);
            if !self.mempool.knows(&entry) {
                self.peers.requests.announced(&entry, by, now);
            }
        }
    }

    /// Judges again the orphans that waited for a transaction, and those that waited for them.
    fn retry_orphans(&mut self, parent: &Transaction) -> Result<(), ChainError> {
        let mut ready = vec![parent.view().txid()];
        while let Some(parent) = ready.pop() {
            for orphan in self.mempool.orphans_mut().take_children(&parent) {
                match self.accept_transaction(&orphan)? {
                    Verdict::Accepted(_) => {
                        self.relay(orphan.view().wtxid());
                        ready.push(orphan.view().txid());
                    }
                    Verdict::Refused(refusal) if refusal.is_missing_inputs() => {
                        self.mempool.orphans_mut().put_back(orphan);
                    }
                    Verdict::Refused(refusal) => {
                        let (txid, wtxid) = (orphan.view().txid(), orphan.view().wtxid());
                        tracing::debug!("{txid} (wtxid={wtxid}) was not accepted: {refusal}");
                        self.mempool.remember_refused(&refusal, &orphan);
                    }
                }
            }
        }
        Ok(())
    }

    /// Queues a transaction for every peer that wants it.
    pub(crate) fn relay(&mut self, wtxid: Wtxid) {
        let Some(entry) = self.mempool.by_wtxid(&wtxid) else { return };
        let names = [wtxid.to_byte_array(), entry.txid().to_byte_array()];
        self.peers.requests.done(names[0]);
        self.peers.requests.done(names[1]);
        for peer in self.peers.iter_mut() {
            let name = names[usize::from(!peer.handshake.wtxid_relay())];
            if peer.is_open() && peer.has(PeerFlags::RELAYS) && !peer.transactions.knows(&name) {
                peer.transactions.to_announce.insert(wtxid);
            }
        }
    }

    /// Announces the queued transactions when it is time, the best fee rates first and parents before children.
    pub(super) fn announce_transactions(&mut self, id: PeerId) {
        let now = self.clock.now();
        let draw: f64 = self.rng.random_range(f64::EPSILON..1.0);
        let Some(peer) = self.peers.get_mut(id) else { return };
        let waits = now < peer.transactions.next_announcement && !peer.may(Permissions::NO_BAN);
        if !peer.has(PeerFlags::RELAYS) || waits {
            return;
        }
        if peer.has(PeerFlags::SEND_POOL) {
            self.announce_pool(id);
        }
        let Some(peer) = self.peers.get_mut(id) else { return };
        let mean = if peer.is_inbound() { INBOUND_EVERY } else { OUTBOUND_EVERY };
        peer.transactions.next_announcement = now + mean.mul_f64(-draw.ln());
        if peer.transactions.to_announce.is_empty() {
            return;
        }
        let queued = std::mem::take(&mut peer.transactions.to_announce);
        let ordered = self.mempool.in_relay_order(&queued);
        let by_wtxid = peer.handshake.wtxid_relay();
        let mut entries = Vec::new();
        for entry in ordered {
            if entries.len() >= ANNOUNCED_MAX.min(INVENTORY_MAX) {
                peer.transactions.to_announce.insert(entry.wtxid());
                continue;
            }
            let name =
                if by_wtxid { Inventory::wtx(entry.wtxid()) } else { Inventory::tx(entry.txid()) };
            let pays = entry.fee_rate() >= peer.transactions.fee_filter;
            if pays && !peer.transactions.knows(&name.hash) {
                peer.transactions.know(name.hash);
                entries.push(name);
            }
        }
        if !entries.is_empty() {
            peer.send(&Message::Inv(entries));
        }
    }

    /// Announces everything in the pool, as a peer asked (BIP-0035).
    fn announce_pool(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get_mut(id) else { return };
        peer.flags.remove(PeerFlags::SEND_POOL);
        let all = self.mempool.iter().map(|entry| entry.wtxid()).collect();
        let by_wtxid = peer.handshake.wtxid_relay();
        let mut entries = Vec::new();
        for entry in self.mempool.in_relay_order(&all) {
            peer.transactions.to_announce.remove(&entry.wtxid());
            if entry.fee_rate() < peer.transactions.fee_filter {
                continue;
            }
            let name =
                if by_wtxid { Inventory::wtx(entry.wtxid()) } else { Inventory::tx(entry.txid()) };
            peer.transactions.know(name.hash);
            entries.push(name);
        }
        for part in entries.chunks(INVENTORY_MAX) {
            peer.send(&Message::Inv(part.to_vec()));
        }
    }

    /// Tells a peer below which fee rate transactions are not wanted.
    pub(super) fn say_fee_filter(&mut self, id: PeerId) {
        let now = self.clock.now();
        let filter = if self.is_catching_up() {
            crate::mempool::MONEY_MAX_RATE
        } else {
            self.mempool.fee_floor()
        };
        let blocks_only = self.options.blocks_only;
        let Some(peer) = self.peers.get_mut(id) else { return };
        if blocks_only
            || peer.version() < FEEFILTER_VERSION
            || peer.kind == ConnectionKind::BlockRelayOnly
            || peer.may(Permissions::FORCE_RELAY)
        {
            return;
        }
        // A peer that was told to send nothing is told at once when it may.
        let sent = peer.transactions.fee_filter_sent;
        let caught_up = sent == Some(crate::mempool::MONEY_MAX_RATE) && Some(filter) != sent;
        if now < peer.transactions.next_fee_filter && !caught_up {
            return;
        }
        peer.transactions.next_fee_filter = now + FEE_FILTER_EVERY;
        if sent != Some(filter) {
            peer.send(&Message::FeeFilter(filter));
            peer.transactions.fee_filter_sent = Some(filter);
        }
    }
}

/// Returns whether a peer may send no transactions.
///
/// **Spec:** Bitcoin Core, `RejectIncomingTxs`.
const fn takes_none(peer: &Peer, blocks_only: bool) -> bool {
    !peer.kind.relays_transactions() || blocks_only && !peer.may(Permissions::RELAY)
}
