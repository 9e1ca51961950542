//! GraphQL as clients see it; what it says of a chain the conformance suite compares.

use std::sync::Arc;

use quintet_eth_rpc::{
    EthNode, EthRpcConfig,
    graphql::{COMPLEXITY_MAX, DEPTH_MAX, GraphQl, GraphQlAnswer},
};
use serde_json::{Value, json};

use crate::{mine, node, node_with};

async fn told(node: &Arc<EthNode>, body: &Value) -> (u16, Value) {
    let graphql = GraphQl::new(Arc::clone(node));
    let GraphQlAnswer { status, body } = graphql.answer(body.to_string().as_bytes()).await;
    (status, serde_json::from_str(&body).unwrap())
}

async fn refused(node: &Arc<EthNode>, query: &str) -> String {
    let (status, answer) = told(node, &json!({"query": query})).await;
    assert_eq!(status, 400, "{answer}");
    answer["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn variables_and_the_names_of_operations_are_heeded() {
    let node = node();
    mine(&node, 12);
    let body = json!({
        "query": "query A { chainID } query B($n: Long!) { block(number: $n) { number parent { number } } }",
        "operationName": "B",
        "variables": {"n": "0x1"},
    });
    let expected = json!({"data": {"block": {"number": "0x1", "parent": {"number": "0x0"}}}});
    assert_eq!(told(&node, &body).await, (200, expected));
}

#[tokio::test]
async fn an_error_has_its_place_and_the_code_of_json_rpc() {
    let node = node();
    let reverts = format!("{{ block {{ estimateGas(data: {{to: \"0x{:040x}\"}}) }} }}", 0xbb);
    let (status, answer) = told(&node, &json!({"query": reverts})).await;
    assert_eq!(status, 400);
    let error = &answer["errors"][0];
    assert_eq!(error["message"], "execution reverted");
    assert_eq!(error["path"], json!(["block", "estimateGas"]));
    assert_eq!(error["extensions"]["errorCode"], 3);
    assert_eq!(error["extensions"]["errorData"], "0x");
}

#[tokio::test]
async fn a_query_nests_so_deep_and_names_so_much() {
    let node = node();
    let nested = |levels: usize| {
        let inner =
            (0..levels).fold("number".to_owned(), |inner, _| format!("parent {{ {inner} }}"));
        format!("{{ block {{ {inner} }} }}")
    };
    let fits = json!({"query": nested(DEPTH_MAX - 2)});
    assert_eq!(told(&node, &fits).await.0, 200);
    assert_eq!(refused(&node, &nested(DEPTH_MAX - 1)).await, "Query is nested too deep.");
    let many: String = (0..=COMPLEXITY_MAX).map(|at| format!(" a{at}: chainID")).collect();
    assert_eq!(refused(&node, &format!("{{{many} }}")).await, "Query is too complex.");
    // A hundred thousand levels are refused before anything recurses.
    let words = refused(&node, &"{a".repeat(100_000)).await;
    assert_eq!(words, "the query nests deeper than 64 levels");
    let words = refused(&node, &"a ".repeat(100_000)).await;
    assert!(words.starts_with("the query has more than 65536 bytes"), "{words}");
}

#[tokio::test]
async fn a_query_ends_with_its_time() {
    let node = node_with(EthRpcConfig { call_timeout_ms: 0, ..EthRpcConfig::default() });
    let words = refused(&node, "{ block { number } }").await;
    assert_eq!(words, "execution aborted (timeout = 0s)");
}

#[tokio::test]
async fn more_blocks_than_may_be_asked_for_are_refused_whatever_the_head() {
    let node = node();
    mine(&node, 12);
    let (status, _) =
        told(&node, &json!({"query": "{ blocks(from: 0, to: 18446744073709551615) { number } }"}))
            .await;
    assert_eq!(status, 200, "nothing is above the head");
    let words = refused(&node, "{ blocks(from: 1, to: 0) { number } }").await;
    assert_eq!(words, "invalid block range params");
    let words = refused(&node, "{ logs(filter: {topics: [[], [], [], [], []]}) { index } }").await;
    assert_eq!(words, "exceed max topics");
}

#[tokio::test]
async fn what_is_no_request_is_told_what_one_is() {
    let graphql = GraphQl::new(node());
    for body in ["", "{", "[]", "{ block { number } }"] {
        let answer = graphql.answer(body.as_bytes()).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.body.contains("expected a JSON object"), "{}", answer.body);
    }
}
