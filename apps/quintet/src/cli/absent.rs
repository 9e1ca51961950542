//! The kinds: those this version has, and those it only knows by name.

use clap::{Args, Subcommand};

/// The kinds of which this version runs nodes.
pub(crate) const KINDS: [&str; 1] = ["dht"];

/// Kinds that are not in this version. They are commands so that asking for one is told apart from
/// a typing error.
#[derive(Debug, Subcommand)]
pub(crate) enum AbsentKind {
    /// Not in this version.
    #[command(hide = true)]
    Rollup(AbsentArgs),
    Lux(AbsentArgs),
}

impl AbsentKind {
    /// Their names.
    pub(crate) const NAMES: [&str; 1] = ["rollup"];
    pub(crate) const NAMES: [&str; 1] = ["lux"];

    /// The name.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Rollup(_) => "rollup",
            Self::Lux(_) => "lux",
        }
    }
}

/// Whatever follows; none of it is read.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct AbsentArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub(crate) rest: Vec<String>,
}
