//! `quintet lux dev`: a chain for one.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use quintet_lux_node::dev::{ACCOUNTS_DEFAULT, ACCOUNTS_MAX, CHAIN_ID_DEFAULT, MNEMONIC};

const EXAMPLES: &str = "\
Examples:
  quintet lux dev
  quintet lux dev --port 9545 --accounts 50 --balance 1000000
  quintet lux dev --block-time 2 --chain-id 88980
  quintet lux dev --genesis genesis.json --data-dir ./chain --archive
  quintet lux dev --engine-addr 127.0.0.1:8551 --jwt-secret ./jwt.hex
  cast send --rpc-url http://127.0.0.1:8545 --private-key 0xac09… 0x7099… --value 1ether

The accounts' keys are known to everybody: never send them anything of value.";

/// What `quintet lux dev` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct LuxDevArgs {
    /// Address to listen on, for HTTP and WebSocket.
    #[arg(long, value_name = "ADDRESS", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), env = "QUINTET_LUX_DEV_HOST")]
    pub(crate) host: IpAddr,

    /// Port to listen on; 0 takes one that is free.
    #[arg(long, short, value_name = "PORT", default_value_t = 8545, env = "QUINTET_LUX_DEV_PORT")]
    pub(crate) port: u16,

    /// Accounts with money.
    #[arg(long, short, value_name = "COUNT", default_value_t = ACCOUNTS_DEFAULT, value_parser = clap::value_parser!(u32).range(..=i64::from(ACCOUNTS_MAX)))]
    pub(crate) accounts: u32,

    /// Ether each of them has.
    #[arg(long, value_name = "ETHER", default_value_t = 10_000)]
    pub(crate) balance: u64,

    /// Phrase that their keys come from.
    #[arg(long, short, value_name = "WORDS", default_value = MNEMONIC)]
    pub(crate) mnemonic: String,

    /// Number that transactions sign.
    #[arg(long, value_name = "NUMBER", default_value_t = CHAIN_ID_DEFAULT)]
    pub(crate) chain_id: u64,

    /// Gas of a block.
    #[arg(long, value_name = "GAS", default_value_t = quintet_lux_node::genesis::GAS_LIMIT_DEFAULT)]
    pub(crate) gas_limit: u64,

    /// A block every so many seconds, in place of one for each transaction.
    #[arg(long, short, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) block_time: Option<u64>,

    /// No block unless asked for.
    #[arg(long, conflicts_with = "block_time")]
    pub(crate) no_mining: bool,

    /// Serve the Engine API here as well: the chain then follows a consensus client and mines nothing by itself.
    #[arg(long, value_name = "ADDRESS:PORT", conflicts_with_all = ["block_time", "no_mining"], env = "QUINTET_LUX_DEV_ENGINE_ADDR")]
    pub(crate) engine_addr: Option<SocketAddr>,

    /// File with the secret that the consensus client signs its tokens with, 32 bytes in hexadecimal; it is made if it is not there.
    /// Without this option it is jwt.hex in the data directory.
    #[arg(long, value_name = "FILE", requires = "engine_addr", env = "QUINTET_LUX_DEV_JWT_SECRET")]
    pub(crate) jwt_secret: Option<PathBuf>,

    /// A genesis file in Ethereum's format, in place of one with the accounts.
    #[arg(long, value_name = "FILE")]
    pub(crate) genesis: Option<PathBuf>,

    /// Directory of a chain that stays; without it the chain is gone at the end.
    #[arg(long, value_name = "DIRECTORY", env = "QUINTET_LUX_DEV_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,

    /// Keep the state of every block.
    #[arg(long)]
    pub(crate) archive: bool,

    /// Level of the logs: error, warn, info, debug, trace, or by module.
    #[arg(long, value_name = "LEVEL", env = "QUINTET_LOG")]
    pub(crate) log: Option<String>,

    /// Tell where the chain is served as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
