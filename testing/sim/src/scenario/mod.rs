//! What happens to networks.

pub mod rollup;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use interop::{Binary, Lab, lab};
use rand::RngExt as _;

use crate::{fabric::Weather, hostile, kind::Kind, network::Network};

/// Most work between two crashes.
const WORK_BETWEEN: usize = 8;

/// How much memory hostile clients may cost a node, bytes.
const HOSTILE_BYTES_MAX: u64 = 96 << 20;

fn everybody<K: Kind>() -> Vec<usize> {
    (0..K::NODES).collect()
}

fn tell<K: Kind>(what: &str, begun: Instant) {
    eprintln!("{}: {what}, {:.1} s", K::NAME, begun.elapsed().as_secs_f64());
}

/// Starts a network whose nodes have done something and agree.
fn settled<K: Kind>(lab: &Lab, binary: &Binary, seed: u64) -> Result<Network<K>> {
    let mut network = Network::<K>::start(lab, binary, seed)?;
    network.work(0)?;
    network.converge(&everybody::<K>(), K::FIRST).context("a network that was just started")?;
    Ok(network)
}

/// Two halves that do not reach each other, then do: both go on as far as their rules let them, and agree afterwards.
///
/// # Errors
///
/// If they do not agree, or somebody lost what was acknowledged.
pub fn partition<K: Kind>(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = settled::<K>(lab, binary, seed)?;
        let (near, far): (Vec<_>, Vec<_>) =
            everybody::<K>().into_iter().partition(|index| index % 2 == 0);
        network.fabric.part(&near, &far);
        for count in 0..K::PARTED_WORK {
            network.work(near[count % near.len()])?;
            // One side does more, so that it is clear whose chain is left.
            if count % 2 == 0 {
                network.work(far[count / 2 % far.len()])?;
            }
        }
        let before = network.head(near[0])?;
        if !K::GOES_ON {
            let there = &network.nodes[far[0]].acknowledged;
            let there = there.last().context("work on the far side")?;
            let here = network.kind().keeps(&network.nodes[near[0]].place, there);
            ensure!(!here.unwrap_or(false), "they were not parted: both have {there}");
        }
        network.fabric.heal();
        // What nobody built on is not asked for: the next block says what lies below it.
        network.work(near[0])?;
        let after = network.converge(&everybody::<K>(), before.height + u64::from(K::GOES_ON))?;
        for index in everybody::<K>() {
            network.lost_nothing(index)?;
        }
        network.all_arrived()?;
        ensure!(after.height >= before.height, "from {before:?} to {after:?}");
        tell::<K>("parted, healed, in agreement", begun);
        Ok(())
    })
}

/// Delays, packets sent again, connections that break: nodes agree while it lasts.
///
/// # Errors
///
/// If they do not.
pub fn foul_weather<K: Kind>(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = settled::<K>(lab, binary, seed)?;
        network.fabric.set_weather(Weather::FOUL);
        for _ in 0..K::FOUL_WORK {
            let index = network.chance.random_range(0..K::NODES);
            network.work(index)?;
        }
        network.converge(&everybody::<K>(), K::FIRST)?;
        tell::<K>("delayed, stalled, broken, lost, in agreement", begun);
        Ok(())
    })
}

/// Nodes are killed at random moments under work and started again: each comes back, has what it acknowledged, and agrees.
///
/// # Errors
///
/// If one does not.
pub fn crashes<K: Kind>(binary: &Binary, seed: u64, rounds: usize) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = settled::<K>(lab, binary, seed)?;
        let first = network.chance.random_range(0..K::NODES + K::BESIDE);
        for round in 0..rounds {
            // Each in turn, but who is first and what it does until then is chance.
            let victim = (first + round) % (K::NODES + K::BESIDE);
            for _ in 0..network.chance.random_range(1..=WORK_BETWEEN) {
                network.work(victim)?;
            }
            // Somewhere in the middle of what its peers and its work make it do.
            let pause = network.chance.random_range(0..60);
            std::thread::sleep(Duration::from_millis(pause));
            network.kill(victim)?;
            let other = K::apart_from(victim);
            network.work(other)?;
            network.launch(victim)?;
            network.answers(victim)?;
            network.lost_nothing(victim).with_context(|| format!("round {round}"))?;
            network.work(other)?;
            let far = network.head(other)?.height + u64::from(K::GOES_ON);
            network.converge(&everybody::<K>(), far).with_context(|| format!("round {round}"))?;
        }
        network.all_arrived()?;
        for index in 0..K::NODES + K::BESIDE {
            network.lost_nothing(index)?;
        }
        for index in everybody::<K>() {
            network.stop(index)?;
        }
        tell::<K>(&format!("{rounds} times killed and back"), begun);
        Ok(())
    })
}

/// Strangers at every port of a node send garbage, half of things, too much, or nothing, by the hundreds: its peers notice nothing, and
/// its memory stays.
///
/// # Errors
///
/// If it ends, stops working or grows.
pub fn strangers<K: Kind>(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = settled::<K>(lab, binary, seed)?;
        let place = network.nodes.first().context("a node")?.place.clone();
        let before = network.nodes[0].resident_bytes()?;
        let mut most = before;
        for port in network.kind().ports(&place) {
            for sort in hostile::Sort::ALL {
                let guests = hostile::visit(port, sort, seed)?;
                // While others are there, peers go on with the node.
                network.work(1)?;
                let far = network.head(1)?.height;
                let both = network.agree(&[1, 0], far);
                both.with_context(|| format!("with {sort:?} at {port:?}"))?;
                most = most.max(network.nodes[0].resident_bytes()?);
                drop(guests);
            }
        }
        network.work(0)?;
        let far = network.head(0)?.height;
        network.agree(&everybody::<K>(), far)?;
        let grown = most.saturating_sub(before);
        ensure!(
            grown < HOSTILE_BYTES_MAX,
            "from {before} to {most} bytes resident, expected at most {HOSTILE_BYTES_MAX} more"
        );
        tell::<K>(&format!("strangers cost {} MiB", grown >> 20), begun);
        Ok(())
    })
}
