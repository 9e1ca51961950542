//! Something to look at: records put and looked up through random nodes, about one a second.
//!
//! What is stored says what it is, so that whoever finds it knows. Each deed is one line of the log, a failure too: a
//! network that loses a node now and then is what the page is for.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use quintet_actor::supervisor::Fault;
use quintet_crypto::ed25519::SecretKey;
use quintet_dht_node::{DhtClient, DhtError, Stored};
use quintet_dht_protocol::{
    dht::LookupReport,
    key::Key,
    message::{Item, MutableItem},
};
use rand::{
    Rng, RngExt as _, SeedableRng as _,
    rngs::StdRng,
    seq::{IndexedRandom as _, IteratorRandom as _},
};
use tokio::time::{MissedTickBehavior, error::Elapsed, interval};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::output;

/// Time between two deeds, on average.
const DEED_EVERY: Duration = Duration::from_millis(400);

/// Records that are remembered in order to be looked up.
const REMEMBERED_MAX: usize = 64;

/// Deeds after which the same records are put again, every fifth deed one: a network that runs for days does not hold a record for each
/// two seconds of them.
const ROUND: u32 = 1_500;

/// Time a deed may take before it is given up.
const DEED_TIMEOUT: Duration = Duration::from_secs(5);

/// What is there to be found.
#[derive(Debug, Clone)]
enum Known {
    Immutable(Key),
    Mutable([u8; 32]),
    Peers(Key),
}

/// Does deeds until told to stop.
pub(super) async fn run(
    nodes: Vec<(Arc<str>, DhtClient)>,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut known = VecDeque::new();
    let owner = SecretKey::from_seed(&rng.random());
    let mut ticks = interval(DEED_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for count in 1_u32.. {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let Some((name, client)) = nodes.choose(&mut rng) else { break };
        let deed = async {
            match count % 5 {
                1 => put(client, count, (&owner, &mut known)).await,
                4 => lookup(client, &mut rng).await,
                _ => get(client, &known, &mut rng).await,
            }
        };
        let deed = tokio::time::timeout(DEED_TIMEOUT, deed);
        // The node's name in the line, as in those it writes itself.
        let span = tracing::error_span!("node", instance = &**name);
        match stop.run_until_cancelled(deed.instrument(span.clone())).await {
            None => break,
            Some(outcome) => span.in_scope(|| tell(outcome)),
        }
    }
    Ok(())
}

fn tell(outcome: Result<Result<String, DhtError>, Elapsed>) {
    match outcome {
        Ok(Ok(done)) => tracing::info!("{done}"),
        Ok(Err(error)) => tracing::info!("not done: {error}"),
        Err(_) => tracing::info!("not done within {} s", DEED_TIMEOUT.as_secs()),
    }
}

/// Stores a record of each kind in turn.
async fn put(
    client: &DhtClient,
    count: u32,
    (owner, known): (&SecretKey, &mut VecDeque<Known>),
) -> Result<String, DhtError> {
    let text = format!("record {} of quintet up", count % ROUND);
    let value = format!("{}:{text}", text.len()).into_bytes();
    let (stored, found) = match count % 3 {
        0 => {
            let item = MutableItem::sign(owner, Vec::new(), i64::from(count), value);
            let public_key = item.public_key;
            known.retain(|known| !matches!(known, Known::Mutable(_)));
            let stored = client.put_item(Item::Mutable(item), None, false).await?;
            (stored, Known::Mutable(public_key))
        }
        1 => {
            let item = Item::Immutable { value };
            let key = item.target();
            (client.put_item(item, None, false).await?, Known::Immutable(key))
        }
        _ => {
            let info_hash = Item::Immutable { value }.target();
            (client.announce(info_hash, None, false, false).await?, Known::Peers(info_hash))
        }
    };
    let what = found.noun();
    if known.len() >= REMEMBERED_MAX {
        known.pop_front();
    }
    known.push_back(found);
    let Stored { key, acknowledged, .. } = stored;
    let holders = output::count(acknowledged, "node holds it", "nodes hold it");
    Ok(format!("stored {what} under {key}: {holders}"))
}

/// Looks for something that was stored; for nodes as long as nothing was.
async fn get(
    client: &DhtClient,
    known: &VecDeque<Known>,
    rng: &mut impl Rng,
) -> Result<String, DhtError> {
    let Some(sought) = known.iter().choose(rng) else { return lookup(client, rng).await };
    let (is_found, report) = match sought {
        Known::Immutable(key) => {
            let found = client.get_immutable(*key).await?;
            (found.value.is_some(), found.report)
        }
        Known::Mutable(public_key) => {
            let found = client.get_mutable(*public_key, Vec::new()).await?;
            (found.value.is_some(), found.report)
        }
        Known::Peers(info_hash) => {
            let found = client.get_peers(*info_hash).await?;
            (!found.value.is_empty(), found.report)
        }
    };
    let outcome = if is_found { "found" } else { "did not find" };
    Ok(format!("{outcome} {}: {}", sought.noun(), effort(&report)))
}

/// Looks for the nodes around a random key, as a node does to get to know others.
async fn lookup(client: &DhtClient, rng: &mut impl Rng) -> Result<String, DhtError> {
    let target = Key::random(rng);
    let found = client.find_node(target).await?;
    let nodes = output::count(found.value.len(), "node", "nodes");
    Ok(format!("found {nodes} near {target}: {}", effort(&found.report)))
}

fn effort(report: &LookupReport) -> String {
    let LookupReport { queries, hops, elapsed_us, .. } = report;
    if *queries == 0 {
        return "it was here".to_owned();
    }
    let queries = output::count(*queries, "query", "queries");
    let hops = output::count(*hops, "hop", "hops");
    format!("{queries}, {hops}, {} ms", elapsed_us / 1_000)
}

impl Known {
    const fn noun(&self) -> &'static str {
        match self {
            Self::Immutable(_) => "a record",
            Self::Mutable(_) => "a changeable record",
            Self::Peers(_) => "a peer",
        }
    }
}
