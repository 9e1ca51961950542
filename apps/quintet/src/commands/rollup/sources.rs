//! What is read: an L1 of addresses or of a file, and the L2 block to begin behind.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Context as _;
use quintet_rollup_node::{
    derive::StartAt,
    l1::{
        L1Label, L1Source,
        beacon::{Beacon, BeaconOptions},
        endpoint::Limits,
        file::{FileL1, read_text},
        rpc::{RpcL1, RpcOptions},
        transport::Transport,
    },
};
use quintet_rollup_protocol::config::RollupConfig;
use tokio::runtime::Handle;

use crate::{cli::DeriveArgs, exit::UsageError};

/// Time between two looks at a file's last block: it does not change.
const FILE_POLL: Duration = Duration::from_millis(10);

/// An L1, and what is known of it before derivation begins.
#[derive(Debug)]
pub(super) struct L1 {
    pub(super) source: Arc<dyn L1Source>,
    /// Time between two looks at its head.
    pub(super) poll: Duration,
    /// The last block of a file.
    pub(super) last: Option<u64>,
}

/// An L1 that is asked by RPC, as the command line names it.
#[derive(Debug)]
pub(super) struct L1Nodes<'a> {
    pub(super) addresses: &'a [String],
    /// Beacon nodes, for blobs; may be none.
    pub(super) beacon: &'a [String],
    pub(super) slot_seconds: Option<u64>,
    /// Most requests a second; 0 is any number.
    pub(super) per_second: u32,
    /// Most L1 blocks asked for at a time.
    pub(super) in_flight: u64,
    /// Whether what is said is taken without proof.
    pub(super) trust: bool,
    /// How many have to agree, if not the usual number.
    pub(super) quorum: Option<usize>,
}

impl L1Nodes<'_> {
    /// Makes the clients; asks nothing yet.
    pub(super) fn open(
        &self,
        config: &RollupConfig,
        transport: &Transport,
    ) -> anyhow::Result<Arc<dyn L1Source>> {
        let limits = Limits {
            per_second: self.per_second,
            // A block and its receipts are two requests.
            in_flight: u32::try_from(self.in_flight.saturating_mul(2))?,
            ..Limits::default()
        };
        let beacon = if self.beacon.is_empty() {
            None
        } else {
            let slot_seconds = self.slot_seconds;
            let options = BeaconOptions { slot_seconds, limits, ..BeaconOptions::default() };
            Some(Beacon::new(self.beacon, options, transport)?)
        };
        let usual = RpcOptions::new(config.l1_chain_id, config.batch_inbox);
        let quorum = self.quorum.unwrap_or(usual.quorum);
        let options = RpcOptions { trust: self.trust, quorum, limits, ..usual };
        Ok(Arc::new(RpcL1::new(self.addresses, beacon, options, transport)?))
    }
}

fn is_address(text: &str) -> bool {
    text.contains("://")
}

/// Makes the L1 that is asked for.
pub(super) fn l1(
    args: &DeriveArgs,
    config: &RollupConfig,
    transport: &Transport,
) -> anyhow::Result<L1> {
    let inbox = config.batch_inbox;
    if let [path] = args.l1.as_slice()
        && !is_address(path)
    {
        let file = FileL1::open(Path::new(path), inbox)?;
        let last = Some(file.range().1);
        return Ok(L1 { source: Arc::new(file), poll: FILE_POLL, last });
    }
    if let Some(path) = args.l1.iter().find(|text| !is_address(text)) {
        return Err(UsageError::new(format!(
            "--l1: expected addresses of nodes, or one file; got the file {path} among several"
        ))
        .into());
    }
    let nodes = L1Nodes {
        addresses: &args.l1,
        beacon: &args.beacon,
        slot_seconds: args.slot_seconds,
        per_second: u32::try_from(args.rate.unwrap_or(0))?,
        in_flight: args.in_flight,
        trust: args.trust_l1,
        quorum: Some(usize::try_from(args.quorum)?),
    };
    let source = nodes.open(config, transport)?;
    Ok(L1 { source, poll: Duration::from_millis(args.poll), last: None })
}

/// Returns where to begin if nothing is kept yet.
pub(super) fn start(args: &DeriveArgs, config: &RollupConfig) -> anyhow::Result<StartAt> {
    let Some(path) = &args.start else {
        let genesis = StartAt::genesis(config);
        if args.from.is_some_and(|from| from != genesis.base) {
            return Err(UsageError::new(format!(
                "--from: expected the chain's first L1 block, {}, or an L2 block to begin behind with --start",
                genesis.base
            ))
            .into());
        }
        return Ok(genesis);
    };
    let start = StartAt::read(&path.display().to_string(), &read_text(path)?)?;
    let origin = start.safe.l1_origin.number;
    if args.from.is_some_and(|from| from > origin) {
        return Err(UsageError::new(format!(
            "--from: expected an L1 block at or before {origin}, the origin of --start"
        ))
        .into());
    }
    Ok(StartAt { base: args.from.unwrap_or(origin), ..start })
}

/// Returns the last L1 block to read.
pub(super) fn last(args: &DeriveArgs, l1: &L1, runtime: &Handle) -> anyhow::Result<Option<u64>> {
    if args.follow {
        return Ok(None);
    }
    if args.to.is_some() || l1.last.is_some() {
        let known = [args.to, l1.last].into_iter().flatten().min();
        return Ok(known);
    }
    let head = runtime.block_on(l1.source.head(L1Label::Latest))?;
    let head = head.context("L1 has no newest block")?;
    Ok(Some(head.number.saturating_sub(args.confirmations)))
}
