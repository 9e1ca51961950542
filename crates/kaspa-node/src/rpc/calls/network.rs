//! Peers.

use std::{net::SocketAddr, sync::atomic::Ordering};

use super::super::{
    Core, Failure,
    model::{
        AddPeerRequest, AddPeerResponse, BanRequest, BanResponse, GetConnectedPeerInfoRequest,
        GetConnectedPeerInfoResponse, GetConnectionsRequest, GetConnectionsResponse,
        GetPeerAddressesRequest, GetPeerAddressesResponse, UnbanRequest, UnbanResponse,
    },
};

type Answer<T> = Result<T, Failure>;

pub(in super::super) fn peers(
    core: &Core,
    _: &GetConnectedPeerInfoRequest,
) -> Answer<GetConnectedPeerInfoResponse> {
    Ok(GetConnectedPeerInfoResponse { peer_info: core.peers.connected() })
}

pub(in super::super) fn connections(
    core: &Core,
    _: &GetConnectionsRequest,
) -> Answer<GetConnectionsResponse> {
    Ok(GetConnectionsResponse {
        clients: core.clients.load(Ordering::Relaxed),
        peers: u16::try_from(core.peers.connected().len()).unwrap_or(u16::MAX),
        profile_data: None,
    })
}

pub(in super::super) fn addresses(
    core: &Core,
    _: &GetPeerAddressesRequest,
) -> Answer<GetPeerAddressesResponse> {
    let (known_addresses, banned_addresses) = core.peers.addresses();
    Ok(GetPeerAddressesResponse { known_addresses, banned_addresses })
}

pub(in super::super) fn add(core: &Core, asked: &AddPeerRequest) -> Answer<AddPeerResponse> {
    core.require_unsafe()?;
    let port = asked.peer_address.port.unwrap_or_else(|| core.network().p2p_port());
    let address = SocketAddr::new(asked.peer_address.ip, port);
    core.peers.add(address, asked.is_permanent).map_err(Failure::General)?;
    Ok(AddPeerResponse {})
}

pub(in super::super) fn ban(core: &Core, asked: &BanRequest) -> Answer<BanResponse> {
    core.require_unsafe()?;
    core.peers.ban(asked.ip).map_err(Failure::General)?;
    Ok(BanResponse {})
}

pub(in super::super) fn unban(core: &Core, asked: &UnbanRequest) -> Answer<UnbanResponse> {
    core.require_unsafe()?;
    core.peers.unban(asked.ip).map_err(Failure::General)?;
    Ok(UnbanResponse {})
}
