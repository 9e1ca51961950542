//! What a peer says, and who deals with it.
//!
//! **Spec:** Bitcoin Core, `PeerManagerImpl::ProcessMessage`, `InitializeNode`, `FinalizeNode`, `Misbehaving`.

use std::net::SocketAddr;
use std::time::Duration;

use quintet_bitcoin_protocol::p2p::{
    COMPACT_BLOCKS, COMPACT_VERSION, Handshake, Message, MessageError, PONG_VERSION,
    PROTOCOL_VERSION, Passed, Refusal, Services, VersionMessage,
};
use quintet_net::{Subnet, bans::BanReason};
use quintet_primitives::time::UnixTime;
use rand::RngExt as _;

use super::{Arrival, ConnectionKind, Peer, PeerFlags, PeerId, Peers, peer};
use crate::{
    chain::ChainError,
    kernel::{Clock, Kernel},
};

/// Seconds for which an address that misbehaved is the first to be turned away.
const DISCOURAGED_SECONDS: u64 = 24 * 60 * 60;

/// Connections kept for those we make ourselves.
const OUTBOUND_RESERVE: usize = 11;

impl Kernel {
    /// Takes in a connection, or turns it away.
    pub(crate) fn peer_connected(&mut self, arrival: Arrival) {
        let Arrival { id, kind, address, local, name, outbox } = arrival;
        let inbound = kind == ConnectionKind::Inbound;
        let time = UnixTime::from_secs(self.now());
        let slots = self.options.connections_max.saturating_sub(OUTBOUND_RESERVE).max(1);
        let taken = self.peers.iter().filter(|peer| peer.is_inbound()).count();
        let ip = address.ip().to_canonical();
        let refused = !self.peers.active
            || self.peers.banned.find(ip, time).is_some()
            || inbound && taken >= slots
            || inbound && taken + 1 >= slots && self.peers.discouraged.find(ip, time).is_some();
        if refused {
            tracing::debug!(%address, "connection turned away");
            outbox.close();
            return;
        }
        let nonce = self.rng.random();
        let ours = self.version_message(address, kind, nonce);
        let expected = match kind {
            ConnectionKind::OutboundFullRelay | ConnectionKind::BlockRelayOnly => {
                Services::NETWORK | Services::WITNESS
            }
            _ => Services::empty(),
        };
        let handshake = if inbound {
            Handshake::inbound(ours)
        } else {
            let (handshake, first) = Handshake::outbound(ours, expected);
            outbox.send(&first);
            handshake
        };
        let now = self.clock.now();
        let peer = Peer {
            id,
            kind,
            address,
            local,
            name,
            outbox,
            handshake,
            nonce,
            connected: now,
            connected_machine: Clock::machine(),
            time_offset: 0,
            flags: PeerFlags::empty(),
            sync: peer::PeerSync::default(),
            transactions: peer::PeerTransactions::default(),
            ping: peer::PeerPing::default(),
            to_announce: Vec::new(),
            to_name: Vec::new(),
            continuation: None,
            wanted: std::collections::VecDeque::new(),
            last_block: 0,
            last_transaction: 0,
        };
        tracing::debug!(peer = id, %address, kind = kind.name(), "connected");
        self.peers.all.insert(id, peer);
    }

    fn version_message(
        &self,
        address: SocketAddr,
        kind: ConnectionKind,
        nonce: u64,
    ) -> VersionMessage {
        let routable = !Peers::is_local(address);
        let receiver = if routable { address } else { SocketAddr::from(([0_u16; 8], 0)) };
        VersionMessage {
            version: PROTOCOL_VERSION,
            services: self.peers.services,
            time: i64::try_from(self.now()).unwrap_or(i64::MAX),
            receiver: (Services::empty(), receiver),
            nonce,
            user_agent: self.options.user_agent.clone(),
            height: i32::try_from(self.chain.height()).unwrap_or(i32::MAX),
            relay: kind.relays_transactions() && !self.options.blocks_only,
        }
    }

    /// Forgets a peer and what was asked of it.
    pub(crate) fn peer_closed(&mut self, id: PeerId) {
        let Some(peer) = self.peers.all.remove(&id) else { return };
        let requested: Vec<_> = peer.sync.in_flight.iter().map(|request| request.hash).collect();
        for hash in requested {
            self.peers.in_flight.remove(&hash);
        }
        self.peers.requests.peer_gone(id);
        self.mempool.orphans_mut().peer_gone(id);
        let traffic = &peer.outbox.traffic;
        for (sum, part) in
            self.peers.past_traffic.iter_mut().zip([&traffic.received, &traffic.sent])
        {
            *sum += part.load(std::sync::atomic::Ordering::Relaxed);
        }
        tracing::debug!(peer = id, "disconnected");
    }

    /// Disconnects a peer that broke a rule, and remembers its address.
    ///
    /// **Spec:** Bitcoin Core, `Misbehaving`, `MaybeDiscourageAndDisconnect`.
    pub(crate) fn misbehaved(&mut self, id: PeerId, why: &str) {
        let Some(peer) = self.peers.get(id) else { return };
        tracing::debug!(peer = id, "Misbehaving: peer={id}: {why}");
        if peer.kind == ConnectionKind::Manual {
            tracing::warn!(peer = id, "Not punishing manually connected peer {id}!");
            return;
        }
        peer.disconnect(why);
        if Peers::is_local(peer.address) {
            return;
        }
        let ip = peer.address.ip();
        let now = UnixTime::from_secs(self.now());
        let until = UnixTime::from_secs(self.now().saturating_add(DISCOURAGED_SECONDS));
        // A list that is full of such addresses forgets the one that ends first.
        let banned =
            self.peers.discouraged.ban(Subnet::address(ip), until, BanReason::Misbehaviour, now);
        if let Err(error) = banned {
            tracing::debug!(%ip, %error, "not remembered");
        }
        for peer in self.peers.iter().filter(|peer| peer.address.ip() == ip) {
            peer.outbox.close();
        }
    }

    /// Deals with what a peer said.
    pub(crate) fn peer_said(
        &mut self,
        id: PeerId,
        message: Result<Message, MessageError>,
    ) -> Result<(), ChainError> {
        let Some(peer) = self.peers.get(id).filter(|peer| !peer.outbox.is_closing()) else {
            return Ok(());
        };
        let message = match message {
            Ok(message) => message,
            Err(MessageError::Feature) if peer.handshake.theirs().is_some() => {
                peer.disconnect("invalid feature payload");
                return Ok(());
            }
            Err(error) if error.is_misbehaviour() && peer.is_open() => {
                self.misbehaved(id, &error.to_string());
                return Ok(());
            }
            Err(error) => {
                tracing::debug!(peer = id, %error, "a message that says nothing");
                return Ok(());
            }
        };
        let nonces: Vec<u64> = self
            .peers
            .iter()
            .filter(|peer| !peer.is_inbound() && !peer.handshake.is_open())
            .map(|peer| peer.nonce)
            .collect();
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        let mut replies = Vec::new();
        let passed = peer.handshake.receive(message, |nonce| nonces.contains(&nonce), &mut replies);
        for reply in &replies {
            peer.send(reply);
        }
        match passed {
            Ok(Passed::Absorbed) => Ok(()),
            Ok(Passed::Introduced) => {
                self.introduced(id);
                Ok(())
            }
            Ok(Passed::Opened) => {
                self.opened(id);
                Ok(())
            }
            Ok(Passed::Message(message)) => self.dispatch(id, *message),
            Err(refusal @ Refusal::Oneself) => {
                tracing::info!(address = %peer.address, "connected to self");
                peer.disconnect(&refusal.to_string());
                Ok(())
            }
            Err(refusal) => {
                peer.disconnect(&refusal.to_string());
                Ok(())
            }
        }
    }

    /// A peer has said who it is.
    fn introduced(&mut self, id: PeerId) {
        let now = i64::try_from(self.now()).unwrap_or(i64::MAX);
        let Some(peer) = self.peers.get_mut(id) else { return };
        let Some(theirs) = peer.handshake.theirs() else { return };
        peer.time_offset = theirs.time.saturating_sub(now);
        let relays = theirs.relay && peer.kind.relays_transactions();
        peer.flags.set(PeerFlags::RELAYS, relays);
        let preferred =
            !peer.is_inbound() && peer.kind != ConnectionKind::AddrFetch && peer.serves_blocks();
        peer.flags.set(PeerFlags::PREFERRED, preferred);
        match peer.kind {
            ConnectionKind::Feeler => peer.disconnect("feeler connection completed"),
            ConnectionKind::Manual
            | ConnectionKind::OutboundFullRelay
            | ConnectionKind::AddrFetch => {
                peer.flags.insert(PeerFlags::ADDRESSES);
                peer.send(&Message::GetAddr);
            }
            ConnectionKind::Inbound | ConnectionKind::BlockRelayOnly => {}
        }
    }

    /// A connection is open.
    fn opened(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(id) else { return };
        tracing::debug!(
            peer = id,
            "New {} peer connected: version: {}, peer={id}",
            peer.kind.name(),
            peer.version()
        );
        if peer.version() >= COMPACT_VERSION {
            peer.send(&Message::SendCmpct { announce: 0, version: COMPACT_BLOCKS });
        }
    }

    fn dispatch(&mut self, id: PeerId, message: Message) -> Result<(), ChainError> {
        match message {
            Message::Ping(nonce) => self.pinged(id, nonce),
            Message::Pong(nonce) => self.ponged(id, nonce),
            Message::SendHeaders => self.set_flag(id, PeerFlags::PREFERS_HEADERS, true),
            Message::SendCmpct { announce, version } => self.compact_offered(id, announce, version),
            Message::FeeFilter(rate) => {
                if let Some(peer) = self.peers.get_mut(id)
                    && (0..=crate::mempool::MONEY_MAX_RATE).contains(&rate)
                {
                    peer.transactions.fee_filter = rate;
                }
            }
            Message::Inv(entries) => self.announced(id, &entries),
            Message::GetData(entries) => {
                if let Some(peer) = self.peers.get_mut(id) {
                    peer.wanted.extend(entries);
                }
                self.serve_wanted(id)?;
            }
            Message::NotFound(entries) => self.not_found(id, &entries),
            Message::GetHeaders(locator) => self.serve_headers(id, &locator),
            Message::GetBlocks(locator) => self.serve_names(id, &locator),
            Message::GetBlockTxn { block, places } => {
                self.serve_block_transactions(id, block, &places)?;
            }
            Message::Headers(headers) => self.headers_came(id, &headers, false)?,
            Message::Block(block) => self.block_came(id, block)?,
            Message::CmpctBlock(compact) => self.compact_came(id, &compact)?,
            Message::BlockTxn { block, transactions } => {
                self.block_transactions_came(id, block, &transactions)?;
            }
            Message::Tx(transaction) => self.transaction_came(id, &transaction)?,
            Message::MemPool => {
                // Only who may filter may ask for everything (BIP-0111).
                if let Some(peer) = self.peers.get(id) {
                    peer.disconnect("mempool request with bloom filters disabled");
                }
            }
            Message::Other { command, .. } => self.other(id, command.as_str()),
            // There is no book of addresses to put them in yet, nor to answer out of.
            Message::GetAddr | Message::Addr(_) | Message::AddrV2(_) => {}
            // Part of the handshake, which keeps them.
            Message::Version(_)
            | Message::Verack
            | Message::WtxidRelay
            | Message::SendAddrV2
            | Message::Feature { .. } => {}
        }
        Ok(())
    }

    fn other(&self, id: PeerId, command: &str) {
        let Some(peer) = self.peers.get(id) else { return };
        match command {
            "filterload" | "filteradd" | "filterclear" => {
                peer.disconnect(&format!("{command} received despite not offering bloom services"));
            }
            "getcfilters" | "getcfheaders" | "getcfcheckpt" => {
                peer.disconnect("requested unsupported block filter type");
            }
            _ => tracing::debug!(peer = id, command, "unknown message"),
        }
    }

    pub(super) fn set_flag(&mut self, id: PeerId, flag: PeerFlags, value: bool) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.flags.set(flag, value);
        }
    }

    fn pinged(&self, id: PeerId, nonce: Option<u64>) {
        let Some(peer) = self.peers.get(id) else { return };
        if peer.version() > PONG_VERSION && nonce.is_some() {
            peer.send(&Message::Pong(nonce));
        }
    }

    /// **Spec:** Bitcoin Core, `NetMsgType::PONG`.
    fn ponged(&mut self, id: PeerId, nonce: Option<u64>) {
        let now = self.clock.now();
        let Some(peer) = self.peers.get_mut(id) else { return };
        let Some(expected) = peer.ping.nonce else { return };
        match nonce {
            Some(actual) if actual == expected => {
                let took = peer.ping.since.map_or(Duration::ZERO, |at| now.saturating_sub(at));
                peer.ping.last = Some(took);
                peer.ping.least = Some(peer.ping.least.map_or(took, |least| least.min(took)));
                peer.ping.nonce = None;
            }
            // Another ping's, under way for long.
            Some(actual) if actual != 0 => {}
            _ => peer.ping.nonce = None,
        }
    }

    fn compact_offered(&mut self, id: PeerId, announce: u8, version: u64) {
        if announce > 1 {
            self.misbehaved(id, "invalid sendcmpct announce field");
            return;
        }
        if version == COMPACT_BLOCKS {
            self.set_flag(id, PeerFlags::COMPACT, true);
            self.set_flag(id, PeerFlags::WANTS_COMPACT, announce == 1);
        }
    }
}
