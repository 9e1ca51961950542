//! `quintet dht status`.

use anyhow::Context as _;
use quintet_dht_node::rpc_types::{QueryInfo, TrafficInfo};
use serde::Deserialize;
use serde_json::{Value, json};

use super::node::Node;
use crate::{
    cli::StatusArgs,
    output::{self, Style, paint},
};

/// The parts of the answer that people are shown; scripts get all of it.
#[derive(Debug, Deserialize)]
struct Shown {
    node: String,
    id: String,
    addrs: Vec<String>,
    seen_at: Vec<String>,
    contacts: usize,
    network_size: Option<f64>,
    records: usize,
    record_bytes: usize,
    publications: usize,
    operations: usize,
    outstanding: usize,
    uptime_secs: u64,
    traffic: TrafficInfo,
    queries: QueryInfo,
}

pub(super) async fn run(args: StatusArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let status: Value = node.call("dht_status", json!({})).await?;
    if node.json {
        return output::json(&status);
    }
    let shown = Shown::deserialize(&status)
        .context("result of dht_status: are this program and the node of the same version?")?;
    for (name, value) in rows(&shown) {
        output::line(format!("{}  {value}", paint(Style::Heading, &format!("{name:<12}"))))?;
    }
    Ok(())
}

fn rows(shown: &Shown) -> [(&'static str, String); 14] {
    let Shown { traffic, queries, .. } = shown;
    let seen = if shown.seen_at.is_empty() { "-".to_owned() } else { shown.seen_at.join(", ") };
    let size = shown.network_size.map_or("-".to_owned(), |size| format!("about {size:.0} nodes"));
    [
        ("node", shown.node.clone()),
        ("id", shown.id.clone()),
        ("listens on", shown.addrs.join(", ")),
        ("seen at", seen),
        ("contacts", shown.contacts.to_string()),
        ("network", size),
        ("records", format!("{} ({} bytes)", shown.records, shown.record_bytes)),
        ("published", shown.publications.to_string()),
        ("under way", format!("{} operations, {} queries", shown.operations, shown.outstanding)),
        ("received", format!("{} packets, {} bytes", traffic.packets_in, traffic.bytes_in)),
        ("sent", format!("{} packets, {} bytes", traffic.packets_out, traffic.bytes_out)),
        ("own queries", format!("{} sent, {} answered", queries.issued, queries.answered)),
        (
            "refused",
            format!("{} queries, {} malformed packets", traffic.refused, traffic.malformed),
        ),
        ("up", format!("{} s", shown.uptime_secs)),
    ]
}
