//! One who looks at a validator all the time: which blocks it has, and which of them are final.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use anyhow::Context as _;
use bench::json_rpc::{Client, quantity};
use serde_json::{Value, json};

use crate::network::Network;

/// Looks a slot, and longest and shortest pause between two.
const LOOKS_A_SLOT: u64 = 20;
const PAUSE_MAX: u64 = 20;
const PAUSE_MIN: u64 = 5;

/// How many transactions have come how far, for whoever waits.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Those in blocks that were seen.
    pub(crate) included: AtomicUsize,
    /// Those in blocks that are final.
    pub(crate) finalised: AtomicUsize,
}

/// A block that was seen.
#[derive(Debug)]
pub(crate) struct Seen {
    hash: String,
    parent: String,
    /// The slot it was made for.
    pub(crate) slot: u64,
    pub(crate) transactions: Vec<B256>,
    /// When it was seen.
    pub(crate) at: Instant,
    /// When it was seen to be final.
    pub(crate) final_at: Option<Instant>,
    /// Milliseconds from the begin of its slot until it was seen.
    pub(crate) slot_used: u64,
}

/// Looks until told to stop; returns the blocks seen by height.
pub(crate) fn watch(
    network: &Network,
    stop: &AtomicBool,
    progress: &Progress,
) -> anyhow::Result<BTreeMap<u64, Seen>> {
    let pause = (network.slot_millis / LOOKS_A_SLOT).clamp(PAUSE_MIN, PAUSE_MAX);
    let mut client = network.client(0)?;
    let status = client.call("lux_status", &json!([]))?;
    let mut watch = Watch {
        network,
        seen: BTreeMap::new(),
        upto: quantity(&status["headNumber"])?,
        finalised: quantity(&status["finalizedNumber"])?,
    };
    while !stop.load(Ordering::Relaxed) {
        watch.look(&mut client, progress)?;
        thread::sleep(Duration::from_millis(pause));
    }
    Ok(watch.seen)
}

struct Watch<'a> {
    network: &'a Network,
    seen: BTreeMap<u64, Seen>,
    upto: u64,
    finalised: u64,
}

impl Watch<'_> {
    fn look(&mut self, client: &mut Client, progress: &Progress) -> anyhow::Result<()> {
        let status = client.call("lux_status", &json!([]))?;
        let head = quantity(&status["headNumber"])?;
        while self.upto < head {
            let Some(seen) = self.block(client, self.upto + 1)? else { break };
            self.upto += 1;
            progress.included.fetch_add(seen.transactions.len(), Ordering::Relaxed);
            self.seen.insert(self.upto, seen);
        }
        let number = quantity(&status["finalizedNumber"])?;
        if number > self.finalised && number <= self.upto {
            let hash = status["finalized"]["hash"].as_str().context("a hash")?.to_owned();
            progress.finalised.fetch_add(self.finalise(client, number, hash)?, Ordering::Relaxed);
            self.finalised = number;
        }
        Ok(())
    }

    /// Takes note of what is final, and returns how many transactions are; blocks that were replaced since they were seen are fetched again.
    fn finalise(&mut self, client: &mut Client, upto: u64, hash: String) -> anyhow::Result<usize> {
        let (now, mut hash, mut count) = (Instant::now(), hash, 0);
        for number in (self.finalised + 1..=upto).rev() {
            if self.seen.get(&number).is_some_and(|seen| seen.hash != hash)
                && let Some(other) = self.block(client, number)?
            {
                self.seen.insert(number, other);
            }
            let Some(seen) = self.seen.get_mut(&number) else { break };
            seen.final_at = Some(now);
            count += seen.transactions.len();
            hash.clone_from(&seen.parent);
        }
        Ok(count)
    }

    fn block(&self, client: &mut Client, number: u64) -> anyhow::Result<Option<Seen>> {
        let at = Instant::now();
        let block = client.call("eth_getBlockByNumber", &json!([format!("{number:#x}"), false]))?;
        if block.is_null() {
            return Ok(None);
        }
        let slot = slot_of(&block)?;
        let began = self.network.begun + slot * self.network.slot_millis;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let text = |field: &str| block[field].as_str().context("a hash").map(str::to_owned);
        let transactions = block["transactions"].as_array().context("a block has transactions")?;
        let transactions =
            transactions.iter().map(|hash| Ok(hash.as_str().context("a hash")?.parse()?));
        Ok(Some(Seen {
            hash: text("hash")?,
            parent: text("parentHash")?,
            slot,
            transactions: transactions.collect::<anyhow::Result<_>>()?,
            at,
            final_at: None,
            slot_used: u64::try_from(now)?.saturating_sub(began),
        }))
    }
}

/// The slot in a block's seal: eight bytes behind the version.
fn slot_of(block: &Value) -> anyhow::Result<u64> {
    let seal = block["extraData"].as_str().and_then(|text| text.get(4..20));
    Ok(u64::from_str_radix(seal.context("a block has a seal")?, 16)?)
}
