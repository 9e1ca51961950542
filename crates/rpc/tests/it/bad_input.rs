//! Requests that are wrong in every way a client can be wrong.

use quintet_rpc::code;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{get, post, raw, read_answer, request, start_with};

#[tokio::test]
async fn malformed_and_truncated_json_is_a_parse_error() {
    let server = start_with(|_| {}).await;
    for body in [
        "",
        "{",
        "nonsense",
        r#"{"jsonrpc":"2.0","id":1,"method":"echo","params":["#,
        "[{]",
        "\u{0}",
    ] {
        let answer = post(server.addr, body).await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (200, i64::from(code::PARSE_ERROR)),
            "{body:?}"
        );
        assert_eq!(answer.json()["id"], Value::Null);
    }
}

#[tokio::test]
async fn json_that_is_no_request_is_told_what_is_missing() {
    let server = start_with(|_| {}).await;
    let answer = post(server.addr, r#"{"jsonrpc":"2.0","id":5}"#).await;
    assert_eq!(answer.error_code(), i64::from(code::INVALID_REQUEST));
    assert_eq!(answer.json()["id"], 5);
    assert!(answer.body.contains("missing field `method`"), "{answer:?}");
}

#[tokio::test]
async fn an_unknown_method_is_answered_with_the_nearest_known_ones() {
    let server = start_with(|_| {}).await;
    let answer = post(server.addr, &request(1, "ecko", &json!([]))).await;
    assert_eq!(answer.error_code(), i64::from(code::METHOD_NOT_FOUND));
    assert_eq!(answer.json()["error"]["data"]["did_you_mean"], json!(["echo"]));
    let endless = post(server.addr, &request(1, &"é".repeat(10_000), &json!([]))).await;
    assert!(endless.body.len() < 500, "a long name is not repeated whole: {}", endless.body.len());
}

#[tokio::test]
async fn wrong_parameters_are_invalid_params() {
    let server = start_with(|_| {}).await;
    for params in [json!([]), json!(["a", "b"]), json!([-1]), json!({"bytes": 1})] {
        let answer = post(server.addr, &request(1, "large", &params)).await;
        assert_eq!(answer.error_code(), i64::from(code::INVALID_PARAMS), "{params}");
    }
}

#[tokio::test]
async fn deep_nesting_is_refused_before_any_parser_recurses() {
    let server = start_with(|_| {}).await;
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"echo","params":{}1{}}}"#,
        "[".repeat(99_999),
        "]".repeat(99_999)
    );
    assert_eq!(post(server.addr, &deep).await.error_code(), i64::from(code::INVALID_REQUEST));
    assert_eq!(
        post(server.addr, &"[".repeat(1_000_000)).await.error_code(),
        i64::from(code::INVALID_REQUEST)
    );
}

#[tokio::test]
async fn only_json_content_types_are_taken() {
    let server = start_with(|_| {}).await;
    let body = request(1, "echo", &json!([1]));
    let send = |content_type: &str| {
        let length = body.len();
        let head = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {length}\r\n"
        );
        let bytes = format!("{head}{content_type}\r\n{body}").into_bytes();
        let addr = server.addr;
        async move { raw(addr, &bytes).await.status }
    };
    assert_eq!(send("content-type: application/json;charset=UTF-8\r\n").await, 200);
    for refused in
        ["", "content-type: text/plain\r\n", "content-type: application/x-www-form-urlencoded\r\n"]
    {
        assert_eq!(send(refused).await, 415, "{refused:?}");
    }
}

#[tokio::test]
async fn other_http_methods_and_paths_are_told_where_to_go() {
    let server = start_with(|_| {}).await;
    let answer = get(server.addr, "/", "").await;
    assert_eq!(answer.status, 426, "{answer:?}");
    assert_eq!(answer.header("upgrade"), Some("websocket"));
    let put =
        raw(server.addr, b"PUT / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!(put.status, 405);
    assert!(put.body.contains("expected POST"), "{put:?}");
    assert_eq!(get(server.addr, "/nowhere", "").await.status, 404);
}

#[tokio::test]
async fn a_body_that_ends_early_is_a_bad_request() {
    let server = start_with(|_| {}).await;
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.shutdown().await.unwrap();
    assert_eq!(read_answer(&mut socket).await.status, 400);
}

#[tokio::test]
async fn notifications_are_run_and_not_answered() {
    let server = start_with(|_| {}).await;
    let notification = r#"{"jsonrpc":"2.0","method":"large","params":[1]}"#;
    let answer = post(server.addr, notification).await;
    assert_eq!((answer.status, answer.body.as_str()), (204, ""));
    assert_eq!(post(server.addr, &format!("[{notification}]")).await.status, 204);
    assert_eq!(server.lab.large_calls.load(std::sync::atomic::Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_batch_answers_every_item_in_order_and_the_bad_ones_too() {
    let server = start_with(|_| {}).await;
    let echo = request(1, "echo", &json!(["a"]));
    let notification = r#"{"jsonrpc":"2.0","method":"echo","params":["b"]}"#;
    let subscribe = request(3, "count", &json!([]));
    let answer = post(server.addr, &format!("[{echo},{notification},7,{subscribe}]")).await.json();
    let answers = answer.as_array().unwrap();
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["result"], "a");
    assert_eq!(answers[1]["error"]["code"], code::INVALID_REQUEST);
    assert_eq!(answers[2]["error"]["code"], code::NEEDS_WEBSOCKET);
}

#[tokio::test]
async fn neither_a_panic_nor_a_fault_shows_its_inside() {
    let server = start_with(|_| {}).await;
    for method in ["boom", "fault"] {
        let answer = post(server.addr, &request(9, method, &json!([]))).await;
        assert_eq!(answer.error_code(), i64::from(code::INTERNAL_ERROR), "{method}");
        assert_eq!(answer.json()["id"], 9);
        assert!(!answer.body.contains("4711"), "{answer:?}");
    }
    assert_eq!(
        post(server.addr, &request(1, "echo", &json!([1]))).await.json()["result"],
        1,
        "the server lives on"
    );
}
