//! The interop matrix: one node of ours against packets made by hand, row by row.
//!
//! Each test has a node of its own that knows nobody else. Where libtorrent does the same it is asked
//! the same, which shows that the packets are right and not only what our node happens to accept.

/// Makes tests of the rows of a file: those in which our node is on its own, and the others.
macro_rules! rows {
    (ours: [$($own:ident),* $(,)?], ours_and_libtorrent: [$($both:ident),* $(,)?] $(,)?) => {
        mod ours {
            $(#[test] fn $own() -> anyhow::Result<()> { crate::krpc::ours(super::$own) })*
            $(#[test] fn $both() -> anyhow::Result<()> { crate::krpc::ours(super::$both) })*
        }
        mod libtorrent {
            $(#[test] fn $both() -> anyhow::Result<()> { crate::krpc::libtorrent(super::$both) })*
        }
    };
}

mod announce;
mod envelope;
mod items;
mod routing;

use std::net::SocketAddrV4;

use anyhow::Result;
use interop::{
    Adapter, Binary, Lab, Library, Node, Peer as _,
    krpc::{Bencode, Raw, Reply},
    lab, place, skipped,
};

/// Where the raw client stands; our node is at 1.
const ASKER: u8 = 50;

/// Another address to ask from.
const STRANGER: u8 = 51;

/// A node and one that asks it.
struct Asked {
    node: SocketAddrV4,
    raw: Raw,
}

impl Asked {
    fn ask(&mut self, method: &str, arguments: Bencode) -> Result<Reply> {
        self.raw.ask(self.node, method, arguments)
    }

    /// Gets a token for `target` as `get` or `get_peers` hands it out.
    fn token(&mut self, method: &str, target: [u8; 20]) -> Result<Vec<u8>> {
        let field = if method == "get" { "target" } else { "info_hash" };
        let arguments = Bencode::Dict([(field.into(), target.into())].into());
        Ok(self.ask(method, arguments)?.bytes("token")?.to_vec())
    }
}

fn ours(row: impl FnOnce(&mut Asked) -> Result<()>) -> Result<()> {
    in_lab(|lab, binary| {
        let node = Node::start(lab, binary, place(1), &[])?;
        row(&mut Asked { node: node.addr(), raw: Raw::bind(place(ASKER))? })
    })
}

fn libtorrent(row: impl FnOnce(&mut Asked) -> Result<()>) -> Result<()> {
    match Library::Libtorrent.absence() {
        Some(reason) => skipped(&reason),
        None => lab(|lab| {
            let node = Adapter::start(lab, Library::Libtorrent, place(1), &[])?;
            row(&mut Asked { node: node.addr(), raw: Raw::bind(place(ASKER))? })
        }),
    }
}

fn in_lab(test: impl FnOnce(&Lab, &Binary) -> Result<()>) -> Result<()> {
    match Binary::find() {
        Ok(binary) => lab(|lab| test(lab, &binary)),
        Err(reason) => skipped(&reason),
    }
}
