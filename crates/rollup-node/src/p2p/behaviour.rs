//! How the swarm behaves: gossip by the specification's figures, requests for blocks, and who may connect.
//!
//! Messages are decompressed where gossip meets them, once: what cannot be is rejected there, ids are of what is inside, and what is passed on is
//! what came.
//!
//! **Spec:** `rollup-node-p2p.md`, "GossipSub", "Heartbeat and parameters".

use std::{io, time::Duration};

use libp2p::{
    StreamProtocol, connection_limits,
    gossipsub::{
        self, DataTransform, Message, MessageId, RawMessage, TopicHash, WhitelistSubscriptionFilter,
    },
    identify,
    identity::Keypair,
    ping,
    request_response::{self, ProtocolSupport},
    swarm::NetworkBehaviour,
};
use quintet_rollup_protocol::{
    config::RollupConfig,
    gossip::{message, request, topic},
    payload::PayloadVersion,
};

use super::{
    CONNECTIONS_PER_PEER, P2pError, PEERS_MAX, REQUEST_TIMEOUT, codec::BlocksCodec, scores,
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
/// Requests and answers of one connection under way.
const STREAMS_MAX: usize = 16;

/// Decompresses what comes, compresses what goes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Snappy;

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
pub(super) struct Behaviour {
    limits: connection_limits::Behaviour,
    pub(super) gossip: gossipsub::Behaviour<Snappy, WhitelistSubscriptionFilter>,
    pub(super) blocks: request_response::Behaviour<BlocksCodec>,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

pub(super) fn failed(error: impl std::fmt::Display) -> P2pError {
    P2pError::Start { reason: error.to_string() }
}

/// The topics of a chain, by the versions of their blocks.
#[derive(Debug, Clone)]
pub(super) struct Topics([(PayloadVersion, TopicHash); 4]);

impl Topics {
    pub(super) fn new(chain_id: u64) -> Self {
        let name = |version| (version, TopicHash::from_raw(topic(chain_id, version)));
        Self(PayloadVersion::ALL.map(name))
    }

    fn names(&self) -> impl Iterator<Item = TopicHash> {
        self.0.iter().map(|(_, name)| name.clone())
    }

    pub(super) fn name(&self, version: PayloadVersion) -> Option<TopicHash> {
        self.0.iter().find(|(known, _)| *known == version).map(|(_, name)| name.clone())
    }

    pub(super) fn version(&self, name: &TopicHash) -> Option<PayloadVersion> {
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

pub(super) fn behaviour(
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
