//! What memory and disk hold while simulated time goes by: read time and again, written to a file at once, drawn in the end.
//!
//! Memory is the whole process's, as the system counts it: the simulator's own is part of it, some megabytes for miners, coins and
//! blocks on their way, and the DAG of the first blocks that figures are told from.

use std::{
    fs::File,
    io::Write as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use quintet_kaspa_node::{
    sim::{ConsensusView, Network},
    storage::{DiskLedger, Usage},
};
use quintet_kaspa_protocol::params::Params;
use quintet_node::telemetry::ProcessFigures;

use crate::cli::SimArgs;

/// A mebibyte.
const MIB: f64 = 1_048_576.0;

/// Most samples: beyond, only the file has them.
const SAMPLES_MAX: usize = 1 << 16;

/// The columns of the file.
const HEADER: &str = "simulated_seconds,wall_seconds,cpu_seconds,blocks,rows,memory_mib,log_mib,store_mib,pruning_point_blue_score,sink_blue_score";

/// What there was at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sample {
    /// Simulated seconds.
    pub(super) at: f64,
    pub(super) blocks: u64,
    /// Resident memory of the process, MiB; none where the system does not say.
    pub(super) memory: Option<f64>,
    /// Logs of blocks, MiB.
    pub(super) logs: f64,
    /// The store of coins, MiB.
    pub(super) store: f64,
    /// Blue score of the pruning point.
    pub(super) pruning_point: u64,
}

/// What was watched: said below a plot.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Watched {
    pub(super) bps: u64,
    pub(super) tps: u64,
    pub(super) delay_seconds: f64,
    pub(super) finality_depth: u64,
    pub(super) pruning_depth: u64,
    /// How many times shorter than the network's the depths are.
    pub(super) scale: u64,
    pub(super) blocks: u64,
}

impl Watched {
    pub(super) fn of(params: &Params, args: &SimArgs, network: &Network<ConsensusView>) -> Self {
        let rate = &params.rules_at(0).rate;
        Self {
            bps: rate.bps(),
            tps: args.tps,
            delay_seconds: Duration::from_micros(args.delay.0).as_secs_f64(),
            finality_depth: rate.finality_depth,
            pruning_depth: rate.pruning_depth,
            scale: args.scale.get(),
            blocks: network.figures().summary().blocks,
        }
    }
}

/// Samples as they are taken.
#[derive(Debug)]
pub(super) struct Samples {
    file: Option<(File, PathBuf)>,
    every: Duration,
    next: Duration,
    started: Instant,
    taken: Vec<Sample>,
}

impl Samples {
    /// Begins, with a file if one was asked for.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub(super) fn begin(args: &SimArgs) -> anyhow::Result<Self> {
        let mut samples = Self {
            file: None,
            every: Duration::from_secs(args.sample_every),
            next: Duration::ZERO,
            started: Instant::now(),
            taken: Vec::new(),
        };
        if let Some(path) = &args.samples {
            let file = File::create(path);
            let file = file.with_context(|| format!("cannot write {}", path.display()))?;
            samples.file = Some((file, path.clone()));
            samples.write(HEADER)?;
        }
        Ok(samples)
    }

    /// Takes a sample if it is time.
    ///
    /// # Errors
    ///
    /// If the disk cannot be measured or the file not be written.
    pub(super) fn look(
        &mut self,
        network: &Network<ConsensusView>,
        blocks: u64,
        ledger: Option<&DiskLedger>,
    ) -> anyhow::Result<()> {
        if self.file.is_none() || network.now() < self.next {
            return Ok(());
        }
        while self.next <= network.now() {
            self.next += self.every;
        }
        let Usage { log_bytes, store_bytes, .. } = match ledger {
            Some(ledger) => ledger.usage().context("cannot measure the DAG")?,
            None => Usage { log_bytes: 0, store_bytes: 0, coins_bytes: 0 },
        };
        let Some(view) = network.views().next_back() else { return Ok(()) };
        let consensus = view.consensus()?;
        let score = |hash| -> anyhow::Result<u64> {
            Ok(consensus.header(&hash)?.map_or(0, |header| header.blue_score))
        };
        let (pruning_point, sink) = (score(consensus.pruning_point())?, score(consensus.sink())?);
        let process = ProcessFigures::read();
        let sample = Sample {
            at: network.now().as_secs_f64(),
            blocks,
            memory: process.map(|process| process.resident_bytes as f64 / MIB),
            logs: log_bytes as f64 / MIB,
            store: store_bytes as f64 / MIB,
            pruning_point,
        };
        self.write(&format!(
            "{:.0},{:.1},{:.1},{},{},{:.1},{:.1},{:.1},{},{}",
            sample.at,
            self.started.elapsed().as_secs_f64(),
            process.map_or(0.0, |process| process.cpu_seconds),
            blocks,
            consensus.header_count(),
            sample.memory.unwrap_or(0.0),
            sample.logs,
            sample.store,
            pruning_point,
            sink,
        ))?;
        if self.taken.len() < SAMPLES_MAX {
            self.taken.push(sample);
        }
        Ok(())
    }

    /// Returns the samples so far.
    pub(super) fn taken(&self) -> &[Sample] {
        &self.taken
    }

    fn write(&mut self, line: &str) -> anyhow::Result<()> {
        let Some((file, path)) = &mut self.file else { return Ok(()) };
        writeln!(file, "{line}").with_context(|| format!("cannot write {}", path.display()))
    }
}
