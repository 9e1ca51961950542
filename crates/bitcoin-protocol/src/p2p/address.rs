//! Addresses of peers, in the form of 2009 and in the one that has room for other networks (BIP-0155).
//!
//! **Spec:** BIP-0155; Bitcoin Core, `CNetAddr::SerializeV1Array`, `SetNetFromBIP155Network`, `CAddress`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Services;
use crate::encode::{Reader, put_size};

use super::message::MessageError;

/// Longest address of any network, bytes.
const ADDRESS_BYTES_MAX: usize = 512;

/// Where a node can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NetworkAddress {
    /// Over IP.
    Ip(IpAddr),
    /// An onion service, by its key.
    TorV3([u8; 32]),
    /// A destination of I2P, by its hash.
    I2p([u8; 32]),
    /// A node of CJDNS.
    Cjdns([u8; 16]),
}

impl NetworkAddress {
    const fn network(&self) -> u8 {
        match self {
            Self::Ip(IpAddr::V4(_)) => 1,
            Self::Ip(IpAddr::V6(_)) => 2,
            Self::TorV3(_) => 4,
            Self::I2p(_) => 5,
            Self::Cjdns(_) => 6,
        }
    }

    /// Reads an address of a known network; `None` for one that is to be passed over.
    fn parse(network: u8, bytes: &[u8]) -> Result<Option<Self>, MessageError> {
        let wrong = |expected: usize| MessageError::AddressLength {
            network,
            expected,
            actual: bytes.len(),
        };
        Ok(match network {
            1 => {
                let octets: [u8; 4] = bytes.try_into().map_err(|_| wrong(4))?;
                Some(Self::Ip(Ipv4Addr::from(octets).into()))
            }
            2 => {
                let octets: [u8; 16] = bytes.try_into().map_err(|_| wrong(16))?;
                let ip = Ipv6Addr::from(octets);
                // Another network's address in IPv6's clothes has a form of its own here.
                let disguised = ip.to_ipv4_mapped().is_some()
                    || octets.starts_with(&ONION_CAT)
                    || octets.starts_with(&INTERNAL);
                (!disguised).then_some(Self::Ip(ip.into()))
            }
            4 => Some(Self::TorV3(bytes.try_into().map_err(|_| wrong(32))?)),
            5 => Some(Self::I2p(bytes.try_into().map_err(|_| wrong(32))?)),
            6 => {
                let bytes: [u8; 16] = bytes.try_into().map_err(|_| wrong(16))?;
                (bytes[0] == 0xfc).then_some(Self::Cjdns(bytes))
            }
            _ => None,
        })
    }
}

/// Where the second version of onion services was put into IPv6; gone since 2021.
const ONION_CAT: [u8; 6] = [0xfd, 0x87, 0xd8, 0x7e, 0xeb, 0x43];
/// Where Bitcoin Core keeps names of seeds.
const INTERNAL: [u8; 6] = [0xfd, 0x6b, 0x88, 0xc0, 0x87, 0x24];

/// A node that somebody has told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddress {
    /// When it was last heard of, Unix seconds.
    pub time: u32,
    /// What it offers.
    pub services: Services,
    /// Where it is.
    pub address: NetworkAddress,
    /// On which port.
    pub port: u16,
}

impl PeerAddress {
    /// Returns what to dial, if it is reached over IP.
    #[must_use]
    pub const fn socket(&self) -> Option<SocketAddr> {
        match self.address {
            NetworkAddress::Ip(ip) => Some(SocketAddr::new(ip, self.port)),
            _ => None,
        }
    }

    /// Reads an entry of `addr`; `None` for an address that has no meaning any more.
    pub(super) fn read_v1(reader: &mut Reader<'_>) -> Result<Option<Self>, MessageError> {
        let time = reader.u32()?;
        let (services, socket) = read_plain(reader)?;
        let octets = match socket.ip() {
            IpAddr::V6(ip) => ip.octets(),
            IpAddr::V4(_) => [0; 16],
        };
        let gone = octets.starts_with(&ONION_CAT) || octets.starts_with(&INTERNAL);
        let address = NetworkAddress::Ip(socket.ip());
        Ok((!gone).then_some(Self { time, services, address, port: socket.port() }))
    }

    /// Reads an entry of `addrv2`; `None` for a network that is not known here.
    pub(super) fn read_v2(reader: &mut Reader<'_>) -> Result<Option<Self>, MessageError> {
        let time = reader.u32()?;
        let services = Services::from_bits_retain(reader.number()?);
        let [network] = reader.array()?;
        let len = reader.size()?;
        if len > ADDRESS_BYTES_MAX {
            return Err(MessageError::AddressLength {
                network,
                expected: ADDRESS_BYTES_MAX,
                actual: len,
            });
        }
        let bytes = reader.take(len)?;
        let port = u16::from_be_bytes(reader.array()?);
        let address = NetworkAddress::parse(network, bytes)?;
        Ok(address.map(|address| Self { time, services, address, port }))
    }

    pub(super) fn put_v2(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.time.to_le_bytes());
        put_size(out, self.services.bits());
        out.push(self.address.network());
        let (ipv4, ipv6);
        let bytes: &[u8] = match &self.address {
            NetworkAddress::Ip(IpAddr::V4(ip)) => {
                ipv4 = ip.octets();
                &ipv4
            }
            NetworkAddress::Ip(IpAddr::V6(ip)) => {
                ipv6 = ip.octets();
                &ipv6
            }
            NetworkAddress::TorV3(bytes) | NetworkAddress::I2p(bytes) => bytes,
            NetworkAddress::Cjdns(bytes) => bytes,
        };
        put_size(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
        out.extend_from_slice(&self.port.to_be_bytes());
    }

    /// Writes an entry of `addr`; returns whether the form of 2009 can say it.
    pub(super) fn put_v1(&self, out: &mut Vec<u8>) -> bool {
        let NetworkAddress::Ip(ip) = self.address else { return false };
        out.extend_from_slice(&self.time.to_le_bytes());
        put_plain(out, self.services, SocketAddr::new(ip, self.port));
        true
    }
}

/// Reads services, address and port of the form of 2009.
pub(super) fn read_plain(reader: &mut Reader<'_>) -> Result<(Services, SocketAddr), MessageError> {
    let services = Services::from_bits_retain(reader.u64()?);
    let ip = Ipv6Addr::from(reader.array::<16>()?);
    let port = u16::from_be_bytes(reader.array()?);
    Ok((services, SocketAddr::new(IpAddr::from(ip).to_canonical(), port)))
}

/// Writes services, address and port in the form of 2009.
pub(super) fn put_plain(out: &mut Vec<u8>, services: Services, socket: SocketAddr) {
    out.extend_from_slice(&services.bits().to_le_bytes());
    let ip = match socket.ip() {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    out.extend_from_slice(&ip.octets());
    out.extend_from_slice(&socket.port().to_be_bytes());
}
