//! Does consensus come to the same virtual block as rusty-kaspa's, on random DAGs, block by block? And does it refuse
//! broken blocks for the same rule?
//!
//! The reference's builder shuffles tips that it may merge, so a seed gives blocks alike, and not the same.

use std::{
    collections::{BTreeMap, HashSet},
    panic::AssertUnwindSafe,
    process::ExitCode,
    time::Instant,
};

use anyhow::{Context as _, bail, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use judge_kaspa_consensus::{
    breaking::{Around, CHANGES, DISQUALIFIERS, HEADER_CHANGES, seal},
    network,
    ours::Ours,
    plan::{Plan, SHAPES, Shape},
    reference::Reference,
    verdict::{Status, Verdict, Virtual},
    wallet,
};
use judge_kaspa_rules::{convert, random::SplitMix, spend::KEYS};
use kaspa_consensus_core::{block::MutableBlock, config::params::Params, tx::TransactionOutpoint};
use kaspa_hashes::Hash;

/// A merge depth that nothing in a random DAG reaches.
const DEEP: u64 = 1_000;
/// A pruning depth that a run reaches.
const PRUNES: u64 = 10_000;
/// Of so many blocks one is also submitted broken.
const BREAK_EVERY: u64 = 6;

/// Compares consensus with rusty-kaspa's.
#[derive(Debug, Parser)]
struct Command {
    /// Blocks of all shapes together.
    #[arg(long, default_value_t = 100_000)]
    blocks: u64,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the shape of this name.
    #[arg(long)]
    shape: Option<String>,
    /// Other orders in which a DAG is taken in again.
    #[arg(long, default_value_t = 2)]
    orders: u64,
    /// Gives ours headers alone: compares their rules and the heaviest header, and no virtual block.
    #[arg(long)]
    headers: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let command = Command::parse();
    // The reference's own test builder panics on parents it cannot use; other parents are tried then.
    std::panic::set_hook(Box::new(|_| {}));
    let wanted = |shape: &&Shape| command.shape.as_ref().is_none_or(|name| name == shape.name);
    let shapes: Vec<&Shape> = SHAPES.iter().filter(wanted).collect();
    ensure!(!shapes.is_empty(), "expected one of the shapes {:?}", SHAPES.map(|shape| shape.name));
    let each = command.blocks.div_ceil(shapes.len() as u64);
    let mut failed = 0_u32;
    for shape in shapes {
        let started = Instant::now();
        let mut run = Run::start(*shape, command.seed, command.headers)?;
        let result = run.grow(each).and_then(|()| run.finish(command.orders));
        println!("{}: {}, {:.0} s", shape.name, run.tally, started.elapsed().as_secs_f64());
        for ((what, verdict), count) in &run.refusals {
            println!("  {what:<34} {verdict:<50} {count}");
        }
        if let Err(error) = result {
            println!("{} differs: {error:#}", shape.name);
            failed += 1;
        }
        run.reference.stop();
    }
    println!("{} shapes differ", failed);
    Ok(if failed > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What was compared.
#[derive(Debug, Default)]
struct Tally {
    blocks: u64,
    transactions: u64,
    broken: u64,
    disqualified: u64,
    merged: u64,
    reorganisations: u64,
    deepest: u64,
    statuses: u64,
    orders: u64,
    explained: u64,
    chosen: u64,
    points: u64,
    looked_at: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} blocks ({:.1} parents each) with {} transactions, {} broken ones, {} disqualified, sink moved off its chain {} times by up to {} blue scores, {} final statuses ({} known to the builder alone), {} other orders, {} refused for the mergeset's size before another reason, {} times other tips chosen of too many, pruning point moved {} times",
            self.blocks,
            self.merged as f64 / self.blocks.max(1) as f64,
            self.transactions,
            self.broken,
            self.disqualified,
            self.reorganisations,
            self.deepest,
            self.statuses,
            self.looked_at,
            self.orders,
            self.explained,
            self.chosen,
            self.points,
        )
    }
}

struct Run {
    shape: Shape,
    params: Params,
    reference: Reference,
    ours: Ours,
    plan: Plan,
    random: SplitMix,
    clock: u64,
    blocks: Vec<MutableBlock>,
    invalid: Option<Hash>,
    tally: Tally,
    refusals: BTreeMap<(&'static str, String), u64>,
    headers: bool,
    /// Headers that ours refused for the size of their mergeset, and the reference for something else.
    too_big: HashSet<Hash>,
}

impl Run {
    fn start(shape: Shape, seed: u64, headers: bool) -> anyhow::Result<Self> {
        let params = network::theirs(&shape.limits);
        let (genesis, clock) = (params.genesis.hash, params.genesis.timestamp);
        let ours = start(&shape, headers)?;
        ensure!(ours.inner().sink() == convert::hash(&genesis), "expected the same genesis");
        Ok(Self {
            shape,
            reference: Reference::start(params.clone()),
            params,
            ours,
            plan: Plan::new(shape, genesis),
            random: SplitMix::of_case(seed, shape.lag + shape.stray),
            clock,
            blocks: Vec::new(),
            invalid: None,
            tally: Tally::default(),
            refusals: BTreeMap::new(),
            headers,
            too_big: HashSet::new(),
        })
    }

    fn grow(&mut self, blocks: u64) -> anyhow::Result<()> {
        let style =
            ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}, {per_sec}, {eta} left")?;
        let bar = ProgressBar::new(blocks).with_style(style).with_message(self.shape.name);
        while self.tally.blocks < blocks {
            self.step().with_context(|| format!("block {}", self.tally.blocks))?;
            bar.set_position(self.tally.blocks);
        }
        bar.finish_and_clear();
        Ok(())
    }

    fn step(&mut self) -> anyhow::Result<()> {
        let (parents, secret) = self.plan.parents(&mut self.random);
        let raw = !secret && parents.len() > 1 && self.random.once_in(25);
        if raw {
            self.unfiltered(&parents)?;
        }
        let Some(block) = self.build(&parents) else {
            // Nobody can build there: too deep, or a parent that no chain may go through.
            let sink = self.reference.virtual_block().parents;
            let sink = Hash::from_bytes(*sink[0].as_bytes());
            self.plan.retain_tips(|tip| !parents.contains(tip) || *tip == sink);
            if secret {
                self.plan.add(parents[0], &[], true);
            }
            return Ok(());
        };
        if self.random.once_in(BREAK_EVERY) {
            self.break_one(&block)?;
        }
        let named = block.header.direct_parents().to_vec();
        let verdict = self.submit("", &block)?;
        if let Verdict::Present(_) = verdict {
            self.plan.add(block.header.hash, &named, secret);
        }
        Ok(())
    }

    /// Builds a block with transactions; `None` where the reference's builder cannot.
    fn build(&mut self, parents: &[Hash]) -> Option<MutableBlock> {
        let miner = wallet::script(self.random.index(KEYS));
        let len = self.random.index(12);
        let extra = self.random.bytes(len);
        let built = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.reference.build(parents.to_vec(), miner, extra)
        }));
        let mut block = built.ok()?;
        let count = self.random.below(self.shape.transactions + 1);
        let daa_score = block.header.daa_score;
        let txs =
            wallet::transactions(&self.reference, &self.params, count, daa_score, &mut self.random);
        block.transactions.extend(txs);
        self.clock += self.random.below(2 * self.shape.limits.target_time);
        block.header.timestamp = self.clock.max(self.params.genesis.timestamp + 1);
        block.header.nonce = self.random.next();
        seal(&mut block, false);
        Some(block)
    }

    /// Submits a block with all parents seen, whatever may be merged, and without what a chain block has to say.
    fn unfiltered(&mut self, parents: &[Hash]) -> anyhow::Result<()> {
        let mut parents = parents.to_vec();
        parents.truncate(self.params.max_block_parents().into());
        let built = std::panic::catch_unwind(AssertUnwindSafe(|| {
            self.reference.inner().build_block_with_parents_and_transactions(
                Hash::default(),
                parents,
                Vec::new(),
            )
        }));
        let Ok(mut block) = built else { return Ok(()) };
        block.header.nonce = self.random.next();
        block.header.timestamp = block.header.timestamp.max(self.clock);
        seal(&mut block, false);
        let verdict = self.submit("all that is seen is merged", &block)?;
        if let Verdict::Present(_) = verdict {
            let named = block.header.direct_parents().to_vec();
            self.plan.add(block.header.hash, &named, false);
        }
        Ok(())
    }

    fn break_one(&mut self, block: &MutableBlock) -> anyhow::Result<()> {
        let mut broken = block.clone();
        let disqualifies = self.random.percent(15);
        let changes = if self.headers { &CHANGES[..HEADER_CHANGES] } else { &CHANGES };
        let (what, change) = if disqualifies {
            *self.random.pick(&DISQUALIFIERS)
        } else {
            *self.random.pick(changes)
        };
        let ancestor = self.blocks.len().checked_sub(150).map(|at| self.blocks[at].header.hash);
        let around = Around { params: &self.params, ancestor, invalid: self.invalid };
        if change(&mut broken, &around, &mut self.random).is_none() {
            return Ok(());
        }
        seal(&mut broken, what == "hash root");
        if broken.header.hash == block.header.hash {
            return Ok(());
        }
        let first = self.submit(what, &broken)?;
        // Once more: what was refused may be known to be invalid.
        let again = self.submit(what, &broken)?;
        if let Verdict::Refused(_) = first {
            if self.reference.status(broken.header.hash) == Status::Invalid {
                self.invalid = Some(broken.header.hash);
            }
        } else if first == again {
            let named = broken.header.direct_parents().to_vec();
            self.plan.add(broken.header.hash, &named, false);
        }
        Ok(())
    }

    /// Submits a block to both, and compares what they say of it and of the virtual block.
    fn submit(&mut self, what: &'static str, block: &MutableBlock) -> anyhow::Result<Verdict> {
        let before = self.reference.virtual_block();
        let known = self.reference.status(block.header.hash) != Status::Absent;
        let said = self.reference.submit(block.clone().to_immutable());
        let theirs = match said {
            Verdict::Present(_) if self.headers => Verdict::Present(Status::HeaderOnly),
            said => said,
        };
        let ours = self.ours.submit(convert::block(&block.header, &block.transactions)?)?;
        let hash = convert::hash(&block.header.hash);
        let explained = ours != theirs && self.is_explained(block.header.hash, &ours, &theirs);
        self.tally.explained += u64::from(explained);
        ensure!(
            ours == theirs || explained,
            "{what} block {hash}: quintet {ours:?} ({:?}), reference {theirs:?}",
            self.ours.disqualification(&hash)
        );
        let mut after = self.reference.virtual_block();
        let ours_point = self.ours.inner().pruning_point();
        if self.shape.limits.pruning < PRUNES && !self.headers {
            // The reference moves its pruning point a little later, on a thread of its own.
            for _ in 0..500 {
                if after.pruning_point == ours_point {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
                after = self.reference.virtual_block();
            }
            self.tally.points += u64::from(before.pruning_point != after.pruning_point);
        }
        if self.headers {
            let (ours, theirs) = (self.ours.inner().header_tip().0, self.reference.header_tip());
            ensure!(
                ours == convert::hash(&theirs),
                "heaviest header: quintet {ours}, reference {theirs}"
            );
        }
        let ours = if self.headers { after.clone() } else { self.ours.virtual_block()? };
        if !self.agrees(ours.clone(), after.clone()) {
            bail!(
                "after {what} block {hash}: {}{}",
                ours.differences(&after),
                self.accepted_apart()
            );
        }
        if let Verdict::Present(status) = theirs {
            if !known {
                self.tally.blocks += 1;
                self.tally.transactions += block.transactions.len() as u64 - 1;
                self.tally.merged += block.header.direct_parents().len() as u64;
                self.blocks.push(block.clone());
            }
            self.tally.disqualified += u64::from(status == Status::Disqualified);
            let moved = before.parents[0] != after.parents[0]
                && !after.blues.contains(&before.parents[0])
                && !self.is_chain_ancestor(before.parents[0], after.parents[0]);
            if moved {
                self.tally.reorganisations += 1;
                let depth = self.fork_depth(before.parents[0], after.parents[0]);
                self.tally.deepest = self.tally.deepest.max(depth);
            }
        }
        if !what.is_empty() {
            self.tally.broken += 1;
            let said = match &theirs {
                Verdict::Present(status) => format!("{status:?}"),
                Verdict::Refused(rule) => rule.clone(),
            };
            *self.refusals.entry((what, said)).or_default() += 1;
        }
        Ok(theirs)
    }

    /// Returns whether two virtual blocks are as equal as they have to be.
    ///
    /// The reference shuffles the lower ones of the tips that it may merge, so that nodes differ. So the order of the parents
    /// behind the sink is left out; and where there were too many to merge them all, which ones are merged. Of tips that lead
    /// to what is too deep to be merged, the reference drops all that lead to any such block at once; ours drops them one by one
    /// and keeps what may be merged without the others.
    fn agrees(&mut self, mut ours: Virtual, mut theirs: Virtual) -> bool {
        for state in [&mut ours, &mut theirs] {
            state.parents[1..].sort_unstable();
        }
        if ours == theirs {
            return true;
        }
        let limits = &self.shape.limits;
        let tips = self.reference.tips();
        let full = |state: &Virtual| {
            let merged = (state.blues.len() + state.reds.len()) as u64;
            state.parents.len() >= usize::from(limits.parents)
                || 2 * merged >= limits.mergeset
                || limits.merge_depth < DEEP
                || tips > usize::from(limits.parents) / 2
        };
        let chosen = ours.parents != theirs.parents && (full(&ours) || full(&theirs));
        self.tally.chosen += u64::from(chosen);
        chosen && ours.parents[0] == theirs.parents[0] && ours.pruning_point == theirs.pruning_point
    }

    /// Tells which transactions of the latest blocks one side has accepted and the other has not.
    fn accepted_apart(&self) -> String {
        let mut text = String::new();
        for block in self.blocks.iter().rev().take(200) {
            for tx in &block.transactions {
                let theirs = TransactionOutpoint::new(tx.id(), 0);
                let found = self.reference.utxos(theirs, 1);
                let there = found.first().is_some_and(|(outpoint, _)| *outpoint == theirs);
                let ours = self.ours.inner().utxo(&convert::outpoint(&theirs));
                let here = ours.is_ok_and(|entry| entry.is_some());
                if here != there {
                    text += &format!(
                        "\n  quintet has {here}, reference has {there}: {tx:?} of block {}",
                        block.header.hash
                    );
                }
            }
        }
        text
    }

    /// Returns whether two names for one refusal are as they should be.
    ///
    /// The reference gathers the mergeset whole, however large it is, and looks at its size after what follows from it; ours
    /// ends the search at the limit. A header that is wrong in more than one way is then refused for its mergeset.
    fn is_explained(&mut self, hash: Hash, ours: &Verdict, theirs: &Verdict) -> bool {
        const BEFORE_MERGESET: [&str; 6] = [
            "PruningViolation",
            "UnexpectedHeaderDaaScore",
            "UnexpectedDifficulty",
            "UnexpectedHeaderBlueScore",
            "UnexpectedHeaderBlueWork",
            "TimeTooOld",
        ];
        let (Verdict::Refused(ours), Verdict::Refused(theirs)) = (ours, theirs) else {
            return false;
        };
        if !BEFORE_MERGESET.contains(&theirs.as_str()) {
            return false;
        }
        // The second time, whoever remembers says so.
        ours == "MergeSetTooBig" && self.too_big.insert(hash)
            || ours == "KnownInvalid" && self.too_big.contains(&hash)
    }

    fn is_chain_ancestor(
        &self,
        low: quintet_primitives::Hash256,
        high: quintet_primitives::Hash256,
    ) -> bool {
        use kaspa_consensus_core::api::ConsensusApi as _;
        let hash = |hash: quintet_primitives::Hash256| Hash::from_bytes(*hash.as_bytes());
        self.reference.inner().is_chain_ancestor_of(hash(low), hash(high)).unwrap_or(true)
    }

    /// Returns how many blue scores below the old sink the two chains part.
    fn fork_depth(
        &self,
        old: quintet_primitives::Hash256,
        new: quintet_primitives::Hash256,
    ) -> u64 {
        use kaspa_consensus::model::{
            services::reachability::ReachabilityService as _,
            stores::ghostdag::GhostdagStoreReader as _,
        };
        let (old, new) = (Hash::from_bytes(*old.as_bytes()), Hash::from_bytes(*new.as_bytes()));
        let service = self.reference.inner().reachability_service();
        let score =
            |hash| self.reference.inner().ghostdag_store().get_blue_score(hash).unwrap_or(0);
        let fork = service
            .default_backward_chain_iterator(old)
            .find(|&at| service.is_chain_ancestor_of(at, new));
        fork.map_or(0, |fork| score(old).saturating_sub(score(fork)))
    }

    /// Compares the status of every block, and takes the DAG in again in other orders.
    fn finish(&mut self, orders: u64) -> anyhow::Result<()> {
        // What was pruned goes at different times.
        let prunes = self.shape.limits.pruning < PRUNES;
        for block in self.blocks.iter().filter(|_| !self.headers && !prunes) {
            let hash = block.header.hash;
            let (ours, theirs) =
                (self.ours.status(&convert::hash(&hash)), self.reference.status(hash));
            // The builder looks at side chains from their own tips, and the reference remembers what it found.
            let looked_at =
                ours == Status::Pending && matches!(theirs, Status::Valid | Status::Disqualified);
            self.tally.looked_at += u64::from(looked_at);
            ensure!(
                ours == theirs || looked_at,
                "at the end, block {hash}: quintet {ours:?}, reference {theirs:?}"
            );
            self.tally.statuses += 1;
        }
        // Where blocks come too late for finality or are pruned, their order matters.
        if self.shape.limits.merge_depth < DEEP {
            return Ok(());
        }
        let expected = self.reference.virtual_block();
        for _ in 0..orders {
            let mut ours = start(&self.shape, self.headers)?;
            for block in self.other_order() {
                let verdict = ours.submit(convert::block(&block.header, &block.transactions)?)?;
                ensure!(matches!(verdict, Verdict::Present(_)), "in another order: {verdict:?}");
            }
            self.tally.orders += 1;
            if self.headers {
                let (actual, expected) =
                    (ours.inner().header_tip(), self.ours.inner().header_tip());
                ensure!(
                    actual == expected,
                    "in another order: quintet {actual:?}, before {expected:?}"
                );
                continue;
            }
            let actual = ours.virtual_block()?;
            if !self.agrees(actual.clone(), expected.clone()) {
                bail!("in another order: {}", actual.differences(&expected));
            }
        }
        Ok(())
    }

    /// Returns the blocks in a random order that puts parents first.
    fn other_order(&mut self) -> Vec<MutableBlock> {
        let index: BTreeMap<Hash, usize> =
            self.blocks.iter().enumerate().map(|(at, block)| (block.header.hash, at)).collect();
        let mut children = vec![Vec::new(); self.blocks.len()];
        let mut missing = vec![0_usize; self.blocks.len()];
        for (at, block) in self.blocks.iter().enumerate() {
            for parent in
                block.header.direct_parents().iter().filter_map(|parent| index.get(parent))
            {
                children[*parent].push(at);
                missing[at] += 1;
            }
        }
        let mut ready: Vec<usize> = (0..missing.len()).filter(|&at| missing[at] == 0).collect();
        let mut order = Vec::new();
        while !ready.is_empty() {
            let at = ready.swap_remove(self.random.index(ready.len()));
            order.push(self.blocks[at].clone());
            for &child in &children[at] {
                missing[child] -= 1;
                if missing[child] == 0 {
                    ready.push(child);
                }
            }
        }
        order
    }
}

fn start(shape: &Shape, headers: bool) -> anyhow::Result<Ours> {
    let limits = &shape.limits;
    Ours::start(
        if headers { network::ours_for_headers(limits) } else { network::ours(limits) },
        headers,
    )
}
