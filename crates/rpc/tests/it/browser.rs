//! What a web page in the operator's browser can and cannot do.

use axum::Router;
use axum::routing::get as get_route;
use quintet_rpc::{RpcConfig, RpcServer, Secret, code};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Socket, get, post_bytes, post_with, raw, registry, request, start_with};

const WALLET: &str = "https://wallet.example";

#[tokio::test]
async fn a_name_that_was_pointed_at_this_machine_is_refused() {
    let server = start_with(|config| config.allowed_hosts = vec!["node.lan".into()]).await;
    let body = request(1, "echo", &json!([1]));
    let status = |host: &'static str| {
        let bytes =
            String::from_utf8(post_bytes("", &body)).unwrap().replace("host: localhost\r\n", host);
        let addr = server.addr;
        async move { raw(addr, bytes.as_bytes()).await.status }
    };
    for accepted in ["host: localhost:1\r\n", "host: 127.0.0.1\r\n", "host: NODE.lan:8080\r\n"] {
        assert_eq!(status(accepted).await, 200, "{accepted}");
    }
    assert_eq!(status("host: evil.example\r\n").await, 403);
    for malformed in ["", "host: a b\r\n", "host: localhost\r\nhost: localhost\r\n"] {
        assert_eq!(status(malformed).await, 400, "{malformed:?}");
    }
    assert_eq!(Socket::open_with(server.addr, &[("host", "evil.example")]).await.err(), Some(403));
}

#[tokio::test]
async fn foreign_pages_are_refused_on_both_transports() {
    let server = start_with(|_| {}).await;
    for origin in ["https://evil.example", "null"] {
        let answer = post_with(
            server.addr,
            &format!("origin: {origin}\r\n"),
            &request(1, "echo", &json!([1])),
        )
        .await;
        assert_eq!(
            (answer.status, answer.error_code()),
            (403, i64::from(code::FORBIDDEN)),
            "{origin}"
        );
        assert_eq!(answer.header("access-control-allow-origin"), None);
        assert_eq!(
            Socket::open_with(server.addr, &[("origin", origin)]).await.err(),
            Some(403),
            "{origin}"
        );
    }
}

#[tokio::test]
async fn a_listed_page_may_ask_first_and_then_call() {
    let server = start_with(|config| {
        config.cors_origins = vec![WALLET.into()];
        config.auth.bearer_token = Some(Secret::new("0123456789abcdef"));
    })
    .await;
    let preflight = format!(
        "OPTIONS / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\norigin: {WALLET}\r\n\
         access-control-request-method: POST\r\naccess-control-request-headers: content-type,authorization\r\n\r\n"
    );
    let answer = raw(server.addr, preflight.as_bytes()).await;
    assert_eq!(answer.status, 200, "a preflight cannot carry credentials: {answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some(WALLET));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));

    let foreign =
        raw(server.addr, preflight.replace(WALLET, "https://evil.example").as_bytes()).await;
    assert_eq!((foreign.status, foreign.header("access-control-allow-origin")), (403, None));

    let headers = format!("origin: {WALLET}\r\nauthorization: Bearer 0123456789abcdef\r\n");
    let answer = post_with(server.addr, &headers, &request(1, "echo", &json!([1]))).await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some(WALLET)));
    let refused =
        post_with(server.addr, &format!("origin: {WALLET}\r\n"), &request(1, "echo", &json!([1])))
            .await;
    assert_eq!(
        (refused.status, refused.header("access-control-allow-origin")),
        (401, Some(WALLET))
    );
}

#[tokio::test]
async fn mounted_routers_share_the_port_and_the_checks() {
    let mut config = RpcConfig { request_bytes_max: 64, ..RpcConfig::default() };
    config.auth.bearer_token = Some(Secret::new("0123456789abcdef"));
    let (module, _lab) = crate::support::module();
    let rest = Router::new()
        .route("/head", get_route(|| async { "12" }).post(|body: String| async move { body }));
    let health = Router::new().route("/", get_route(|| async { "ok" }));
    let handle = RpcServer::builder(config, registry())
        .module(module)
        .mount("/rest", rest)
        .mount_open("/health", health)
        .start(CancellationToken::new())
        .await
        .unwrap();
    let addr = handle.local_addr();
    let authorized = "authorization: Bearer 0123456789abcdef\r\n";
    assert_eq!(get(addr, "/rest/head", "").await.status, 401);
    let answer = get(addr, "/rest/head", authorized).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "12"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(get(addr, "/health", "").await.body, "ok");
    assert_eq!(get(addr, "/health", "origin: https://evil.example\r\n").await.status, 403);

    let body = "b".repeat(65);
    let oversized = format!(
        "POST /rest/head HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{authorized}content-length: 65\r\n\r\n{body}"
    );
    assert_eq!(raw(addr, oversized.as_bytes()).await.status, 413);
}
