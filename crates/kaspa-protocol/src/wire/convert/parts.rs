//! Hashes, numbers, addresses, versions.

use std::net::{IpAddr, SocketAddr};

use quintet_primitives::Hash256;
use ruint::aliases::U192;

use crate::{
    tx::SubnetworkId,
    wire::{USER_AGENT_BYTES_MAX, Version, WireError, proto},
};

pub(super) const fn absent(what: &'static str) -> WireError {
    WireError::Absent { what }
}

pub(super) const fn empty() -> proto::Empty {
    proto::Empty {}
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over what was decoded")]
pub(super) fn hash(bytes: proto::Bytes) -> Result<Hash256, WireError> {
    let actual = bytes.bytes.len();
    let wrong = |_| WireError::Length { what: "a hash", expected: "32", actual };
    Hash256::try_from(&bytes.bytes[..]).map_err(wrong)
}

pub(super) fn required(
    bytes: Option<proto::Bytes>,
    what: &'static str,
) -> Result<Hash256, WireError> {
    hash(bytes.ok_or_else(|| absent(what))?)
}

pub(super) fn list(hashes: Vec<proto::Bytes>) -> Result<Vec<Hash256>, WireError> {
    hashes.into_iter().map(hash).collect()
}

pub(super) fn hashes(message: proto::Hashes) -> Result<Vec<Hash256>, WireError> {
    list(message.hashes)
}

pub(super) fn hash_to(hash: &Hash256) -> proto::Bytes {
    proto::Bytes { bytes: hash.as_bytes().to_vec() }
}

pub(super) fn list_to(hashes: &[Hash256]) -> Vec<proto::Bytes> {
    hashes.iter().map(hash_to).collect()
}

pub(super) fn hashes_to(hashes: &[Hash256]) -> proto::Hashes {
    proto::Hashes { hashes: list_to(hashes) }
}

pub(super) fn one(hash: &Hash256) -> proto::OneHash {
    proto::OneHash { hash: Some(hash_to(hash)) }
}

pub(super) fn pair(first: &Hash256, second: &Hash256) -> proto::HashPair {
    proto::HashPair { first: Some(hash_to(first)), second: Some(hash_to(second)) }
}

/// Takes a number into a smaller type.
pub(super) fn narrow<T>(what: &'static str, actual: u32) -> Result<T, WireError>
where
    T: TryFrom<u32>,
{
    let bits = 8 * size_of::<T>();
    let too_large =
        |_| WireError::TooLarge { what, max: (1_u64 << bits) - 1, actual: actual.into() };
    T::try_from(actual).map_err(too_large)
}

/// Takes a sum of work: big-endian, without leading zeros as a rule.
pub(super) fn work(bytes: &[u8]) -> Result<U192, WireError> {
    let actual = bytes.len();
    let wrong = WireError::Length { what: "a sum of work", expected: "at most 24", actual };
    if actual > 24 {
        return Err(wrong);
    }
    U192::try_from_be_slice(bytes).ok_or(wrong)
}

pub(super) fn work_to(work: &U192) -> Vec<u8> {
    work.to_be_bytes_trimmed_vec()
}

pub(super) fn time(actual: i64) -> Result<u64, WireError> {
    u64::try_from(actual).map_err(|_| WireError::NegativeTime { actual })
}

pub(super) fn time_to(millis: u64) -> i64 {
    i64::try_from(millis).unwrap_or(i64::MAX)
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over what was decoded")]
pub(super) fn subnetwork(bytes: proto::Bytes) -> Result<SubnetworkId, WireError> {
    let actual = bytes.bytes.len();
    let wrong = |_| WireError::Length { what: "a subnetwork id", expected: "20", actual };
    <[u8; 20]>::try_from(&bytes.bytes[..]).map(SubnetworkId::new).map_err(wrong)
}

pub(super) fn subnetwork_to(id: &SubnetworkId) -> proto::Bytes {
    proto::Bytes { bytes: id.as_bytes().to_vec() }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over what was decoded")]
fn address(message: proto::NetAddress) -> Result<SocketAddr, WireError> {
    let ip = match (<[u8; 4]>::try_from(&message.ip[..]), <[u8; 16]>::try_from(&message.ip[..])) {
        (Ok(v4), _) => IpAddr::from(v4),
        (_, Ok(v6)) => IpAddr::from(v6),
        _ => {
            let actual = message.ip.len();
            return Err(WireError::Length { what: "an address", expected: "4 or 16", actual });
        }
    };
    Ok(SocketAddr::new(ip, narrow("a port", message.port)?))
}

fn address_to(address: &SocketAddr) -> proto::NetAddress {
    let ip = match address.ip() {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    };
    proto::NetAddress { timestamp: 0, ip, port: address.port().into() }
}

pub(super) fn addresses(message: proto::Addresses) -> Result<Vec<SocketAddr>, WireError> {
    message.addresses.into_iter().map(address).collect()
}

pub(super) fn addresses_to(addresses: &[SocketAddr]) -> proto::Addresses {
    proto::Addresses { addresses: addresses.iter().map(address_to).collect() }
}

pub(super) fn version(message: proto::Version) -> Result<Version, WireError> {
    let actual = message.id.len();
    let wrong = |_| WireError::Length { what: "a peer's id", expected: "16", actual };
    let mut user_agent = message.user_agent;
    user_agent.truncate(user_agent.floor_char_boundary(USER_AGENT_BYTES_MAX));
    Ok(Version {
        protocol_version: message.protocol_version,
        network: message.network,
        services: message.services,
        timestamp: time(message.timestamp)?,
        address: message.address.map(address).transpose()?,
        id: message.id[..].try_into().map_err(wrong)?,
        user_agent,
        disable_relay_tx: message.disable_relay_tx,
        subnetwork_id: message.subnetwork_id.map(subnetwork).transpose()?,
    })
}

pub(super) fn version_to(version: &Version) -> proto::Version {
    proto::Version {
        protocol_version: version.protocol_version,
        services: version.services,
        timestamp: time_to(version.timestamp),
        address: version.address.as_ref().map(address_to),
        id: version.id.to_vec(),
        user_agent: version.user_agent.clone(),
        disable_relay_tx: version.disable_relay_tx,
        subnetwork_id: version.subnetwork_id.as_ref().map(subnetwork_to),
        network: version.network.clone(),
    }
}
