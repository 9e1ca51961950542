//! `find_node` and what its answers hold.

use anyhow::{Context as _, Result, ensure};
use interop::{
    Binary, Node, Peer as _, dict,
    krpc::{Bencode, Raw},
    place,
};

use super::{ASKER, in_lab};

/// Nodes of ours: more than an answer holds.
const NODES: u8 = 10;

/// Contacts in one answer.
const CONTACTS: usize = 8;

/// Bytes of an id, an IPv4 address and a port.
const CONTACT_LEN: usize = 26;

/// Most bytes of a KRPC packet (BEP 32).
const PACKET_MAX: usize = 1_024;

#[test]
fn an_answer_names_8_nodes_within_1024_bytes() -> Result<()> {
    in_lab(|lab, binary: &Binary| {
        let nodes = Node::network(lab, binary, NODES)?;
        let asked = nodes.first().context("a node")?.addr();
        let mut raw = Raw::bind(place(ASKER))?;
        for (method, field) in
            [("find_node", "target"), ("get_peers", "info_hash"), ("get", "target")]
        {
            let reply = raw.ask(asked, method, dict! {}.with(field, [5; 20]))?;
            ensure!(reply.bytes("nodes")?.len() == CONTACTS * CONTACT_LEN, "{reply:?}");
            ensure!(reply.size <= PACKET_MAX, "{} bytes", reply.size);
        }
        Ok(())
    })
}

#[test]
fn the_wanted_address_families_are_answered() -> Result<()> {
    in_lab(|lab, binary| {
        let nodes = Node::network(lab, binary, 2)?;
        let asked = nodes.first().context("a node")?.addr();
        let mut raw = Raw::bind(place(ASKER))?;
        let mut ask = |want: &[&str]| -> Result<(bool, bool)> {
            let want: Vec<Bencode> = want.iter().map(|family| Bencode::from(*family)).collect();
            let query = dict! { "target" => [5; 20], "want" => want };
            let reply = raw.ask(asked, "find_node", query)?;
            let answer = reply.answer()?;
            Ok((answer.get("nodes").is_some(), answer.get("nodes6").is_some()))
        };
        ensure!(ask(&["n4"])? == (true, false));
        ensure!(ask(&["n6"])? == (false, true));
        ensure!(ask(&["n4", "n6"])? == (true, true));
        Ok(())
    })
}
