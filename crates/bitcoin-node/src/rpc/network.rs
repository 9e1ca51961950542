//! Methods about the network.

use std::sync::atomic::Ordering;

use quintet_bitcoin_protocol::p2p::PROTOCOL_VERSION;
use quintet_net::{Subnet, bans::BanReason};
use quintet_primitives::time::UnixTime;
use serde_json::{Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    kernel::{Clock, Kernel},
    peers::{ConnectionKind, Dial, NodeAddress, PeerFlags},
};

/// This program's version as a number: major, minor, build, two digits each.
const VERSION: u32 = 100;

/// Seconds of a ban for which no time is given.
const BAN_SECONDS: u64 = 24 * 60 * 60;

pub(super) fn getnetworkinfo(kernel: &mut Kernel, _: &Args) -> Answer {
    let inbound = kernel.peers.iter().filter(|peer| peer.is_inbound()).count();
    let all = kernel.peers.len();
    let services = kernel.peers.services;
    let policy = &kernel.mempool.options().policy;
    let network = |name: &str, reachable: bool| json!({ "name": name, "limited": !reachable, "reachable": reachable, "proxy": "", "proxy_randomize_credentials": false });
    Ok(json!({
        "version": VERSION,
        "subversion": kernel.options.user_agent,
        "protocolversion": PROTOCOL_VERSION,
        "localservices": format!("{:016x}", services.bits()),
        "localservicesnames": services.names(),
        "localrelay": !kernel.options.blocks_only,
        "timeoffset": 0,
        "networkactive": kernel.peers.active,
        "connections": all,
        "connections_in": inbound,
        "connections_out": all - inbound,
        "networks": [network("ipv4", true), network("ipv6", true), network("onion", false), network("i2p", false), network("cjdns", false)],
        "relayfee": crate::shown::paid(policy.relay_min.0),
        "incrementalfee": crate::shown::paid(policy.incremental.0),
        "localaddresses": [],
        "warnings": [],
    }))
}

pub(super) fn getconnectioncount(kernel: &mut Kernel, _: &Args) -> Answer {
    Ok(json!(kernel.peers.len()))
}

pub(super) fn getnettotals(kernel: &mut Kernel, _: &Args) -> Answer {
    let [mut received, mut sent] = kernel.peers.past_traffic;
    for peer in kernel.peers.iter() {
        received += peer.outbox.traffic.received.load(Ordering::Relaxed);
        sent += peer.outbox.traffic.sent.load(Ordering::Relaxed);
    }
    let millis = u64::try_from(Clock::machine().as_millis()).unwrap_or(u64::MAX);
    Ok(json!({ "totalbytesrecv": received, "totalbytessent": sent, "timemillis": millis }))
}

fn address(kernel: &Kernel, text: &str) -> NodeAddress {
    NodeAddress::new(text, kernel.params.p2p_port)
}

pub(super) fn addnode(kernel: &mut Kernel, args: &Args) -> Answer {
    let to = address(kernel, args.text(0)?);
    match args.text(1)? {
        "onetry" => {
            if !kernel.dial(Dial { to, kind: ConnectionKind::Manual }) {
                return Err(Failure::new(
                    code::NODE_CAPACITY,
                    "Error: too many connections are being made",
                ));
            }
        }
        "add" => {
            if !kernel.add_manual(to) {
                return Err(Failure::new(code::NODE_ALREADY_ADDED, "Error: Node already added"));
            }
            kernel.redial();
        }
        "remove" => {
            if !kernel.remove_manual(to.text()) {
                return Err(Failure::new(
                    code::NODE_NOT_ADDED,
                    "Error: Node could not be removed. It has not been added previously.",
                ));
            }
        }
        _ => return Err(Failure::new(code::MISC, "addnode \"node\" \"command\" ( v2transport )")),
    }
    Ok(Value::Null)
}

pub(super) fn getaddednodeinfo(kernel: &mut Kernel, _: &Args) -> Answer {
    let nodes = kernel.peers.manual.iter().map(|wanted| {
        let text = wanted.address.text();
        let connected = kernel.peers.iter().find(|peer| !peer.is_inbound() && peer.name == text);
        let addresses: Vec<Value> = connected
            .map(|peer| json!({ "address": peer.address.to_string(), "connected": "outbound" }))
            .into_iter()
            .collect();
        json!({ "addednode": text, "connected": connected.is_some(), "addresses": addresses })
    });
    Ok(nodes.collect())
}

/// **Spec:** Bitcoin Core, `addconnection`, of the tests' own methods.
pub(super) fn addconnection(kernel: &mut Kernel, args: &Args) -> Answer {
    if !kernel.params.is_test_chain() {
        return Err(Failure::new(
            code::MISC,
            "addconnection is for regression testing (-regtest mode) only.",
        ));
    }
    let to = address(kernel, args.text(0)?);
    let name = args.text(1)?.to_owned();
    let kind = match name.as_str() {
        "outbound-full-relay" => ConnectionKind::OutboundFullRelay,
        "block-relay-only" => ConnectionKind::BlockRelayOnly,
        "addr-fetch" => ConnectionKind::AddrFetch,
        "feeler" => ConnectionKind::Feeler,
        other => {
            return Err(Failure::new(code::PARAMETER, format!("Invalid connection type: {other}")));
        }
    };
    let most = match kind {
        ConnectionKind::OutboundFullRelay => 8,
        ConnectionKind::BlockRelayOnly => 2,
        _ => usize::MAX,
    };
    let there = kernel.peers.iter().filter(|peer| peer.kind == kind).count();
    let text = to.text().to_owned();
    if there >= most || !kernel.dial(Dial { to, kind }) {
        return Err(Failure::new(
            code::NODE_CAPACITY,
            "Error: Already at capacity for specified connection type.",
        ));
    }
    Ok(json!({ "address": text, "connection_type": name }))
}

pub(super) fn disconnectnode(kernel: &mut Kernel, args: &Args) -> Answer {
    let text = args.text_or(0, "")?.to_owned();
    let number = if args.get(1).is_some() { Some(args.integer(1)?) } else { None };
    if text.is_empty() == number.is_none() {
        return Err(Failure::new(
            code::INVALID_PARAMS,
            "Only one of address and nodeid should be provided.",
        ));
    }
    let mut found = false;
    for peer in kernel.peers.iter() {
        let chosen = match number {
            Some(number) => i64::try_from(peer.id) == Ok(number),
            None => peer.name == text || peer.address.to_string() == text,
        };
        if chosen {
            found = true;
            peer.disconnect("the operator wants it");
        }
    }
    if found {
        Ok(Value::Null)
    } else {
        Err(Failure::new(code::NODE_NOT_CONNECTED, "Node not found in connected nodes"))
    }
}

pub(super) fn ping(kernel: &mut Kernel, _: &Args) -> Answer {
    for peer in kernel.peers.iter_mut() {
        peer.flags.insert(PeerFlags::PING_QUEUED);
    }
    Ok(Value::Null)
}

pub(super) fn setnetworkactive(kernel: &mut Kernel, args: &Args) -> Answer {
    kernel.peers.active = args.flag_or(0, true)?;
    if !kernel.peers.active {
        kernel.peers.disconnect_all();
    }
    Ok(json!(kernel.peers.active))
}

pub(super) fn setban(kernel: &mut Kernel, args: &Args) -> Answer {
    let invalid = |_| Failure::new(code::INVALID_IP_OR_SUBNET, "Error: Invalid IP/Subnet");
    let subnet: Subnet = args.text(0)?.parse().map_err(invalid)?;
    let now = kernel.now();
    match args.text(1)? {
        "add" => {
            let given = u64::try_from(args.integer_or(2, 0)?).unwrap_or(0);
            let until = match (given, args.flag_or(3, false)?) {
                (0, _) => now.saturating_add(BAN_SECONDS),
                (at, true) => at,
                (seconds, false) => now.saturating_add(seconds),
            };
            let (now, until) = (UnixTime::from_secs(now), UnixTime::from_secs(until));
            if kernel.peers.banned.list(now).any(|ban| ban.subnet == subnet) {
                return Err(Failure::new(
                    code::NODE_ALREADY_ADDED,
                    "Error: IP/Subnet already banned",
                ));
            }
            let banned = kernel.peers.banned.ban(subnet, until, BanReason::Manual, now);
            banned.map_err(|error| Failure::new(code::MISC, error.to_string()))?;
            for peer in kernel.peers.iter().filter(|peer| subnet.contains(peer.address.ip())) {
                peer.disconnect("banned");
            }
        }
        "remove" if kernel.peers.banned.unban(subnet) => {}
        "remove" => {
            return Err(Failure::new(
                code::INVALID_IP_OR_SUBNET,
                "Error: Unban failed. Requested address/subnet was not previously manually banned.",
            ));
        }
        _ => {
            return Err(Failure::new(
                code::MISC,
                "setban \"subnet\" \"command\" ( bantime absolute )",
            ));
        }
    }
    Ok(Value::Null)
}

pub(super) fn listbanned(kernel: &mut Kernel, _: &Args) -> Answer {
    let now = UnixTime::from_secs(kernel.now());
    let bans = kernel.peers.banned.list(now).map(|ban| {
        let subnet = format!("{}/{}", ban.subnet.first(), ban.subnet.bits());
        let (since, until) = (ban.since.as_secs(), ban.until.as_secs());
        json!({
            "address": subnet,
            "ban_created": since,
            "banned_until": until,
            "ban_duration": until.saturating_sub(since),
            "time_remaining": until.saturating_sub(now.as_secs()),
        })
    });
    Ok(bans.collect())
}

pub(super) fn clearbanned(kernel: &mut Kernel, _: &Args) -> Answer {
    kernel.peers.banned.clear();
    Ok(Value::Null)
}
