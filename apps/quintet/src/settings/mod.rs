//! What can be configured, and where a start takes its values from.
//!
//! ```text
//!   sections ──► Catalogue ──┬─► Schema ──► Config      (validated as a whole by quintet-node)
//!                            └─► keys ──► a flag each, `config keys`, the help
//! ```
//!
//! # Invariants
//!
//! - Every key of every section has a flag; `--set KEY=VALUE` reaches it as well.
//! - A later flag wins over an earlier one, whichever spelling it has.

mod catalogue;
mod flags;
mod paths;

pub(crate) use self::{
    catalogue::{Catalogue, Key},
    flags::KeyFlags,
    paths::{chain_dir, config_file, data_dir},
};

use std::path::PathBuf;

use quintet_node::config::{Config, FlagValue, Sources};

/// The options every command that reads the configuration takes.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file; it must exist if it is named.
    ///
    /// Without it, quintet/quintet.toml below the configuration directory of the user is read if it is there.
    #[arg(long, value_name = "FILE", env = "QUINTET_CONFIG", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,

    /// Sets any key: --set log.level=debug. May be repeated; `quintet config keys` lists the keys.
    #[arg(long = "set", value_name = "KEY=VALUE", help_heading = "Configuration")]
    pub(crate) set: Vec<String>,
}

impl ConfigArgs {
    /// What a command that has no such options goes by.
    pub(crate) fn from_environment() -> Self {
        Self { config: std::env::var_os("QUINTET_CONFIG").map(PathBuf::from), set: Vec::new() }
    }

    /// The sources of this start: file, environment, flags.
    ///
    /// # Errors
    ///
    /// If `--set` has no `=`, or if there is no home directory to look for the file in.
    pub(crate) fn sources(
        &self,
        flags: impl IntoIterator<Item = FlagValue>,
    ) -> anyhow::Result<Sources> {
        let sources = match &self.config {
            Some(path) => Sources::default().with_file(path, true),
            None => match config_file() {
                Some(path) => Sources::default().with_file(path, false),
                None => Sources::default(),
            },
        };
        let mut flags: Vec<FlagValue> = flags.into_iter().collect();
        for argument in &self.set {
            flags.push(FlagValue::from_set(argument)?);
        }
        Ok(sources.with_env(std::env::vars_os()).with_flags(flags))
    }
}

/// The validated configuration of a start, and what it was read from (for reloads).
pub(crate) fn load(
    args: &ConfigArgs,
    flags: impl IntoIterator<Item = FlagValue>,
) -> anyhow::Result<(Config, Sources)> {
    let sources = args.sources(flags)?;
    let config = Catalogue::get().schema().load(&sources)?;
    Ok((config, sources))
}
