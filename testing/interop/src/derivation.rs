//! `quintet rollup derive` as a process whose lines are read while it runs.

use std::{path::Path, time::Duration};

use anyhow::Result;
use serde_json::Value;

use crate::{lab::Lab, node::Binary, process::Process};

/// A line must have come by then.
const LINE: Duration = Duration::from_secs(60);

/// A derivation that runs.
#[derive(Debug)]
pub struct Derivation {
    process: Process,
}

/// What is derived.
#[derive(Debug, Clone, Copy)]
pub struct Derive<'a> {
    /// Address of the L1, of its beacon API as well.
    pub l1: &'a str,
    /// The chain's configuration.
    pub chain: &'a Path,
    /// The chain's genesis file.
    pub genesis: &'a Path,
    /// Where it is kept.
    pub data: &'a Path,
    /// Whether L1 is believed to give all transactions of a block.
    pub trust: bool,
}

impl Derivation {
    /// Starts one that goes on until it is dropped.
    ///
    /// # Errors
    ///
    /// If the process cannot be started.
    pub fn follow(lab: &Lab, binary: &Binary, what: Derive<'_>) -> Result<Self> {
        let mut command = binary.command();
        command.args(["rollup", "derive", "--follow", "--poll", "100", "--quiet", "--execute"]);
        command.args(["--slot-seconds", &crate::anvil::BLOCK_SECONDS.to_string()]);
        command.args(["--l1", what.l1, "--beacon", what.l1]);
        command.arg("--chain").arg(what.chain).arg("--genesis").arg(what.genesis);
        command.arg("--data-dir").arg(what.data);
        if what.trust {
            command.arg("--trust-l1");
        }
        Ok(Self {
            process: Process::start("quintet rollup derive", command, &lab.folder("derive")?)?,
        })
    }

    /// Waits for the next line.
    ///
    /// # Errors
    ///
    /// If none comes, or the process has ended.
    pub fn line(&mut self) -> Result<Value> {
        self.process.receive(LINE)
    }
}
