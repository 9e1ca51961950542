//! The description: its shape, and that it is served as it is. The snapshot is the pattern for kinds to use.

use quintet_rpc::{DISCOVER_METHOD, Method, Registry, RegistryError, RpcModule, code};
use schemars::JsonSchema;
use serde_json::json;

use crate::support::{get, module, post, registry, request, start_with};

/// A stored item.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct Item {
    /// The key, 40 hex digits.
    key: String,
    /// The last one to change it.
    author: Option<Author>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is wanted")]
struct Author {
    name: String,
}

#[test]
fn the_interface_is_as_documented() {
    let registry = Registry::new("Items", "1.2.3")
        .method(
            Method::new("item_get", "Reads one item.")
                .description("Looks in the local store *only*.")
                .param::<String>("key", "The key.")
                .optional::<u32>("version", "An older version.")
                .result::<Item>("item", "The item.")
                .error(code::NOT_FOUND, "there is no such item")
                .example("the latest", json!(["00ff"]), json!({ "key": "00ff", "author": null })),
        )
        .method(Method::subscription::<Item>(
            "item_follow",
            "item_changed",
            "item_unfollow",
            "Follows every change.",
        ));
    insta::assert_json_snapshot!(registry.document());
}

#[tokio::test]
async fn the_document_is_served_as_method_and_as_file() {
    let server = start_with(|_| {}).await;
    let document = registry().document();
    assert_eq!(
        post(server.addr, &request(1, DISCOVER_METHOD, &json!([]))).await.json()["result"],
        document
    );
    let answer = get(server.addr, "/openrpc.json", "").await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.json(), document);
    registry().check(&module().0).unwrap();
}

#[test]
fn descriptions_that_contradict_themselves_are_refused() {
    let mut module = RpcModule::new(());
    module.register_method::<u8, _>("a", |_, (), _| 0).unwrap();
    let check = |registry: Registry| registry.check(&module).unwrap_err();
    let api = || Registry::new("A", "1");

    let twice = api().method(Method::new("a", "")).merge(api().method(Method::new("a", "")));
    assert_eq!(check(twice), RegistryError::DescribedTwice { method: "a" });
    let order = api().method(Method::new("a", "").optional::<u8>("x", "").param::<u8>("y", ""));
    assert!(check(order).to_string().contains("after an optional one"));
    for params in [json!([]), json!([1, 2]), json!({ "x": 1 })] {
        let example =
            api().method(Method::new("a", "").param::<u8>("x", "").example("e", params, json!(0)));
        assert!(check(example).to_string().contains("expected an array of 1 to 1 parameters"));
    }
}
