//! `quintet rollup batch`.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use quintet_rollup_node::{
    batcher::{
        Batcher, BatcherOptions, DataAvailability, blobs::Proofs, blocks::RemoteBlocks,
        channels::ChannelLimits,
    },
    l1::{account::L1Writer, transport::Transport},
    wallet::Wallet,
};
use quintet_rollup_protocol::config::RollupConfig;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{BatchArgs, BatchLimitArgs, DataAvailabilityType},
    exit::UsageError,
    runtime, stop, telemetry,
};

pub(super) fn run(args: BatchArgs) -> anyhow::Result<()> {
    let _logs = telemetry::for_a_network(Some(&args.log_level))?;
    let wallet = Wallet::read(&args.private_key)
        .map_err(|error| UsageError::new(format!("--private-key: {error}")))?;
    let options = options(&args.limits)?;
    runtime::many_threads()?.run(Box::pin(post(args, wallet, options)))
}

/// Says where on an L1 data goes.
pub(super) fn data(args: &BatchLimitArgs, l1_chain_id: u64) -> DataAvailability {
    match args.data_availability_type {
        DataAvailabilityType::Calldata => DataAvailability::Calldata,
        DataAvailabilityType::Blobs if args.cell_proofs => DataAvailability::Blobs(Proofs::Cells),
        DataAvailabilityType::Blobs => DataAvailability::Blobs(Proofs::of_chain(l1_chain_id)),
    }
}

/// Makes what the arguments say, but for where data goes.
pub(super) fn options(args: &BatchLimitArgs) -> anyhow::Result<BatcherOptions> {
    let ratio = args.approx_compr_ratio;
    if !(0.01..=1.0).contains(&ratio) {
        return Err(UsageError::new(format!(
            "--approx-compr-ratio: expected a number from 0.01 to 1, got {ratio}"
        ))
        .into());
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 10 and 1,000, see above"
    )]
    let compression_permille = (ratio * 1_000.0) as u32;
    Ok(BatcherOptions {
        limits: ChannelLimits {
            transaction_bytes: usize::try_from(args.max_l1_tx_size_bytes)?,
            target_frames: usize::try_from(args.target_num_frames)?,
            compression_permille,
            duration: args.max_channel_duration,
        },
        poll: Duration::from_millis(args.poll_interval),
        resubmission: Duration::from_millis(args.resubmission_timeout),
        confirmations: args.num_confirmations,
        ..BatcherOptions::default()
    })
}

async fn post(args: BatchArgs, wallet: Wallet, options: BatcherOptions) -> anyhow::Result<()> {
    let transport = Transport::default();
    let rollup = L1Writer::new(&args.rollup_rpc, &transport)?;
    let config: Value = rollup.ask("optimism_rollupConfig", json!([])).await?;
    let config = RollupConfig::from_json(&config.to_string()).context("optimism_rollupConfig")?;
    let options = BatcherOptions { data: data(&args.limits, config.l1_chain_id), ..options };
    let execution = L1Writer::new(&args.l2_eth_rpc, &transport)?;
    let l1 = L1Writer::new(&args.l1_eth_rpc, &transport)?;
    let blocks = Box::new(RemoteBlocks::new(rollup, execution));
    let batcher = Batcher::new(Arc::new(config), wallet, l1, blocks, options);
    let token = CancellationToken::new();
    let asked = token.clone();
    tokio::spawn(async move {
        if stop::requested().await.is_ok() {
            asked.cancel();
        }
    });
    batcher.run(token).await;
    Ok(())
}
