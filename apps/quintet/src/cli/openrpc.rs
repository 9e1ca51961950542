//! `quintet openrpc`: the methods that nodes answer.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

const EXAMPLES: &str = "\
Examples:
  quintet openrpc lux                 the OpenRPC document of a LuxTensor node
  quintet openrpc dht | jq '.methods[].name'
  quintet openrpc lux --markdown      the same for people
  quintet openrpc --pages docs/api    one page each, and the GraphQL schema

A running node serves its own document at /openrpc.json and as rpc.discover.";

/// What `quintet openrpc` takes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct OpenRpcArgs {
    /// Whose methods.
    #[arg(required_unless_present = "pages")]
    pub(crate) api: Option<Api>,

    /// Print a page in Markdown in place of the document.
    #[arg(long, conflicts_with = "pages")]
    pub(crate) markdown: bool,

    /// Write a page in Markdown for each into this directory; it is created if need be.
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "api")]
    pub(crate) pages: Option<PathBuf>,
}

/// Methods that one server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Api {
    /// A DHT node's.
    Dht,
    /// A LuxTensor node's: Ethereum's, and those for development.
    Lux,
    /// A LuxTensor node's for a consensus client.
    Engine,
}
