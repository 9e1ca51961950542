//! The servers, each in a process of its own, so that time and memory are its alone.
//!
//! A server learns its contacts' addresses from its standard input, one a line up to an empty line,
//! and ends when that input does: none outlives this program, however it ends.

use std::{
    env,
    io::{self, BufRead as _, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use serde::Serialize;

use crate::ours;

/// Names the interpreter of an environment that has libtorrent.
const PYTHON: &str = "BENCH_PYTHON";

/// Where servers listen; the port is any that is free.
const LISTEN: Ipv4Addr = Ipv4Addr::new(127, 1, 7, 1);

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// This project's node.
    Ours,
    /// libtorrent 2, with its limits lifted.
    Libtorrent,
    /// The `mainline` crate.
    Mainline,
}

impl Kind {
    /// Returns the name on the command line.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Libtorrent => "libtorrent",
            Self::Mainline => "mainline",
        }
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Where it listens.
    pub(crate) addr: SocketAddr,
}

impl Server {
    /// Starts a server that knows `contacts`; none if what it needs is absent.
    pub(crate) fn start(kind: Kind, contacts: &[SocketAddr]) -> anyhow::Result<Option<Self>> {
        let addr = UdpSocket::bind((LISTEN, 0))?.local_addr()?;
        let mut command = match kind {
            Kind::Ours | Kind::Mainline => {
                let mut command = Command::new(env::current_exe()?);
                command.args(["--serve", kind.name(), "--listen"]);
                command
            }
            Kind::Libtorrent => {
                let Some(python) = env::var_os(PYTHON) else { return Ok(None) };
                let mut command = Command::new(python);
                command.args(["-c", include_str!("libtorrent_server.py")]);
                command
            }
        };
        let child = command.arg(addr.to_string()).stdin(Stdio::piped()).spawn();
        let child = child.with_context(|| format!("starting {}", kind.name()))?;
        let server = Self { child, addr };
        let mut input = server.child.stdin.as_ref().context("its input is piped")?;
        for contact in contacts {
            writeln!(input, "{contact}")?;
        }
        writeln!(input)?;
        Ok(Some(server))
    }

    /// Returns the process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It holds nothing worth an orderly end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is a server, until standard input ends.
pub(crate) fn serve(kind: Kind, listen: SocketAddr) -> anyhow::Result<()> {
    let mut contacts = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        contacts.push(line.parse().with_context(|| format!("{line:?} is no address"))?);
    }
    match kind {
        Kind::Ours => ours::serve(listen, &contacts),
        Kind::Mainline => mainline(listen, &contacts),
        Kind::Libtorrent => bail!("libtorrent runs under Python"),
    }
}

/// Blocks until standard input ends.
pub(crate) fn wait_for_end() -> anyhow::Result<()> {
    io::stdin().lock().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn mainline(listen: SocketAddr, contacts: &[SocketAddr]) -> anyhow::Result<()> {
    let SocketAddr::V4(listen) = listen else { bail!("expected an IPv4 address, got {listen}") };
    let (ip, port): (&Ipv4Addr, u16) = (SocketAddrV4::ip(&listen), listen.port());
    let mut builder = ::mainline::Dht::builder();
    builder.server_mode().bind_address(*ip).port(port).bootstrap(contacts);
    let _node = builder.build()?;
    wait_for_end()
}
