//! One node binary for five kinds of network: bitcoin, kaspa, lux, rollup and dht.
//!
//! ```text
//!   cli ──► settings ──► commands ──┬─► one node                 (`dht`, `dht run`)
//!   (clap)  (schema,     (one file  ├─► a call to a node's RPC   (`dht put`, `dht get`, …)
//!            sources)     each)     ├─► a chain on disk          (`bitcoin import`, `bitcoin verify`, …)
//!                                   └─► up: a whole network      (`up`, `up --check`)
//!                            │
//!                            └──► output: tables for people, JSON for scripts ──► exit status
//! ```
//!
//! This is the only place that knows every kind. What the command line means lives in [`cli`], what it
//! does in [`commands`], how it ends in [`exit`].

mod bitcoin_rpc;
mod cli;
mod commands;
mod dev_chain;
mod endpoints;
mod exit;
mod listen;
mod new_file;
mod output;
mod runtime;
mod settings;
mod stop;
mod telemetry;
mod up;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    exit::report(commands::run(cli))
}
