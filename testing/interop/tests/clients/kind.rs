//! The third-party clients there are.

use std::net::SocketAddrV4;

use anyhow::Result;
use interop::{Adapter, Lab, Library, Peer, place};

use crate::mainline_node::MainlineNode;

/// A third-party client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Libtorrent,
    BittorrentDht,
    Mainline,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Libtorrent, Self::BittorrentDht, Self::Mainline];

    const fn adapted(self) -> Option<Library> {
        match self {
            Self::Libtorrent => Some(Library::Libtorrent),
            Self::BittorrentDht => Some(Library::BittorrentDht),
            // It is linked into the tests.
            Self::Mainline => None,
        }
    }

    /// Says why the client cannot be used here; none if it can.
    pub(crate) fn absence(self) -> Option<String> {
        self.adapted().and_then(Library::absence)
    }

    /// Starts a node of this kind at place `number` that knows the nodes at `known`.
    pub(crate) fn start(
        self,
        lab: &Lab,
        number: u8,
        known: &[SocketAddrV4],
    ) -> Result<Box<dyn Peer>> {
        let ip = place(number);
        Ok(match self.adapted() {
            Some(library) => Box::new(Adapter::start(lab, library, ip, known)?),
            None => Box::new(MainlineNode::start(ip, known)?),
        })
    }

    /// Whether the client chooses the sequence number of its puts itself.
    pub(crate) const fn chooses_seq(self) -> bool {
        matches!(self, Self::Libtorrent)
    }
}
