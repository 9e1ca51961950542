//! The task that owns the swarm: connections, what is told and heard, who is asked.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use futures_util::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder,
    core::ConnectedPoint,
    gossipsub::{self, Message, MessageAcceptance, MessageId},
    identity::Keypair,
    multiaddr::Protocol,
    noise,
    request_response::{self, OutboundRequestId},
    swarm::{ConnectionId, SwarmEvent},
    tcp, yamux,
};
use quintet_rollup_protocol::{config::RollupConfig, payload::PayloadVersion};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::{
    AnswerChannel, COMMANDS_MAX, DIAL_EVERY, EVENTS_MAX, P2pError, PEERS_MAX,
    behaviour::{Behaviour, BehaviourEvent, Topics, behaviour, failed},
    multiaddr,
};

/// Time a connection nobody uses stays open.
const IDLE: Duration = Duration::from_secs(60);
/// Time to find a host's number.
const RESOLVE: Duration = Duration::from_secs(5);

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

/// Begins to listen. How many peers there are is told to `count`, which is closed at the end.
///
/// # Errors
///
/// [`P2pError`] if nobody can listen there.
pub(crate) async fn start(
    config: &RollupConfig,
    listen: std::net::SocketAddr,
    identity: Keypair,
    peers: Vec<Multiaddr>,
    count: watch::Sender<usize>,
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
        count,
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
    /// Where it is told how many they are.
    count: watch::Sender<usize>,
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
                Some(address) = self.resolved.recv() => self.dial(&address),
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
                self.dial(&address);
            } else {
                tokio::spawn(resolve(address, self.found.clone()));
            }
        }
    }

    fn dial(&mut self, address: &Multiaddr) {
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
            })) => self.on_message(from, &id, message),
            SwarmEvent::Behaviour(BehaviourEvent::Blocks(event)) => self.on_blocks(event),
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, .. } => {
                if let ConnectedPoint::Dialer { address, .. } = endpoint {
                    self.dialled.insert(connection_id, without_peer(address));
                }
                if !self.connected.contains(&peer_id) {
                    tracing::info!(peer = %peer_id, peers = self.connected.len() + 1, "peer connected");
                    self.connected.push(peer_id);
                    self.count.send_replace(self.connected.len());
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                self.dialled.remove(&connection_id);
                if num_established == 0 {
                    self.connected.retain(|peer| *peer != peer_id);
                    self.count.send_replace(self.connected.len());
                    tracing::info!(peer = %peer_id, peers = self.connected.len(), "peer gone");
                }
            }
            _ => {}
        }
    }

    fn on_message(&mut self, from: PeerId, id: &MessageId, message: Message) {
        let Some(version) = self.topics.version(&message.topic) else { return };
        let told = P2pEvent::Gossip { version, id: id.clone(), from, content: message.data };
        if self.events.try_send(told).is_err() {
            tracing::debug!("too many messages wait to be judged, one is dropped");
            let gossip = &mut self.swarm.behaviour_mut().gossip;
            gossip.report_message_validation_result(id, &from, MessageAcceptance::Ignore);
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
