//! Requests and answers, method by method.

use std::net::IpAddr;

use quintet_kaspa_protocol::{address::Address, params::Network, tx::SubnetworkId};
use quintet_primitives::Hash256;
use serde_json::{Value, json};

use super::{
    super::wire::{HexBytes, NetworkId, Wire, WireError, record, uuid},
    RpcAcceptedIds, RpcBlock, RpcHeader, RpcMempoolEntry, RpcMempoolEntryByAddress, RpcRawBlock,
    RpcTransaction, RpcUtxoByAddress,
};

/// Defines a request and its answer.
macro_rules! calls {
    ($($(#[$meta:meta])* $request:ident => $response:ident
        $rv:literal { $($field:ident: $type:ty = $shape:ident,)* }
        $av:literal { $($answer:ident: $answer_type:ty = $answer_shape:ident,)* }
    )*) => {$(
        record! {
            $(#[$meta])*
            #[allow(missing_docs, reason = "the fields have the names of the reference")]
            $request u16 $rv { $($field: $type = $shape,)* }
        }
        record! {
            /// The answer.
            #[allow(missing_docs, reason = "the fields have the names of the reference")]
            $response u16 $av { $($answer: $answer_type = $answer_shape,)* }
        }
    )*};
}

/// The same where nothing is asked with.
macro_rules! bare_calls {
    ($($(#[$meta:meta])* $request:ident => $response:ident {
        $($answer:ident: $answer_type:ty = $answer_shape:ident,)*
    })*) => {$(
        record! {
            $(#[$meta])*
            $request u16 1 {}
        }
        record! {
            /// The answer.
            #[allow(missing_docs, reason = "the fields have the names of the reference")]
            $response u16 1 { $($answer: $answer_type = $answer_shape,)* }
        }
    )*};
}

bare_calls! {
    /// What node this is.
    GetInfoRequest => GetInfoResponse {
        p2p_id: String = plain,
        mempool_size: u64 = plain,
        server_version: String = plain,
        is_utxo_indexed: bool = plain,
        is_synced: bool = plain,
        has_notify_command: bool = plain,
        has_message_id: bool = plain,
    }
    /// The type of network.
    GetCurrentNetworkRequest => GetCurrentNetworkResponse {
        network: Network = plain,
    }
    /// Known and banned addresses of peers.
    GetPeerAddressesRequest => GetPeerAddressesResponse {
        known_addresses: Vec<PeerAddress> = plain,
        banned_addresses: Vec<IpAddr> = plain,
    }
    /// The tip of the selected chain.
    GetSinkRequest => GetSinkResponse {
        sink: Hash256 = plain,
    }
    /// Peers connected.
    GetConnectedPeerInfoRequest => GetConnectedPeerInfoResponse {
        peer_info: Vec<PeerInfo> = plain,
    }
    /// Blocks and headers kept.
    GetBlockCountRequest => GetBlockCountResponse {
        header_count: u64 = plain,
        block_count: u64 = plain,
    }
    /// The state of the DAG.
    GetBlockDagInfoRequest => GetBlockDagInfoResponse {
        network: NetworkId = plain,
        block_count: u64 = plain,
        header_count: u64 = plain,
        tip_hashes: Vec<Hash256> = plain,
        difficulty: f64 = plain,
        past_median_time: u64 = plain,
        virtual_parent_hashes: Vec<Hash256> = plain,
        pruning_point_hash: Hash256 = plain,
        virtual_daa_score: u64 = plain,
        sink: Hash256 = plain,
    }
    /// Blues in the sink's past.
    GetSinkBlueScoreRequest => GetSinkBlueScoreResponse {
        blue_score: u64 = plain,
    }
    /// Coins there are and coins there can be.
    GetCoinSupplyRequest => GetCoinSupplyResponse {
        max_sompi: u64 = plain,
        circulating_sompi: u64 = plain,
    }
    /// What server this is.
    GetServerInfoRequest => GetServerInfoResponse {
        rpc_api_version: u16 = plain,
        rpc_api_revision: u16 = plain,
        server_version: String = plain,
        network_id: NetworkId = plain,
        has_utxo_index: bool = plain,
        is_synced: bool = plain,
        virtual_daa_score: u64 = plain,
    }
    /// Whether the node is up with the network.
    GetSyncStatusRequest => GetSyncStatusResponse {
        is_synced: bool = plain,
    }
    /// Fee rates to choose from.
    GetFeeEstimateRequest => GetFeeEstimateResponse {
        estimate: FeeEstimate = payload,
    }
    /// Ends the node.
    ShutdownRequest => ShutdownResponse {}
}

calls! {
    /// Takes a mined block.
    SubmitBlockRequest => SubmitBlockResponse
        1 { block: RpcRawBlock = payload, allow_non_daa_blocks: bool = plain, }
        1 { report: SubmitReport = plain, }
    /// A block to mine.
    GetBlockTemplateRequest => GetBlockTemplateResponse
        1 { pay_address: Address = plain, extra_data: Vec<u8> = plain, }
        1 { block: RpcRawBlock = payload, is_synced: bool = plain, }
    /// A block.
    GetBlockRequest => GetBlockResponse
        1 { hash: Hash256 = plain, include_transactions: bool = plain, }
        1 { block: RpcBlock = payload, }
    /// A transaction of the pool.
    GetMempoolEntryRequest => GetMempoolEntryResponse
        1 {
            transaction_id: Hash256 = plain,
            include_orphan_pool: bool = plain,
            filter_transaction_pool: bool = plain,
        }
        1 { mempool_entry: RpcMempoolEntry = payload, }
    /// The pool.
    GetMempoolEntriesRequest => GetMempoolEntriesResponse
        1 { include_orphan_pool: bool = plain, filter_transaction_pool: bool = plain, }
        1 { mempool_entries: Vec<RpcMempoolEntry> = payload, }
    /// The pool, by addresses.
    GetMempoolEntriesByAddressesRequest => GetMempoolEntriesByAddressesResponse
        1 {
            addresses: Vec<Address> = plain,
            include_orphan_pool: bool = plain,
            filter_transaction_pool: bool = plain,
        }
        1 { entries: Vec<RpcMempoolEntryByAddress> = payload, }
    /// Connects to a peer.
    AddPeerRequest => AddPeerResponse
        1 { peer_address: ContextualAddress = plain, is_permanent: bool = plain, }
        1 {}
    /// Bans an address.
    BanRequest => BanResponse
        1 { ip: IpAddr = plain, }
        1 {}
    /// Lifts a ban.
    UnbanRequest => UnbanResponse
        1 { ip: IpAddr = plain, }
        1 {}
    /// Takes a transaction.
    SubmitTransactionRequest => SubmitTransactionResponse
        1 { transaction: RpcTransaction = payload, allow_orphan: bool = plain, }
        1 { transaction_id: Hash256 = plain, }
    /// Takes a transaction in place of another.
    SubmitTransactionReplacementRequest => SubmitTransactionReplacementResponse
        1 { transaction: RpcTransaction = payload, }
        1 { transaction_id: Hash256 = plain, replaced_transaction: RpcTransaction = payload, }
    /// A subnetwork; the reference knows the method and has not made it.
    GetSubnetworkRequest => GetSubnetworkResponse
        1 { subnetwork_id: SubnetworkId = plain, }
        1 { gas_limit: u64 = plain, }
    /// The way along the selected chain.
    GetVirtualChainFromBlockRequest => GetVirtualChainFromBlockResponse
        2 {
            start_hash: Hash256 = plain,
            include_accepted_transaction_ids: bool = plain,
            min_confirmation_count: Option<u64> = plain2,
        }
        1 {
            removed_chain_block_hashes: Vec<Hash256> = plain,
            added_chain_block_hashes: Vec<Hash256> = plain,
            accepted_transaction_ids: Vec<RpcAcceptedIds> = plain,
        }
    /// Headers from one on; the reference knows the method and has not made it.
    GetHeadersRequest => GetHeadersResponse
        1 { start_hash: Hash256 = plain, limit: u64 = plain, is_ascending: bool = plain, }
        1 { headers: Vec<RpcHeader> = plain, }
    /// What machine this is.
    GetSystemInfoRequest => GetSystemInfoResponse
        1 {}
        2 {
            version: String = plain,
            system_id: Option<HexBytes> = plain,
            git_hash: Option<HexBytes> = plain,
            cpu_physical_cores: u16 = plain,
            total_memory: u64 = plain,
            fd_limit: u32 = plain,
            proxy_socket_limit_per_cpu_core: Option<u32> = plain2,
        }
    /// Blocks above one.
    GetBlocksRequest => GetBlocksResponse
        1 {
            low_hash: Option<Hash256> = plain,
            include_blocks: bool = plain,
            include_transactions: bool = plain,
        }
        1 { block_hashes: Vec<Hash256> = plain, blocks: Vec<RpcBlock> = payload, }
    /// What an address has.
    GetBalanceByAddressRequest => GetBalanceByAddressResponse
        1 { address: Address = plain, }
        1 { balance: u64 = plain, }
    /// What addresses have.
    GetBalancesByAddressesRequest => GetBalancesByAddressesResponse
        1 { addresses: Vec<Address> = plain, }
        1 { entries: Vec<Balance> = payload, }
    /// What addresses may spend.
    GetUtxosByAddressesRequest => GetUtxosByAddressesResponse
        1 { addresses: Vec<Address> = plain, }
        1 { entries: Vec<RpcUtxoByAddress> = payload, }
    /// Hashes a second.
    EstimateNetworkHashesPerSecondRequest => EstimateNetworkHashesPerSecondResponse
        1 { window_size: u32 = plain, start_hash: Option<Hash256> = plain, }
        1 { network_hashes_per_second: u64 = plain, }
    /// When blocks of DAA scores were made.
    GetDaaScoreTimestampEstimateRequest => GetDaaScoreTimestampEstimateResponse
        1 { daa_scores: Vec<u64> = plain, }
        1 { timestamps: Vec<u64> = plain, }
    /// Fee rates, with what they were made of.
    GetFeeEstimateExperimentalRequest => GetFeeEstimateExperimentalResponse
        1 { verbose: bool = plain, }
        1 { estimate: FeeEstimate = payload, verbose: Option<FeeEstimateVerbose> = payload, }
    /// Whether a block is blue.
    GetCurrentBlockColorRequest => GetCurrentBlockColorResponse
        1 { hash: Hash256 = plain, }
        1 { blue: bool = plain, }
    /// Figures.
    GetMetricsRequest => GetMetricsResponse
        1 {
            process_metrics: bool = plain,
            connection_metrics: bool = plain,
            bandwidth_metrics: bool = plain,
            consensus_metrics: bool = plain,
            storage_metrics: bool = plain,
            custom_metrics: bool = plain,
        }
        1 {
            server_time: u64 = plain,
            process_metrics: Option<Nothing> = payload,
            connection_metrics: Option<Nothing> = payload,
            bandwidth_metrics: Option<Nothing> = payload,
            consensus_metrics: Option<ConsensusMetrics> = payload,
            storage_metrics: Option<Nothing> = payload,
            custom_metrics: Option<Nothing> = payload,
        }
    /// How many are connected.
    GetConnectionsRequest => GetConnectionsResponse
        1 { include_profile_data: bool = plain, }
        1 { clients: u32 = plain, peers: u16 = plain, profile_data: Option<Nothing> = plain, }
}

record! {
    /// Asks for a sign of life.
    PingRequest none 0 {}
    /// A sign of life.
    PingResponse u8 1 {}
    /// What is not there.
    Nothing u16 1 {}
    /// Begins or ends notifications: the answer.
    SubscribeResponse u16 1 {
        /// The connection.
        id: u64 = plain,
    }
    /// Ends notifications: the answer.
    UnsubscribeResponse u16 1 {}
    /// What an address has.
    Balance u8 1 {
        /// The address.
        address: Address = plain,
        /// Sompi.
        balance: Option<u64> = plain,
    }
    /// A fee rate and its wait.
    FeeBucket none 0 {
        /// Sompi per gram.
        feerate: f64 = plain,
        /// Seconds.
        estimated_seconds: f64 = plain,
    }
    /// Fee rates to choose from.
    FeeEstimate u16 1 {
        /// In with the next block.
        priority_bucket: FeeBucket = plain,
        /// In within a minute, and below.
        normal_buckets: Vec<FeeBucket> = plain,
        /// In within an hour.
        low_buckets: Vec<FeeBucket> = plain,
    }
    /// What an estimate was made of.
    FeeEstimateVerbose u16 1 {
        /// Transactions that are ready.
        mempool_ready_transactions_count: u64 = plain,
        /// Their mass.
        mempool_ready_transactions_total_mass: u64 = plain,
        /// Grams a second.
        network_mass_per_second: u64 = plain,
        /// Lowest fee rate of the next template.
        next_block_template_feerate_min: f64 = plain,
        /// Its median.
        next_block_template_feerate_median: f64 = plain,
        /// Its highest.
        next_block_template_feerate_max: f64 = plain,
    }
    /// Figures of consensus.
    ConsensusMetrics u16 1 {
        /// Blocks submitted.
        node_blocks_submitted_count: u64 = plain,
        /// Headers taken in.
        node_headers_processed_count: u64 = plain,
        /// Parents looked up.
        node_dependencies_processed_count: u64 = plain,
        /// Bodies taken in.
        node_bodies_processed_count: u64 = plain,
        /// Transactions taken in.
        node_transactions_processed_count: u64 = plain,
        /// Chain blocks checked.
        node_chain_blocks_processed_count: u64 = plain,
        /// Mass taken in.
        node_mass_processed_count: u64 = plain,
        /// Bodies kept.
        node_database_blocks_count: u64 = plain,
        /// Headers kept.
        node_database_headers_count: u64 = plain,
        /// Transactions in the pool.
        network_mempool_size: u64 = plain,
        /// Tips.
        network_tip_hashes_count: u32 = plain,
        /// Difficulty.
        network_difficulty: f64 = plain,
        /// Past median time of the virtual block.
        network_past_median_time: u64 = plain,
        /// Parents of the virtual block.
        network_virtual_parent_hashes_count: u32 = plain,
        /// DAA score of the virtual block.
        network_virtual_daa_score: u64 = plain,
    }
    /// Where a peer is.
    PeerAddress none 0 {
        /// Its address.
        ip: IpAddr = plain,
        /// Its port.
        port: u16 = plain,
    }
    /// Where a peer is, on the network's port if none is named.
    ContextualAddress none 0 {
        /// Its address.
        ip: IpAddr = plain,
        /// Its port.
        port: Option<u16> = plain,
    }
}

/// A peer.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerInfo {
    /// What it calls itself.
    pub id: [u8; 16],
    /// Where it is.
    pub address: PeerAddress,
    /// Milliseconds of the last ping.
    pub last_ping_duration: u64,
    /// Whether this node dialled.
    pub is_outbound: bool,
    /// Milliseconds its clock is ahead.
    pub time_offset: i64,
    /// Its program.
    pub user_agent: String,
    /// Its protocol's version.
    pub advertised_protocol_version: u32,
    /// Milliseconds it is connected.
    pub time_connected: u64,
    /// Whether this node syncs from it.
    pub is_ibd_peer: bool,
}

impl Wire for PeerInfo {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id);
        self.address.put(out);
        self.last_ping_duration.put(out);
        self.is_outbound.put(out);
        self.time_offset.put(out);
        self.user_agent.put(out);
        self.advertised_protocol_version.put(out);
        self.time_connected.put(out);
        self.is_ibd_peer.put(out);
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        let mut id = [0; 16];
        id.copy_from_slice(super::super::wire::take_bytes(input, 16)?);
        Ok(Self {
            id,
            address: PeerAddress::take(input)?,
            last_ping_duration: u64::take(input)?,
            is_outbound: bool::take(input)?,
            time_offset: i64::take(input)?,
            user_agent: String::take(input)?,
            advertised_protocol_version: u32::take(input)?,
            time_connected: u64::take(input)?,
            is_ibd_peer: bool::take(input)?,
        })
    }

    fn to_json(&self) -> Value {
        json!({
            "id": uuid(&self.id),
            "address": self.address.to_json(),
            "last_ping_duration": self.last_ping_duration,
            "is_outbound": self.is_outbound,
            "time_offset": self.time_offset,
            "user_agent": self.user_agent,
            "advertised_protocol_version": self.advertised_protocol_version,
            "time_connected": self.time_connected,
            "is_ibd_peer": self.is_ibd_peer,
        })
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        Err(WireError::new("peers to be told of, not told", value.to_string()))
    }
}

/// What became of a submitted block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubmitReport {
    /// It was taken.
    Success,
    /// It breaks a rule.
    BlockInvalid,
    /// The node is not synced.
    IsInIbd,
    /// The node has too much to do.
    RouteIsFull,
}

impl Wire for SubmitReport {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Self::Success => out.push(0),
            Self::BlockInvalid => out.extend_from_slice(&[1, 1]),
            Self::IsInIbd => out.extend_from_slice(&[1, 2]),
            Self::RouteIsFull => out.extend_from_slice(&[1, 3]),
        }
    }

    fn take(input: &mut &[u8]) -> Result<Self, WireError> {
        if u8::take(input)? == 0 {
            return Ok(Self::Success);
        }
        match u8::take(input)? {
            1 => Ok(Self::BlockInvalid),
            2 => Ok(Self::IsInIbd),
            3 => Ok(Self::RouteIsFull),
            other => Err(WireError::new("a reason, 1 to 3", other.to_string())),
        }
    }

    fn to_json(&self) -> Value {
        let reason = match self {
            Self::Success => return json!({ "type": "success" }),
            Self::BlockInvalid => "blockInvalid",
            Self::IsInIbd => "isInIBD",
            Self::RouteIsFull => "routeIsFull",
        };
        json!({ "type": "reject", "reason": reason })
    }

    fn of_json(value: &Value) -> Result<Self, WireError> {
        Err(WireError::new("a report to be told, not read", value.to_string()))
    }
}
