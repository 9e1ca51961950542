//! Posting a chain's blocks to L1.

use clap::{Args, ValueEnum};

const BATCH_EXAMPLES: &str = "\
Examples:
  quintet rollup batch --l1-eth-rpc http://127.0.0.1:8545 --l2-eth-rpc http://127.0.0.1:8546 \\
      --rollup-rpc http://127.0.0.1:9545 --private-key batcher.key

Reads unsafe blocks beyond the safe head, puts them into span batches and channels, and posts these until the safe chain has them.
Nothing is kept: what the safe chain does not have is posted again after a restart.";

/// Where on L1 data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DataAvailabilityType {
    /// Into transactions.
    Calldata,
    /// Into blobs, one a transaction.
    Blobs,
}

/// When channels are closed, and how transactions are sent: of a batcher of its own and of one in a node.
#[derive(Debug, Args)]
pub(crate) struct BatchLimitArgs {
    /// Where on L1 data goes.
    #[arg(
        long,
        value_name = "TYPE",
        value_enum,
        default_value_t = DataAvailabilityType::Calldata,
        env = "OP_BATCHER_DATA_AVAILABILITY_TYPE",
        help_heading = "Batcher"
    )]
    pub(crate) data_availability_type: DataAvailabilityType,

    /// Send blobs with proofs of their cells, as nodes ask for from Osaka on; Ethereum, Sepolia and Hoodi get them without being asked.
    #[arg(long, help_heading = "Batcher")]
    pub(crate) cell_proofs: bool,

    /// L1 blocks after which a channel is closed however little it holds; 0 closes one at every look.
    #[arg(
        long,
        value_name = "BLOCKS",
        default_value_t = 0,
        env = "OP_BATCHER_MAX_CHANNEL_DURATION",
        help_heading = "Batcher"
    )]
    pub(crate) max_channel_duration: u64,

    /// Most bytes of data of one transaction; a blob holds 130044.
    #[arg(long, value_name = "BYTES", default_value_t = 120_000, value_parser = clap::value_parser!(u64).range(200..=131_000), env = "OP_BATCHER_MAX_L1_TX_SIZE_BYTES", help_heading = "Batcher")]
    pub(crate) max_l1_tx_size_bytes: u64,

    /// Transactions that a channel should fill.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=256), env = "OP_BATCHER_TARGET_NUM_FRAMES", help_heading = "Batcher")]
    pub(crate) target_num_frames: u64,

    /// What blocks are thought to compress to.
    #[arg(
        long,
        value_name = "RATIO",
        default_value_t = 0.6,
        env = "OP_BATCHER_APPROX_COMPR_RATIO",
        help_heading = "Batcher"
    )]
    pub(crate) approx_compr_ratio: f64,

    /// Milliseconds between two looks at both chains.
    #[arg(long, value_name = "MS", default_value_t = 6_000, value_parser = clap::value_parser!(u64).range(10..=3_600_000), env = "OP_BATCHER_POLL_INTERVAL", help_heading = "Batcher")]
    pub(crate) poll_interval: u64,

    /// Milliseconds after which a transaction without a block is sent again with a higher fee.
    #[arg(long, value_name = "MS", default_value_t = 48_000, value_parser = clap::value_parser!(u64).range(100..=3_600_000), env = "OP_BATCHER_RESUBMISSION_TIMEOUT", help_heading = "Batcher")]
    pub(crate) resubmission_timeout: u64,

    /// L1 blocks after which a transaction is taken to stay.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        env = "OP_BATCHER_NUM_CONFIRMATIONS",
        help_heading = "Batcher"
    )]
    pub(crate) num_confirmations: u64,
}

#[derive(Debug, Args)]
#[command(after_help = BATCH_EXAMPLES)]
pub(crate) struct BatchArgs {
    /// The L1 node to post to.
    #[arg(long, value_name = "URL", env = "OP_BATCHER_L1_ETH_RPC")]
    pub(crate) l1_eth_rpc: String,

    /// Ethereum's methods of the node whose blocks are posted; debug_getRawBlock is asked for.
    #[arg(long, value_name = "URL", env = "OP_BATCHER_L2_ETH_RPC")]
    pub(crate) l2_eth_rpc: String,

    /// op-node's methods of that node.
    #[arg(long, value_name = "URL", env = "OP_BATCHER_ROLLUP_RPC")]
    pub(crate) rollup_rpc: String,

    /// The key to post with: hexadecimal digits, or a file with them.
    #[arg(long, value_name = "KEY|FILE", env = "OP_BATCHER_PRIVATE_KEY", hide_env_values = true)]
    pub(crate) private_key: String,

    #[command(flatten)]
    pub(crate) limits: BatchLimitArgs,

    /// Log level on standard error.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        env = "OP_BATCHER_LOG_LEVEL"
    )]
    pub(crate) log_level: String,
}
