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

use super::{Arrival, ConnectionKind, Peer, PeerFlags, PeerId, Peers, Permissions, peer};
use crate::{chain::ChainError, kernel::Kernel};

/// Seconds for which an address that misbehaved is the first to be turned away.
const DISCOURAGED_SECONDS: u64 = 24 * 60 * 60;

/// Connections kept for those we make ourselves.
const OUTBOUND_RESERVE: usize = 11;

impl Kernel {
    /// Takes in a connection, or turns it away.
    pub(crate) fn peer_connected(&mut self, arrival: Arrival) {
        let Arrival { id, kind, permissions, address, local, name, outbox } = arrival;
        let inbound = kind == ConnectionKind::Inbound;
        let time = UnixTime::from_secs(self.now());
        let slots = self.options.connections_max.saturating_sub(OUTBOUND_RESERVE).max(1);
        let taken = self.peers.iter().filter(|peer| peer.is_inbound()).count();
        let ip = address.ip().to_canonical();
        let permissions = self.options.grants.of(ip, inbound, permissions);
        let exempt = permissions.contains(Permissions::NO_BAN);
        let unwanted = self.peers.banned.find(ip, time).is_some()
            || inbound && taken + 1 >= slots && self.peers.discouraged.find(ip, time).is_some();
        let refused = !self.peers.active || inbound && taken >= slots || unwanted && !exempt;
        if refused {
            tracing::debug!(%address, "connection turned away");
            outbox.close();
            return;
        }
        let nonce = self.rng.random();
        let ours = self.version_message(address, kind, permissions, nonce);
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
            permissions,
            address,
            local,
            name,
            outbox,
            handshake,
            nonce,
            connected: now,
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
        tracing::debug!(%address, kind = kind.name(), "Added connection peer={id}");
        self.peers.all.insert(id, peer);
    }

    fn version_message(
        &self,
        address: SocketAddr,
        kind: ConnectionKind,
        permissions: Permissions,
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
            relay: kind.relays_transactions()
                && (!self.options.blocks_only || permissions.contains(Permissions::RELAY)),
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
        if peer.may(Permissions::NO_BAN) {
            tracing::warn!(peer = id, "Not punishing noban peer {id}!");
            return;
        }
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
                let words = match &error {
                    MessageError::Decode(error) => error.core_words(),
                    _ => None,
                };
                tracing::debug!(peer = id, %error, "Exception '{}' caught", words.unwrap_or("malformed message"));
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
        tell_early(peer, &message);
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
        // Whom the operator dials or trusts is asked first.
        let preferred = (!peer.is_inbound() || peer.may(Permissions::NO_BAN))
            && peer.kind != ConnectionKind::AddrFetch
            && peer.serves_blocks();
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
                    if let Some(first) = entries.first() {
                        tracing::debug!("received getdata for: {first} peer={id}");
                    }
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
                // Only who may filter, or was granted it, may ask for everything (BIP-0111).
                if let Some(peer) = self.peers.get_mut(id) {
                    if peer.may(Permissions::MEMPOOL) {
                        peer.flags.insert(PeerFlags::SEND_POOL);
                        peer.transactions.next_announcement = Duration::ZERO;
                    } else if !peer.may(Permissions::NO_BAN) {
                        peer.disconnect("mempool request with bloom filters disabled");
                    }
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

/// Tells the log of a message that comes before its time: it is passed over.
fn tell_early(peer: &Peer, message: &Message) {
    let (id, command) = (peer.id, message.command());
    let introduces = matches!(message, Message::Version(_));
    if peer.handshake.theirs().is_none() {
        if !introduces {
            tracing::debug!(
                "non-version message before version handshake. Message \"{command}\" from peer={id}"
            );
        }
        return;
    }
    let agrees = matches!(
        message,
        Message::Verack
            | Message::WtxidRelay
            | Message::SendAddrV2
            | Message::Feature { .. }
            | Message::SendHeaders
            | Message::SendCmpct { .. }
    );
    if introduces {
        tracing::debug!("redundant version message from peer={id}");
    } else if !peer.handshake.is_open() && !agrees {
        tracing::debug!("Unsupported message \"{command}\" prior to verack from peer={id}");
    }
}
