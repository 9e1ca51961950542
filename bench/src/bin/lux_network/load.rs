//! Transactions, signed before the clock starts, and how they are sent.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::{B256, Bytes, hex, keccak256, map::HashMap};
use anyhow::Context as _;
use bench::{
    eth_load::{Key, TRANSFER_GAS, stranger},
    json_rpc::{Client, send},
};
use rayon::prelude::*;

use crate::{network::Network, watch::Progress};

/// Time between two looks whether something is to be sent.
const TICK: Duration = Duration::from_millis(10);

/// A transaction that can be sent.
pub(crate) struct Signed {
    hash: B256,
    /// The place of the key that signed it.
    key: usize,
    raw: String,
}

/// The transactions of each validator's clients: all of one account go to one validator, in the order of nonces.
pub(crate) struct Load(Vec<Vec<Signed>>);

impl Load {
    /// Signs so many.
    pub(crate) fn sign(keys: &mut [Key], count: usize, doors: usize) -> anyhow::Result<Self> {
        let each = count.div_ceil(keys.len().max(1));
        let of_key = |(at, key): (usize, &mut Key)| {
            (0..each).map(|_| sign(at, key)).collect::<anyhow::Result<_>>()
        };
        let of_keys: Vec<Vec<Signed>> =
            keys.par_iter_mut().enumerate().map(of_key).collect::<anyhow::Result<_>>()?;
        let mut of_doors: Vec<Vec<Vec<Signed>>> = (0..doors).map(|_| Vec::new()).collect();
        for (at, of_key) in of_keys.into_iter().enumerate() {
            of_doors.get_mut(at % doors).context("a door")?.push(of_key);
        }
        Ok(Self(of_doors.into_iter().map(in_turn).collect()))
    }
}

impl Load {
    /// Takes back the nonces of what was signed and not sent, or whatever is signed next would wait for it for ever.
    pub(crate) fn rewind(&self, keys: &mut [Key], sent: &Sent) {
        for one in self.0.iter().flatten().filter(|one| !sent.times.contains_key(&one.hash)) {
            if let Some(key) = keys.get_mut(one.key) {
                key.nonce -= 1;
            }
        }
    }
}

/// The first of each key, then the second of each, and so on.
fn in_turn(of_keys: Vec<Vec<Signed>>) -> Vec<Signed> {
    let mut queues: Vec<_> = of_keys.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        all.extend(queues.iter_mut().filter_map(Iterator::next));
        if all.len() == before {
            return all;
        }
    }
}

fn sign(at: usize, key: &mut Key) -> anyhow::Result<Signed> {
    let to = stranger(key.address.as_slice(), key.nonce);
    let bytes = key.sign(to, TRANSFER_GAS, Bytes::new())?;
    Ok(Signed { hash: keccak256(&bytes), key: at, raw: hex::encode_prefixed(bytes) })
}

/// How fast something is sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// So many a second, to all validators together.
    Rate(u32),
    /// As many as are taken, but no more than so many that are in no block yet.
    Window(usize),
}

/// What came of sending.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// When each was handed over.
    pub(crate) times: HashMap<B256, Instant>,
    /// Those that were not taken, and why the first was not.
    pub(crate) refused: usize,
    pub(crate) reason: Option<String>,
}

/// Sends at a pace for a time, each validator's share by a connection of its own.
pub(crate) fn send_all(
    network: &Network,
    load: &Load,
    (pace, time, batch): (Pace, Duration, usize),
    progress: &Progress,
) -> anyhow::Result<Sent> {
    let (begun, doors) = (Instant::now(), load.0.len().max(1));
    let handed = AtomicUsize::new(0);
    let sent = Mutex::new(Sent::default());
    let one = |door: usize, transactions: &[Signed]| {
        let mut client = network.client(door)?;
        let mut rest = transactions;
        let mut own = 0;
        while begun.elapsed() < time && !rest.is_empty() {
            let room = match pace {
                Pace::Rate(rate) => due(rate, begun.elapsed(), doors).saturating_sub(own),
                Pace::Window(most) => {
                    let waiting = handed.load(Ordering::Relaxed);
                    most.saturating_sub(
                        waiting.saturating_sub(progress.included.load(Ordering::Relaxed)),
                    )
                }
            };
            if room == 0 {
                thread::sleep(TICK);
                continue;
            }
            let (now, later) = rest.split_at(room.min(batch).min(rest.len()));
            rest = later;
            own += now.len();
            handed.fetch_add(now.len(), Ordering::Relaxed);
            hand_over(&mut client, now, &sent)?;
        }
        anyhow::Ok(())
    };
    thread::scope(|scope| {
        let connections: Vec<_> = load
            .0
            .iter()
            .enumerate()
            .map(|(door, transactions)| scope.spawn(move || one(door, transactions)))
            .collect();
        connections
            .into_iter()
            .try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("a sender panicked"))?)
    })?;
    sent.into_inner().ok().context("a sender panicked")
}

/// How many one of the doors should have had by now.
fn due(rate: u32, elapsed: Duration, doors: usize) -> usize {
    let all = u128::from(rate) * elapsed.as_micros() / 1_000_000;
    usize::try_from(all).unwrap_or(usize::MAX) / doors
}

fn hand_over(client: &mut Client, some: &[Signed], sent: &Mutex<Sent>) -> anyhow::Result<()> {
    let calls: Vec<String> = some.iter().enumerate().map(|(id, one)| send(id, &one.raw)).collect();
    let at = Instant::now();
    let errors = client.batch(&calls)?;
    let mut sent = sent.lock().ok().context("a sender panicked")?;
    for (one, error) in some.iter().zip(errors) {
        match error {
            None => {
                sent.times.insert(one.hash, at);
            }
            Some(error) => {
                sent.refused += 1;
                sent.reason.get_or_insert(error);
            }
        }
    }
    Ok(())
}
