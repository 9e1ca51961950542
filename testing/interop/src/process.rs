//! Child processes: one that speaks JSON lines and ends when its owner does, one that is run to its end.

use std::{
    fmt,
    fs::File,
    io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, sync_channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, anyhow, bail};
use serde_json::Value;

use crate::lab::{LOG, tail};

/// Lines read ahead of the test; a process that says more waits.
const LINES_AHEAD: usize = 1_024;

/// Pause between two looks at whether a command has ended.
const PAUSE: Duration = Duration::from_millis(5);

/// A running process.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    stdin: ChildStdin,
    lines: Receiver<String>,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its standard error goes to a log in `folder`.
    pub(crate) fn start(name: &str, mut command: Command, folder: &Path) -> Result<Self> {
        let log = folder.join(LOG);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        let stdin = child.stdin.take().context("a pipe to standard input")?;
        let stdout = child.stdout.take().context("a pipe from standard output")?;
        let (sender, lines) = sync_channel(LINES_AHEAD);
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self { name: name.to_owned(), child, stdin, lines, log })
    }

    /// Sends one line.
    pub(crate) fn send(&mut self, line: &Value) -> Result<()> {
        writeln!(self.stdin, "{line}").with_context(|| self.last_words())
    }

    /// Waits for the next line.
    pub(crate) fn receive(&mut self, patience: Duration) -> Result<Value> {
        match self.lines.recv_timeout(patience) {
            Ok(line) => serde_json::from_str(&line)
                .with_context(|| format!("{}: expected a line of JSON, got {line:?}", self.name)),
            Err(RecvTimeoutError::Timeout) => {
                bail!("{}: no line within {} s", self.name, patience.as_secs())
            }
            Err(RecvTimeoutError::Disconnected) => Err(anyhow!(self.last_words())),
        }
    }

    fn last_words(&mut self) -> String {
        let status = self.child.try_wait();
        format!("{} has ended ({status:?}); it said:\n{}", self.name, tail(&self.log))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only if the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command that has ended said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, stdout, stderr } = self;
        write!(f, "{status}; it said: {} {}", stdout.trim(), stderr.trim())
    }
}

/// Runs a command to its end, which must come within `patience`.
pub(crate) fn run(mut command: Command, patience: Duration) -> Result<Said> {
    // Files instead of pipes: a pipe that nobody empties would hold the command up.
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?)
        .spawn()
        .with_context(|| format!("starting {command:?}"))?;
    let deadline = Instant::now() + patience;
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if Instant::now() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!("{command:?} did not end within {} s", patience.as_secs());
        }
        thread::sleep(PAUSE);
    };
    Ok(Said { status, stdout: whole(&mut stdout)?, stderr: whole(&mut stderr)? })
}

fn whole(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
