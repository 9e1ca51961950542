//! `conformance KIND DIR`: runs a folder of test vectors and says what passed.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use conformance::{print, run};

/// Runs a folder of third-party test vectors against the protocol crates.
///
/// Exits with 1 if a case fails, a file holds no case or a file cannot be read, and with 2 if
/// nothing could be run.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Node kind whose vectors these are: bitcoin, dht, ethereum, kaspa, lux or rollup.
    kind: String,
    /// Folder of vector files; `.gz` files are decompressed.
    dir: PathBuf,
    /// Runs this suite alone.
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// Prints one JSON object in place of the table.
    #[arg(long)]
    json: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let outcome = match run(&arguments.kind, &arguments.dir, arguments.suite.as_deref()) {
        Ok(outcome) => outcome,
        Err(error) => {
            writeln!(io::stderr(), "conformance: {error}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{:#}", print::json(&outcome))?;
    } else {
        print::text(&outcome, &mut out)?;
    }
    Ok(if outcome.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
