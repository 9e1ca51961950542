//! A rollup that was not there before.

use std::path::PathBuf;

use clap::Args;

const NEW_EXAMPLES: &str = "\
Examples:
  quintet lux dev &                             an L1 of its own
  quintet rollup new --l1 http://127.0.0.1:8545 --deployer-key 0xac09…ff80 --out my-rollup
  quintet rollup run --rollup.config my-rollup/rollup.json --genesis my-rollup/genesis.json --l1 http://127.0.0.1:8545 \\
      --sequencer.enabled --sequencer.l1-confs 0 --batcher-key my-rollup/batcher.key

Puts a portal and a system configuration on L1, and writes genesis.json, rollup.json, batcher.key and sequencer.key. For development: the portal
takes deposits and logs them as OptimismPortal does, does not meter the gas they buy, and gives nothing back.";

#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct NewArgs {
    /// An L1 node.
    #[arg(long, value_name = "URL")]
    pub(crate) l1: String,

    /// The key of an account with money on L1: hexadecimal digits, or a file with them.
    #[arg(long, value_name = "KEY|FILE", env = "QUINTET_DEPLOYER_KEY", hide_env_values = true)]
    pub(crate) deployer_key: String,

    /// Directory to write to; it must not hold such files yet.
    #[arg(long, short, value_name = "DIR", default_value = ".")]
    pub(crate) out: PathBuf,

    /// Number that transactions of the rollup sign.
    #[arg(long, value_name = "NUMBER", default_value_t = 42_069, value_parser = clap::value_parser!(u64).range(1..=1 << 52))]
    pub(crate) chain_id: u64,

    /// Seconds between blocks.
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub(crate) block_time: u64,

    /// Gas of a block.
    #[arg(long, value_name = "GAS", default_value_t = 60_000_000, value_parser = clap::value_parser!(u64).range(20_000_000..=1_000_000_000))]
    pub(crate) gas_limit: u64,

    /// Ether the batcher gets on L1.
    #[arg(long, value_name = "ETHER", default_value_t = 10)]
    pub(crate) batcher_balance: u64,

    /// An account with money on L2; else ten whose keys everybody knows.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) fund: Vec<alloy_primitives::Address>,

    /// Ether each of them has.
    #[arg(long, value_name = "ETHER", default_value_t = 10_000)]
    pub(crate) balance: u64,

    /// Tell what was made as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
