//! The task that owns the swarm.
//!
//! Messages are decompressed where gossip meets them, once: what cannot be is rejected there, ids are of what is inside, and what is passed on is
//! what came.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    time::Duration,
};

use futures_util::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, connection_limits,
    core::ConnectedPoint,
    gossipsub::{
        self, DataTransform, Message, MessageAcceptance, MessageId, RawMessage, TopicHash,
        WhitelistSubscriptionFilter,
    },
    identify,
    identity::Keypair,
    multiaddr::Protocol,
    noise, ping,
    request_response::{self, OutboundRequestId, ProtocolSupport},
    swarm::{ConnectionId, NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::{message, request, topic},
    payload::PayloadVersion,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    AnswerChannel, COMMANDS_MAX, CONNECTIONS_PER_PEER, DIAL_EVERY, EVENTS_MAX, P2pError, PEERS_MAX,
    REQUEST_TIMEOUT, codec::BlocksCodec, multiaddr, scores,
};

/// Protocol that peers tell their versions by.
const PROTOCOL_IDENTIFY: &str = "/optimism/identify/1.0.0";
/// Time between rounds of keeping the mesh.
///
/// **Spec:** `rollup-node-p2p.md`, "Heartbeat and parameters"; so are the next.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Time a message's id is remembered: 130 rounds.
const SEEN: Duration = Duration::from_secs(65);
/// Time a topic is remembered that we publish to without listening.
const FANOUT: Duration = Duration::from_secs(24);
/// Peers a block is sent to at once: as many as there should be, at least, at most.
const MESH: (usize, usize, usize) = (8, 6, 12);
/// Peers that are told of a block's id.
const LAZY: usize = 6;
/// Rounds for which messages are kept, and rounds in which they are told of.
const HISTORY: (usize, usize) = (12, 3);
/// Time a connection nobody uses stays open.
const IDLE: Duration = Duration::from_secs(60);
/// Time to find a host's number.
const RESOLVE: Duration = Duration::from_secs(5);
/// Requests and answers of one connection under way.
const STREAMS_MAX: usize = 16;

/// Decompresses what comes, compresses what goes.
#[derive(Debug, Clone, Copy, Default)]
struct Snappy;

impl DataTransform for Snappy {
    fn inbound_transform(&self, raw: RawMessage) -> io::Result<Message> {
        let bad = |error| io::Error::new(io::ErrorKind::InvalidData, error);
        let data = message::decompress(&raw.data).map_err(bad)?;
        let (source, sequence_number, topic) = (raw.source, raw.sequence_number, raw.topic);
        Ok(Message { source, data, sequence_number, topic })
    }

    fn outbound_transform(&self, _: &TopicHash, data: Vec<u8>) -> io::Result<Vec<u8>> {
        message::compress(&data).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    gossip: gossipsub::Behaviour<Snappy, WhitelistSubscriptionFilter>,
    blocks: request_response::Behaviour<BlocksCodec>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// What happened among peers.
#[derive(Debug)]
pub(crate) enum P2pEvent {
    /// A message, decompressed, to be judged with [`P2pClient::judge`].
    Gossip {
        /// Whose blocks the topic is for.
        version: PayloadVersion,
        /// What to judge it by.
        id: MessageId,
        /// Who brought it.
        from: PeerId,
        /// The message.
        content: Vec<u8>,
    },
    /// A peer asks for a block.
    Asked {
        /// Its number.
        number: u64,
        /// Where the answer goes.
        channel: AnswerChannel,
    },
}

enum Command {
    Publish { version: PayloadVersion, content: Vec<u8> },
    Judge { id: MessageId, from: PeerId, verdict: MessageAcceptance },
    Ask { number: u64, answer: oneshot::Sender<(PeerId, Vec<u8>)> },
    Answer { channel: AnswerChannel, answer: Vec<u8> },
    Drop { peer: PeerId },
}

/// A handle on the task with the swarm.
#[derive(Debug, Clone)]
pub(crate) struct P2pClient {
    commands: mpsc::Sender<Command>,
}

impl P2pClient {
    fn tell(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::debug!("the network is busy, a message is dropped");
        }
    }

    /// Publishes a message; it is dropped if the network cannot keep up.
    pub(crate) fn publish(&self, version: PayloadVersion, content: Vec<u8>) {
        self.tell(Command::Publish { version, content });
    }

    /// Judges a message.
    pub(crate) fn judge(&self, id: MessageId, from: PeerId, verdict: MessageAcceptance) {
        self.tell(Command::Judge { id, from, verdict });
    }

    /// Answers a request.
    pub(crate) fn answer(&self, channel: AnswerChannel, answer: Vec<u8>) {
        self.tell(Command::Answer { channel, answer });
    }

    /// Ends all connections with a peer.
    pub(crate) fn drop_peer(&self, peer: PeerId) {
        self.tell(Command::Drop { peer });
    }

    /// Asks one of the peers for a block; nothing if there is none, or it does not answer.
    pub(crate) async fn ask(&self, number: u64) -> Option<(PeerId, Vec<u8>)> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command::Ask { number, answer }).await.ok()?;
        answered.await.ok()
    }
}

fn failed(error: impl std::fmt::Display) -> P2pError {
    P2pError::Start { reason: error.to_string() }
}

/// The topics of a chain, by the versions of their blocks.
#[derive(Debug, Clone)]
struct Topics([(PayloadVersion, TopicHash); 4]);

impl Topics {
    fn new(chain_id: u64) -> Self {
        let name = |version| (version, TopicHash::from_raw(topic(chain_id, version)));
        Self(PayloadVersion::ALL.map(name))
    }

    fn names(&self) -> impl Iterator<Item = TopicHash> {
        self.0.iter().map(|(_, name)| name.clone())
    }

    fn name(&self, version: PayloadVersion) -> Option<TopicHash> {
        self.0.iter().find(|(known, _)| *known == version).map(|(_, name)| name.clone())
    }

    fn version(&self, name: &TopicHash) -> Option<PayloadVersion> {
        self.0.iter().find(|(_, known)| known == name).map(|(version, _)| *version)
    }
}

type Gossip = gossipsub::Behaviour<Snappy, WhitelistSubscriptionFilter>;

fn gossip(topics: &Topics, block_time: u64) -> Result<Gossip, P2pError> {
    let config = gossipsub::ConfigBuilder::default()
        .max_transmit_size(message::CONTENT_BYTES_MAX)
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .mesh_n(MESH.0)
        .mesh_n_low(MESH.1)
        .mesh_n_high(MESH.2)
        .gossip_lazy(LAZY)
        .history_length(HISTORY.0)
        .history_gossip(HISTORY.1)
        .fanout_ttl(FANOUT)
        .duplicate_cache_time(SEEN)
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        // Who makes the blocks sends them to everybody it knows: a round less until all have them.
        .flood_publish(true)
        .message_id_fn(|message: &Message| MessageId::from(message::id(&message.data).to_vec()))
        .build()
        .map_err(failed)?;
    let mut gossip = Gossip::new_with_subscription_filter_and_transform(
        gossipsub::MessageAuthenticity::Anonymous,
        config,
        WhitelistSubscriptionFilter(topics.names().collect()),
        Snappy,
    )
    .map_err(failed)?;
    let params = scores::params(topics.names(), block_time);
    gossip.with_peer_score(params, scores::thresholds()).map_err(failed)?;
    for name in topics.names() {
        gossip.subscribe(&gossipsub::IdentTopic::new(name.as_str())).map_err(failed)?;
    }
    Ok(gossip)
}

fn behaviour(
    config: &RollupConfig,
    topics: &Topics,
    identity: &Keypair,
) -> Result<Behaviour, P2pError> {
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_established(Some(PEERS_MAX * CONNECTIONS_PER_PEER))
        .with_max_pending_incoming(Some(PEERS_MAX))
        .with_max_pending_outgoing(Some(PEERS_MAX))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER));
    let mut protocols = Vec::new();
    for name in request::protocols(config.l2_chain_id) {
        let name = StreamProtocol::try_from_owned(name).map_err(failed)?;
        protocols.push((name, ProtocolSupport::Full));
    }
    let blocks = request_response::Config::default()
        .with_request_timeout(REQUEST_TIMEOUT)
        .with_max_concurrent_streams(STREAMS_MAX);
    let named = identify::Config::new(PROTOCOL_IDENTIFY.to_owned(), identity.public())
        .with_agent_version(concat!("quintet/v", env!("CARGO_PKG_VERSION")).to_owned());
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        gossip: gossip(topics, config.block_time)?,
        blocks: request_response::Behaviour::with_codec(BlocksCodec, protocols, blocks),
        identify: identify::Behaviour::new(named),
        ping: ping::Behaviour::default(),
    })
}

/// A swarm that listens, and the queues it is reached by.
pub(crate) struct Started {
    /// What others ask it by.
    pub(crate) client: P2pClient,
    /// What it hears.
    pub(crate) events: mpsc::Receiver<P2pEvent>,
    /// Where it listens, with its name at the end.
    pub(crate) address: Multiaddr,
    /// The task, to be driven.
    pub(crate) task: Task,
}

/// Begins to listen.
///
/// # Errors
///
/// [`P2pError`] if nobody can listen there.
pub(crate) async fn start(
    config: &RollupConfig,
    listen: std::net::SocketAddr,
    identity: Keypair,
    peers: Vec<Multiaddr>,
) -> Result<Started, P2pError> {
    let topics = Topics::new(config.l2_chain_id);
    let behaviour = behaviour(config, &topics, &identity)?;
    let mut swarm = SwarmBuilder::with_existing_identity(identity)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(failed)?
        .with_behaviour(|_| behaviour)
        .map_err(failed)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
        .build();
    let address = multiaddr(listen);
    let refused = |reason: String| P2pError::Listen { address: address.clone(), reason };
    swarm.listen_on(address.clone()).map_err(|error| refused(error.to_string()))?;
    let listening = loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => break address,
            SwarmEvent::ListenerClosed { reason, .. } => {
                return Err(refused(format!("{reason:?}")));
            }
            SwarmEvent::ListenerError { error, .. } => return Err(refused(error.to_string())),
            _ => {}
        }
    };
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let (events, heard) = mpsc::channel(EVENTS_MAX);
    let (found, resolved) = mpsc::channel(PEERS_MAX as usize);
    let address = listening.with(Protocol::P2p(*swarm.local_peer_id()));
    let task = Task {
        swarm,
        topics,
        peers,
        inbox,
        events,
        found,
        resolved,
        asked: HashMap::new(),
        dialled: BTreeMap::new(),
        connected: Vec::new(),
        turn: 0,
    };
    Ok(Started { client: P2pClient { commands }, events: heard, address, task })
}

/// The task with the swarm.
pub(crate) struct Task {
    swarm: Swarm<Behaviour>,
    topics: Topics,
    peers: Vec<Multiaddr>,
    inbox: mpsc::Receiver<Command>,
    events: mpsc::Sender<P2pEvent>,
    /// Addresses of hosts that were named, once they are known.
    found: mpsc::Sender<Multiaddr>,
    resolved: mpsc::Receiver<Multiaddr>,
    /// Requests under way; each ends by an answer or its time.
    asked: HashMap<OutboundRequestId, oneshot::Sender<(PeerId, Vec<u8>)>>,
    /// Addresses this node dialled and is connected to.
    dialled: BTreeMap<ConnectionId, Multiaddr>,
    connected: Vec<PeerId>,
    /// Whose turn it is to be asked.
    turn: usize,
}

impl Task {
    /// Serves until told to stop, or nobody is left who could ask.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut dial = tokio::time::interval(DIAL_EVERY);
        dial.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = self.swarm.select_next_some() => self.on_event(event),
                command = self.inbox.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => return,
                },
                // The task holds a sender itself, so this ends with it.
                Some(address) = self.resolved.recv() => self.dial(address),
                _ = dial.tick() => self.dial_all(),
            }
        }
    }

    /// Dials those of the list to whom there is no connection.
    fn dial_all(&mut self) {
        for address in self.peers.clone() {
            if peer_of(&address).is_some_and(|peer| self.connected.contains(&peer)) {
                continue;
            }
            if is_numeric(&address) {
                self.dial(address);
            } else {
                tokio::spawn(resolve(address, self.found.clone()));
            }
        }
    }

    fn dial(&mut self, address: Multiaddr) {
        let bare = without_peer(address.clone());
        if self.dialled.values().any(|known| *known == bare) {
            return;
        }
        if let Err(error) = self.swarm.dial(address.clone()) {
            tracing::debug!(%address, %error, "cannot dial");
        }
    }

    fn on_command(&mut self, command: Command) {
        let behaviour = self.swarm.behaviour_mut();
        match command {
            Command::Publish { version, content } => {
                let Some(name) = self.topics.name(version) else { return };
                if let Err(error) = behaviour.gossip.publish(name, content) {
                    tracing::debug!(?version, %error, "not published");
                }
            }
            Command::Judge { id, from, verdict } => {
                behaviour.gossip.report_message_validation_result(&id, &from, verdict);
            }
            Command::Ask { number, answer } => {
                // Without peers whoever asked hears so at once, since the sender is gone.
                self.turn = self.turn.wrapping_add(1);
                let at = self.turn.checked_rem(self.connected.len()).unwrap_or_default();
                if let Some(peer) = self.connected.get(at) {
                    let id = behaviour.blocks.send_request(peer, number);
                    self.asked.insert(id, answer);
                }
            }
            Command::Answer { channel, answer } => {
                if behaviour.blocks.send_response(channel, answer).is_err() {
                    tracing::debug!("who asked is gone");
                }
            }
            Command::Drop { peer } => {
                let _gone_already = self.swarm.disconnect_peer_id(peer);
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source: from,
                message_id: id,
                message,
            })) => self.on_message(from, id, message),
            SwarmEvent::Behaviour(BehaviourEvent::Blocks(event)) => self.on_blocks(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                if let ConnectedPoint::Dialer { address, .. } = endpoint {
                    self.dialled.insert(connection_id, without_peer(address));
                }
                if !self.connected.contains(&peer_id) {
                    tracing::info!(peer = %peer_id, peers = self.connected.len() + 1, "peer connected");
                    self.connected.push(peer_id);
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.dialled.remove(&connection_id);
                if num_established == 0 {
                    self.connected.retain(|peer| *peer != peer_id);
                    tracing::info!(peer = %peer_id, peers = self.connected.len(), "peer gone");
                }
            }
            _ => {}
        }
    }

    fn on_message(&mut self, from: PeerId, id: MessageId, message: Message) {
        let Some(version) = self.topics.version(&message.topic) else { return };
        let told = P2pEvent::Gossip { version, id: id.clone(), from, content: message.data };
        if self.events.try_send(told).is_err() {
            tracing::debug!("too many messages wait to be judged, one is dropped");
            let gossip = &mut self.swarm.behaviour_mut().gossip;
            gossip.report_message_validation_result(&id, &from, MessageAcceptance::Ignore);
        }
    }

    fn on_blocks(&mut self, event: request_response::Event<u64, Vec<u8>>) {
        use request_response::{Event, Message};
        match event {
            Event::Message {
                message: Message::Request { request: number, channel, .. }, ..
            } => {
                // Without room the channel is dropped, and whoever asked hears of it.
                if self.events.try_send(P2pEvent::Asked { number, channel }).is_err() {
                    tracing::debug!(number, "too busy to answer a peer");
                }
            }
            Event::Message {
                peer, message: Message::Response { request_id, response }, ..
            } => {
                if let Some(answer) = self.asked.remove(&request_id) {
                    let _asker_gone = answer.send((peer, response));
                }
            }
            Event::OutboundFailure { request_id, peer, error, .. } => {
                tracing::debug!(%peer, %error, "a peer gives no block");
                self.asked.remove(&request_id);
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }
}

/// The name at the end of an address.
fn peer_of(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last() {
        Some(Protocol::P2p(peer)) => Some(peer),
        _ => None,
    }
}

/// An address as peers are named in lists, without the peer's name at its end.
fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if peer_of(&address).is_some() {
        address.pop();
    }
    address
}

/// Whether an address begins with a number rather than a host's name.
fn is_numeric(address: &Multiaddr) -> bool {
    !matches!(address.iter().next(), Some(Protocol::Dns(_) | Protocol::Dns4(_) | Protocol::Dns6(_)))
}

/// Finds the number of an address that begins with a host's name.
async fn resolve(address: Multiaddr, found: mpsc::Sender<Multiaddr>) {
    let mut parts = address.iter();
    let Some(Protocol::Dns(host) | Protocol::Dns4(host) | Protocol::Dns6(host)) = parts.next()
    else {
        return;
    };
    let (only_4, only_6) = match address.iter().next() {
        Some(Protocol::Dns4(_)) => (true, false),
        Some(Protocol::Dns6(_)) => (false, true),
        _ => (false, false),
    };
    let known = tokio::time::timeout(RESOLVE, tokio::net::lookup_host((host.as_ref(), 0))).await;
    let number = match known {
        Ok(Ok(all)) => all
            .map(|one| one.ip())
            .find(|ip| (!only_4 || ip.is_ipv4()) && (!only_6 || ip.is_ipv6())),
        Ok(Err(_)) | Err(_) => None,
    };
    let Some(number) = number else {
        tracing::warn!(%host, "expected a host that peers can be found at, its name leads nowhere");
        return;
    };
    let whole = parts.fold(Multiaddr::from(number), Multiaddr::with);
    // The task has ended, or has enough to dial: there will be another round.
    let _full = found.try_send(whole);
}
