//! `quintet completions`.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::{cli::Cli, output};

pub(super) fn run(shell: Shell) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "quintet", &mut script);
    output::print_bytes(&script)
}
