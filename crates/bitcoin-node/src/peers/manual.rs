//! Peers the operator wants: dialled when the node starts, and again whenever they are gone.
//!
//! **Spec:** Bitcoin Core, `ThreadOpenAddedConnections`, `-connect`, `-addnode`.

use std::{fmt, net::SocketAddr, time::Duration};

use super::ConnectionKind;
use crate::kernel::Kernel;

/// Time between two attempts to reach a peer.
const RETRY: Duration = Duration::from_secs(10);

/// Most peers the operator may name, peers.
const MANUAL_MAX: usize = 256;

/// Where a peer is, as the operator wrote it: a name or an address, with a port or without.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeAddress {
    text: String,
    port: u16,
}

impl NodeAddress {
    /// Takes what was written; without a port it is `port`.
    #[must_use]
    pub fn new(text: &str, port: u16) -> Self {
        Self { text: text.to_owned(), port }
    }

    /// Returns what was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what to look up: always with a port.
    #[must_use]
    pub fn with_port(&self) -> String {
        let text = &self.text;
        let bare = text.parse::<std::net::IpAddr>();
        match bare {
            Ok(ip) => SocketAddr::new(ip, self.port).to_string(),
            Err(_)
                if text.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) =>
            {
                text.clone()
            }
            Err(_) => format!("{text}:{}", self.port),
        }
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A connection that is to be made.
#[derive(Debug, Clone)]
pub struct Dial {
    /// Where to.
    pub to: NodeAddress,
    /// Why.
    pub kind: ConnectionKind,
}

/// A peer the operator wants.
#[derive(Debug, Clone)]
pub struct ManualPeer {
    /// Where it is.
    pub address: NodeAddress,
    /// When to dial it again if it is not there.
    next: Duration,
}

impl ManualPeer {
    /// Wants a peer, from now on.
    #[must_use]
    pub const fn new(address: NodeAddress) -> Self {
        Self { address, next: Duration::ZERO }
    }
}

impl Kernel {
    /// Dials the peers that are wanted and not there.
    pub(crate) fn redial(&mut self) {
        if !self.peers.active {
            return;
        }
        let now = crate::kernel::Clock::machine();
        let mut manual = std::mem::take(&mut self.peers.manual);
        for wanted in manual.iter_mut().filter(|wanted| wanted.next <= now) {
            wanted.next = now + RETRY;
            let to = wanted.address.clone();
            let there = self.peers.iter().any(|peer| is_at(peer, &to));
            if !there {
                self.dial(Dial { to, kind: ConnectionKind::Manual });
            }
        }
        self.peers.manual = manual;
    }

    /// Wants a peer; returns whether it was not wanted yet.
    pub fn add_manual(&mut self, address: NodeAddress) -> bool {
        let known = self.peers.manual.iter().any(|wanted| wanted.address == address);
        if known || self.peers.manual.len() >= MANUAL_MAX {
            return false;
        }
        self.peers.manual.push(ManualPeer::new(address));
        true
    }

    /// Wants a peer no longer; returns whether it was wanted. A connection to it stays.
    pub fn remove_manual(&mut self, text: &str) -> bool {
        let before = self.peers.manual.len();
        self.peers.manual.retain(|wanted| wanted.address.text() != text);
        self.peers.manual.len() < before
    }
}

pub(super) fn is_at(peer: &super::Peer, wanted: &NodeAddress) -> bool {
    let dialled = peer.kind != ConnectionKind::Inbound;
    dialled && (peer.name == wanted.text() || peer.address.to_string() == wanted.with_port())
}
