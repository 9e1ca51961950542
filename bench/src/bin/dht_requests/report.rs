//! What was measured, as a table for people and as JSON.

use serde::Serialize;

use crate::{load::Measured, servers::Kind, store::Stored, wire::Method};

/// Everything one run found out.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) sources: u8,
    pub(crate) in_flight_per_source: usize,
    pub(crate) contacts: usize,
    pub(crate) servers: Vec<Outcome>,
}

/// One server.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) server: Kind,
    /// None: what the server needs is absent here.
    pub(crate) result: Option<Measurements>,
}

/// What one server came to.
#[derive(Debug, Serialize)]
pub(crate) struct Measurements {
    pub(crate) contacts_known: usize,
    pub(crate) methods: Vec<Measured>,
    pub(crate) stored: Stored,
}

impl Report {
    /// Prints the table.
    pub(crate) fn print(&self) {
        println!("{} × {}", self.cores, self.processor);
        println!(
            "{} sources × {} in flight, one loader thread, loopback; {} contacts in every table",
            self.sources, self.in_flight_per_source, self.contacts
        );
        for method in [Method::Ping, Method::FindNode, Method::GetPeers] {
            if self.servers.iter().any(|outcome| self.of(outcome.server, method).is_some()) {
                self.print_method(method);
            }
        }
        self.print_stored();
    }

    fn print_method(&self, method: Method) {
        let ours = self.of(Kind::Ours, method);
        println!(
            "\n| {} | replies/s | ours is | CPU s per 100k | ours takes | reply bytes | nodes | lost | server's cores | RSS MiB |",
            method.name()
        );
        println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
        for outcome in &self.servers {
            let name = outcome.server.name();
            let Some(row) = self.of(outcome.server, method) else {
                println!("| {name} | absent | | | | | | | | |");
                continue;
            };
            let faster = ours.map(|ours| ours.replies_per_second / row.replies_per_second);
            let cheaper =
                ours.map(|ours| ours.server_cpu_seconds_per_100k / row.server_cpu_seconds_per_100k);
            println!(
                "| {name} | {:.0} | {} | {:.3} | {} | {:.0} | {:.1} | {} | {:.2} | {:.1} |",
                row.replies_per_second,
                times(faster),
                row.server_cpu_seconds_per_100k,
                times(cheaper),
                row.reply_bytes,
                row.nodes_per_reply,
                row.lost,
                row.server_cores,
                row.server_rss_mib,
            );
        }
    }

    fn print_stored(&self) {
        println!(
            "\n| immutable put, one at a time | contacts known | get p50 µs | put p50 µs | put p99 µs |"
        );
        println!("|---|---:|---:|---:|---:|");
        for outcome in &self.servers {
            let name = outcome.server.name();
            let Some(Measurements { contacts_known, stored, .. }) = &outcome.result else {
                println!("| {name} | absent | | | |");
                continue;
            };
            println!(
                "| {name} | {contacts_known} | {:.0} | {:.0} | {:.0} |",
                stored.get_p50_us, stored.put_p50_us, stored.put_p99_us
            );
        }
    }

    fn of(&self, kind: Kind, method: Method) -> Option<&Measured> {
        let outcome = self.servers.iter().find(|outcome| outcome.server == kind)?;
        outcome.result.as_ref()?.methods.iter().find(|measured| measured.method == method)
    }
}

fn times(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("{ratio:.2} ×"))
}
