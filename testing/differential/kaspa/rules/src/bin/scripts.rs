//! Does the script engine say what rusty-kaspa's says, for the same reason and at the same price?

use std::process::ExitCode;

use clap::Parser;
use judge_kaspa_rules::{Arguments, run};

/// Compares script verification with rusty-kaspa's engine.
#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> anyhow::Result<ExitCode> {
    run(&Command::parse().arguments)
}
