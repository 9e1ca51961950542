//! The node itself.

use std::sync::atomic::Ordering;

use super::super::{
    Core, Failure, RPC_VERSION,
    core::now_millis,
    model::{
        ConsensusMetrics, GetCurrentNetworkRequest, GetCurrentNetworkResponse, GetInfoRequest,
        GetInfoResponse, GetMetricsRequest, GetMetricsResponse, GetServerInfoRequest,
        GetServerInfoResponse, GetSyncStatusRequest, GetSyncStatusResponse, PingRequest,
        PingResponse, ShutdownRequest, ShutdownResponse,
    },
    wire::{HexBytes, NetworkId, Wire as _},
};

type Answer<T> = Result<T, Failure>;

pub(in super::super) fn ping(_: &Core, _: &PingRequest) -> Answer<PingResponse> {
    Ok(PingResponse {})
}

pub(in super::super) fn info(core: &Core, _: &GetInfoRequest) -> Answer<GetInfoResponse> {
    let id = HexBytes(core.id.to_vec()).to_json();
    Ok(GetInfoResponse {
        p2p_id: id.as_str().unwrap_or_default().to_owned(),
        mempool_size: core.mempool.figures().transactions as u64,
        server_version: RPC_VERSION.to_owned(),
        is_utxo_indexed: core.index.is_some(),
        is_synced: core.is_synced(),
        has_notify_command: true,
        has_message_id: true,
    })
}

pub(in super::super) fn server_info(
    core: &Core,
    _: &GetServerInfoRequest,
) -> Answer<GetServerInfoResponse> {
    Ok(GetServerInfoResponse {
        rpc_api_version: 1,
        rpc_api_revision: 0,
        server_version: RPC_VERSION.to_owned(),
        network_id: NetworkId(core.network()),
        has_utxo_index: core.index.is_some(),
        is_synced: core.is_synced(),
        virtual_daa_score: core.consensus.virtual_state().daa_score,
    })
}

pub(in super::super) fn sync_status(
    core: &Core,
    _: &GetSyncStatusRequest,
) -> Answer<GetSyncStatusResponse> {
    Ok(GetSyncStatusResponse { is_synced: core.is_synced() })
}

pub(in super::super) fn current_network(
    core: &Core,
    _: &GetCurrentNetworkRequest,
) -> Answer<GetCurrentNetworkResponse> {
    Ok(GetCurrentNetworkResponse { network: core.network() })
}

pub(in super::super) fn shutdown(core: &Core, _: &ShutdownRequest) -> Answer<ShutdownResponse> {
    core.require_unsafe()?;
    core.shutdown.cancel();
    Ok(ShutdownResponse {})
}

/// Figures of consensus; of the process and its connections `/metrics` tells.
pub(in super::super) fn metrics(
    core: &Core,
    asked: &GetMetricsRequest,
) -> Answer<GetMetricsResponse> {
    let consensus = asked.consensus_metrics.then(|| {
        let state = core.consensus.virtual_state();
        let headers = core.consensus.header_count() as u64;
        let bodies = core.consensus.body_count() as u64;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        ConsensusMetrics {
            node_blocks_submitted_count: core.submitted.load(Ordering::Relaxed),
            node_headers_processed_count: headers,
            node_dependencies_processed_count: 0,
            node_bodies_processed_count: bodies,
            node_transactions_processed_count: 0,
            node_chain_blocks_processed_count: 0,
            node_mass_processed_count: 0,
            node_database_blocks_count: bodies,
            node_database_headers_count: headers,
            network_mempool_size: core.mempool.figures().transactions as u64,
            network_tip_hashes_count: count(core.consensus.tips().len()),
            network_difficulty: core.consensus.difficulty(state.bits),
            network_past_median_time: state.past_median_time,
            network_virtual_parent_hashes_count: count(state.parents.len()),
            network_virtual_daa_score: state.daa_score,
        }
    });
    Ok(GetMetricsResponse {
        server_time: now_millis(),
        process_metrics: None,
        connection_metrics: None,
        bandwidth_metrics: None,
        consensus_metrics: consensus,
        storage_metrics: None,
        custom_metrics: None,
    })
}
