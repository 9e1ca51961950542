//! The task that owns the swarm.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use alloy_primitives::keccak256;
use futures_util::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, connection_limits,
    core::ConnectedPoint,
    gossipsub::{self, MessageId},
    identify, noise,
    request_response::{self, OutboundRequestId, ProtocolSupport},
    swarm::{ConnectionId, NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use quintet_lux_protocol::wire::{
    GOSSIP_BYTES_MAX, PROTOCOL_SYNC, Response, TOPIC_BLOCKS, TOPIC_TRANSACTIONS, TOPIC_VOTES,
};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::{
    COMMANDS_MAX, CONNECTIONS_PER_PEER, Command, DIAL_EVERY, EVENTS_BYTES_MAX, EVENTS_MAX, Heard,
    P2pClient, P2pConfig, P2pError, P2pEvent, PEERS_MAX, PeerSource, REQUEST_TIMEOUT, ROOM_UNIT,
    Started, TRANSACTIONS_BYTES_WAITING_MAX, TRANSACTIONS_WAITING_MAX, Topic, Verdict,
    codec::SyncCodec, multiaddr,
};

/// Protocol that peers tell their versions by.
const PROTOCOL_IDENTIFY: &str = "/luxtensor/1.0.0";
/// Time between rounds of keeping the mesh.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Time a connection nobody uses stays open.
const IDLE: Duration = Duration::from_secs(60);
/// Requests and answers of one connection under way.
const STREAMS_MAX: usize = 64;
/// Score of a message that was judged bad, squared sums of which decide over a peer.
const INVALID_WEIGHT: f64 = -20.0;

#[derive(NetworkBehaviour)]
struct Behaviour {
    limits: connection_limits::Behaviour,
    gossip: gossipsub::Behaviour,
    sync: request_response::Behaviour<SyncCodec>,
    identify: identify::Behaviour,
}

impl Topic {
    const ALL: [Self; 3] = [Self::Blocks, Self::Votes, Self::Transactions];

    fn name(self) -> gossipsub::TopicHash {
        let name = match self {
            Self::Blocks => TOPIC_BLOCKS,
            Self::Votes => TOPIC_VOTES,
            Self::Transactions => TOPIC_TRANSACTIONS,
        };
        gossipsub::TopicHash::from_raw(name)
    }
}

fn failed(error: impl std::fmt::Display) -> P2pError {
    P2pError::Start { reason: error.to_string() }
}

fn gossip() -> Result<gossipsub::Behaviour, P2pError> {
    let config = gossipsub::ConfigBuilder::default()
        .max_transmit_size(GOSSIP_BYTES_MAX)
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_initial_delay(Duration::from_millis(100))
        .validation_mode(gossipsub::ValidationMode::Anonymous)
        .validate_messages()
        .flood_publish(true)
        .message_id_fn(|message: &gossipsub::Message| {
            let named = [message.topic.as_str().as_bytes(), &message.data].concat();
            MessageId::from(keccak256(named).to_vec())
        })
        .build()
        .map_err(failed)?;
    let mut gossip = gossipsub::Behaviour::new(gossipsub::MessageAuthenticity::Anonymous, config)
        .map_err(failed)?;
    let mut scores = gossipsub::PeerScoreParams::default();
    for topic in Topic::ALL {
        let params = gossipsub::TopicScoreParams {
            invalid_message_deliveries_weight: INVALID_WEIGHT,
            // Who is quiet is not bad: blocks may be rare.
            mesh_message_deliveries_weight: 0.0,
            mesh_failure_penalty_weight: 0.0,
            ..gossipsub::TopicScoreParams::default()
        };
        scores.topics.insert(topic.name(), params);
    }
    // Whole test networks live on one address.
    scores.ip_colocation_factor_threshold = f64::from(PEERS_MAX);
    gossip.with_peer_score(scores, gossipsub::PeerScoreThresholds::default()).map_err(failed)?;
    for name in [TOPIC_BLOCKS, TOPIC_VOTES, TOPIC_TRANSACTIONS] {
        gossip.subscribe(&gossipsub::IdentTopic::new(name)).map_err(failed)?;
    }
    Ok(gossip)
}

fn behaviour(config: &P2pConfig) -> Result<Behaviour, P2pError> {
    let limits = connection_limits::ConnectionLimits::default()
        .with_max_established(Some(PEERS_MAX * CONNECTIONS_PER_PEER))
        .with_max_pending_incoming(Some(PEERS_MAX))
        .with_max_pending_outgoing(Some(PEERS_MAX))
        .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER));
    let protocols = [(StreamProtocol::new(PROTOCOL_SYNC), ProtocolSupport::Full)];
    let sync = request_response::Config::default()
        .with_request_timeout(REQUEST_TIMEOUT)
        .with_max_concurrent_streams(STREAMS_MAX);
    let public = config.identity.public();
    Ok(Behaviour {
        limits: connection_limits::Behaviour::new(limits),
        gossip: gossip()?,
        sync: request_response::Behaviour::with_codec(SyncCodec, protocols, sync),
        identify: identify::Behaviour::new(identify::Config::new(
            PROTOCOL_IDENTIFY.to_owned(),
            public,
        )),
    })
}

/// Begins to listen, and dials peers until told to stop.
///
/// # Errors
///
/// [`P2pError`] if nobody can listen there.
pub async fn start(config: P2pConfig, stop: CancellationToken) -> Result<Started, P2pError> {
    let behaviour = behaviour(&config)?;
    let mut swarm = SwarmBuilder::with_existing_identity(config.identity)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(failed)?
        .with_behaviour(|_| behaviour)
        .map_err(failed)?
        .with_swarm_config(|config| config.with_idle_connection_timeout(IDLE))
        .build();
    let address = multiaddr(config.listen);
    let listen = |reason: String| P2pError::Listen { address: address.clone(), reason };
    swarm.listen_on(address.clone()).map_err(|error| listen(error.to_string()))?;
    let listening = loop {
        match swarm.select_next_some().await {
            SwarmEvent::NewListenAddr { address, .. } => break address,
            SwarmEvent::ListenerClosed { reason, .. } => {
                return Err(listen(format!("{reason:?}")));
            }
            SwarmEvent::ListenerError { error, .. } => return Err(listen(error.to_string())),
            _ => {}
        }
    };
    let (commands, inbox) = mpsc::channel(COMMANDS_MAX);
    let (events, of_events) = mpsc::channel(EVENTS_MAX);
    let (transactions, of_transactions) = mpsc::channel(TRANSACTIONS_WAITING_MAX);
    let local = *swarm.local_peer_id();
    let task = Task {
        swarm,
        peers: config.peers,
        events,
        events_room: room(EVENTS_BYTES_MAX),
        transactions,
        transactions_room: room(TRANSACTIONS_BYTES_WAITING_MAX),
        asked: HashMap::new(),
        dialled: BTreeMap::new(),
        connected: config.connected,
    };
    tokio::spawn(task.run(inbox, stop).in_current_span());
    let client = P2pClient { commands, local };
    Ok(Started { client, events: of_events, transactions: of_transactions, address: listening })
}

/// Room for so many bytes.
fn room(bytes: usize) -> Arc<Semaphore> {
    Arc::new(Semaphore::new(bytes / ROOM_UNIT))
}

struct Task {
    swarm: Swarm<Behaviour>,
    peers: Box<dyn PeerSource>,
    events: mpsc::Sender<P2pEvent>,
    events_room: Arc<Semaphore>,
    transactions: mpsc::Sender<Heard>,
    transactions_room: Arc<Semaphore>,
    /// Requests under way; each ends by an answer or its time.
    asked: HashMap<OutboundRequestId, oneshot::Sender<Result<Response, String>>>,
    /// Addresses this node dialled and is connected to.
    dialled: BTreeMap<ConnectionId, Multiaddr>,
    connected: watch::Sender<BTreeSet<PeerId>>,
}

impl Task {
    async fn run(mut self, mut inbox: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut dial = tokio::time::interval(DIAL_EVERY);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                event = self.swarm.select_next_some() => self.on_event(event),
                command = inbox.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => return,
                },
                _ = dial.tick() => self.dial().await,
                () = self.peers.changed() => self.dial().await,
            }
        }
    }

    async fn dial(&mut self) {
        let most = usize::try_from(PEERS_MAX).unwrap_or(usize::MAX);
        if self.connected.borrow().len() >= most {
            return;
        }
        for address in self.peers.find().await.into_iter().take(most) {
            if self.dialled.values().any(|known| *known == address) {
                continue;
            }
            if let Err(error) = self.swarm.dial(address.clone()) {
                tracing::debug!(%address, %error, "cannot dial");
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        let behaviour = self.swarm.behaviour_mut();
        match command {
            Command::Publish { topic, bytes } => {
                if let Err(error) = behaviour.gossip.publish(topic.name(), bytes) {
                    tracing::debug!(?topic, %error, "not published");
                }
            }
            Command::Judge { id, from, verdict } => {
                let acceptance = match verdict {
                    Verdict::Accept => gossipsub::MessageAcceptance::Accept,
                    Verdict::Ignore => gossipsub::MessageAcceptance::Ignore,
                    Verdict::Reject => gossipsub::MessageAcceptance::Reject,
                };
                behaviour.gossip.report_message_validation_result(&id, &from, acceptance);
            }
            Command::Ask { peer, request, answer } => {
                let id = behaviour.sync.send_request(&peer, request);
                self.asked.insert(id, answer);
            }
            Command::Answer { channel, response } => {
                if behaviour.sync.send_response(channel, *response).is_err() {
                    tracing::debug!("who asked is gone");
                }
            }
            Command::Drop { peer } => {
                let _gone_already = self.swarm.disconnect_peer_id(peer);
            }
        }
    }

    fn tell(&self, event: P2pEvent) {
        if self.events.try_send(event).is_err() {
            tracing::debug!("the validator is busy, an event is dropped");
        }
    }

    /// Hands a message to whoever judges it; none if there is no room.
    fn pass_on(&self, topic: Topic, id: MessageId, from: PeerId, bytes: Vec<u8>) -> Option<()> {
        let room = match topic {
            Topic::Transactions => &self.transactions_room,
            Topic::Blocks | Topic::Votes => &self.events_room,
        };
        let units = u32::try_from(bytes.len().div_ceil(ROOM_UNIT).max(1)).ok()?;
        let room = Arc::clone(room).try_acquire_many_owned(units).ok()?;
        let heard = Heard { id, from, bytes, room };
        match topic {
            Topic::Transactions => self.transactions.try_send(heard).ok(),
            Topic::Blocks | Topic::Votes => {
                self.events.try_send(P2pEvent::Gossip { topic, heard }).ok()
            }
        }
    }

    fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(BehaviourEvent::Gossip(gossipsub::Event::Message {
                propagation_source: from,
                message_id: id,
                message,
            })) => {
                let topic = Topic::ALL.into_iter().find(|topic| topic.name() == message.topic);
                let Some(topic) = topic else { return };
                if self.pass_on(topic, id.clone(), from, message.data).is_none() {
                    tracing::debug!(?topic, "too much waits to be judged, a message is ignored");
                    let gossip = &mut self.swarm.behaviour_mut().gossip;
                    let ignored = gossipsub::MessageAcceptance::Ignore;
                    gossip.report_message_validation_result(&id, &from, ignored);
                }
            }
            SwarmEvent::Behaviour(BehaviourEvent::Sync(event)) => self.on_sync(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                if let ConnectedPoint::Dialer { address, .. } = endpoint {
                    self.dialled.insert(connection_id, without_peer(address));
                }
                self.connected.send_if_modified(|peers| peers.insert(peer_id));
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.dialled.remove(&connection_id);
                if num_established == 0 {
                    self.connected.send_if_modified(|peers| peers.remove(&peer_id));
                }
            }
            _ => {}
        }
    }

    fn on_sync(
        &mut self,
        event: request_response::Event<quintet_lux_protocol::wire::Request, Response>,
    ) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                self.tell(P2pEvent::Asked { from: peer, request, channel });
            }
            Event::Message { message: Message::Response { request_id, response }, .. } => {
                if let Some(answer) = self.asked.remove(&request_id) {
                    let _asker_gone = answer.send(Ok(response));
                }
            }
            Event::OutboundFailure { request_id, error, .. } => {
                if let Some(answer) = self.asked.remove(&request_id) {
                    let _asker_gone = answer.send(Err(error.to_string()));
                }
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }
}

/// An address as peers are named in lists, without the peer's key at its end.
fn without_peer(mut address: Multiaddr) -> Multiaddr {
    if matches!(address.iter().last(), Some(libp2p::multiaddr::Protocol::P2p(_))) {
        address.pop();
    }
    address
}
