//! What must work between our nodes and each third-party client.
//!
//! A client that reads is started after our nodes have written, so it holds nothing itself; before
//! our nodes read what a client has written, it is stopped, so they hold it.

use std::net::SocketAddrV4;

use anyhow::{Context as _, Result, ensure};
use interop::{Binary, Found, Id, Lab, Node, Peer, eventually, lab, place, skipped};

use crate::{keys, kind::Kind};

/// Nodes of ours in a scenario.
const NODES: u8 = 4;

/// Where the client stands; ours are at 1, 2, 3, ….
const CLIENT: u8 = 100;

/// A port that peers are announced on; nothing listens there.
const PEER_PORT: u16 = 7_001;

const SALT: &[u8] = b"salt";

/// Starts a network of ours and runs the scenario, or skips it.
fn scenario(kind: Kind, test: impl FnOnce(&Lab, &mut [Node]) -> Result<()>) -> Result<()> {
    let binary = match (Binary::find(), kind.absence()) {
        (Ok(binary), None) => binary,
        (Err(reason), _) => return skipped(&reason),
        (Ok(_), Some(reason)) => return skipped(&reason),
    };
    lab(|lab| {
        let mut nodes = Node::network(lab, &binary, NODES)?;
        test(lab, &mut nodes)
    })
}

/// Starts a client that knows our first node, and waits until it knows at least one of them.
fn join(lab: &Lab, kind: Kind, nodes: &[Node]) -> Result<Box<dyn Peer>> {
    let known: Vec<SocketAddrV4> = nodes.iter().map(Peer::addr).take(1).collect();
    let mut client = kind.start(lab, CLIENT, &known)?;
    eventually("the client joins", || Ok((client.known_nodes()? > 0).then_some(())))?;
    Ok(client)
}

fn last(nodes: &mut [Node]) -> Result<&mut Node> {
    nodes.last_mut().context("a network of at least one node")
}

pub(crate) fn enters_our_tables(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let mut client = join(lab, kind, nodes)?;
        // A lookup asks everybody: bittorrent-dht, which was told of one of us, does so only then.
        client.get_peers([0; 20])?;
        for node in nodes {
            eventually(&format!("{} knows {}", node.name(), client.name()), || {
                Ok(node.contacts()?.contains(&client.addr()).then_some(()))
            })?;
        }
        Ok(())
    })
}

pub(crate) fn reads_an_immutable_item_of_ours(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let value = b"an immutable item of ours";
        let target = nodes[0].put_immutable(value)?;
        ensure!(target == keys::immutable_target(value), "another target: {target:02x?}");
        let mut client = join(lab, kind, nodes)?;
        let read = eventually("the client reads it", || client.get_immutable(target))?;
        ensure!(read == value, "read {:?}", read.escape_ascii().to_string());
        Ok(())
    })
}

pub(crate) fn leaves_an_immutable_item_with_ours(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let value = b"an immutable item of theirs";
        let mut client = join(lab, kind, nodes)?;
        let target = eventually("the client writes", || client.put_immutable(value).map(Some))?;
        ensure!(target == keys::immutable_target(value), "another target: {target:02x?}");
        drop(client);
        let read = eventually("ours read it", || last(nodes)?.get_immutable(target))?;
        ensure!(read == value, "read {:?}", read.escape_ascii().to_string());
        Ok(())
    })
}

pub(crate) fn reads_a_mutable_item_of_ours_and_its_update(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let owner = keys::owner(1);
        nodes[0].put_mutable(&owner, SALT, b"first", 1)?;
        let mut client = join(lab, kind, nodes)?;
        reads(client.as_mut(), owner.public_key, b"first", 1)?;
        last(nodes)?.put_mutable(&owner, SALT, b"second", 2)?;
        reads(client.as_mut(), owner.public_key, b"second", 2)
    })
}

pub(crate) fn leaves_a_mutable_item_and_its_update_with_ours(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let owner = keys::owner(2);
        let mut client = join(lab, kind, nodes)?;
        let first = writes(client.as_mut(), 2, b"first", 1)?;
        reads(&mut nodes[0], owner.public_key, b"first", first)?;
        let second = writes(client.as_mut(), 2, b"second", first + 1)?;
        ensure!(second > first, "sequence number {second} after {first}");
        drop(client);
        reads(last(nodes)?, owner.public_key, b"second", second)
    })
}

pub(crate) fn updates_a_mutable_item_of_ours(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let owner = keys::owner(3);
        nodes[0].put_mutable(&owner, SALT, b"ours", 7)?;
        let mut client = join(lab, kind, nodes)?;
        reads(client.as_mut(), owner.public_key, b"ours", 7)?;
        let seq = writes(client.as_mut(), 3, b"theirs", 8)?;
        // libtorrent takes one more than what it has read: so it read ours.
        ensure!(seq == 8 || (kind.chooses_seq() && seq > 8), "sequence number {seq}");
        drop(client);
        reads(last(nodes)?, owner.public_key, b"theirs", seq)?;
        last(nodes)?.put_mutable(&owner, SALT, b"ours again", seq + 1)?;
        reads(&mut nodes[0], owner.public_key, b"ours again", seq + 1)
    })
}

pub(crate) fn finds_a_peer_that_ours_announced(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let info_hash = *b"announced by one of ";
        nodes[1].announce(info_hash, PEER_PORT)?;
        let mut client = join(lab, kind, nodes)?;
        finds(client.as_mut(), info_hash, SocketAddrV4::new(*nodes[1].addr().ip(), PEER_PORT))
    })
}

pub(crate) fn announces_itself_to_ours(kind: Kind) -> Result<()> {
    scenario(kind, |lab, nodes| {
        let info_hash = *b"announced by a guest";
        let mut client = join(lab, kind, nodes)?;
        eventually("the client announces", || client.announce(info_hash, PEER_PORT).map(Some))?;
        let peer = SocketAddrV4::new(place(CLIENT), PEER_PORT);
        // libtorrent does not say when its announce is over, so it is found before it leaves.
        finds(&mut nodes[0], info_hash, peer)?;
        drop(client);
        finds(last(nodes)?, info_hash, peer)
    })
}

fn writes(client: &mut dyn Peer, owner: u8, value: &[u8], seq: i64) -> Result<i64> {
    let owner = keys::owner(owner);
    let what = format!("{} writes sequence number {seq}", client.name());
    eventually(&what, || client.put_mutable(&owner, SALT, value, seq).map(Some))
}

fn reads(reader: &mut dyn Peer, public_key: [u8; 32], value: &[u8], seq: i64) -> Result<()> {
    let what = format!("{} reads sequence number {seq}", reader.name());
    let wanted = Found { value: value.to_vec(), seq };
    eventually(&what, || {
        let found = reader.get_mutable(public_key, SALT)?;
        ensure!(found.is_none() || found.as_ref() == Some(&wanted), "it reads {found:?}");
        Ok(found)
    })
    .map(drop)
}

fn finds(searcher: &mut dyn Peer, info_hash: Id, peer: SocketAddrV4) -> Result<()> {
    eventually(&format!("{} finds the peer {peer}", searcher.name()), || {
        Ok(searcher.get_peers(info_hash)?.contains(&peer).then_some(()))
    })
}
