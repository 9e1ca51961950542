//! The pool: what is in it, what comes into it, what one should pay.

use std::{collections::HashSet, sync::Arc};

use quintet_kaspa_protocol::{
    address::Address,
    mass::tx_mass,
    mempool::{Bucket, PoolEntry, Priority, Replacement},
    tx::{ScriptPublicKey, Transaction},
};
use quintet_primitives::Hash256;

use super::super::{
    Core, Failure,
    model::{
        FeeBucket, FeeEstimate, FeeEstimateVerbose, GetFeeEstimateExperimentalRequest,
        GetFeeEstimateExperimentalResponse, GetFeeEstimateRequest, GetFeeEstimateResponse,
        GetMempoolEntriesByAddressesRequest, GetMempoolEntriesByAddressesResponse,
        GetMempoolEntriesRequest, GetMempoolEntriesResponse, GetMempoolEntryRequest,
        GetMempoolEntryResponse, RpcMempoolEntry, RpcMempoolEntryByAddress, RpcTransaction,
        RpcTransactionVerbose, SubmitTransactionReplacementRequest,
        SubmitTransactionReplacementResponse, SubmitTransactionRequest, SubmitTransactionResponse,
        transaction_of,
    },
};
use crate::mempool::{Inserted, OrphanRule, Submission};

type Answer<T> = Result<T, Failure>;

/// Which transactions are meant.
#[derive(Debug, Clone, Copy)]
struct Query {
    pool: bool,
    orphans: bool,
}

impl Query {
    const fn new(filter_pool: bool, include_orphans: bool) -> Answer<Self> {
        if filter_pool && !include_orphans {
            return Err(Failure::EmptyQuery);
        }
        Ok(Self { pool: !filter_pool, orphans: include_orphans })
    }
}

fn show(core: &Core, id: Hash256, tx: &Transaction, fee: u64, is_orphan: bool) -> RpcMempoolEntry {
    let verbose = RpcTransactionVerbose {
        transaction_id: id,
        hash: tx.hash(),
        compute_mass: tx_mass(core.consensus.params(), tx).compute,
        block_hash: Hash256::default(),
        block_time: 0,
    };
    let transaction = RpcTransaction::of(tx, Some((core.prefix(), verbose)));
    RpcMempoolEntry { fee, transaction, is_orphan }
}

pub(in super::super) fn entry(
    core: &Core,
    asked: &GetMempoolEntryRequest,
) -> Answer<GetMempoolEntryResponse> {
    let query = Query::new(asked.filter_transaction_pool, asked.include_orphan_pool)?;
    let id = asked.transaction_id;
    let found = core.mempool.read(|pool| {
        let known = pool.get(&id).filter(|_| query.pool);
        let known = known.map(|entry| (Arc::clone(&entry.checked.tx), entry.checked.fee, false));
        let orphan = || pool.orphan(&id).filter(|_| query.orphans);
        known.or_else(|| orphan().map(|tx| (Arc::clone(tx), 0, true)))
    });
    let (tx, fee, is_orphan) = found.ok_or(Failure::UnknownTransaction { id })?;
    Ok(GetMempoolEntryResponse { mempool_entry: show(core, id, &tx, fee, is_orphan) })
}

/// What is shown of a transaction of the pool.
type Seen = (Hash256, Arc<Transaction>, u64, bool);

/// Returns the transactions meant: first those of the pool, then orphans.
fn seen(
    core: &Core,
    query: Query,
    mut wanted: impl FnMut(&Transaction, Option<&PoolEntry>) -> bool,
) -> Vec<Seen> {
    core.mempool.read(|pool| {
        let mut all = Vec::new();
        if query.pool {
            for (id, entry) in pool.iter() {
                if wanted(&entry.checked.tx, Some(entry)) {
                    all.push((*id, Arc::clone(&entry.checked.tx), entry.checked.fee, false));
                }
            }
        }
        if query.orphans {
            for (id, tx) in pool.iter_orphans() {
                if wanted(tx, None) {
                    all.push((*id, Arc::clone(tx), 0, true));
                }
            }
        }
        all
    })
}

pub(in super::super) fn entries(
    core: &Core,
    asked: &GetMempoolEntriesRequest,
) -> Answer<GetMempoolEntriesResponse> {
    let query = Query::new(asked.filter_transaction_pool, asked.include_orphan_pool)?;
    let all = seen(core, query, |_, _| true);
    let shown = all.iter().map(|(id, tx, fee, is_orphan)| show(core, *id, tx, *fee, *is_orphan));
    Ok(GetMempoolEntriesResponse { mempool_entries: shown.collect() })
}

pub(in super::super) fn entries_by_addresses(
    core: &Core,
    asked: &GetMempoolEntriesByAddressesRequest,
) -> Answer<GetMempoolEntriesByAddressesResponse> {
    let query = Query::new(asked.filter_transaction_pool, asked.include_orphan_pool)?;
    let of = |address: &Address| {
        let script = address.script();
        let is_mine = |other: &ScriptPublicKey| *other == script;
        let (mut sending, mut receiving) = (HashSet::new(), HashSet::new());
        let all = seen(core, query, |tx, entry| {
            let spends = entry.is_some_and(|entry| {
                entry.checked.entries.iter().any(|spent| is_mine(&spent.script_public_key))
            });
            let pays = tx.outputs.iter().any(|output| is_mine(&output.script_public_key));
            if spends {
                sending.insert(tx.id());
            }
            if pays {
                receiving.insert(tx.id());
            }
            spends || pays
        });
        let pick = |ids: &HashSet<Hash256>| {
            let mine = all.iter().filter(|(id, ..)| ids.contains(id));
            mine.map(|(id, tx, fee, orphan)| show(core, *id, tx, *fee, *orphan)).collect()
        };
        let (sending, receiving) = (pick(&sending), pick(&receiving));
        RpcMempoolEntryByAddress { address: address.clone(), sending, receiving }
    };
    let entries = asked.addresses.iter().map(of);
    // Who has nothing there is not named.
    let entries = entries.filter(|entry| !entry.sending.is_empty() || !entry.receiving.is_empty());
    Ok(GetMempoolEntriesByAddressesResponse { entries: entries.collect() })
}

fn take(
    core: &Core,
    tx: RpcTransaction,
    orphan: OrphanRule,
    replacement: Replacement,
) -> Answer<(Hash256, Inserted)> {
    let tx = transaction_of(tx);
    let id = tx.id();
    let how = Submission { priority: Priority::High, orphan, replacement };
    let inserted = core
        .mempool
        .submit(tx, how)
        .map_err(|error| Failure::Rejected { id, reason: error.to_string() })?;
    core.peers.announce(&inserted.accepted);
    Ok((id, inserted))
}

pub(in super::super) fn submit(
    core: &Core,
    asked: &SubmitTransactionRequest,
) -> Answer<SubmitTransactionResponse> {
    let allowed = asked.allow_orphan && core.options.unsafe_rpc;
    let orphan = if allowed { OrphanRule::Allowed } else { OrphanRule::Forbidden };
    let (transaction_id, _) =
        take(core, asked.transaction.clone(), orphan, Replacement::Forbidden)?;
    Ok(SubmitTransactionResponse { transaction_id })
}

pub(in super::super) fn replace(
    core: &Core,
    asked: &SubmitTransactionReplacementRequest,
) -> Answer<SubmitTransactionReplacementResponse> {
    let (transaction_id, inserted) =
        take(core, asked.transaction.clone(), OrphanRule::Forbidden, Replacement::Mandatory)?;
    let replaced = inserted.replaced.first();
    let replaced = replaced.ok_or_else(|| {
        Failure::General("expected a transaction to be replaced, none was".to_owned())
    })?;
    let replaced_transaction = RpcTransaction::of(replaced, None);
    Ok(SubmitTransactionReplacementResponse { transaction_id, replaced_transaction })
}

fn estimate(core: &Core) -> FeeEstimate {
    let found = core.mempool.estimate();
    let bucket =
        |bucket: Bucket| FeeBucket { feerate: bucket.feerate, estimated_seconds: bucket.seconds };
    FeeEstimate {
        priority_bucket: bucket(found.priority),
        normal_buckets: found.normal.into_iter().map(bucket).collect(),
        low_buckets: vec![bucket(found.low)],
    }
}

pub(in super::super) fn fee_estimate(
    core: &Core,
    _: &GetFeeEstimateRequest,
) -> Answer<GetFeeEstimateResponse> {
    Ok(GetFeeEstimateResponse { estimate: estimate(core) })
}

pub(in super::super) fn fee_estimate_verbose(
    core: &Core,
    asked: &GetFeeEstimateExperimentalRequest,
) -> Answer<GetFeeEstimateExperimentalResponse> {
    let verbose = asked.verbose.then(|| {
        let figures = core.mempool.figures();
        let (mass, rate) = core
            .mempool
            .read(|pool| (pool.policy().block_mass.compute, pool.policy().blocks_per_second));
        FeeEstimateVerbose {
            mempool_ready_transactions_count: figures.ready as u64,
            mempool_ready_transactions_total_mass: figures.ready_mass,
            network_mass_per_second: mass.saturating_mul(rate),
            next_block_template_feerate_min: -1.0,
            next_block_template_feerate_median: -1.0,
            next_block_template_feerate_max: -1.0,
        }
    });
    Ok(GetFeeEstimateExperimentalResponse { estimate: estimate(core), verbose })
}
