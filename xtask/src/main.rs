//! Repository tasks, run as `cargo xtask <task>`.
//!
//! What a tool can check, a tool checks; these are the checks no published tool makes for us:
//!
//! - [`layers`]: the arrows between crates are the ones `layers.toml` allows.
//! - [`tidy`]: file lengths, module docs, machine paths, leftovers, links and commands of documents.
//! - [`docs`]: the crate table of `docs/ARCHITECTURE.md` is what the manifests say.
//! - [`api`]: the pages of `docs/api` are what a built `quintet` says of its methods.
//!
//! Every check is a function from a folder to a [`report::Report`], so that its tests run it on a
//! temporary folder: once where it must be silent, once where it must speak.

#![expect(clippy::print_stdout, reason = "a command-line tool speaks on standard output")]

mod api;
mod docs;
mod layers;
mod report;
mod tidy;
mod workspace;

use std::path::{Path, PathBuf};
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
        /// A built `quintet`: the pages of its methods are then also written.
        #[arg(long, value_name = "BINARY")]
        quintet: Option<PathBuf>,
    },
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let root = workspace::find_root(&std::env::current_dir()?)?;
    let workspace = Workspace::load(&root)?;
    let (name, report) = match arguments.task {
        Task::Layers => ("layers", layers::check(&workspace)?),
        Task::Tidy { quintet } => ("tidy", tidy::check(&workspace, &task_names(), quintet)?),
        Task::Docs { check, quintet } => {
            ("docs", generated(&workspace, check, quintet.as_deref())?)
        }
    };
    Ok(print(name, &report))
}

/// Writes or checks the generated parts of the documents.
fn generated(workspace: &Workspace, check: bool, quintet: Option<&Path>) -> Result<Report> {
    let mut report = if check { docs::check(workspace)? } else { docs::write(workspace)? };
    if let Some(binary) = quintet {
        let pages =
            if check { api::check(workspace, binary)? } else { api::write(workspace, binary)? };
        report.merge(pages);
    }
    Ok(report)
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
