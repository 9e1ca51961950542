//! `quintet dht ping`, `lookup`, `table`, `announce`, `peers`, `unpublish`.

use quintet_dht_node::rpc_types::{
    BucketInfo, LookupInfo, PeersInfo, PongInfo, PutInfo, ReportInfo,
};
use serde_json::json;

use super::{node::Node, put};
use crate::{
    cli::{AnnounceArgs, LookupArgs, PeersArgs, PingArgs, TableArgs, UnpublishArgs},
    output::{self, Style, Table, count, paint},
};

pub(super) async fn ping(args: PingArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let addr = args.address;
    let pong: PongInfo = node.call("dht_ping", json!({ "addr": addr })).await?;
    if node.json {
        return output::json(&pong);
    }
    output::line(format!("{addr}  {}  {}", pong.id, milliseconds(pong.round_trip_us)))
}

pub(super) async fn lookup(args: LookupArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let found: LookupInfo = node.call("dht_lookup", json!({ "target": args.key })).await?;
    if node.json {
        return output::json(&found);
    }
    let mut table = Table::new(["ID", "ADDRESS"]);
    for contact in found.nodes {
        table.row([contact.id, contact.addr]);
    }
    output::print(&table.render())?;
    report(&found.report)
}

pub(super) async fn table(args: TableArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let buckets: Vec<BucketInfo> = node.call("dht_table", json!({})).await?;
    if node.json {
        return output::json(&buckets);
    }
    let mut table = Table::new(["BUCKET", "ID", "ADDRESS", "STATE"]);
    let mut waiting = 0;
    for bucket in &buckets {
        waiting += bucket.replacements;
        for contact in &bucket.contacts {
            table.row([
                format!("{}/{}", bucket.family, bucket.index),
                contact.id.clone(),
                contact.addr.clone(),
                if contact.good { "good" } else { "questionable" }.to_owned(),
            ]);
        }
    }
    if table.is_empty() {
        return output::line("the table is empty: nobody has answered yet");
    }
    output::print(&table.render())?;
    let contacts: usize = buckets.iter().map(|bucket| bucket.contacts.len()).sum();
    let contacts = count(contacts, "contact", "contacts");
    let buckets = count(buckets.len(), "bucket", "buckets");
    let note = format!("{contacts} in {buckets}, {waiting} waiting for a place");
    output::line(paint(Style::Quiet, &note))
}

pub(super) async fn announce(args: AnnounceArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let AnnounceArgs { info_hash, port, seed, publish, .. } = args;
    let params = json!({ "info_hash": info_hash, "port": port, "seed": seed, "publish": publish });
    let stored: PutInfo = node.call("dht_announce", params).await?;
    if node.json {
        output::json(&stored)?;
    } else {
        put::tell(&stored)?;
    }
    put::require_one(&stored)
}

pub(super) async fn peers(args: PeersArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let found: PeersInfo =
        node.call("dht_getPeers", json!({ "info_hash": args.info_hash })).await?;
    if node.json {
        return output::json(&found);
    }
    for peer in &found.peers {
        output::line(peer)?;
    }
    if found.peers.is_empty() {
        output::line("nobody announced a peer, or those who know did not answer")?;
    }
    report(&found.report)
}

pub(super) async fn unpublish(args: UnpublishArgs) -> anyhow::Result<()> {
    let node = Node::find(&args.connection)?;
    let forgotten: usize = node.call("dht_unpublish", json!({ "key": args.key })).await?;
    if node.json {
        return output::json(&json!({ "key": args.key, "forgotten": forgotten }));
    }
    output::line(match forgotten {
        0 => format!("{} was not kept published", args.key),
        _ => format!("{} is not kept published any more; it expires by itself", args.key),
    })
}

/// How a lookup went, for whoever wonders why it took so long.
pub(super) fn report(report: &ReportInfo) -> anyhow::Result<()> {
    let ReportInfo { queries, failures, hops, elapsed_us } = report;
    let time = milliseconds(*elapsed_us);
    let queries = count(*queries, "query", "queries");
    let hops = count(*hops, "hop", "hops");
    let note = format!("{queries}, {failures} without answer, {hops}, {time}");
    output::line(paint(Style::Quiet, &note))
}

fn milliseconds(microseconds: u64) -> String {
    format!("{}.{:01} ms", microseconds / 1_000, microseconds % 1_000 / 100)
}
