//! Does the script engine say what Bitcoin Core's says? A million random and mutated inputs.

use std::process::ExitCode;

use clap::Parser;
use differential_cases::{Arguments, run};
use judge_kernel::Kernel;

/// Compares script verification with Bitcoin Core's kernel.
#[derive(Debug, Parser)]
struct Command {
    #[command(flatten)]
    arguments: Arguments,
}

fn main() -> anyhow::Result<ExitCode> {
    bitcoinkernel::disable_logging();
    run(&Command::parse().arguments, &Kernel)
}
