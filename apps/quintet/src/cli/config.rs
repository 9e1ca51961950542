//! `quintet config`.

use clap::{Args, Subcommand};

use crate::settings::{self, KeyFlags};

const EXAMPLES: &str = "\
A value comes from the highest layer that sets it: defaults < file < environment < flags.

Examples:
  quintet config init > quintet.toml       a file with every key, its meaning and its default
  quintet config check --config quintet.toml
  quintet config show --origin             what is in effect, and where each value was set
  quintet config keys                      every key, its flag and its environment variable";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ConfigArgs {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration in effect, as TOML; secrets are left out.
    Show {
        /// Add where each value was set.
        #[arg(long)]
        origin: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Check the configuration: status 0, or 2 with everything that is wrong.
    Check {
        /// Print JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Print a configuration file with every key, its meaning and its default.
    Init,
    /// List every key, its flag, its environment variable and its default.
    Keys {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// The same options as a node has, so that what it would run with can be looked at first.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) config: settings::ConfigArgs,
    #[command(flatten)]
    pub(crate) flags: KeyFlags,
}
