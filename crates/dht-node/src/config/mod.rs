//! The configuration section `[dht]`.

mod limits;
mod rpc;
mod storage;

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use quintet_dht_protocol::{
    contact::Family,
    dht,
    key::Key,
    message::NetworkId,
    record::ITEM_LIFETIME,
    table::{K_MAX, K_MIN},
};
use quintet_node::config::{BindAddr, HostPort, HumanDuration, Issues, Section};
use quintet_primitives::addr;
use serde::{Deserialize, Serialize};

pub use self::{limits::LimitsConfig, rpc::RpcListen, storage::StorageConfig};

/// The DHT's port of old, and that of the first BitTorrent clients.
const PORT: u16 = 6881;

/// Well-known nodes of the public BitTorrent DHT.
const PUBLIC_NODES: [&str; 3] =
    ["router.bittorrent.com:6881", "dht.transmissionbt.com:6881", "dht.libtorrent.org:25401"];

/// Bootstrap names that may be configured.
const BOOTSTRAP_MAX: usize = 64;

/// Queries of one lookup in flight that may be configured.
const CONCURRENCY_MAX: usize = 16;

/// Shortest republishing interval: shorter ones are a load on others and win nothing.
const REPUBLISH_MIN: Duration = Duration::from_secs(60);

/// How one DHT node runs. The defaults make a node of the public BitTorrent DHT.
#[expect(clippy::struct_excessive_bools, reason = "each is one key of the file, set on its own")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DhtConfig {
    /// UDP addresses: at most one of each family.
    pub listen: Vec<BindAddr>,
    /// Nodes to ask first when the table is empty.
    pub bootstrap: Vec<HostPort>,
    /// Network of the native codec; 0 is the public one.
    pub network: u32,
    /// Ask, and answer nothing (BEP 43).
    pub read_only: bool,
    /// Deal with local addresses, free of address limits.
    pub allow_local: bool,
    /// Answer in JSON too.
    pub json: bool,
    /// Store unsigned bytes too.
    pub raw_values: bool,
    /// Answer scrapes (BEP 33).
    pub scrape: bool,
    /// Answer samples (BEP 51).
    pub sample: bool,
    /// Take an id that fits the address others see (BEP 42).
    pub secure_id: bool,
    /// Contacts in a bucket and in an answer: k.
    pub bucket_size: usize,
    /// Queries a lookup keeps in flight: alpha.
    pub concurrency: usize,
    /// Time between two publications of what is kept published.
    pub republish_interval: HumanDuration,
    /// What may be stored here.
    pub storage: StorageConfig,
    /// What may come in.
    pub limits: LimitsConfig,
    /// Where the operator asks.
    pub rpc: RpcListen,
}

impl Default for DhtConfig {
    fn default() -> Self {
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), PORT);
        Self {
            listen: vec![any.into()],
            bootstrap: PUBLIC_NODES.iter().filter_map(|name| name.parse().ok()).collect(),
            network: NetworkId::BITTORRENT.0,
            read_only: false,
            allow_local: false,
            json: false,
            raw_values: false,
            scrape: false,
            sample: true,
            secure_id: true,
            bucket_size: 8,
            concurrency: 4,
            republish_interval: HumanDuration::from_secs(3_600),
            storage: StorageConfig::default(),
            limits: LimitsConfig::default(),
            rpc: RpcListen::default(),
        }
    }
}

impl Section for DhtConfig {
    const NAME: &'static str = "dht";

    const DOCS: &'static [(&'static str, &'static str)] = &[
        ("", "The DHT node: a Kademlia table over UDP that BitTorrent nodes accept."),
        (
            "listen",
            "UDP addresses, at most one IPv4 and one IPv6; port 0 lets the system choose. On a host with several addresses name one: replies leave from it.",
        ),
        ("bootstrap", "Nodes to ask first while nobody is known, as host:port, at most 64."),
        (
            "network",
            "Network of the native codec, 0 for the public one; nodes of others are ignored. BitTorrent's codec cannot carry it.",
        ),
        (
            "read_only",
            "Ask, but answer nothing and say so in every query (BEP 43): for clients that come and go.",
        ),
        (
            "allow_local",
            "Deal with loopback and private addresses, free of address limits: for networks on one machine or in one house.",
        ),
        ("json", "Answer in JSON too. Larger than it was asked for, so only on local addresses."),
        (
            "raw_values",
            "Store unsigned bytes under any key. They have no owner, so only on local addresses.",
        ),
        ("scrape", "Answer scrapes with Bloom filters (BEP 33): 512 bytes for a small question."),
        ("sample", "Answer with samples of the stored info-hashes (BEP 51)."),
        (
            "secure_id",
            "Take an id that fits the address others see us at, once they agree (BEP 42).",
        ),
        ("bucket_size", "Contacts in a bucket and in an answer, 8 to 20: the paper's k."),
        ("concurrency", "Queries a lookup keeps in flight, 1 to 16: the paper's alpha."),
        (
            "republish_interval",
            "Time between two publications of what is kept published, 1m to 95m, varied by a fifth either way; announcements of peers come four times as often.",
        ),
        (
            "storage.values",
            "Memory for stored items, counted with 256 bytes each; the farthest from our id give way.",
        ),
        ("storage.peers", "Announced peers kept, over all info-hashes."),
        ("storage.per_address", "Records one address may store here."),
        ("storage.per_network", "Records one network may store here: a /24, or a /48 of IPv6."),
        ("storage.cache", "Memory the store may use as a cache."),
        (
            "limits.packets",
            "Packets a second read from one address (an IPv4 address, an IPv6 /64); 0 for no limit.",
        ),
        ("limits.burst", "Packets read from one address at once after a rest."),
        ("limits.addresses", "Addresses whose packets are counted at once; 48 bytes each."),
        ("limits.total_packets", "Packets a second read from everybody; 0 for no limit."),
        ("limits.total_bytes", "Bytes a second read from everybody; 0 for no limit."),
        (
            "limits.exempt_local",
            "Packets from local addresses are not limited, as long as allow_local holds.",
        ),
        ("rpc.enabled", "Serve JSON-RPC."),
        ("rpc.listen", "TCP address of JSON-RPC; port 0 lets the system choose."),
        (
            "rpc.cookie",
            "Write a fresh credential to rpc.cookie in the data directory at each start, and ask for it.",
        ),
        (
            "rpc.bearer_token",
            "A token to accept besides the cookie, of 16 characters or more; empty for none.",
        ),
    ];

    const RELOADABLE: &'static [&'static str] = &["bootstrap", "limits"];

    fn validate(&self, issues: &mut Issues) {
        self.validate_listen(issues);
        self.validate_ranges(issues);
        self.storage.validate(issues);
        self.limits.validate(issues);
        self.rpc.validate(issues);
    }
}

impl DhtConfig {
    /// Returns the configuration of one of many nodes on this machine: on loopback, on ports the
    /// system chooses, without JSON-RPC, with small tables and everything that is fit for private
    /// networks only.
    #[must_use]
    pub fn local() -> Self {
        Self {
            listen: vec![BindAddr::loopback(0)],
            bootstrap: Vec::new(),
            allow_local: true,
            json: true,
            raw_values: true,
            secure_id: false,
            storage: StorageConfig::small(),
            limits: LimitsConfig::small(),
            rpc: RpcListen { enabled: false, ..RpcListen::default() },
            ..Self::default()
        }
    }

    /// Returns the same configuration with these nodes to ask first.
    #[must_use]
    pub fn with_bootstrap(self, addrs: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self { bootstrap: addrs.into_iter().map(HostPort::from).collect(), ..self }
    }

    /// Translates the choices for the protocol core. Bootstrap names are resolved later.
    pub(crate) fn protocol(&self, own_id: Key, families: Vec<Family>) -> dht::Config {
        dht::Config {
            network: NetworkId(self.network),
            families,
            bucket_size: self.bucket_size,
            concurrency: self.concurrency,
            read_only: self.read_only,
            allow_local: self.allow_local,
            json: self.json,
            scrape: self.scrape,
            sample: self.sample,
            raw_values: self.raw_values,
            secure_id: self.secure_id,
            limits: self.storage.limits(self.allow_local),
            ..dht::Config::new(own_id)
        }
    }

    fn validate_listen(&self, issues: &mut Issues) {
        let addrs = || self.listen.iter().map(|listen| listen.get());
        let (v4, v6) = (addrs().filter(SocketAddr::is_ipv4), addrs().filter(SocketAddr::is_ipv6));
        if self.listen.is_empty() || v4.count() > 1 || v6.count() > 1 {
            issues.reject("listen", "one IPv4 address, one IPv6 address, or one of each");
        }
        if addrs().any(|addr| addr.ip().is_loopback()) && !self.allow_local {
            let expected = "true when the node listens on loopback: it meets nobody else there";
            issues.conflict("allow_local", "listen", expected);
        }
        if addrs().any(|addr| is_exposed(addr.ip())) {
            let expected = "false unless every listen address is a loopback or private one";
            for (key, on) in [("json", self.json), ("raw_values", self.raw_values)] {
                if on {
                    issues.conflict(key, "listen", expected);
                }
            }
        }
    }

    fn validate_ranges(&self, issues: &mut Issues) {
        if self.bootstrap.len() > BOOTSTRAP_MAX {
            issues.reject("bootstrap", format!("at most {BOOTSTRAP_MAX} nodes"));
        }
        if !(K_MIN..=K_MAX).contains(&self.bucket_size) {
            issues.reject("bucket_size", format!("{K_MIN} to {K_MAX} contacts"));
        }
        if !(1..=CONCURRENCY_MAX).contains(&self.concurrency) {
            issues.reject("concurrency", format!("1 to {CONCURRENCY_MAX} queries"));
        }
        // With its jitter of a fifth, the interval must stay below the lifetime of an item.
        let most = ITEM_LIFETIME.mul_f64(0.8);
        if !(REPUBLISH_MIN..most).contains(&self.republish_interval.get()) {
            issues.reject("republish_interval", "1m to 95m: items live for two hours");
        }
    }
}

/// Whether packets from anywhere on the internet may reach a socket bound to `ip`.
fn is_exposed(ip: IpAddr) -> bool {
    ip.is_unspecified() || !addr::is_local(ip)
}

#[cfg(test)]
mod tests;
