//! How many requests a second does a DHT node answer, and at what cost? Our node, libtorrent and the
//! `mainline` crate, asked by the same loader in one run.
//!
//! ```text
//!   127.2.i.1  16 sources × 64 in flight ──► server, a process of its own ──► 127.3.x.y  contacts
//!              [`load`]                      [`servers`], 127.1.7.1                     [`contacts`]
//! ```
//!
//! Every server holds the same number of contacts that answer, eight in a bucket, and has its limits
//! lifted. What differs by design is reported: the contacts in a reply and its bytes. Loader and
//! server share the machine; so the server's CPU time for a request says more than requests a second,
//! which the loader may bound. Both are printed, with the cores each of them kept busy.
//!
//! libtorrent needs a Python that has it, named by `BENCH_PYTHON`; `.ci/interop` makes one. Linux only.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

mod contacts;
mod load;
mod ours;
mod report;
mod servers;
mod source;
mod store;
mod wire;

use std::{net::SocketAddr, thread, time::Duration};

use anyhow::{Context as _, ensure};
use bench::process;
use clap::Parser;

use crate::{
    contacts::Contacts,
    report::{Measurements, Outcome, Report},
    servers::{Kind, Server},
    wire::Method,
};

/// Time before each measurement, not counted.
const WARM_UP: Duration = Duration::from_millis(500);

/// Compares DHT nodes under load.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds for each method of each server.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// What to measure.
    #[arg(long, value_delimiter = ',', default_value = "ours,libtorrent,mainline")]
    servers: Vec<Kind>,
    /// By which methods.
    #[arg(long, value_delimiter = ',', default_value = "ping,find-node,get-peers")]
    methods: Vec<Method>,
    /// Contacts in every table, eight in a bucket.
    #[arg(long, default_value_t = 200)]
    contacts: usize,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
    /// Is a server until standard input ends.
    #[arg(long, hide = true, requires = "listen")]
    serve: Option<Kind>,
    /// Where.
    #[arg(long, hide = true)]
    listen: Option<SocketAddr>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if let (Some(kind), Some(listen)) = (arguments.serve, arguments.listen) {
        return servers::serve(kind, listen);
    }
    ensure!(
        (0.1..=3_600.0).contains(&arguments.seconds),
        "expected 0.1 to 3,600 seconds, got {}",
        arguments.seconds
    );
    let contacts = Contacts::start(arguments.contacts)?;
    let mut outcomes = Vec::new();
    for kind in &arguments.servers {
        let result = measure(*kind, &contacts, &arguments)
            .with_context(|| format!("measuring {}", kind.name()))?;
        outcomes.push(Outcome { server: *kind, result });
    }
    let report = Report {
        processor: process::processor(),
        cores: thread::available_parallelism().map_or(0, usize::from),
        sources: load::SOURCES,
        in_flight_per_source: source::IN_FLIGHT,
        contacts: arguments.contacts,
        servers: outcomes,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        report.print();
    }
    Ok(())
}

/// Starts one server, makes the contacts known to it, and asks; none if the server is absent.
fn measure(
    kind: Kind,
    contacts: &Contacts,
    arguments: &Arguments,
) -> anyhow::Result<Option<Measurements>> {
    let Some(server) = Server::start(kind, &contacts.addresses()?)? else { return Ok(None) };
    let contacts_known = contacts.introduce(server.addr)?;
    let stored = store::run(server.addr)?;
    let seconds = Duration::from_secs_f64(arguments.seconds);
    let run = |method: &Method| load::run(*method, (server.addr, server.pid()), WARM_UP, seconds);
    let methods = arguments.methods.iter().map(run).collect::<anyhow::Result<_>>()?;
    Ok(Some(Measurements { contacts_known, methods, stored }))
}
