//! The DAG and its selected chain.

use quintet_primitives::Hash256;

use super::super::{
    Core, Failure,
    model::{
        EstimateNetworkHashesPerSecondRequest, EstimateNetworkHashesPerSecondResponse,
        GetBlockCountRequest, GetBlockCountResponse, GetBlockDagInfoRequest,
        GetBlockDagInfoResponse, GetCurrentBlockColorRequest, GetCurrentBlockColorResponse,
        GetDaaScoreTimestampEstimateRequest, GetDaaScoreTimestampEstimateResponse,
        GetHeadersRequest, GetHeadersResponse, GetSinkBlueScoreRequest, GetSinkBlueScoreResponse,
        GetSinkRequest, GetSinkResponse, GetSubnetworkRequest, GetSubnetworkResponse,
        GetVirtualChainFromBlockRequest, GetVirtualChainFromBlockResponse, RpcAcceptedIds,
    },
    wire::NetworkId,
};

type Answer<T> = Result<T, Failure>;

/// Longest window of an estimate, blocks, where calls are not trusted.
const SAFE_WINDOW_MAX: u32 = 10_000;

/// DAA scores asked for at once, at most.
const SCORES_MAX: usize = 10_000;

/// How often a batch holds as many blocks as one may merge.
const BATCH_MERGESETS: u64 = 10;

pub(in super::super) fn sink(core: &Core, _: &GetSinkRequest) -> Answer<GetSinkResponse> {
    Ok(GetSinkResponse { sink: core.consensus.sink() })
}

fn blue_score(core: &Core, hash: &Hash256) -> Answer<u64> {
    let place = core.consensus.place(hash);
    place.map(|place| place.blue_score).ok_or(Failure::UnknownBlock { hash: *hash })
}

pub(in super::super) fn sink_blue_score(
    core: &Core,
    _: &GetSinkBlueScoreRequest,
) -> Answer<GetSinkBlueScoreResponse> {
    Ok(GetSinkBlueScoreResponse { blue_score: blue_score(core, &core.consensus.sink())? })
}

pub(in super::super) fn block_count(
    core: &Core,
    _: &GetBlockCountRequest,
) -> Answer<GetBlockCountResponse> {
    Ok(GetBlockCountResponse {
        header_count: core.consensus.header_count() as u64,
        block_count: core.consensus.body_count() as u64,
    })
}

pub(in super::super) fn dag_info(
    core: &Core,
    _: &GetBlockDagInfoRequest,
) -> Answer<GetBlockDagInfoResponse> {
    let state = core.consensus.virtual_state();
    Ok(GetBlockDagInfoResponse {
        network: NetworkId(core.network()),
        block_count: core.consensus.body_count() as u64,
        header_count: core.consensus.header_count() as u64,
        tip_hashes: core.consensus.tips(),
        difficulty: core.consensus.difficulty(state.bits),
        past_median_time: state.past_median_time,
        virtual_parent_hashes: state.parent_hashes.clone(),
        pruning_point_hash: core.consensus.pruning_point(),
        virtual_daa_score: state.daa_score,
        sink: state.sink_hash(),
    })
}

pub(in super::super) fn virtual_chain(
    core: &Core,
    asked: &GetVirtualChainFromBlockRequest,
) -> Answer<GetVirtualChainFromBlockResponse> {
    let daa_score = core.consensus.virtual_state().daa_score;
    let merged = core.consensus.params().rules_at(daa_score).rate.mergeset_size_limit;
    let batch = usize::try_from(merged.saturating_mul(BATCH_MERGESETS)).unwrap_or(usize::MAX);
    let unknown = Failure::UnknownBlock { hash: asked.start_hash };
    let path = core.consensus.chain_from(&asked.start_hash, batch).ok_or(unknown)?;
    let mut added = path.added;
    if let Some(confirmations) = asked.min_confirmation_count.filter(|&count| count > 0) {
        let sink = blue_score(core, &core.consensus.sink())?;
        while let Some(last) = added.last() {
            if sink.saturating_sub(blue_score(core, last)?) > confirmations {
                break;
            }
            added.pop();
        }
    }
    let mut accepted = Vec::new();
    if asked.include_accepted_transaction_ids {
        let mut blocks = 0;
        for hash in &added {
            let Some(by) = core.consensus.accepted_by(hash)? else { break };
            blocks += by.merged.len();
            if blocks > batch && !accepted.is_empty() {
                break;
            }
            accepted.push(accepted_ids(by));
        }
        added.truncate(accepted.len());
    }
    Ok(GetVirtualChainFromBlockResponse {
        removed_chain_block_hashes: path.removed,
        added_chain_block_hashes: added,
        accepted_transaction_ids: accepted,
    })
}

/// Shows what a chain block accepted.
pub(crate) fn accepted_ids(by: crate::consensus::AcceptedBy) -> RpcAcceptedIds {
    RpcAcceptedIds {
        accepting_block_hash: by.block,
        accepted_transaction_ids: by.merged.into_iter().flat_map(|(_, ids)| ids).collect(),
    }
}

pub(in super::super) fn subnetwork(
    _: &Core,
    _: &GetSubnetworkRequest,
) -> Answer<GetSubnetworkResponse> {
    Err(Failure::NotImplemented)
}

/// As in the reference: known, and not made.
pub(in super::super) fn headers(_: &Core, _: &GetHeadersRequest) -> Answer<GetHeadersResponse> {
    Err(Failure::NotImplemented)
}

pub(in super::super) fn hashes_per_second(
    core: &Core,
    asked: &EstimateNetworkHashesPerSecondRequest,
) -> Answer<EstimateNetworkHashesPerSecondResponse> {
    let actual = asked.window_size;
    if !core.options.unsafe_rpc && actual > SAFE_WINDOW_MAX {
        return Err(Failure::WindowTooLong { actual, max: SAFE_WINDOW_MAX });
    }
    // All ones mean the virtual block, since the Go node.
    let virtual_block = Hash256::new([0xff; 32]);
    let start = asked.start_hash.filter(|hash| *hash != virtual_block);
    let start = start.unwrap_or_else(|| core.consensus.sink());
    let window = usize::try_from(actual).unwrap_or(usize::MAX);
    let too_few = || {
        Failure::General(format!(
            "difficulty error: under min allowed window size ({actual} < 1000)"
        ))
    };
    let network_hashes_per_second =
        core.consensus.hashes_per_second(&start, window).ok_or_else(too_few)?;
    Ok(EstimateNetworkHashesPerSecondResponse { network_hashes_per_second })
}

pub(in super::super) fn timestamps(
    core: &Core,
    asked: &GetDaaScoreTimestampEstimateRequest,
) -> Answer<GetDaaScoreTimestampEstimateResponse> {
    if asked.daa_scores.len() > SCORES_MAX {
        return Err(Failure::General(format!(
            "expected at most {SCORES_MAX} scores, got {}",
            asked.daa_scores.len()
        )));
    }
    Ok(GetDaaScoreTimestampEstimateResponse {
        timestamps: core.consensus.timestamps_at(&asked.daa_scores),
    })
}

/// Chain blocks looked through for the one that merged a block.
const MERGERS_MAX: usize = 100_000;

pub(in super::super) fn colour(
    core: &Core,
    asked: &GetCurrentBlockColorRequest,
) -> Answer<GetCurrentBlockColorResponse> {
    let hash = asked.hash;
    let none = || Failure::NoMerger { hash };
    let path = core.consensus.chain_from(&hash, MERGERS_MAX).ok_or_else(none)?;
    for chain_block in &path.added {
        let place = core.consensus.place(chain_block).ok_or_else(none)?;
        if place.blues.contains(&hash) {
            return Ok(GetCurrentBlockColorResponse { blue: true });
        }
        if place.reds.contains(&hash) {
            return Ok(GetCurrentBlockColorResponse { blue: false });
        }
    }
    Err(none())
}
