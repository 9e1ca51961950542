//! `quintet up --check`: does each kind do its job?
//!
//! For the dht: a record put through one node is read through another that did not hold it, over UDP; then a
//! changeable record is put, changed through a second node, and its new version read through a third. For the others: see
//! [`bitcoin::prove`], [`kaspa::prove`], [`lux::prove`] and
//! [`rollup::prove`].

use std::{collections::BTreeSet, fmt, future::pending, path::Path, pin::Pin, time::Duration};

use anyhow::{Context as _, anyhow, bail, ensure};
use futures_util::future::maybe_done;
use quintet_actor::bus::{Delivery, EventBus, Subscription};
use quintet_crypto::ed25519::SecretKey;
use quintet_dht_node::{DhtEvent, Found, NodeStatus, Stored};
use quintet_dht_protocol::{
    dht::Event,
    key::Key,
    message::{Item, MutableItem},
};
use quintet_node::ops::Health;
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng, seq::IteratorRandom as _};
use serde::Serialize;
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use super::{
    bitcoin, kaspa,
    lux::{self, Acquaintance, LuxNodes, LuxSeen},
    network::{Home, LocalNode, Network},
    rollup::{self, RollupSeen},
    wants,
};
use crate::{
    cli::UpArgs,
    exit::AlreadyTold,
    output::{self, Style, paint},
};

/// Time for everything, from the first node's start to the last answer.
const DEADLINE: Duration = Duration::from_secs(60);

/// Contacts every node must have before anything is asked of it, or all others where there are fewer.
const CONTACTS_WANTED: usize = 8;

/// What the dht was seen to do.
#[derive(Debug, Clone, Serialize)]
struct DhtSeen {
    nodes: usize,
    contacts_each: f64,
    key: String,
    put_by: String,
    acknowledged: usize,
    read_by: String,
    hops: usize,
    milliseconds: f64,
    mutable_key: String,
    mutable_seq: i64,
    mutable_read_by: String,
}

impl fmt::Display for DhtSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, contacts_each, key, put_by, acknowledged, read_by, hops, .. } = self;
        let Self { milliseconds, mutable_seq, mutable_read_by, .. } = self;
        let key = key.get(..8).unwrap_or(key);
        let hops = output::count(*hops, "hop", "hops");
        write!(
            f,
            "{nodes} nodes, {contacts_each:.1} contacts each; record {key}… put by {put_by} \
             ({acknowledged} acknowledged) read by {read_by} in {hops}, {milliseconds:.1} ms; \
             mutable record at version {mutable_seq} read by {mutable_read_by}"
        )
    }
}

/// Starts, lets each kind prove itself, stops, and tells.
pub(super) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    let home = Home::new(args.data_dir.clone())?;
    let bus = EventBus::new("dht", super::EVENTS_KEPT);
    let nodes = if wants(&args, "dht") { args.nodes } else { 0 };
    // Dropped half-way, the nodes are aborted and the temporary directory is removed.
    let stop = interrupted();
    tokio::pin!(stop);
    let health = Health::new();
    let started = tokio::select! {
        started = timeout_at(begun + DEADLINE, Network::start(nodes, home.path(), &bus, &health)) => {
            started.unwrap_or_else(|_| Err(late("the nodes were not up")))
        }
        signal = &mut stop => signal.and_then(|name| Err(anyhow!("interrupted by {name}"))),
    };
    let all = match started {
        Ok(mut network) => {
            let all = Box::pin(prove_all(&args, home.path(), (&network, &bus), begun, stop)).await;
            network.stop().await;
            all?
        }
        Err(error) => tell::<DhtSeen>("dht", &Err(error), args.json, begun)?,
    };
    if all { Ok(()) } else { Err(AlreadyTold { usage: false }.into()) }
}

/// Lets each kind prove itself until one fails; returns whether none did.
async fn prove_all(
    args: &UpArgs,
    home: &Path,
    (network, bus): (&Network, &EventBus<DhtEvent>),
    begun: Instant,
    mut stop: Pin<&mut impl Future<Output = anyhow::Result<&'static str>>>,
) -> anyhow::Result<bool> {
    let deadline = begun + DEADLINE;
    let wants = |kind: &str| wants(args, kind);
    // What takes its time by the clock does so beside the others.
    let chains = maybe_done(chains(args, home, network, deadline));
    tokio::pin!(chains);
    let mut all = true;
    if wants("dht") {
        let outcome = tokio::select! {
            outcome = beside(&mut chains, prove(network, bus, deadline)) => outcome,
            signal = &mut stop => signal.and_then(|name| Err(anyhow!("interrupted by {name}"))),
        };
        all &= tell("dht", &outcome, args.json, begun)?;
    }
    if all && wants("bitcoin") {
        let outcome = tokio::select! {
            outcome = beside(&mut chains, bitcoin::prove(home, deadline)) => outcome,
            signal = &mut stop => signal.and_then(|name| Err(anyhow!("interrupted by {name}"))),
        };
        all &= tell("bitcoin", &outcome, args.json, begun)?;
    }
    if all && wants("kaspa") {
        let outcome = tokio::select! {
            outcome = beside(&mut chains, kaspa::prove(home, deadline)) => outcome,
            signal = &mut stop => signal.and_then(|name| Err(anyhow!("interrupted by {name}"))),
        };
        all &= tell("kaspa", &outcome, args.json, begun)?;
    }
    if all && wants("lux") {
        let interrupted = tokio::select! {
            () = &mut chains => None,
            signal = &mut stop => Some(signal.and_then(|name| Err(anyhow!("interrupted by {name}")))),
        };
        let proofs = chains.take_output().flatten();
        let (lux, rollup) = match (interrupted, proofs) {
            (Some(interrupted), _) => (interrupted, None),
            (None, Some(proofs)) => proofs,
            (None, None) => (Err(anyhow!("the validators were not asked")), None),
        };
        all &= tell("lux", &lux, args.json, begun)?;
        if let Some(rollup) = rollup.filter(|_| all) {
            all &= tell("rollup", &rollup, args.json, begun)?;
        }
    }
    Ok(all)
}

/// Does one thing while another, which may be done, goes on beside it.
async fn beside<T>(
    other: &mut (impl Future<Output = ()> + Unpin),
    work: impl Future<Output = T>,
) -> T {
    let never = async {
        other.await;
        pending().await
    };
    tokio::select! {
        done = work => done,
        never = never => never,
    }
}

/// What came of the validators, and of the rollup on them if it was wanted.
type OfChains = (anyhow::Result<LuxSeen>, Option<anyhow::Result<RollupSeen>>);

/// The validators live as long as the check of them and of the rollup on them.
async fn chains(args: &UpArgs, home: &Path, dht: &Network, deadline: Instant) -> Option<OfChains> {
    if !wants(args, "lux") {
        return None;
    }
    let health = Health::new();
    let acquaintance = Acquaintance::of(args);
    let started = Box::pin(LuxNodes::start(home, false, acquaintance, &health));
    let mut network = match timeout_at(deadline, started).await {
        Ok(Ok(network)) => network,
        Ok(Err(error)) => return Some((Err(error), None)),
        Err(_) => return Some((Err(late("the validators were not up")), None)),
    };
    dht.joined(wanted(dht), deadline).await;
    network.look_for_each_other(&dht.clients());
    let of_lux = timeout_at(deadline, lux::prove(&network));
    let of_rollup = async {
        match wants(args, "rollup") {
            true => Some(rollup::prove(home, &network, deadline).await),
            false => None,
        }
    };
    let (of_lux, of_rollup) = tokio::join!(of_lux, of_rollup);
    network.stop().await;
    let of_lux = of_lux.unwrap_or_else(|_| Err(late("a transfer was not final on all validators")));
    Some((of_lux, of_rollup))
}

/// Says what came of one kind; whether it did its job.
fn tell<T: Serialize + fmt::Display>(
    kind: &str,
    outcome: &anyhow::Result<T>,
    json: bool,
    begun: Instant,
) -> anyhow::Result<bool> {
    let seconds = begun.elapsed().as_secs_f64();
    let result = if outcome.is_ok() { "ok" } else { "failed" };
    if json {
        let reason = outcome.as_ref().err().map(|error| format!("{error:#}"));
        let seen = outcome.as_ref().ok();
        output::json(&json!({
            "event": "check", "kind": kind, "result": result,
            "seen": seen, "reason": reason, "seconds": seconds,
        }))?;
    } else {
        let line = match outcome {
            Ok(seen) => format!("{kind}  {}  {seen}", paint(Style::Good, result)),
            Err(error) => format!("{kind}  {}  {error:#}", paint(Style::Bad, result)),
        };
        output::line(line)?;
    }
    Ok(outcome.is_ok())
}

/// Resolves when somebody wants the check to end.
async fn interrupted() -> anyhow::Result<&'static str> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for signals")?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.context("cannot listen for signals")?,
            _ = terminate.recv() => return Ok("SIGTERM"),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("cannot listen for signals")?;
    Ok("SIGINT")
}

async fn prove(
    network: &Network,
    bus: &EventBus<DhtEvent>,
    deadline: Instant,
) -> anyhow::Result<DhtSeen> {
    let statuses = joined(network, deadline).await?;
    let within = |what: &'static str| move |_| late(what);
    let mut rng = StdRng::from_rng(&mut rand::rng());
    let record = timeout_at(deadline, record(network, bus.subscribe(), &mut rng)).await;
    let record = record.map_err(within("a record was not put and read"))??;
    let mutable = timeout_at(deadline, mutable(network, &mut rng)).await;
    let (mutable_key, mutable_seq, mutable_read_by) =
        mutable.map_err(within("a mutable record was not put, changed and read"))??;
    Ok(DhtSeen {
        nodes: network.nodes.len(),
        contacts_each: mean(statuses.iter().map(|status| status.dht.contacts)),
        mutable_key,
        mutable_seq,
        mutable_read_by,
        ..record
    })
}

/// Contacts each node should have.
fn wanted(network: &Network) -> usize {
    CONTACTS_WANTED.min(network.nodes.len().saturating_sub(1))
}

/// Every node knows enough others.
async fn joined(network: &Network, deadline: Instant) -> anyhow::Result<Vec<NodeStatus>> {
    let wanted = wanted(network);
    let looks = network.joined(wanted, deadline).await;
    let mut statuses = Vec::new();
    for (node, status) in network.nodes.iter().zip(looks) {
        let name = &node.name;
        let status = status.ok_or_else(|| anyhow!("{name} does not say how it is"))?;
        let contacts = status.dht.contacts;
        ensure!(
            contacts >= wanted,
            "{name} has {contacts} contacts after {} s, expected {wanted} or more",
            DEADLINE.as_secs()
        );
        statuses.push(status);
    }
    Ok(statuses)
}

/// Puts through one node, reads through another that does not hold it.
async fn record(
    network: &Network,
    mut events: Subscription<DhtEvent>,
    rng: &mut impl Rng,
) -> anyhow::Result<DhtSeen> {
    let text = format!("quintet up --check {:016x}", rng.random::<u64>());
    let item = Item::Immutable { value: format!("{}:{text}", text.len()).into_bytes() };
    let key = item.target();
    let writer = any(network, rng, |_| true)?;
    let name = &writer.name;
    let stored = writer.client.put_item(item.clone(), None, false).await;
    let stored = stored.with_context(|| format!("{name} could not put a record"))?;
    let acknowledged = acknowledged(&stored, name)?;

    let holders = holders(&mut events, key);
    let outside = |node: &LocalNode| !holders.contains(&*node.name);
    // In a small network every node but the writer holds the record; the writer, too, has to ask for it.
    let reader = any(network, rng, |node| outside(node) && node.name != writer.name)
        .or_else(|_| any(network, rng, outside))?;
    let name = &reader.name;
    let found = reader.client.get_immutable(key).await;
    let Found { value, report } =
        found.with_context(|| format!("{name} could not look for {key}"))?;
    match value {
        Some(found) if found == item => {}
        Some(_) => bail!("{name} read something else under {key}"),
        None => bail!("{name} did not find {key}, which {acknowledged} nodes hold"),
    }
    ensure!(report.hops > 0, "{name} had {key} without asking anybody");
    Ok(DhtSeen {
        nodes: 0,
        contacts_each: 0.0,
        key: key.to_string(),
        put_by: writer.name.to_string(),
        acknowledged,
        read_by: reader.name.to_string(),
        hops: report.hops,
        milliseconds: Duration::from_micros(report.elapsed_us).as_secs_f64() * 1_000.0,
        mutable_key: String::new(),
        mutable_seq: 0,
        mutable_read_by: String::new(),
    })
}

/// Puts version 1 through one node and version 2 through another; a third must read version 2.
async fn mutable(network: &Network, rng: &mut impl Rng) -> anyhow::Result<(String, i64, String)> {
    let owner = SecretKey::from_seed(&rng.random());
    let mut target = Key::default();
    for seq in [1, 2] {
        let value = format!("i{seq}e").into_bytes();
        let item = Item::Mutable(MutableItem::sign(&owner, b"check".to_vec(), seq, value));
        target = item.target();
        let node = any(network, rng, |_| true)?;
        let stored = node.client.put_item(item, (seq > 1).then_some(seq - 1), false).await;
        let stored =
            stored.with_context(|| format!("{} could not put version {seq}", node.name))?;
        acknowledged(&stored, &node.name)?;
    }
    let reader = any(network, rng, |_| true)?;
    let name = &reader.name;
    let found = reader.client.get_mutable(owner.public_key(), b"check".to_vec()).await;
    let found = found.with_context(|| format!("{name} could not look for {target}"))?;
    let seq = found.value.as_ref().and_then(Item::seq);
    ensure!(seq == Some(2), "{name} read version {seq:?} of {target}, expected 2");
    Ok((target.to_string(), 2, name.to_string()))
}

fn acknowledged(stored: &Stored, name: &str) -> anyhow::Result<usize> {
    let Stored { key, acknowledged, refused, silent, .. } = stored;
    if *acknowledged == 0 {
        let first = refused.first().map_or(String::new(), |(_, code, text)| {
            format!(", the first with {code}: {}", output::harmless(text))
        });
        let refused = refused.len();
        bail!("nobody took {key} from {name}: {refused} refused it{first}, {silent} were silent");
    }
    Ok(*acknowledged)
}

/// The nodes that said so far that they stored the record. They said so before they acknowledged it.
fn holders(events: &mut Subscription<DhtEvent>, wanted: Key) -> BTreeSet<String> {
    let mut holders = BTreeSet::new();
    while let Some(delivery) = events.try_next() {
        match delivery {
            Delivery::Event(DhtEvent { node, event: Event::RecordStored { key, .. } })
                if key == wanted =>
            {
                holders.insert(node.to_string());
            }
            Delivery::Closed => break,
            Delivery::Event(_) | Delivery::Lagged { .. } => {}
        }
    }
    holders
}

/// A random node that fits.
fn any<'a>(
    network: &'a Network,
    rng: &mut impl Rng,
    fits: impl Fn(&LocalNode) -> bool,
) -> anyhow::Result<&'a LocalNode> {
    let fitting = network.nodes.iter().filter(|node| fits(node));
    fitting.choose(rng).ok_or_else(|| anyhow!("every node holds the record already"))
}

fn late(what: &str) -> anyhow::Error {
    anyhow!("{what} within {} s", DEADLINE.as_secs())
}

#[expect(clippy::cast_precision_loss, reason = "a handful of nodes with a handful of contacts")]
fn mean(counts: impl ExactSizeIterator<Item = usize>) -> f64 {
    let count = counts.len().max(1);
    counts.sum::<usize>() as f64 / count as f64
}
