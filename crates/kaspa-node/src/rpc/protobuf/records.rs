//! Which field of a record has which number.

use quintet_kaspa_protocol::{
    tx::{CovenantBinding, ScriptPublicKey},
    wire::Value,
};

#[cfg_attr(
    not(test),
    expect(clippy::wildcard_imports, reason = "every record is in the table below")
)]
use super::super::model::*;
use super::{
    super::wire::WireError,
    Message, Proto, Room, each_field,
    parts::{PrefixedNetwork, bytes_of},
    put_message, settle,
};

/// Makes records messages: `number field` in the order of the numbers, `number field as Form` where it lies there in another form,
/// `lacking field` where protobuf has none. A record without a default is an error where it is not there.
macro_rules! messages {
    ($($name:ident { $($number:literal $field:ident $(as $form:ident)?,)* $(lacking $lacking:ident,)* })*) => {$(
        impl Message for $name {
            #[allow(unused_variables, reason = "a record may be empty")]
            fn put_fields(&self, out: &mut Vec<u8>) {
                $(messages!(@put self.$field $($form)?, $number, out);)*
            }

            #[allow(unused_variables, reason = "a record may be empty")]
            fn of_fields(bytes: &[u8], room: &mut Room) -> Result<Self, WireError> {
                $(let mut $field = None;)*
                each_field(bytes, |number, value| match number {
                    $($number => messages!(@merge $field $($form)?, value, room),)*
                    _ => Ok(()),
                })?;
                Ok(Self {
                    $($field: messages!(@settle $field $($form)?),)*
                    $($lacking: Default::default(),)*
                })
            }
        }

        in_a_field!($name);
    )*};
    (@put $self:ident.$field:ident, $number:literal, $out:ident) => {
        if !Proto::is_default(&$self.$field) {
            Proto::put_field(&$self.$field, $number, $out);
        }
    };
    (@put $self:ident.$field:ident $form:ident, $number:literal, $out:ident) => {
        $form($self.$field.clone()).put_field($number, $out)
    };
    (@merge $field:ident, $value:ident, $room:ident) => {
        Proto::merge(&mut $field, $value, $room).map_err(|error| super::named(stringify!($field), error))
    };
    (@merge $field:ident $form:ident, $value:ident, $room:ident) => {
        <$form as Proto>::merge(&mut $field, $value, $room)
            .map_err(|error| super::named(stringify!($field), error))
    };
    (@settle $field:ident) => { settle(stringify!($field), $field)? };
    (@settle $field:ident $form:ident) => { settle::<$form>(stringify!($field), $field)?.0 };
}

/// Lets a message lie in a field.
macro_rules! in_a_field {
    ($($name:ident),*) => {$(
        impl Proto for $name {
            fn merge(slot: &mut Option<Self>, value: Value<'_>, room: &mut Room) -> Result<(), WireError> {
                *slot = Some(Self::of_fields(bytes_of("a message", value)?, room)?);
                Ok(())
            }

            fn absent() -> Result<Self, WireError> {
                Err(WireError::new(concat!("a ", stringify!($name)), "nothing"))
            }

            fn put_field(&self, number: u32, out: &mut Vec<u8>) {
                put_message(self, number, out);
            }
        }
    )*};
}
in_a_field!(ScriptPublicKey, RpcTransaction);

messages! {
    RpcOutpoint { 1 transaction_id, 2 index, }
    RpcUtxoEntry {
        1 amount, 2 script_public_key, 3 block_daa_score, 4 is_coinbase, 6 covenant_id,
    }
    RpcInputVerbose {}
    RpcInput {
        1 previous_outpoint, 2 signature_script, 3 sequence, 4 verbose_data, 5 sig_op_count,
        6 compute_budget,
    }
    RpcOutputVerbose { 5 script_public_key_type, 6 script_public_key_address, }
    RpcOutput { 1 value, 2 script_public_key, 3 verbose_data, 4 covenant, }
    CovenantBinding { 1 authorizing_input, 2 covenant_id, }
    RpcTransactionVerbose {
        1 transaction_id, 2 hash, 4 compute_mass, 12 block_hash, 14 block_time,
    }
    TransactionFields {
        1 version, 2 inputs, 3 outputs, 4 lock_time, 5 subnetwork_id, 6 gas, 8 payload,
        9 verbose_data, 10 storage_mass,
    }
    RpcMempoolEntry { 1 fee, 3 transaction, 4 is_orphan, }
    RpcMempoolEntryByAddress { 1 address, 2 sending, 3 receiving, }
    RpcUtxoByAddress { 1 address, 2 outpoint, 3 utxo_entry, }
    RpcAcceptedIds { 1 accepting_block_hash, 2 accepted_transaction_ids, }
    RpcRawHeader {
        1 version, 3 hash_merkle_root, 4 accepted_id_merkle_root, 5 utxo_commitment, 6 timestamp,
        7 bits, 8 nonce, 9 daa_score, 10 blue_work, 12 parents_by_level, 13 blue_score,
        14 pruning_point,
    }
    RpcHeader {
        1 version, 3 hash_merkle_root, 4 accepted_id_merkle_root, 5 utxo_commitment, 6 timestamp,
        7 bits, 8 nonce, 9 daa_score, 10 blue_work, 12 parents_by_level, 13 blue_score,
        14 pruning_point, 15 hash,
    }
    RpcRawBlock { 1 header, 2 transactions, }
    RpcBlock { 1 header, 2 transactions, 3 verbose_data, }
    RpcBlockVerbose {
        1 hash, 11 difficulty, 13 selected_parent_hash, 14 transaction_ids, 15 is_header_only,
        16 blue_score, 17 children_hashes, 18 merge_set_blues_hashes, 19 merge_set_reds_hashes,
        20 is_chain_block,
    }
    PeerInfo {
        1 id, 2 address, 3 last_ping_duration, 6 is_outbound, 7 time_offset, 8 user_agent,
        9 advertised_protocol_version, 10 time_connected, 11 is_ibd_peer,
    }
    Balance { 1 address, 2 balance, }
    FeeBucket { 1 feerate, 2 estimated_seconds, }
    FeeEstimate { 1 priority_bucket, 2 normal_buckets, 3 low_buckets, }
    FeeEstimateVerbose {
        1 mempool_ready_transactions_count, 2 mempool_ready_transactions_total_mass,
        3 network_mass_per_second, 11 next_block_template_feerate_min,
        12 next_block_template_feerate_median, 13 next_block_template_feerate_max,
    }
    ConsensusMetrics {
        1 node_blocks_submitted_count, 2 node_headers_processed_count,
        3 node_dependencies_processed_count, 4 node_bodies_processed_count,
        5 node_transactions_processed_count, 6 node_chain_blocks_processed_count,
        7 node_mass_processed_count, 11 node_database_blocks_count, 12 node_database_headers_count,
        13 network_mempool_size, 14 network_tip_hashes_count, 15 network_difficulty,
        16 network_past_median_time, 17 network_virtual_parent_hashes_count,
        18 network_virtual_daa_score,
    }
    Nothing {}

    GetCurrentNetworkRequest {}
    GetCurrentNetworkResponse { 1 network, }
    SubmitBlockRequest { 2 block, 3 allow_non_daa_blocks, }
    GetBlockTemplateRequest { 1 pay_address, 2 extra_data, }
    GetBlockTemplateResponse { 2 is_synced, 3 block, }
    GetPeerAddressesRequest {}
    GetPeerAddressesResponse { 1 known_addresses, 2 banned_addresses, }
    GetSinkRequest {}
    GetSinkResponse { 1 sink, }
    GetMempoolEntryRequest {
        1 transaction_id, 2 include_orphan_pool, 3 filter_transaction_pool,
    }
    GetMempoolEntryResponse { 1 mempool_entry, }
    GetMempoolEntriesRequest { 1 include_orphan_pool, 2 filter_transaction_pool, }
    GetMempoolEntriesResponse { 1 mempool_entries, }
    GetConnectedPeerInfoRequest {}
    GetConnectedPeerInfoResponse { 1 peer_info, }
    AddPeerRequest { 1 peer_address, 2 is_permanent, }
    AddPeerResponse {}
    SubmitTransactionRequest { 1 transaction, 2 allow_orphan, }
    SubmitTransactionResponse { 1 transaction_id, }
    SubmitTransactionReplacementRequest { 1 transaction, }
    SubmitTransactionReplacementResponse { 1 transaction_id, 2 replaced_transaction, }
    GetBlockRequest { 1 hash, 3 include_transactions, }
    GetBlockResponse { 3 block, }
    GetSubnetworkRequest { 1 subnetwork_id, }
    GetSubnetworkResponse { 1 gas_limit, }
    GetVirtualChainFromBlockRequest {
        1 start_hash, 2 include_accepted_transaction_ids, 3 min_confirmation_count,
    }
    GetVirtualChainFromBlockResponse {
        1 removed_chain_block_hashes, 2 accepted_transaction_ids, 3 added_chain_block_hashes,
    }
    GetBlocksRequest { 1 low_hash, 2 include_blocks, 3 include_transactions, }
    GetBlocksResponse { 3 blocks, 4 block_hashes, }
    GetBlockCountRequest {}
    GetBlockCountResponse { 1 block_count, 2 header_count, }
    GetBlockDagInfoRequest {}
    GetBlockDagInfoResponse {
        1 network as PrefixedNetwork, 2 block_count, 3 header_count, 4 tip_hashes, 5 difficulty,
        6 past_median_time, 7 virtual_parent_hashes, 8 pruning_point_hash, 9 virtual_daa_score,
        10 sink,
    }
    ShutdownRequest {}
    ShutdownResponse {}
    GetUtxosByAddressesRequest { 1 addresses, }
    GetUtxosByAddressesResponse { 1 entries, }
    GetHeadersRequest { 1 start_hash, 2 limit, 3 is_ascending, }
    GetSinkBlueScoreRequest {}
    GetSinkBlueScoreResponse { 1 blue_score, }
    BanRequest { 1 ip, }
    BanResponse {}
    UnbanRequest { 1 ip, }
    UnbanResponse {}
    GetInfoRequest {}
    GetInfoResponse {
        1 p2p_id, 2 mempool_size, 3 server_version, 4 is_utxo_indexed, 5 is_synced,
        11 has_notify_command, 12 has_message_id,
    }
    EstimateNetworkHashesPerSecondRequest { 1 window_size, 2 start_hash, }
    EstimateNetworkHashesPerSecondResponse { 1 network_hashes_per_second, }
    GetBalanceByAddressRequest { 1 address, }
    GetBalanceByAddressResponse { 1 balance, }
    GetBalancesByAddressesRequest { 1 addresses, }
    GetBalancesByAddressesResponse { 1 entries, }
    GetMempoolEntriesByAddressesRequest {
        1 addresses, 2 include_orphan_pool, 3 filter_transaction_pool,
    }
    GetMempoolEntriesByAddressesResponse { 1 entries, }
    GetCoinSupplyRequest {}
    GetCoinSupplyResponse { 1 max_sompi, 2 circulating_sompi, }
    PingRequest {}
    PingResponse {}
    GetMetricsRequest {
        1 process_metrics, 2 connection_metrics, 3 bandwidth_metrics, 4 consensus_metrics,
        5 storage_metrics, 6 custom_metrics,
    }
    GetMetricsResponse {
        1 server_time, 11 process_metrics, 12 connection_metrics, 13 bandwidth_metrics,
        14 consensus_metrics, 15 storage_metrics, lacking custom_metrics,
    }
    GetServerInfoRequest {}
    GetServerInfoResponse {
        1 rpc_api_version, 2 rpc_api_revision, 3 server_version, 4 network_id, 5 has_utxo_index,
        6 is_synced, 7 virtual_daa_score,
    }
    GetSystemInfoRequest {}
    GetSystemInfoResponse {
        1 version, 2 system_id, 3 git_hash, 4 cpu_physical_cores, 5 total_memory, 6 fd_limit,
        7 proxy_socket_limit_per_cpu_core,
    }
    GetSyncStatusRequest {}
    GetSyncStatusResponse { 1 is_synced, }
    GetDaaScoreTimestampEstimateRequest { 1 daa_scores, }
    GetDaaScoreTimestampEstimateResponse { 1 timestamps, }
    GetConnectionsRequest { 1 include_profile_data, }
    GetConnectionsResponse { 1 clients, 2 peers, 3 profile_data, }
    GetFeeEstimateRequest {}
    GetFeeEstimateResponse { 1 estimate, }
    GetFeeEstimateExperimentalRequest { 1 verbose, }
    GetFeeEstimateExperimentalResponse { 1 estimate, 2 verbose, }
    GetCurrentBlockColorRequest { 1 hash, }
    GetCurrentBlockColorResponse { 1 blue, }

    BlockAdded { 3 block, }
    VirtualChainChanged {
        1 removed_chain_block_hashes, 2 accepted_transaction_ids, 3 added_chain_block_hashes,
    }
    FinalityConflict { 1 violating_block_hash, }
    UtxosChanged { 1 added, 2 removed, }
    SinkBlueScoreChanged { 1 sink_blue_score, }
    VirtualDaaScoreChanged { 1 virtual_daa_score, }
    PruningPointUtxoSetOverride {}
    NewBlockTemplate {}
}

impl Message for RpcTransaction {
    fn put_fields(&self, out: &mut Vec<u8>) {
        self.0.put_fields(out);
    }

    fn of_fields(bytes: &[u8], room: &mut Room) -> Result<Self, WireError> {
        TransactionFields::of_fields(bytes, room).map(Self)
    }
}

/// Headers are told by their hashes; nothing fills the list yet.
impl Message for GetHeadersResponse {
    fn put_fields(&self, out: &mut Vec<u8>) {
        self.headers.iter().for_each(|header| header.hash.put_field(1, out));
    }

    fn of_fields(_: &[u8], _: &mut Room) -> Result<Self, WireError> {
        Err(WireError::new("headers to be told, not read", "hashes"))
    }
}

/// The one answer that says why not beside what it says: a choice, and the words in the place of an error.
///
/// A node that has too much to do is not among the choices; the words alone say that.
impl Message for SubmitBlockResponse {
    fn put_fields(&self, out: &mut Vec<u8>) {
        let (reason, words) = match self.report {
            SubmitReport::Success => return,
            SubmitReport::BlockInvalid => (BLOCK_INVALID, "block is invalid"),
            SubmitReport::IsInIbd => (IS_IN_IBD, "node is not synced"),
            SubmitReport::RouteIsFull => (0, "route is full"),
        };
        if reason != 0 {
            reason.put_field(1, out);
        }
        super::put_error(&format!("Block was not submitted: {words}"), out);
    }

    fn of_fields(bytes: &[u8], room: &mut Room) -> Result<Self, WireError> {
        let (mut reason, mut is_refused) = (Some(0_u32), false);
        each_field(bytes, |number, value| match number {
            1 => Proto::merge(&mut reason, value, room),
            super::ERROR => {
                is_refused = true;
                Ok(())
            }
            _ => Ok(()),
        })?;
        let report = match (reason.unwrap_or(0), is_refused) {
            (0, false) => SubmitReport::Success,
            (0, true) => SubmitReport::RouteIsFull,
            (BLOCK_INVALID, _) => SubmitReport::BlockInvalid,
            (IS_IN_IBD, _) => SubmitReport::IsInIbd,
            (other, _) => return Err(WireError::new("a reason, 0 to 2", other.to_string())),
        };
        Ok(Self { report })
    }
}

const BLOCK_INVALID: u32 = 1;
const IS_IN_IBD: u32 = 2;
