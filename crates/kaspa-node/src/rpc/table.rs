//! Every method: its number in Borsh and in gRPC, its name, and what answers it. Documentation is made from here.

use serde_json::Value;

use super::{
    Core, Failure,
    calls::{blocks, chain, coins, control, machine, network, pool},
    hub::payload,
    model::{
        AddPeerRequest, AddPeerResponse, BanRequest, BanResponse,
        EstimateNetworkHashesPerSecondRequest, EstimateNetworkHashesPerSecondResponse,
        GetBalanceByAddressRequest, GetBalanceByAddressResponse, GetBalancesByAddressesRequest,
        GetBalancesByAddressesResponse, GetBlockCountRequest, GetBlockCountResponse,
        GetBlockDagInfoRequest, GetBlockDagInfoResponse, GetBlockRequest, GetBlockResponse,
        GetBlockTemplateRequest, GetBlockTemplateResponse, GetBlocksRequest, GetBlocksResponse,
        GetCoinSupplyRequest, GetCoinSupplyResponse, GetConnectedPeerInfoRequest,
        GetConnectedPeerInfoResponse, GetConnectionsRequest, GetConnectionsResponse,
        GetCurrentBlockColorRequest, GetCurrentBlockColorResponse, GetCurrentNetworkRequest,
        GetCurrentNetworkResponse, GetDaaScoreTimestampEstimateRequest,
        GetDaaScoreTimestampEstimateResponse, GetFeeEstimateExperimentalRequest,
        GetFeeEstimateExperimentalResponse, GetFeeEstimateRequest, GetFeeEstimateResponse,
        GetHeadersRequest, GetHeadersResponse, GetInfoRequest, GetInfoResponse,
        GetMempoolEntriesByAddressesRequest, GetMempoolEntriesByAddressesResponse,
        GetMempoolEntriesRequest, GetMempoolEntriesResponse, GetMempoolEntryRequest,
        GetMempoolEntryResponse, GetMetricsRequest, GetMetricsResponse, GetPeerAddressesRequest,
        GetPeerAddressesResponse, GetServerInfoRequest, GetServerInfoResponse,
        GetSinkBlueScoreRequest, GetSinkBlueScoreResponse, GetSinkRequest, GetSinkResponse,
        GetSubnetworkRequest, GetSubnetworkResponse, GetSyncStatusRequest, GetSyncStatusResponse,
        GetSystemInfoRequest, GetSystemInfoResponse, GetUtxosByAddressesRequest,
        GetUtxosByAddressesResponse, GetVirtualChainFromBlockRequest,
        GetVirtualChainFromBlockResponse, PingRequest, PingResponse, ShutdownRequest,
        ShutdownResponse, SubmitBlockRequest, SubmitBlockResponse,
        SubmitTransactionReplacementRequest, SubmitTransactionReplacementResponse,
        SubmitTransactionRequest, SubmitTransactionResponse, UnbanRequest, UnbanResponse,
    },
    protobuf::Message,
    wire::{Wire, camel_case, take_payload},
};

/// A record as JSON and as protobuf.
#[cfg(test)]
pub(super) type Reread = Result<(Value, Vec<u8>), super::wire::WireError>;

/// A method.
pub(super) struct Method {
    pub(super) number: u8,
    /// Its field in a request of gRPC; the answer's is the next.
    pub(super) grpc: u32,
    /// In `snake_case`.
    pub(super) name: &'static str,
    pub(super) borsh: fn(&Core, &[u8]) -> Result<Vec<u8>, Failure>,
    pub(super) json: fn(&Core, &Value) -> Result<Value, Failure>,
    pub(super) protobuf: fn(&Core, &[u8]) -> Result<Vec<u8>, Failure>,
    /// Reads the request, or the answer, and returns it as JSON and as protobuf.
    #[cfg(test)]
    pub(super) reread: fn(bool, &[u8]) -> Reread,
    fields: fn() -> (Vec<String>, Vec<String>),
}

/// A method, for documentation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Its number in Borsh.
    pub number: u8,
    /// Its field in a request of gRPC.
    pub grpc: u32,
    /// Its name in JSON.
    pub name: String,
    /// Fields of the request.
    pub request: Vec<String>,
    /// Fields of the answer.
    pub answer: Vec<String>,
}

fn of_payload<T: Wire>(mut bytes: &[u8]) -> Result<T, Failure> {
    Ok(take_payload(&mut bytes)?)
}

macro_rules! methods {
    ($($number:literal $grpc:literal $name:ident: $request:ident -> $answer:ident = $run:path;)*) => {
        const METHODS: &[Method] = &[$(Method {
            number: $number,
            grpc: $grpc,
            name: stringify!($name),
            borsh: |core, bytes| {
                let request: $request = of_payload(bytes)?;
                let answer: $answer = $run(core, &request)?;
                Ok(payload(&answer))
            },
            json: |core, value| {
                let request = <$request as Wire>::of_json(value)?;
                let answer: $answer = $run(core, &request)?;
                Ok(answer.to_json())
            },
            protobuf: |core, bytes| {
                let request = <$request as Message>::of_bytes(bytes)?;
                let answer: $answer = $run(core, &request)?;
                let mut fields = Vec::new();
                answer.put_fields(&mut fields);
                Ok(fields)
            },
            #[cfg(test)]
            reread: |is_answer, bytes| {
                use super::protobuf::tests::reread;
                if is_answer { reread::<$answer>(bytes) } else { reread::<$request>(bytes) }
            },
            fields: || ($request::field_names(), $answer::field_names()),
        },)*];
    };
}

methods! {
    110 1088 ping: PingRequest -> PingResponse = control::ping;
    111 1090 get_metrics: GetMetricsRequest -> GetMetricsResponse = control::metrics;
    112 1104 get_system_info: GetSystemInfoRequest -> GetSystemInfoResponse = machine::info;
    113 1102 get_connections: GetConnectionsRequest -> GetConnectionsResponse = network::connections;
    114 1092 get_server_info: GetServerInfoRequest -> GetServerInfoResponse = control::server_info;
    115 1094 get_sync_status: GetSyncStatusRequest -> GetSyncStatusResponse = control::sync_status;
    116 1001 get_current_network: GetCurrentNetworkRequest -> GetCurrentNetworkResponse = control::current_network;
    117 1003 submit_block: SubmitBlockRequest -> SubmitBlockResponse = blocks::submit;
    118 1005 get_block_template: GetBlockTemplateRequest -> GetBlockTemplateResponse = blocks::template;
    119 1010 get_peer_addresses: GetPeerAddressesRequest -> GetPeerAddressesResponse = network::addresses;
    120 1012 get_sink: GetSinkRequest -> GetSinkResponse = chain::sink;
    121 1014 get_mempool_entry: GetMempoolEntryRequest -> GetMempoolEntryResponse = pool::entry;
    122 1043 get_mempool_entries: GetMempoolEntriesRequest -> GetMempoolEntriesResponse = pool::entries;
    123 1016 get_connected_peer_info: GetConnectedPeerInfoRequest -> GetConnectedPeerInfoResponse = network::peers;
    124 1018 add_peer: AddPeerRequest -> AddPeerResponse = network::add;
    125 1020 submit_transaction: SubmitTransactionRequest -> SubmitTransactionResponse = pool::submit;
    126 1025 get_block: GetBlockRequest -> GetBlockResponse = blocks::block;
    127 1027 get_subnetwork: GetSubnetworkRequest -> GetSubnetworkResponse = chain::subnetwork;
    128 1029 get_virtual_chain_from_block: GetVirtualChainFromBlockRequest -> GetVirtualChainFromBlockResponse = chain::virtual_chain;
    129 1031 get_blocks: GetBlocksRequest -> GetBlocksResponse = blocks::blocks;
    130 1033 get_block_count: GetBlockCountRequest -> GetBlockCountResponse = chain::block_count;
    131 1035 get_block_dag_info: GetBlockDagInfoRequest -> GetBlockDagInfoResponse = chain::dag_info;
    133 1045 shutdown: ShutdownRequest -> ShutdownResponse = control::shutdown;
    134 1047 get_headers: GetHeadersRequest -> GetHeadersResponse = chain::headers;
    135 1052 get_utxos_by_addresses: GetUtxosByAddressesRequest -> GetUtxosByAddressesResponse = coins::utxos;
    136 1077 get_balance_by_address: GetBalanceByAddressRequest -> GetBalanceByAddressResponse = coins::balance;
    137 1079 get_balances_by_addresses: GetBalancesByAddressesRequest -> GetBalancesByAddressesResponse = coins::balances;
    138 1054 get_sink_blue_score: GetSinkBlueScoreRequest -> GetSinkBlueScoreResponse = chain::sink_blue_score;
    139 1059 ban: BanRequest -> BanResponse = network::ban;
    140 1061 unban: UnbanRequest -> UnbanResponse = network::unban;
    141 1063 get_info: GetInfoRequest -> GetInfoResponse = control::info;
    142 1072 estimate_network_hashes_per_second: EstimateNetworkHashesPerSecondRequest -> EstimateNetworkHashesPerSecondResponse = chain::hashes_per_second;
    143 1084 get_mempool_entries_by_addresses: GetMempoolEntriesByAddressesRequest -> GetMempoolEntriesByAddressesResponse = pool::entries_by_addresses;
    144 1086 get_coin_supply: GetCoinSupplyRequest -> GetCoinSupplyResponse = coins::supply;
    145 1096 get_daa_score_timestamp_estimate: GetDaaScoreTimestampEstimateRequest -> GetDaaScoreTimestampEstimateResponse = chain::timestamps;
    146 1100 submit_transaction_replacement: SubmitTransactionReplacementRequest -> SubmitTransactionReplacementResponse = pool::replace;
    147 1106 get_fee_estimate: GetFeeEstimateRequest -> GetFeeEstimateResponse = pool::fee_estimate;
    148 1108 get_fee_estimate_experimental: GetFeeEstimateExperimentalRequest -> GetFeeEstimateExperimentalResponse = pool::fee_estimate_verbose;
    149 1110 get_current_block_color: GetCurrentBlockColorRequest -> GetCurrentBlockColorResponse = chain::colour;
}

pub(super) fn by_number(number: u8) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.number == number)
}

/// Finds a method by its field in a request of gRPC.
pub(super) fn by_field(number: u32) -> Option<&'static Method> {
    METHODS.iter().find(|method| method.grpc == number)
}

/// Finds a method by its name in JSON.
pub(super) fn by_name(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|method| camel_case(method.name) == name)
}

/// Describes every method.
#[must_use]
pub fn methods() -> Vec<Described> {
    let describe = |method: &Method| {
        let (request, answer) = (method.fields)();
        Described {
            number: method.number,
            grpc: method.grpc,
            name: camel_case(method.name),
            request,
            answer,
        }
    };
    METHODS.iter().map(describe).collect()
}
