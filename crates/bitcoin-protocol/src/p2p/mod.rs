//! What nodes say to each other, sans-IO: messages as bytes, frames around them, and the handshake before anything else.
//!
//! ```text
//!   socket ──► Framer ──► Frame ──► Message ──► Handshake ──► Passed: for the node
//!             (magic,    (command,  (typed)        │
//!              limits)    checksum)                └──► replies · Refusal: the connection ends
//! ```
//!
//! - [`frame`]: the 24 bytes before each message, and cutting a stream into messages.
//! - [`message`]: each message's shape, with the limits of Bitcoin Core.
//! - [`address`]: addresses of peers in both their forms (BIP-0155).
//! - [`inventory`]: names of things that can be asked for.
//! - [`handshake`]: `version`, `verack` and what may be agreed on in between.
//!
//! Nothing here reads a clock or draws randomness; nothing reserves memory for what a peer merely claims.
//!
//! **Spec:** Bitcoin Core, `protocol.h`, `V1Transport`, `PeerManagerImpl::ProcessMessage`; BIP-0031, BIP-0130, BIP-0133, BIP-0152, BIP-0155,
//! BIP-0339, BIP-0434.

pub mod address;
mod decode;
mod encode;
pub mod frame;
pub mod handshake;
pub mod inventory;
pub mod message;

use bitflags::bitflags;

pub use address::{NetworkAddress, PeerAddress};
pub use frame::{Command, Frame, FrameError, Framer};
pub use handshake::{Handshake, Passed, Refusal};
pub use inventory::{Inventory, InventoryKind};
pub use message::{Locator, Message, MessageError, VersionMessage};

/// The protocol version that is announced.
pub const PROTOCOL_VERSION: u32 = 70_017;
/// The smallest version of a peer that is spoken to.
pub const PEER_VERSION_MIN: u32 = 31_800;
/// A `ping` of a later version carries a nonce and is answered (BIP-0031).
pub const PONG_VERSION: u32 = 60_000;
/// From here on blocks may be announced with `headers` (BIP-0130).
pub const SENDHEADERS_VERSION: u32 = 70_012;
/// From here on `feefilter` is understood (BIP-0133).
pub const FEEFILTER_VERSION: u32 = 70_013;
/// From here on compact blocks are understood (BIP-0152).
pub const COMPACT_VERSION: u32 = 70_014;
/// From here on transactions may be announced by the id that covers their witness (BIP-0339), and `sendaddrv2` is sent.
pub const WTXID_RELAY_VERSION: u32 = 70_016;
/// From here on `feature` is understood (BIP-0434).
pub const FEATURE_VERSION: u32 = 70_017;

/// Longest payload of a message, bytes.
pub const MESSAGE_BYTES_MAX: usize = 4_000_000;
/// Most entries of `inv`, `getdata` and `notfound`.
pub const INVENTORY_MAX: usize = 50_000;
/// Most entries of a `getdata` that is sent.
pub const GETDATA_SENT_MAX: usize = 1_000;
/// Most headers of a message.
pub const HEADERS_MAX: usize = crate::header::presync::MESSAGE_HEADERS_MAX;
/// Most hashes of a locator.
pub const LOCATOR_MAX: usize = 101;
/// Most addresses of a message.
pub const ADDRESSES_MAX: usize = 1_000;
/// Hashes that answer one `getblocks`.
pub const GETBLOCKS_ANSWER_MAX: usize = 500;
/// Longest user agent, bytes.
pub const USER_AGENT_BYTES_MAX: usize = 256;
/// The one version of compact blocks in use: ids cover witnesses.
pub const COMPACT_BLOCKS: u64 = 2;

bitflags! {
    /// What a node offers.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Services: u64 {
        /// Every block.
        const NETWORK = 1;
        /// Filtered connections (BIP-0111).
        const BLOOM = 1 << 2;
        /// Blocks and transactions with witnesses (BIP-0144).
        const WITNESS = 1 << 3;
        /// Compact filters of blocks (BIP-0157).
        const COMPACT_FILTERS = 1 << 6;
        /// At least the last 288 blocks (BIP-0159).
        const NETWORK_LIMITED = 1 << 10;
        /// The encrypted transport (BIP-0324).
        const P2P_V2 = 1 << 11;
        const _ = !0;
    }
}

impl Services {
    /// Returns whether blocks can be asked for, all of them or the last ones.
    #[must_use]
    pub const fn serve_blocks(self) -> bool {
        self.intersects(Self::NETWORK.union(Self::NETWORK_LIMITED))
    }

    /// Returns the names of the known bits, as `getpeerinfo` lists them.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let known = [
            (Self::NETWORK, "NETWORK"),
            (Self::BLOOM, "BLOOM"),
            (Self::WITNESS, "WITNESS"),
            (Self::COMPACT_FILTERS, "COMPACT_FILTERS"),
            (Self::NETWORK_LIMITED, "NETWORK_LIMITED"),
            (Self::P2P_V2, "P2P_V2"),
        ];
        let bits = (0..64).filter(|bit| self.bits() >> bit & 1 == 1);
        let name = |bit: u32| {
            let named = known.iter().find(|(flag, _)| flag.bits() == 1 << bit);
            named.map_or_else(|| format!("UNKNOWN[2^{bit}]"), |(_, name)| (*name).to_owned())
        };
        bits.map(name).collect()
    }
}

#[cfg(test)]
mod tests;
