//! Repository tasks, run as `cargo xtask <task>`.
//!
//! What a tool can check, a tool checks; these are the checks no published tool makes for us:
//!
//! - [`layers`]: the arrows between crates are the ones `layers.toml` allows.
//! - [`tidy`]: file lengths, module docs, machine paths, leftovers, links and commands of documents.
//! - [`docs`]: the crate table of `docs/ARCHITECTURE.md` is what the manifests say.
//!
//! Every check is a function from a folder to a [`report::Report`], so that its tests run it on a
//! temporary folder: once where it must be silent, once where it must speak.

#![expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]

mod docs;
mod layers;
mod report;
mod tidy;
mod workspace;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser, Subcommand};

use crate::report::Report;
use crate::workspace::Workspace;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Compare the arrows between crates with `layers.toml`.
    Layers,
    /// Look for untidy sources and documents that lie.
    Tidy {
        /// A built `quintet`: the commands the documents show are then also tried, with `--help`.
        #[arg(long, value_name = "BINARY")]
        quintet: Option<PathBuf>,
    },
    /// Write the generated parts of the documents.
    Docs {
        /// Write nothing; fail when a generated part is out of date.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = workspace::find_root(&std::env::current_dir()?)?;
    let workspace = Workspace::load(&root)?;
    let (name, report) = match arguments.task {
        Task::Layers => ("layers", layers::check(&workspace)?),
        Task::Tidy { quintet } => ("tidy", tidy::check(&workspace, &task_names(), quintet)?),
        Task::Docs { check: true } => ("docs", docs::check(&workspace)?),
        Task::Docs { check: false } => ("docs", docs::write(&workspace)?),
    };
    Ok(print(name, &report))
}

/// The names of the tasks, for the check of commands that documents show.
fn task_names() -> Vec<String> {
    Arguments::command().get_subcommands().map(|task| task.get_name().to_owned()).collect()
}

fn print(name: &str, report: &Report) -> ExitCode {
    for finding in report.findings() {
        println!("{finding}");
    }
    println!("{name}: {} errors, {} warnings", report.errors(), report.warnings());
    if report.errors() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
