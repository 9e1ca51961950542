//! The descriptions of the methods, for the OpenRPC document.

use quintet_rpc::{Method, Registry, code};
use serde_json::json;

use super::types::{
    BucketInfo, GetInfo, LookupInfo, PeersInfo, PongInfo, PutInfo, PutRecord, RecordsInfo,
    StatusInfo,
};

/// Describes every method.
#[must_use]
pub fn registry() -> Registry {
    own(stores(lookups(Registry::new("Quintet DHT node", env!("CARGO_PKG_VERSION")))))
}

fn lookups(registry: Registry) -> Registry {
    registry
        .method(
            Method::new("dht_ping", "Asks a node for a sign of life.")
                .param::<String>("addr", "Its UDP address, such as 192.0.2.1:6881.")
                .result::<PongInfo>("pong", "Its id, and how long the answer took.")
                .error(code::UNAVAILABLE, "the node does not answer")
                .example(
                    "a node on this machine",
                    json!(["127.0.0.1:6881"]),
                    json!({ "id": "00112233445566778899aabbccddeeff00112233", "round_trip_us": 412 }),
                ),
        )
        .method(
            Method::new("dht_lookup", "Finds the nodes closest to a key.")
                .param::<String>("target", "The key, 40 hex digits.")
                .result::<LookupInfo>("nodes", "The nodes, closest first.")
                .error(code::UNAVAILABLE, "no contact is known"),
        )
        .method(
            Method::new("dht_get", "Finds a stored value.")
                .description(
                    "Give `key` for an immutable item, `key` and `raw` for unsigned bytes, or \
                     `public_key`, and `salt` if there is one, for the newest version of a mutable item. \
                     What is found has been checked against its hash or signature.",
                )
                .optional::<String>("key", "The key, 40 hex digits.")
                .optional::<String>("public_key", "The owner's Ed25519 public key, 64 hex digits.")
                .optional::<String>("salt", "The salt, hex.")
                .optional::<bool>("raw", "Look for unsigned bytes.")
                .result::<GetInfo>("found", "The value, null if nobody asked has it.")
                .error(code::UNAVAILABLE, "no contact is known")
                .example(
                    "an immutable item",
                    json!(["e5f96f6f38320f0f33959cb4d3d656452117aadb"]),
                    json!({
                        "key": "e5f96f6f38320f0f33959cb4d3d656452117aadb",
                        "record": {
                            "kind": "immutable",
                            "value": "31323a48656c6c6f20576f726c6421",
                            "text": "Hello World!",
                        },
                        "report": { "queries": 12, "failures": 0, "hops": 3, "elapsed_us": 48_000 },
                    }),
                ),
        )
        .method(
            Method::new("dht_getPeers", "Finds peers announced under an info-hash.")
                .param::<String>("info_hash", "The info-hash, 40 hex digits.")
                .result::<PeersInfo>("peers", "Their addresses; none if there are none.")
                .error(code::UNAVAILABLE, "no contact is known"),
        )
}

fn stores(registry: Registry) -> Registry {
    registry
        .method(
            Method::new("dht_put", "Stores a value at the nodes closest to its key.")
                .description(
                    "A mutable item comes signed: private keys stay with their owners. With `publish` the \
                     node stores the value again about every hour, also after a restart, until \
                     `dht_unpublish`.",
                )
                .param::<PutRecord>("record", "What to store.")
                .optional::<bool>("publish", "Keep it published.")
                .result::<PutInfo>("stored", "Who holds it now, and who did not want it.")
                .error(code::INVALID_PARAMS, "the record breaks a rule of BEP 44")
                .error(code::UNAVAILABLE, "no contact is known"),
        )
        .method(
            Method::new("dht_announce", "Announces a peer of an info-hash at this node's address.")
                .param::<String>("info_hash", "The info-hash, 40 hex digits.")
                .optional::<u16>("port", "The peer's port; the node's own UDP port if absent.")
                .optional::<bool>("seed", "The peer has all of it (BEP 33).")
                .optional::<bool>("publish", "Announce it again about every quarter of an hour.")
                .result::<PutInfo>("stored", "Who holds it now, and who did not want it.")
                .error(code::UNAVAILABLE, "no contact is known"),
        )
        .method(
            Method::new("dht_unpublish", "Keeps what has this key published no longer.")
                .description("What is stored at other nodes stays there until it expires.")
                .param::<String>("key", "The key, 40 hex digits.")
                .result::<usize>("forgotten", "How many records that were."),
        )
}

fn own(registry: Registry) -> Registry {
    registry
        .method(
            Method::new("dht_status", "Tells how the node is doing.").result::<StatusInfo>(
                "status",
                "Its id, addresses, contacts, records and traffic.",
            ),
        )
        .method(
            Method::new("dht_table", "Shows the routing tables.")
                .result::<Vec<BucketInfo>>("buckets", "The buckets that hold anybody."),
        )
        .method(
            Method::new("dht_records", "Counts what the node holds.")
                .result::<RecordsInfo>("records", "Records held for others, and kept published."),
        )
}
