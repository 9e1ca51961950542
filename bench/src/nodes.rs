//! Nodes of the binary, each a process of its own.

use std::{
    env,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::process::Process;

/// Returns the binary that `QUINTET_BIN` names.
///
/// # Errors
///
/// If it names none.
pub fn quintet() -> anyhow::Result<PathBuf> {
    let path = env::var_os("QUINTET_BIN").map(PathBuf::from);
    let path = path.filter(|path| path.is_file());
    path.context("QUINTET_BIN names no program: it should name a release build of quintet")
}

/// Returns ports that were free a moment ago.
///
/// # Errors
///
/// If the system has none.
pub fn free_ports(count: usize) -> anyhow::Result<Vec<u16>> {
    let held: Vec<TcpListener> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    held.iter().map(|one| Ok(one.local_addr()?.port())).collect()
}

/// Runs a command that ends, and returns what it printed.
///
/// # Errors
///
/// If it fails: with what it says of that.
pub fn run(command: &mut Command) -> anyhow::Result<String> {
    let ended = command.stdin(Stdio::null()).output()?;
    ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    Ok(String::from_utf8(ended.stdout)?)
}

/// A node that runs, and is killed with this value.
#[derive(Debug)]
pub struct Node {
    child: Child,
    /// The first line it printed.
    pub line: String,
}

impl Node {
    /// Starts a node, and waits until it has printed a line; what it complains of goes to `errors`.
    ///
    /// # Errors
    ///
    /// If it ends before.
    pub fn start(command: &mut Command, errors: Stdio) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors).spawn()?;
        let mut node = Self { child, line: String::new() };
        let mut printed = BufReader::new(node.child.stdout.take().context("its output")?);
        printed.read_line(&mut node.line)?;
        ensure!(!node.line.is_empty(), "{command:?} ended before it was up");
        // What else it prints must not fill the pipe.
        thread::spawn(move || printed.lines().map_while(Result::ok).count());
        Ok(node)
    }

    /// Reads the line as JSON.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn told(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.line).with_context(|| format!("it says {:?}", self.line))
    }

    /// What it costs.
    #[must_use]
    pub fn process(&self) -> Process {
        Process::of(&self.child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Either fails only if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
