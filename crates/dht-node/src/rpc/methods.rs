//! The methods.

use quintet_actor::inbox::AskError;
use quintet_dht_protocol::dht::Failure;
use quintet_rpc::{ErrorObjectOwned, RpcError, RpcModule, StartError};

use super::{
    types::{
        AnnounceParams, BucketInfo, GetInfo, GetParams, LiveContact, LookupInfo, LookupParams,
        PeersInfo, PeersParams, PingParams, PongInfo, PutInfo, PutParams, QueryInfo, RecordsInfo,
        RefusalInfo, StatusInfo, TrafficInfo, UnpublishParams,
    },
    values::{self, Given, Sought, contact_info, report_info},
};
use crate::{
    client::{DhtClient, DhtError, Stored},
    socket::NodeStatus,
};

/// What a method gives.
type Answer<T> = Result<T, ErrorObjectOwned>;

/// Registers every method.
pub(super) fn module(client: DhtClient) -> Result<RpcModule<DhtClient>, StartError> {
    let mut module = RpcModule::new(client);
    lookups(&mut module)?;
    stores(&mut module)?;
    own(&mut module)?;
    Ok(module)
}

fn lookups(module: &mut RpcModule<DhtClient>) -> Result<(), StartError> {
    module.register_async_method("dht_ping", |params, dht, _| async move {
        let PingParams { addr } = params.parse()?;
        let pong = dht.ping(values::addr("addr", &addr)?).await?;
        let round_trip_us = u64::try_from(pong.round_trip.as_micros()).unwrap_or(u64::MAX);
        Answer::Ok(PongInfo { id: pong.id.to_string(), round_trip_us })
    })?;
    module.register_async_method("dht_lookup", |params, dht, _| async move {
        let LookupParams { target } = params.parse()?;
        let found = dht.find_node(values::key("target", &target)?).await?;
        let nodes = found.value.into_iter().map(contact_info).collect();
        Answer::Ok(LookupInfo { nodes, report: report_info(found.report) })
    })?;
    module.register_async_method("dht_get", |params, dht, _| async move {
        let params: GetParams = params.parse()?;
        Answer::Ok(get(&dht, values::sought(&params)?).await?)
    })?;
    module.register_async_method("dht_getPeers", |params, dht, _| async move {
        let PeersParams { info_hash } = params.parse()?;
        let found = dht.get_peers(values::key("info_hash", &info_hash)?).await?;
        let peers = found.value.iter().map(ToString::to_string).collect();
        Answer::Ok(PeersInfo { peers, report: report_info(found.report) })
    })?;
    Ok(())
}

fn stores(module: &mut RpcModule<DhtClient>) -> Result<(), StartError> {
    module.register_async_method("dht_put", |params, dht, _| async move {
        let PutParams { record, publish } = params.parse()?;
        let stored = match values::given(&record)? {
            Given::Item(item, cas) => dht.put_item(item, cas, publish).await,
            Given::Raw(key, value) => dht.put_raw(key, value, publish).await,
        };
        Answer::Ok(put_info(stored?))
    })?;
    module.register_async_method("dht_announce", |params, dht, _| async move {
        let AnnounceParams { info_hash, port, seed, publish } = params.parse()?;
        if port == Some(0) {
            let expected = "1 to 65535, or none for the node's own port".to_owned();
            let actual = "0".to_owned();
            return Err(RpcError::InvalidParams { name: "port", expected, actual }.into());
        }
        let info_hash = values::key("info_hash", &info_hash)?;
        let stored = dht.announce(info_hash, port, seed, publish).await;
        Answer::Ok(put_info(stored?))
    })?;
    module.register_async_method("dht_unpublish", |params, dht, _| async move {
        let UnpublishParams { key } = params.parse()?;
        Answer::Ok(dht.unpublish(values::key("key", &key)?).await?)
    })?;
    Ok(())
}

fn own(module: &mut RpcModule<DhtClient>) -> Result<(), StartError> {
    module.register_async_method("dht_status", |_, dht, _| async move {
        let status = dht.status().await?;
        let publications = dht.publications().await?;
        Answer::Ok(status_info(dht.node(), status, publications))
    })?;
    module.register_async_method("dht_table", |_, dht, _| async move {
        let buckets = dht.table().await?.into_iter().map(|bucket| {
            let live = bucket.live.into_iter().map(|(contact, good)| LiveContact {
                id: contact.id.to_string(),
                addr: contact.addr.to_string(),
                good,
            });
            BucketInfo {
                family: format!("{:?}", bucket.family).to_lowercase(),
                index: bucket.index,
                contacts: live.collect(),
                replacements: bucket.replacements,
            }
        });
        Answer::Ok(buckets.collect::<Vec<_>>())
    })?;
    module.register_async_method("dht_records", |_, dht, _| async move {
        let status = dht.status().await?.dht;
        let publications = dht.publications().await?;
        let (records, bytes) = (status.records, status.record_bytes);
        Answer::Ok(RecordsInfo { records, bytes, publications })
    })?;
    Ok(())
}

async fn get(dht: &DhtClient, sought: Sought) -> Result<GetInfo, DhtError> {
    let key = sought.key().to_string();
    let (record, report) = match sought {
        Sought::Immutable(key) => {
            let found = dht.get_immutable(key).await?;
            (found.value.as_ref().map(values::item_info), found.report)
        }
        Sought::Mutable { public_key, salt } => {
            let found = dht.get_mutable(public_key, salt).await?;
            (found.value.as_ref().map(values::item_info), found.report)
        }
        Sought::Raw(key) => {
            let found = dht.get_raw(key).await?;
            (found.value.map(values::raw_info), found.report)
        }
    };
    Ok(GetInfo { key, record, report: report_info(report) })
}

fn put_info(stored: Stored) -> PutInfo {
    let Stored { key, acknowledged, refused, silent, report } = stored;
    let refused = refused.into_iter().map(|(contact, code, message)| RefusalInfo {
        node: contact_info(contact),
        code,
        message,
    });
    PutInfo {
        key: key.to_string(),
        acknowledged,
        refused: refused.collect(),
        silent,
        report: report_info(report),
    }
}

fn status_info(node: &str, status: NodeStatus, publications: usize) -> StatusInfo {
    let NodeStatus { dht, addrs, seen_at, drops, uptime_secs } = status;
    let traffic = dht.traffic;
    let [issued, answered, expired, id_changed, wrong_address, unsolicited] = dht.queries;
    let text = |addrs: Vec<std::net::SocketAddr>| addrs.iter().map(ToString::to_string).collect();
    StatusInfo {
        node: node.to_owned(),
        id: dht.id.to_string(),
        addrs: text(addrs),
        seen_at: text(seen_at),
        joined: dht.contacts > 0,
        contacts: dht.contacts,
        network_size: dht.network_size,
        records: dht.records,
        record_bytes: dht.record_bytes,
        publications,
        operations: dht.operations,
        outstanding: dht.outstanding,
        uptime_secs,
        traffic: TrafficInfo {
            packets_in: traffic.packets_in,
            bytes_in: traffic.bytes_in,
            packets_out: traffic.packets_out,
            bytes_out: traffic.bytes_out,
            pings: traffic.pings,
            find_nodes: traffic.find_nodes,
            find_values: traffic.find_values,
            stores: traffic.stores,
            samples: traffic.samples,
            unknown: traffic.unknown,
            stored: traffic.stored,
            refused: traffic.refused,
            malformed: traffic.malformed,
            foreign: traffic.foreign,
        },
        queries: QueryInfo { issued, answered, expired, id_changed, wrong_address, unsolicited },
        drops,
    }
}

impl From<DhtError> for ErrorObjectOwned {
    /// Tells a client what went wrong, and whether trying again makes sense.
    fn from(error: DhtError) -> Self {
        rpc_error(&error).into()
    }
}

fn rpc_error(error: &DhtError) -> RpcError {
    let unavailable =
        |what: String, advice: &str| RpcError::Unavailable { what, advice: advice.to_owned() };
    match error {
        DhtError::Failed(Failure::Silent) => {
            unavailable("the node does not answer".to_owned(), "is one running at that address?")
        }
        DhtError::Failed(Failure::Refused { code }) => {
            unavailable(format!("the node answered with error {code}"), "it may not want queries")
        }
        DhtError::Failed(Failure::NoContacts) => unavailable(
            "no contact is known".to_owned(),
            "give a bootstrap address, or wait until one answers",
        ),
        DhtError::Failed(Failure::Busy { .. }) | DhtError::Unanswered(AskError::Full { .. }) => {
            RpcError::Busy { what: "the DHT node" }
        }
        DhtError::Failed(Failure::Invalid(refusal)) => RpcError::InvalidParams {
            name: "record",
            expected: "a record that keeps the rules of BEP 44".to_owned(),
            actual: refusal.to_string(),
        },
        DhtError::Failed(Failure::Unreachable(addr)) => RpcError::InvalidParams {
            name: "addr",
            expected: "an address this node can send to".to_owned(),
            actual: addr.to_string(),
        },
        DhtError::Unanswered(_) | DhtError::Undelivered(_) => {
            unavailable(error.to_string(), "try again, or look into the node's log")
        }
        DhtError::PublicationsFull { .. } | DhtError::NotPublished { .. } => {
            unavailable(error.to_string(), "unpublish another record, or publish this one again")
        }
        DhtError::Mismatch => RpcError::internal("fulfilling a wish", error),
    }
}
