//! Messages as bytes.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use bitcoin::hashes::Hash as _;

use super::{
    Command, Inventory, Locator, Message, PROTOCOL_VERSION, VersionMessage, address::put_plain,
    frame::frame,
};
use crate::{block::encode_header, encode::put_size};

/// No address.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0);

impl Message {
    /// Returns the name it goes by.
    #[must_use]
    pub const fn command(&self) -> Command {
        Command::new(match self {
            Self::Version(_) => "version",
            Self::Verack => "verack",
            Self::WtxidRelay => "wtxidrelay",
            Self::SendAddrV2 => "sendaddrv2",
            Self::Feature { .. } => "feature",
            Self::SendHeaders => "sendheaders",
            Self::SendCmpct { .. } => "sendcmpct",
            Self::FeeFilter(_) => "feefilter",
            Self::Ping(_) => "ping",
            Self::Pong(_) => "pong",
            Self::GetAddr => "getaddr",
            Self::Addr(_) => "addr",
            Self::AddrV2(_) => "addrv2",
            Self::Inv(_) => "inv",
            Self::GetData(_) => "getdata",
            Self::NotFound(_) => "notfound",
            Self::GetHeaders(_) => "getheaders",
            Self::GetBlocks(_) => "getblocks",
            Self::Headers(_) => "headers",
            Self::Block(_) => "block",
            Self::Tx(_) => "tx",
            Self::MemPool => "mempool",
            Self::CmpctBlock(_) => "cmpctblock",
            Self::GetBlockTxn { .. } => "getblocktxn",
            Self::BlockTxn { .. } => "blocktxn",
            Self::Other { command, .. } => return *command,
        })
    }

    /// Serialises it with the frame of the network with this magic. [`Message::Other`] has an empty payload.
    #[must_use]
    pub fn to_frame(&self, magic: [u8; 4]) -> Vec<u8> {
        frame(magic, self.command(), &self.payload())
    }

    /// Serialises what it says.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Verack
            | Self::WtxidRelay
            | Self::SendAddrV2
            | Self::SendHeaders
            | Self::GetAddr
            | Self::MemPool
            | Self::Other { .. } => {}
            Self::Version(version) => put_version(&mut out, version),
            Self::Feature { id, data } => {
                put_bytes(&mut out, id.as_bytes());
                put_bytes(&mut out, data);
            }
            Self::SendCmpct { announce, version } => {
                out.push(*announce);
                out.extend_from_slice(&version.to_le_bytes());
            }
            Self::FeeFilter(rate) => out.extend_from_slice(&rate.to_le_bytes()),
            Self::Ping(nonce) | Self::Pong(nonce) => {
                out.extend(nonce.iter().flat_map(|nonce| nonce.to_le_bytes()));
            }
            Self::Addr(addresses) => {
                let mut entries = Vec::new();
                let mut count = 0_u64;
                for entry in addresses {
                    count += u64::from(entry.put_v1(&mut entries));
                }
                put_size(&mut out, count);
                out.append(&mut entries);
            }
            Self::AddrV2(addresses) => {
                put_size(&mut out, addresses.len() as u64);
                for entry in addresses {
                    entry.put_v2(&mut out);
                }
            }
            Self::Inv(entries) | Self::GetData(entries) | Self::NotFound(entries) => {
                put_inventory(&mut out, entries);
            }
            Self::GetHeaders(locator) | Self::GetBlocks(locator) => put_locator(&mut out, locator),
            Self::Headers(headers) => {
                put_size(&mut out, headers.len() as u64);
                for header in headers {
                    out.extend_from_slice(&encode_header(header));
                    out.push(0);
                }
            }
            Self::Block(block) => out.extend_from_slice(block.bytes()),
            Self::Tx(tx) => out.extend_from_slice(tx.view().bytes()),
            Self::CmpctBlock(compact) => return compact.encode(),
            Self::GetBlockTxn { block, places } => {
                out.extend_from_slice(block.as_byte_array());
                put_size(&mut out, places.len() as u64);
                let mut next = 0;
                for &place in places {
                    put_size(&mut out, place.saturating_sub(next) as u64);
                    next = place + 1;
                }
            }
            Self::BlockTxn { block, transactions } => {
                out.extend_from_slice(block.as_byte_array());
                put_size(&mut out, transactions.len() as u64);
                for transaction in transactions {
                    out.extend_from_slice(transaction);
                }
            }
        }
        out
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_size(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_version(out: &mut Vec<u8>, version: &VersionMessage) {
    out.extend_from_slice(&version.version.to_le_bytes());
    out.extend_from_slice(&version.services.bits().to_le_bytes());
    out.extend_from_slice(&version.time.to_le_bytes());
    let (services, socket) = version.receiver;
    put_plain(out, services, socket);
    // Who sends does not say where it is: `addr` is for that.
    put_plain(out, version.services, NOWHERE);
    out.extend_from_slice(&version.nonce.to_le_bytes());
    put_bytes(out, version.user_agent.as_bytes());
    out.extend_from_slice(&version.height.to_le_bytes());
    out.push(u8::from(version.relay));
}

fn put_inventory(out: &mut Vec<u8>, entries: &[Inventory]) {
    put_size(out, entries.len() as u64);
    for entry in entries {
        out.extend_from_slice(&entry.kind.number().to_le_bytes());
        out.extend_from_slice(&entry.hash);
    }
}

fn put_locator(out: &mut Vec<u8>, locator: &Locator) {
    out.extend_from_slice(&PROTOCOL_VERSION.to_le_bytes());
    put_size(out, locator.hashes.len() as u64);
    for hash in &locator.hashes {
        out.extend_from_slice(hash.as_byte_array());
    }
    out.extend_from_slice(locator.stop.as_byte_array());
}
