//! How many leaves a second go into a Merkle-Patricia trie, all at once and block by block?
//!
//! Against alloy-trie in the same run. It builds roots from all leaves in order and keeps no trie, so block by block it starts anew each time, which
//! is what a node on it alone would do; its `HashBuilder` also takes hashes of branches that did not change, which needs a walk of its owner's
//! own and is not compared. Roots are compared, so a wrong one is not a fast one.
//!
//! Leaves are accounts of 70 to 110 bytes under hashed keys. Threads are rayon's; figures are the best of several runs by the clock, for other work on the
//! machine only ever makes a run longer. With `--store` blocks go through the state on disk instead, root and durable commit included.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::time::{Duration, Instant};

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, U256, keccak256};
use alloy_trie::HashBuilder;
use anyhow::{Context as _, ensure};
use bench::process;
use clap::Parser;
use quintet_eth::{
    state::{
        Account, AccountChange, AccountLeaf, StateChanges,
        store::{BlockId, StateOptions, StateStore},
    },
    trie::{EMPTY_ROOT, Entry, MemoryNodes, NodeUpdate, Updated, root, update},
};
use quintet_store::{Batch, Durability, Schema, Store, StoreOptions};

/// Measures the trie.
#[derive(Debug, Parser)]
struct Arguments {
    /// Sizes of the trie, leaves.
    #[arg(long, value_delimiter = ',', default_value = "10000,100000,1000000")]
    leaves: Vec<u32>,
    /// Leaves a block changes.
    #[arg(long, default_value_t = 10_000)]
    changes: u32,
    /// Runs of each, of which the best counts.
    #[arg(long, default_value_t = 3)]
    runs: u32,
    /// Threads.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    threads: Vec<usize>,
    /// Blocks through the state on disk (fjall), in place of the trie alone.
    #[arg(long)]
    store: bool,
}

type Leaf = (B256, Vec<u8>);

fn leaf(seed: u32, version: u32) -> Leaf {
    let hash = keccak256(seed.to_be_bytes());
    let balance =
        U256::from_be_bytes(keccak256([seed.to_be_bytes(), version.to_be_bytes()].concat()).0);
    let account =
        Account { nonce: u64::from(version), balance: balance >> 176, code_hash: KECCAK256_EMPTY };
    let mut rlp = Vec::new();
    AccountLeaf::new(account, EMPTY_ROOT).encode(&mut rlp);
    (hash, rlp)
}

fn sorted(seeds: impl Iterator<Item = u32>, version: u32) -> Vec<Leaf> {
    let mut leaves: Vec<_> = seeds.map(|seed| leaf(seed, version)).collect();
    leaves.sort_unstable_by_key(|(hash, _)| *hash);
    leaves
}

fn entries(leaves: &[Leaf]) -> Vec<Entry<'_>> {
    leaves.iter().map(|(hash, rlp)| Entry::new(hash.as_slice(), rlp)).collect()
}

fn alloys(leaves: &[Leaf]) -> B256 {
    let mut builder = HashBuilder::default();
    for (hash, rlp) in leaves {
        builder.add_leaf(alloy_trie::Nibbles::unpack(hash), rlp);
    }
    builder.root()
}

/// Returns the shortest time of several.
fn best<T>(runs: u32, mut run: impl FnMut() -> T) -> (Duration, Option<T>) {
    let mut shortest = (Duration::MAX, None);
    for _ in 0..runs {
        let start = Instant::now();
        let result = run();
        let took = start.elapsed();
        if took < shortest.0 {
            shortest = (took, Some(result));
        }
    }
    shortest
}

fn rate(leaves: usize, took: Duration) -> f64 {
    let leaves = f64::from(u32::try_from(leaves).unwrap_or(u32::MAX));
    leaves / took.as_secs_f64() / 1e6
}

fn measure(arguments: &Arguments, count: u32, threads: usize) -> anyhow::Result<()> {
    let leaves = sorted(0..count, 0);
    let whole = entries(&leaves);
    let (ours, own_root) = best(arguments.runs, || root(&whole));
    let (theirs, their_root) = best(arguments.runs, || alloys(&leaves));
    let own_root = own_root.context("at least one run")??;
    ensure!(Some(own_root) == their_root, "the roots differ");
    println!(
        "{count:>9} leaves, {threads} threads: whole {:6.2} M/s, alloy-trie {:6.2} M/s",
        rate(leaves.len(), ours),
        rate(leaves.len(), theirs)
    );

    let mut nodes = MemoryNodes::default();
    let built: Updated<Vec<NodeUpdate>> = update(&nodes, EMPTY_ROOT, &whole)?;
    nodes.apply(built.nodes);
    let step = (count / arguments.changes.min(count)).max(1);
    let changed = sorted((0..count).step_by(usize::try_from(step)?), 1);
    let batch = entries(&changed);
    let (ours, updated) =
        best(arguments.runs, || update::<_, Vec<NodeUpdate>>(&nodes, built.root, &batch));
    let updated = updated.context("at least one run")??;
    let mut all: std::collections::BTreeMap<B256, Vec<u8>> = leaves.into_iter().collect();
    all.extend(changed.iter().cloned());
    let all: Vec<_> = all.into_iter().collect();
    let (theirs, their_root) = best(arguments.runs, || alloys(&all));
    ensure!(Some(updated.root) == their_root, "the roots after a change differ");
    println!(
        "{count:>9} leaves, {threads} threads: {:>6} changed in {:8.2} ms ({:5.2} M/s); anew by alloy-trie {:8.2} ms",
        changed.len(),
        ours.as_secs_f64() * 1e3,
        rate(changed.len(), ours),
        theirs.as_secs_f64() * 1e3
    );
    Ok(())
}

fn block(seeds: impl Iterator<Item = u32>, version: u32) -> StateChanges {
    let mut changes = StateChanges::default();
    for seed in seeds {
        let account = Account {
            nonce: u64::from(version),
            balance: U256::from(u64::from(seed) * 1_000_003 + u64::from(version)),
            code_hash: KECCAK256_EMPTY,
        };
        let address = Address::from_word(keccak256(seed.to_be_bytes()));
        let change = AccountChange { account: Some(account), ..AccountChange::default() };
        changes.accounts.insert(address, change);
    }
    changes
}

fn measure_store(arguments: &Arguments, count: u32) -> anyhow::Result<()> {
    const SCHEMA: Schema = Schema { name: "bench", version: 1, migrations: &[] };
    /// Blocks after the first.
    const BLOCKS: u32 = 20;
    let place = tempfile::tempdir()?;
    let options = StoreOptions::for_state(32 << 20);
    let store = Store::open(&place.path().join("state"), &SCHEMA, &options)?;
    let state = StateStore::open(store, StateOptions::default())?;
    let mut number = 0;
    let mut commit = |changes: &StateChanges| -> anyhow::Result<(Duration, Duration)> {
        let start = Instant::now();
        let update = state.root_of(changes)?;
        let rooted = start.elapsed();
        let id = BlockId { number, hash: keccak256(number.to_be_bytes()) };
        state.commit(&update, id, Batch::new(), Durability::Sync)?;
        number += 1;
        Ok((rooted, start.elapsed()))
    };
    // In parts: a batch is held in memory.
    for begin in (0..count).step_by(50_000) {
        commit(&block(begin..count.min(begin + 50_000), 0))?;
    }
    let step = usize::try_from((count / arguments.changes.min(count)).max(1))?;
    let (mut root, mut whole) = (Duration::MAX, Duration::MAX);
    for version in 1..=BLOCKS {
        let changes = block((version % 7..count).step_by(step), version);
        let (rooted, done) = commit(&changes)?;
        (root, whole) = (root.min(rooted), whole.min(done));
    }
    println!(
        "{count:>9} accounts on disk, {} changed a block: root {:7.2} ms, root and synced commit {:7.2} ms; {:.0} MiB on disk, peak RSS {:.0} MiB",
        arguments.changes.min(count),
        root.as_secs_f64() * 1e3,
        whole.as_secs_f64() * 1e3,
        process::mib(state.store().disk_bytes()?),
        process::peak_rss_mib()?
    );
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("{}", process::processor());
    for &count in &arguments.leaves {
        if arguments.store {
            measure_store(&arguments, count)?;
            continue;
        }
        for &threads in &arguments.threads {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            pool.install(|| measure(&arguments, count, threads))?;
        }
    }
    println!(
        "peak RSS {:.0} MiB, {:.1} s of processor",
        process::peak_rss_mib()?,
        process::cpu_seconds()?
    );
    Ok(())
}
