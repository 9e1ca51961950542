//! A node for good.

use std::{net::IpAddr, path::PathBuf};

use clap::Args;

const RUN_EXAMPLES: &str = "\
Examples:
  quintet rollup run --rollup.config rollup.json --genesis genesis.json --l1 http://127.0.0.1:8545
                                                  a verifier: derives from L1, executes, answers
  quintet rollup run --rollup.config rollup.json --genesis genesis.json --l1 http://127.0.0.1:8545 \\
      --sequencer.enabled --sequencer.l1-confs 0 --p2p.sequencer.key sequencer.key
                                                  a sequencer: makes the blocks, and tells them to peers
  quintet rollup run … --p2p.listen.tcp 0 --p2p.static /ip4/127.0.0.1/tcp/9222
                                                  a verifier beside it, which has its blocks before L1 does
  curl -s localhost:9545 -H 'content-type: application/json' \\
      -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"optimism_syncStatus\",\"params\":[]}'

Options are spelled as op-node spells them where they mean the same. The execution layer is in this process: Ethereum's methods are answered on
--http.port, op-node's on --rpc.port. When the node is up, one line of JSON on standard output tells where (--json).";

/// Most seconds of a poll.
const POLL_SECONDS_MAX: u64 = 3_600;

#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct RunArgs {
    /// The chain: a rollup.json, a TOML file of the superchain registry, or a name.
    #[arg(
        long = "rollup.config",
        visible_alias = "network",
        value_name = "FILE|NAME",
        env = "OP_NODE_ROLLUP_CONFIG"
    )]
    pub(crate) rollup_config: String,

    /// Genesis file of the L2 chain.
    #[arg(long, value_name = "FILE", env = "QUINTET_ROLLUP_GENESIS")]
    pub(crate) genesis: PathBuf,

    /// An L1 node; again for others to fall back to.
    #[arg(
        long,
        value_name = "URL",
        required = true,
        env = "OP_NODE_L1_ETH_RPC",
        value_delimiter = ',',
        help_heading = "L1"
    )]
    pub(crate) l1: Vec<String>,

    /// A beacon node, for blobs; again for others to fall back to.
    #[arg(
        long = "l1.beacon",
        value_name = "URL",
        env = "OP_NODE_L1_BEACON",
        value_delimiter = ',',
        help_heading = "L1"
    )]
    pub(crate) l1_beacon: Vec<String>,

    /// Believe L1 nodes to give all transactions of a block.
    #[arg(long = "l1.trustrpc", env = "OP_NODE_L1_TRUST_RPC", help_heading = "L1")]
    pub(crate) l1_trustrpc: bool,

    /// L1 blocks fetched at once.
    #[arg(long = "l1.max-concurrency", value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=256), env = "OP_NODE_L1_MAX_CONCURRENCY", help_heading = "L1")]
    pub(crate) l1_max_concurrency: u64,

    /// Requests a second to each L1 node at most; 0 for as many as it answers.
    #[arg(
        long = "l1.rpc-rate-limit",
        value_name = "N",
        default_value_t = 0,
        env = "OP_NODE_L1_RPC_RATE_LIMIT",
        help_heading = "L1"
    )]
    pub(crate) l1_rpc_rate_limit: u32,

    /// Milliseconds between two looks at L1's newest block.
    #[arg(long = "l1.http-poll-interval", value_name = "MS", default_value_t = 4_000, value_parser = clap::value_parser!(u64).range(10..=POLL_SECONDS_MAX * 1_000), env = "OP_NODE_L1_HTTP_POLL_INTERVAL", help_heading = "L1")]
    pub(crate) l1_http_poll_interval: u64,

    /// Seconds of a slot, where the beacon node does not say.
    #[arg(long = "l1.slot-seconds", value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=POLL_SECONDS_MAX), help_heading = "L1")]
    pub(crate) l1_slot_seconds: Option<u64>,

    /// L1 blocks that derivation stays behind L1's newest.
    #[arg(
        long = "verifier.l1-confs",
        value_name = "N",
        default_value_t = 0,
        env = "OP_NODE_VERIFIER_L1_CONFS",
        help_heading = "L1"
    )]
    pub(crate) verifier_l1_confs: u64,

    /// Make blocks.
    #[arg(
        long = "sequencer.enabled",
        env = "OP_NODE_SEQUENCER_ENABLED",
        help_heading = "Sequencer"
    )]
    pub(crate) sequencer_enabled: bool,

    /// Begin only when told to, by admin_startSequencer.
    #[arg(
        long = "sequencer.stopped",
        requires = "sequencer_enabled",
        env = "OP_NODE_SEQUENCER_STOPPED",
        help_heading = "Sequencer"
    )]
    pub(crate) sequencer_stopped: bool,

    /// L1 blocks above the origin of a block.
    #[arg(
        long = "sequencer.l1-confs",
        value_name = "N",
        default_value_t = 4,
        env = "OP_NODE_SEQUENCER_L1_CONFS",
        help_heading = "Sequencer"
    )]
    pub(crate) sequencer_l1_confs: u64,

    /// Blocks the head may be ahead of the safe head; 0 for no limit.
    #[arg(
        long = "sequencer.max-safe-lag",
        value_name = "N",
        default_value_t = 0,
        env = "OP_NODE_SEQUENCER_MAX_SAFE_LAG",
        help_heading = "Sequencer"
    )]
    pub(crate) sequencer_max_safe_lag: u64,

    /// Post blocks to the first L1 node with this key: hexadecimal digits, or a file with them.
    #[arg(
        long,
        value_name = "KEY|FILE",
        env = "QUINTET_BATCHER_KEY",
        hide_env_values = true,
        help_heading = "Batcher"
    )]
    pub(crate) batcher_key: Option<String>,

    #[command(flatten)]
    pub(crate) batch: super::BatchLimitArgs,

    #[command(flatten)]
    pub(crate) p2p: super::P2pArgs,

    /// Address of op-node's methods.
    #[arg(
        long = "rpc.addr",
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        env = "OP_NODE_RPC_ADDR",
        help_heading = "RPC"
    )]
    pub(crate) rpc_addr: IpAddr,

    /// Port of op-node's methods; 0 takes one that is free.
    #[arg(
        long = "rpc.port",
        value_name = "PORT",
        default_value_t = 9545,
        env = "OP_NODE_RPC_PORT",
        help_heading = "RPC"
    )]
    pub(crate) rpc_port: u16,

    /// Answer admin_* as well.
    #[arg(long = "rpc.enable-admin", env = "OP_NODE_RPC_ENABLE_ADMIN", help_heading = "RPC")]
    pub(crate) rpc_enable_admin: bool,

    /// Address of Ethereum's methods.
    #[arg(
        long = "http.addr",
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        help_heading = "RPC"
    )]
    pub(crate) http_addr: IpAddr,

    /// Port of Ethereum's methods; 0 takes one that is free.
    #[arg(long = "http.port", value_name = "PORT", default_value_t = 8546, help_heading = "RPC")]
    pub(crate) http_port: u16,

    /// Directory of the chain and its safe heads.
    #[arg(long, value_name = "DIR", env = "QUINTET_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Log level on standard error, such as info or info,quintet_rollup_node=debug.
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        env = "OP_NODE_LOG_LEVEL"
    )]
    pub(crate) log_level: String,

    /// Tell where the node answers as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
