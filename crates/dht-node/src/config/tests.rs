//! The section as its users meet it: every key documented, contradictions named.

use quintet_node::config::{ConfigError, FlagValue, Schema, Sources};

use super::*;

fn schema() -> Schema {
    Schema::new().section::<DhtConfig>()
}

fn load<const N: usize>(values: [(&str, &str); N]) -> Result<DhtConfig, ConfigError> {
    let flags = values.map(|(key, value)| FlagValue::new(format!("dht.{key}"), value, "--set"));
    let config = schema().load(&Sources::default().with_flags(flags))?;
    Ok((*config.section::<DhtConfig>().unwrap()).clone())
}

fn refused<const N: usize>(values: [(&str, &str); N], key: &str) {
    let error = load(values).unwrap_err();
    let named = error.issues().iter().any(|issue| issue.key == format!("dht.{key}"));
    assert!(named, "{error}");
}

#[test]
fn every_key_is_documented_and_has_a_valid_default() {
    assert_eq!(schema().defects(), Vec::<String>::new());
    assert_eq!(load([]).unwrap(), DhtConfig::default());
    assert_eq!(DhtConfig::default().bootstrap.len(), PUBLIC_NODES.len());
}

#[test]
fn the_configuration_of_many_local_nodes_is_valid() {
    let mut issues = Issues::default();
    DhtConfig::local().validate(&mut issues);
    assert!(issues.is_empty(), "{issues:?}");
}

#[test]
fn one_socket_a_family_is_allowed() {
    assert!(load([("listen", "0.0.0.0:1,[::]:1")]).is_ok());
    refused([("listen", "0.0.0.0:1,0.0.0.0:2")], "listen");
    refused([("listen", "")], "listen");
}

#[test]
fn what_suits_private_networks_only_is_refused_on_public_addresses() {
    refused([("json", "true")], "json");
    refused([("raw_values", "true")], "raw_values");
    refused([("raw_values", "true"), ("listen", "8.8.8.8:1")], "raw_values");
    let private = [("json", "true"), ("raw_values", "true"), ("listen", "10.1.2.3:1")];
    assert!(load(private).is_ok());
}

#[test]
fn a_node_on_loopback_must_welcome_local_addresses() {
    refused([("listen", "127.0.0.1:1")], "allow_local");
    assert!(load([("listen", "127.0.0.1:1"), ("allow_local", "true")]).is_ok());
}

#[test]
fn numbers_outside_their_range_are_named() {
    refused([("bucket_size", "7")], "bucket_size");
    refused([("concurrency", "0")], "concurrency");
    refused([("republish_interval", "2h")], "republish_interval");
    refused([("storage.values", "1KiB")], "storage.values");
    refused([("storage.per_network", "10")], "storage.per_network");
    refused([("limits.burst", "0")], "limits.burst");
    refused([("limits.total_bytes", "100B")], "limits.total_bytes");
    refused([("rpc.bearer_token", "short")], "rpc.bearer_token");
    refused([("rpc.listen", "0.0.0.0:1"), ("rpc.cookie", "false")], "rpc.cookie");
}
