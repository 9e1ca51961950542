//! Headers, refusals and content types.

use std::net::SocketAddr;

use quintet_dashboard::{Dashboard, DashboardConfig, DashboardError};
use tokio_util::sync::CancellationToken;

use crate::raw::{Answer, Server, ask, get};

const UPGRADE: [(&str, &str); 4] = [
    ("connection", "upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
];

fn assert_marked(answer: &Answer) {
    let policy = answer.header("content-security-policy").expect("a content security policy");
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split("; ").any(|each| each == part), "{part} is not in {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn every_response_carries_the_security_headers() {
    let server = Server::start(1).await;
    let (address, host) = (server.address(), server.address().to_string());
    for path in [
        "/",
        "/assets/js/app.js",
        "/assets/none.js",
        "/api/snapshot",
        "/healthz",
        "/nowhere",
        "/feed",
    ] {
        assert_marked(&get(address, path).await);
    }
    assert_marked(&ask(address, "POST /", &[("host", &host)]).await);
    assert_marked(&ask(address, "GET /", &[("host", "example.com")]).await);
    assert_marked(
        &ask(address, "GET /", &[("host", &host), ("origin", "http://example.com")]).await,
    );
}

#[tokio::test]
async fn files_come_with_the_type_a_browser_needs() {
    let server = Server::start(1).await;
    for (path, expected) in [
        ("/", "text/html; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/assets/css/tokens.css", "text/css; charset=utf-8"),
        ("/assets/js/panels/dht.js", "text/javascript; charset=utf-8"),
        ("/api/snapshot", "application/json"),
    ] {
        let answer = get(server.address(), path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(expected)), "{path}");
        assert!(!answer.body.is_empty(), "{path}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_page() {
    let server = Server::start(1).await;
    for path in [
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/assets//etc/passwd",
        "/assets/",
        "/feed/",
    ] {
        assert_eq!(get(server.address(), path).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn refuses_to_listen_where_other_machines_can_reach_it() {
    for listen in ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "[::ffff:10.0.0.1]:0"] {
        let config =
            DashboardConfig { listen: listen.parse().unwrap(), ..DashboardConfig::default() };
        let error = Dashboard::start(config, CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, DashboardError::NotLoopback { .. }), "{listen}: {error}");
        assert!(error.to_string().contains("expected a loopback address"), "{error}");
    }
}

#[tokio::test]
async fn says_which_address_is_taken() {
    let server = Server::start(1).await;
    let config = DashboardConfig { listen: server.address(), ..DashboardConfig::default() };
    let error = Dashboard::start(config, CancellationToken::new()).await.unwrap_err();
    assert!(error.to_string().contains(&server.address().to_string()), "{error}");
}

#[tokio::test]
async fn refuses_a_number_of_clients_out_of_range() {
    for clients_max in [0, usize::MAX] {
        let config = DashboardConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), clients_max };
        let error = Dashboard::start(config, CancellationToken::new()).await.unwrap_err();
        assert!(matches!(error, DashboardError::ClientsMax { .. }), "{clients_max}: {error}");
    }
}

#[tokio::test]
async fn refuses_a_host_that_is_not_this_machine() {
    let server = Server::start(1).await;
    for path in ["GET /", "GET /api/snapshot", "GET /feed"] {
        let answer = ask(server.address(), path, &[("host", "rebound.example.com")]).await;
        assert_eq!(answer.status, 421, "{path}");
        assert!(answer.body.contains("rebound.example.com"), "{}", answer.body);
    }
}

#[tokio::test]
async fn refuses_the_feed_to_a_page_of_another_origin() {
    let server = Server::start(1).await;
    let host = server.address().to_string();
    for origin in ["http://example.com", "null", "http://127.0.0.1:1", "file://"] {
        let headers = [&UPGRADE[..], &[("host", &host), ("origin", origin)]].concat();
        assert_eq!(ask(server.address(), "GET /feed", &headers).await.status, 403, "{origin}");
    }
}

#[tokio::test]
async fn answers_only_what_changes_nothing() {
    let server = Server::start(1).await;
    let host = server.address().to_string();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answer =
            ask(server.address(), &format!("{method} /api/snapshot"), &[("host", &host)]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
    assert_eq!(ask(server.address(), "HEAD /healthz", &[("host", &host)]).await.status, 200);
}

#[tokio::test]
async fn stops_when_told_and_frees_the_address() {
    let server = Server::start(1).await;
    let address = server.address();
    assert_eq!(get(address, "/healthz").await.body, "ok\n");
    let Server { handle, cancel } = &server;
    let url = handle.url();
    assert_eq!(url, format!("http://{address}/"));
    cancel.cancel();
    let again = async {
        loop {
            let config = DashboardConfig { listen: address, clients_max: 1 };
            if let Ok(handle) = Dashboard::start(config, CancellationToken::new()).await {
                return handle;
            }
            tokio::task::yield_now().await;
        }
    };
    let again = tokio::time::timeout(std::time::Duration::from_secs(10), again)
        .await
        .expect("the address is free");
    assert_eq!(again.address(), address);
}
