//! `getpeerinfo`.

use std::{sync::atomic::Ordering, time::Duration};

use quintet_bitcoin_protocol::header::HeaderId;
use serde_json::{Map, Value, json};

use super::{args::Args, fault::Answer};
use crate::{
    kernel::Kernel,
    peers::{Peer, PeerFlags},
    shown::amount,
};

pub(super) fn getpeerinfo(kernel: &mut Kernel, _: &Args) -> Answer {
    Ok(kernel.peers.iter().map(|peer| describe(kernel, peer)).collect())
}

fn height(kernel: &Kernel, id: Option<HeaderId>) -> i64 {
    id.map_or(-1, |id| i64::from(kernel.chain.headers().height(id)))
}

fn describe(kernel: &Kernel, peer: &Peer) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    let traffic = &peer.outbox.traffic;
    let [received, sent] = traffic.by_kind();
    let seconds = |time: Duration| json!(time.as_secs_f64());
    let load = |counter: &std::sync::atomic::AtomicU64| json!(counter.load(Ordering::Relaxed));
    put("id", json!(peer.id));
    put(
        "addr",
        json!(if peer.is_inbound() { peer.address.to_string() } else { peer.name.clone() }),
    );
    if let Some(local) = peer.local {
        put("addrbind", json!(local.to_string()));
    }
    let local = peer.address.ip().is_loopback();
    let family = if peer.address.is_ipv4() { "ipv4" } else { "ipv6" };
    put("network", json!(if local { "not_publicly_routable" } else { family }));
    put("services", json!(format!("{:016x}", peer.services().bits())));
    put("servicesnames", json!(peer.services().names()));
    put("relaytxes", json!(peer.has(PeerFlags::RELAYS)));
    put("last_inv_sequence", json!(kernel.mempool.sequence()));
    put("inv_to_send", json!(peer.transactions.to_announce.len()));
    put("lastsend", load(&traffic.last_sent));
    put("lastrecv", load(&traffic.last_received));
    put("last_transaction", json!(peer.last_transaction));
    put("last_block", json!(peer.last_block));
    put("bytessent", load(&traffic.sent));
    put("bytesrecv", load(&traffic.received));
    put("conntime", json!(peer.connected.as_secs()));
    put("timeoffset", json!(peer.time_offset));
    if let Some(last) = peer.ping.last {
        put("pingtime", seconds(last));
    }
    if let Some(least) = peer.ping.least {
        put("minping", seconds(least));
    }
    if let Some(since) = peer.ping.since.filter(|_| peer.ping.nonce.is_some()) {
        put("pingwait", seconds(kernel.clock.now().saturating_sub(since)));
    }
    let theirs = peer.handshake.theirs();
    put("version", json!(theirs.map_or(0, |theirs| theirs.version)));
    put("subver", json!(theirs.map_or("", |theirs| &theirs.user_agent)));
    put("inbound", json!(peer.is_inbound()));
    put("bip152_hb_to", json!(false));
    put("bip152_hb_from", json!(peer.has(PeerFlags::WANTS_COMPACT)));
    let presynced = peer.sync.low_work.as_ref().map_or(-1, |sync| i64::from(sync.presync().0));
    put("presynced_headers", json!(presynced));
    put("synced_headers", json!(height(kernel, peer.sync.best_known)));
    put("synced_blocks", json!(height(kernel, peer.sync.last_common)));
    let in_flight: Vec<u32> = peer.sync.in_flight.iter().map(|request| request.height).collect();
    put("inflight", json!(in_flight));
    put("addr_relay_enabled", json!(peer.has(PeerFlags::ADDRESSES)));
    put("addr_processed", json!(0));
    put("addr_rate_limited", json!(0));
    put("permissions", peer.permissions.names().collect());
    put("minfeefilter", amount(peer.transactions.fee_filter));
    put("bytessent_per_msg", json!(sent));
    put("bytesrecv_per_msg", json!(received));
    put("connection_type", json!(peer.kind.name()));
    put("transport_protocol_type", json!("v1"));
    put("session_id", json!(""));
    fields.into()
}
