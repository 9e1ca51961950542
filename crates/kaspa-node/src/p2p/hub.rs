//! What all connections share: who is connected, who may be, what was asked of whom, and the doors to consensus and mempool.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use quintet_kaspa_protocol::wire::{
    Frame, Message, PROTOCOL_VERSION, USER_AGENT_BYTES_MAX, Version,
};
use quintet_net::{
    Subnet,
    bans::{BanList, BanReason},
    book::{Book, BookConfig},
    limits::{ConnectionLimits, Connections, DirectionLimits},
    score::{ScoreConfig, Scores, Verdict},
};
use quintet_primitives::{Hash256, time as clock};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use super::{
    connector::Wanted,
    error::PeerError,
    ibd::IbdSlot,
    peer::{Peer, PeerKey},
    relay::{Claims, Orphans},
    settings::Settings,
    transactions::Spread,
};
use crate::{consensus::Consensus, pipeline::Pipeline, ports::TransactionPool};

/// How long misbehaviour is remembered by refusing the address.
const BAN: Duration = Duration::from_secs(24 * 3600);

/// What a hostile message costs; a hundred points are a ban.
const HOSTILE_POINTS: u32 = 50;

/// Connections that have not finished their handshake, from one host.
///
/// Reference: `MAX_PENDING_INBOUND_HANDSHAKES_PER_IP`.
pub(super) const INBOUND_PER_HOST: usize = 8;

/// Requests for blocks and transactions under way with all peers.
const CLAIMS_MAX: usize = 1 << 17;

/// How long a block may be under way from one peer before another one is asked.
///
/// Reference: `REQUEST_SCOPE_WAIT_TIME`.
const CLAIM_FOR: Duration = Duration::from_secs(1);

/// What all connections share.
#[derive(Debug)]
pub(super) struct Hub {
    pub(super) settings: Settings,
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) pool: Arc<dyn TransactionPool>,
    pub(super) cancel: CancellationToken,
    pub(super) tasks: TaskTracker,
    pub(super) local: Option<SocketAddr>,
    pub(super) orphans: Mutex<Orphans>,
    pub(super) block_claims: Mutex<Claims>,
    pub(super) transaction_claims: Mutex<Claims>,
    pub(super) spread: Mutex<Spread>,
    pub(super) ibd: IbdSlot,
    pub(super) connections: Mutex<Connections>,
    pub(super) book: Mutex<Book>,
    pub(super) wanted: Mutex<Wanted>,
    /// Rung when somebody may have to be dialled.
    pub(super) dial: Notify,
    bans: Mutex<BanList>,
    scores: Mutex<Scores>,
    peers: Mutex<BTreeMap<PeerKey, Arc<Peer>>>,
    id: [u8; 16],
    next_key: AtomicU64,
    began: Instant,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub(super) fn new(
        settings: Settings,
        pipeline: Arc<Pipeline>,
        pool: Arc<dyn TransactionPool>,
        cancel: CancellationToken,
        local: Option<SocketAddr>,
        (book, bans): (Option<Book>, BanList),
    ) -> Self {
        let limits = ConnectionLimits {
            inbound: DirectionLimits {
                total: settings.inbound_max,
                per_host: INBOUND_PER_HOST,
                per_group: settings.inbound_max.div_ceil(4).max(INBOUND_PER_HOST),
            },
            outbound: DirectionLimits { total: 1 << 10, per_host: 4, per_group: 1 << 10 },
            exempt_local: settings.allow_local,
        };
        let book = book.unwrap_or_else(|| {
            Book::new(BookConfig { allow_local: settings.allow_local }, rand::random())
        });
        let rate = pipeline.consensus().params().crescendo.rate;
        Self {
            orphans: Mutex::new(Orphans::new(Orphans::max_for(&rate))),
            block_claims: Mutex::new(Claims::new(CLAIM_FOR, CLAIMS_MAX)),
            transaction_claims: Mutex::new(Claims::new(CLAIM_FOR, CLAIMS_MAX)),
            spread: Mutex::default(),
            ibd: IbdSlot::default(),
            connections: Mutex::new(Connections::new(limits)),
            book: Mutex::new(book),
            wanted: Mutex::new(Wanted::new(&settings)),
            dial: Notify::new(),
            bans: Mutex::new(bans),
            scores: Mutex::new(Scores::new(ScoreConfig::default())),
            peers: Mutex::default(),
            id: rand::random(),
            next_key: AtomicU64::new(0),
            began: Instant::now(),
            tasks: TaskTracker::new(),
            settings,
            pipeline,
            pool,
            cancel,
            local,
        }
    }

    /// Returns what we call ourselves.
    pub(super) const fn id(&self) -> [u8; 16] {
        self.id
    }

    pub(super) fn consensus(&self) -> &Arc<Consensus> {
        self.pipeline.consensus()
    }

    /// Returns milliseconds since 1970.
    pub(super) fn now_millis(&self) -> u64 {
        (self.settings.clock)()
    }

    pub(super) fn now(&self) -> clock::UnixTime {
        clock::UnixTime::from_secs(self.now_millis() / 1000)
    }

    /// Returns the time since the start, as the sans-IO parts want it.
    pub(super) fn instant(&self) -> clock::Instant {
        let millis = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        clock::Instant::from_millis(millis)
    }

    pub(super) fn next_key(&self) -> PeerKey {
        PeerKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Returns what we say of ourselves.
    pub(super) fn version(&self) -> Version {
        let comments = match &self.settings.comments[..] {
            [] => String::new(),
            comments => format!("({})", comments.join("; ")),
        };
        let mut user_agent = format!("/quintet:{}{comments}/", env!("CARGO_PKG_VERSION"));
        user_agent.truncate(user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX));
        Version {
            protocol_version: PROTOCOL_VERSION,
            network: self.consensus().params().network.prefixed_name().to_owned(),
            services: 0,
            timestamp: self.now_millis(),
            address: self.settings.external,
            id: self.id,
            user_agent,
            disable_relay_tx: false,
            subnetwork_id: None,
        }
    }

    /// Returns whether the sink is young enough for what is relayed to make sense.
    ///
    /// Reference: `MiningRuleEngine::is_nearly_synced`.
    pub(super) fn is_nearly_synced(&self) -> bool {
        let consensus = self.consensus();
        let state = consensus.virtual_state();
        let sink = state.sink_hash();
        let Ok(Some(header)) = consensus.header(&sink) else { return false };
        let window = consensus.params().rules_at(state.daa_score).difficulty_window_millis();
        self.now_millis() < header.timestamp.saturating_add(window / 4)
    }

    /// Takes a peer in whose handshake is done, unless it is connected already.
    pub(super) fn admit(&self, peer: &Arc<Peer>) -> Result<(), PeerError> {
        let id = peer.agreed().map(|agreed| agreed.version.id);
        let mut peers = lock(&self.peers);
        let is_same = |other: &Arc<Peer>| other.agreed().map(|agreed| agreed.version.id) == id;
        if peers.values().any(is_same) {
            let reason = "DUPLICATE_CONNECTION".to_owned();
            return Err(PeerError::Unsuitable { reason });
        }
        peers.insert(peer.key, Arc::clone(peer));
        drop(peers);
        let agreed = peer.agreed().map_or("", |agreed| &agreed.version.user_agent);
        info!(peer = %peer.address, outbound = peer.is_outbound, agent = agreed, "peer connected");
        Ok(())
    }

    /// Lets a peer go.
    pub(super) fn dismiss(&self, peer: &Peer) {
        if lock(&self.peers).remove(&peer.key).is_some() {
            let reason = peer.end().unwrap_or(PeerError::Closed);
            info!(peer = %peer.address, %reason, "peer gone");
        }
        lock(&self.block_claims).release_all(peer.key);
        lock(&self.transaction_claims).release_all(peer.key);
        self.dial.notify_one();
    }

    /// Takes in that a connection ended for this reason.
    pub(super) fn blame(&self, ip: IpAddr, reason: &PeerError) {
        if !reason.is_hostile() {
            return;
        }
        let verdict = lock(&self.scores).penalise(ip, HOSTILE_POINTS, self.instant());
        if let Verdict::Ban { .. } = verdict
            && !(self.settings.allow_local && ip.is_loopback())
        {
            info!(%ip, %reason, "banned");
            self.ban(ip, BanReason::Misbehaviour);
        }
    }

    pub(super) fn ban(&self, ip: IpAddr, reason: BanReason) {
        let (now, subnet) = (self.now(), Subnet::address(ip));
        let banned = lock(&self.bans).ban(subnet, now.saturating_add(BAN), reason, now);
        if let Err(error) = banned {
            debug!(%ip, %error, "not banned");
        }
        for peer in self.peers().iter().filter(|peer| peer.address.ip() == ip) {
            peer.close(PeerError::Unsuitable { reason: "peer is banned".to_owned() });
        }
    }

    pub(super) fn unban(&self, ip: IpAddr) -> bool {
        lock(&self.bans).unban(Subnet::address(ip))
    }

    pub(super) fn is_banned(&self, ip: IpAddr) -> bool {
        lock(&self.bans).find(ip, self.now()).is_some()
    }

    /// Returns the addresses that are banned.
    pub(super) fn banned(&self) -> Vec<IpAddr> {
        lock(&self.bans).list(self.now()).map(|ban| ban.subnet.first()).collect()
    }

    /// Returns the bans for keeping.
    pub(super) fn bans_bytes(&self) -> Vec<u8> {
        lock(&self.bans).to_bytes()
    }

    /// Returns the connected peers, the oldest connection first.
    pub(super) fn peers(&self) -> Vec<Arc<Peer>> {
        lock(&self.peers).values().cloned().collect()
    }

    /// Returns whether somebody is connected at an address.
    pub(super) fn is_connected(&self, address: SocketAddr) -> bool {
        let is_there = |peer: &Arc<Peer>| peer.address == address;
        lock(&self.peers).values().any(is_there)
    }

    /// Tells all peers but one. Who does not read what it is sent is let go.
    pub(super) fn broadcast(&self, message: Message, but: Option<PeerKey>) {
        let frame = Frame::new(message);
        for peer in self.peers() {
            if Some(peer.key) != but
                && let Err(error) = peer.try_send(&frame)
            {
                peer.close(error);
            }
        }
    }

    /// Tells peers that there is a block.
    pub(super) fn announce_block(&self, hash: Hash256, but: Option<PeerKey>) {
        self.broadcast(Message::InvRelayBlock(hash), but);
    }
}
