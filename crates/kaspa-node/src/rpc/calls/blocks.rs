//! Blocks: shown, made and taken.

use quintet_kaspa_protocol::{block::Block, coinbase::MinerData, mass::tx_mass, tx::Transaction};
use quintet_primitives::Hash256;
use tracing::warn;

use super::super::{
    Core, Failure, RPC_VERSION,
    model::{
        GetBlockRequest, GetBlockResponse, GetBlockTemplateRequest, GetBlockTemplateResponse,
        GetBlocksRequest, GetBlocksResponse, RpcBlock, RpcBlockVerbose, RpcTransaction,
        RpcTransactionVerbose, SubmitBlockRequest, SubmitBlockResponse, SubmitReport,
    },
};
use crate::consensus::Outcome;

type Answer<T> = Result<T, Failure>;

/// Shows a block.
pub(crate) fn show(core: &Core, hash: &Hash256, with_transactions: bool) -> Answer<RpcBlock> {
    let unknown = || Failure::UnknownBlock { hash: *hash };
    let consensus = &core.consensus;
    let header = consensus.header(hash)?.ok_or_else(unknown)?;
    let place = consensus.place(hash).ok_or_else(unknown)?;
    let block = if with_transactions { consensus.block(hash)? } else { None };
    let transactions = block.map(|block| block.transactions).unwrap_or_default();
    let shown = |tx: &Transaction| {
        let verbose = RpcTransactionVerbose {
            transaction_id: tx.id(),
            hash: tx.hash(),
            compute_mass: tx_mass(consensus.params(), tx).compute,
            block_hash: *hash,
            block_time: header.timestamp,
        };
        RpcTransaction::of(tx, Some((core.prefix(), verbose)))
    };
    Ok(RpcBlock {
        transactions: transactions.iter().map(shown).collect(),
        verbose_data: Some(RpcBlockVerbose {
            hash: *hash,
            difficulty: consensus.difficulty(header.bits),
            selected_parent_hash: place.selected_parent,
            transaction_ids: transactions.iter().map(Transaction::id).collect(),
            is_header_only: !place.status.has_body(),
            blue_score: place.blue_score,
            children_hashes: place.children,
            merge_set_blues_hashes: place.blues,
            merge_set_reds_hashes: place.reds,
            is_chain_block: place.is_chain_block,
        }),
        header: (&*header).into(),
    })
}

pub(in super::super) fn block(core: &Core, asked: &GetBlockRequest) -> Answer<GetBlockResponse> {
    Ok(GetBlockResponse { block: show(core, &asked.hash, asked.include_transactions)? })
}

pub(in super::super) fn blocks(core: &Core, asked: &GetBlocksRequest) -> Answer<GetBlocksResponse> {
    if !asked.include_blocks && asked.include_transactions {
        return Err(Failure::BlocksWithoutBlocks);
    }
    let params = core.consensus.params();
    let low = asked.low_hash.unwrap_or_else(|| params.genesis.header().hash());
    let daa_score = core.consensus.virtual_state().daa_score;
    let limit = params.rules_at(daa_score).rate.mergeset_size_limit.saturating_add(1);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let unknown = Failure::UnknownBlock { hash: low };
    let block_hashes = core.consensus.blocks_from(&low, limit).ok_or(unknown)?;
    let mut blocks = Vec::new();
    if asked.include_blocks {
        for hash in &block_hashes {
            blocks.push(show(core, hash, asked.include_transactions)?);
        }
    }
    Ok(GetBlocksResponse { block_hashes, blocks })
}

pub(in super::super) fn template(
    core: &Core,
    asked: &GetBlockTemplateRequest,
) -> Answer<GetBlockTemplateResponse> {
    let is_main = core.network() == quintet_kaspa_protocol::params::Network::Mainnet;
    if is_main && !core.options.mainnet_mining {
        return Err(Failure::General(
            "mining on mainnet is off; run the node with --enable-mainnet-mining".to_owned(),
        ));
    }
    if asked.pay_address.prefix() != core.prefix() {
        let given = asked.pay_address.prefix().as_str();
        return Err(Failure::General(format!("The address has an invalid prefix {given}")));
    }
    let mut extra_data = format!("{RPC_VERSION}/").into_bytes();
    extra_data.extend_from_slice(&asked.extra_data);
    let miner =
        MinerData { script_public_key: asked.pay_address.script(), extra_data: &extra_data };
    let template = core.templates.get(&miner)?;
    Ok(GetBlockTemplateResponse { block: (&template.block).into(), is_synced: core.should_mine() })
}

pub(in super::super) fn submit(
    core: &Core,
    asked: &SubmitBlockRequest,
) -> Answer<SubmitBlockResponse> {
    let answer = |report| Ok(SubmitBlockResponse { report });
    if !core.should_mine() {
        return answer(SubmitReport::IsInIbd);
    }
    let Ok(block) = Block::try_from(asked.block.clone()) else {
        return answer(SubmitReport::BlockInvalid);
    };
    if !asked.allow_non_daa_blocks {
        let daa_score = core.consensus.virtual_state().daa_score;
        let window = core.consensus.params().rules_at(daa_score).difficulty_window_blocks();
        // What is so old was made of a template nobody should mine on any more.
        if daa_score > window && block.header.daa_score < daa_score - window {
            return answer(SubmitReport::BlockInvalid);
        }
    }
    core.count_submitted();
    let hash = block.header.hash();
    let outcome = core.pipeline.submit_attached(block).wait()?;
    if let Outcome::Refused(error) = outcome {
        warn!(%error, "a block that a client submitted was refused");
        return answer(SubmitReport::BlockInvalid);
    }
    // What is acknowledged outlives a crash; the block may be known by a submission that is not written out yet.
    core.consensus.write_out()?;
    if matches!(outcome, Outcome::Accepted(_)) {
        core.peers.announce_block(hash);
    }
    answer(SubmitReport::Success)
}
