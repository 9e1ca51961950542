//! `quintet lux run` and `quintet lux new`: a node of a network, and a new network.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use quintet_lux_node::dev::ACCOUNTS_MAX;

const RUN_EXAMPLES: &str = "\
Examples:
  quintet lux run --genesis net/genesis.json --validator-key net/validator-1.key --data-dir ./one \\
      --listen 127.0.0.1:30303 --peers 127.0.0.1:30304,127.0.0.1:30305
  quintet lux run --genesis net/genesis.json --peers 127.0.0.1:30303          follow without a key
  quintet lux run --genesis net/genesis.json --data-dir ./two --dht 192.0.2.7:6881 --dht-listen 0.0.0.0:6881";

const NEW_EXAMPLES: &str = "\
Examples:
  quintet lux new net                                    four validators, blocks every 100 ms
  quintet lux new net --validators 7 --slot-millis 1000

The validators' keys are in files that only you can read; the funded accounts' keys are those of `quintet lux dev`, known to everybody.";

/// What `quintet lux run` takes.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub(crate) struct LuxRunArgs {
    /// The network's genesis file.
    #[arg(long, value_name = "FILE", env = "QUINTET_LUX_GENESIS")]
    pub(crate) genesis: PathBuf,

    /// File with a validator's key; without it the node follows and serves.
    #[arg(long, value_name = "FILE", env = "QUINTET_LUX_VALIDATOR_KEY")]
    pub(crate) validator_key: Option<PathBuf>,

    /// Peers to begin with: ADDRESS:PORT or libp2p's /ip4/…/tcp/…, with commas between them.
    #[arg(long, value_name = "PEERS", value_delimiter = ',', env = "QUINTET_LUX_PEERS")]
    pub(crate) peers: Vec<String>,

    /// Find peers through the DHT as well, and be found there: nodes of it to ask first, with commas between them.
    #[arg(long, value_name = "ADDRESS:PORT", value_delimiter = ',', env = "QUINTET_LUX_DHT")]
    pub(crate) dht: Vec<SocketAddr>,

    /// UDP address of the node's part of the DHT; one of this machine stays on this machine.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:0",
        requires = "dht",
        env = "QUINTET_LUX_DHT_LISTEN"
    )]
    pub(crate) dht_listen: SocketAddr,

    /// Where to listen for peers; port 0 takes one that is free.
    #[arg(
        long,
        value_name = "ADDRESS:PORT",
        default_value = "127.0.0.1:30303",
        env = "QUINTET_LUX_LISTEN"
    )]
    pub(crate) listen: SocketAddr,

    /// Address to serve clients on, for HTTP and WebSocket.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), env = "QUINTET_LUX_HOST")]
    pub(crate) host: IpAddr,

    /// Port to serve clients on; 0 takes one that is free.
    #[arg(long, short, value_name = "PORT", default_value_t = 8545, env = "QUINTET_LUX_PORT")]
    pub(crate) port: u16,

    /// Directory of the chain and of what the validator has signed. Two processes with one key in two directories lose its stake.
    #[arg(long, value_name = "DIRECTORY", env = "QUINTET_LUX_DATA_DIR")]
    pub(crate) data_dir: PathBuf,

    /// Keep the state of every block.
    #[arg(long)]
    pub(crate) archive: bool,

    /// Level of the logs: error, warn, info, debug, trace, or by module.
    #[arg(long, value_name = "LEVEL", env = "QUINTET_LOG")]
    pub(crate) log: Option<String>,

    /// Tell where the node is served as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `quintet lux new` takes.
#[derive(Debug, Args)]
#[command(after_help = NEW_EXAMPLES)]
pub(crate) struct LuxNewArgs {
    /// Directory to make, for genesis.json and the validators' keys.
    #[arg(value_name = "DIRECTORY")]
    pub(crate) directory: PathBuf,

    /// How many validators.
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) validators: u16,

    /// Stake of each, in gwei.
    #[arg(long, value_name = "GWEI", default_value_t = 1_000_000_000_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) stake: u64,

    /// Milliseconds of a slot.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(10..=86_400_000))]
    pub(crate) slot_millis: u64,

    /// Slots of an epoch.
    #[arg(long, value_name = "SLOTS", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) epoch_slots: u64,

    /// Number that transactions sign.
    #[arg(long, value_name = "NUMBER", default_value_t = 88_980)]
    pub(crate) chain_id: u64,

    /// Gas of a block.
    #[arg(long, value_name = "GAS", default_value_t = quintet_lux_node::genesis::GAS_LIMIT_DEFAULT)]
    pub(crate) gas_limit: u64,

    /// Accounts with money, those of `quintet lux dev`.
    #[arg(long, value_name = "COUNT", default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=i64::from(ACCOUNTS_MAX)))]
    pub(crate) accounts: u32,

    /// Ether each of them has.
    #[arg(long, value_name = "ETHER", default_value_t = 10_000)]
    pub(crate) balance: u64,
}
