//! Every form of credential, over HTTP and WebSocket.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};
use hmac::{Hmac, KeyInit as _, Mac as _};
use quintet_rpc::{BasicUser, Secret, code};
use serde_json::json;
use sha2::Sha256;

use crate::support::{Server, Socket, get, post, post_with, request, start_with};

const TOKEN: &str = "0123456789abcdef-token";

async fn guarded(cookie: &std::path::Path) -> Server {
    start_with(|config| {
        config.auth.cookie_file = Some(cookie.to_owned());
        config.auth.bearer_token = Some(Secret::new(TOKEN));
        config.auth.basic =
            Some(BasicUser { user: "alice".into(), password: Secret::new("open sesame") });
    })
    .await
}

fn basic(credential: &str) -> String {
    format!("Basic {}", BASE64.encode(credential))
}

#[tokio::test]
async fn each_form_opens_both_transports_as_its_own_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".cookie");
    let server = guarded(&path).await;
    let cookie = std::fs::read_to_string(&path).unwrap();
    let whoami = request(1, "whoami", &json!([]));
    for (authorization, identity) in [
        (basic(&cookie), "Cookie"),
        (basic("alice:open sesame"), "Basic"),
        (format!("Bearer {TOKEN}"), "Bearer"),
    ] {
        let answer =
            post_with(server.addr, &format!("authorization: {authorization}\r\n"), &whoami).await;
        assert_eq!(answer.json()["result"], identity);
        let mut socket =
            Socket::open_with(server.addr, &[("authorization", &authorization)]).await.unwrap();
        assert_eq!(socket.call(1, "whoami", &json!([])).await["result"], identity);
    }
}

#[tokio::test]
async fn a_stranger_is_told_how_to_get_in_but_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".cookie");
    let server = guarded(&path).await;
    let answer = post(server.addr, &request(1, "whoami", &json!([]))).await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.error_code(), i64::from(code::UNAUTHORIZED));
    let challenges = answer.header("www-authenticate").unwrap();
    assert!(
        challenges.contains("Basic realm=") && challenges.contains("Bearer realm="),
        "{challenges}"
    );
    assert_eq!(answer.json()["error"]["data"]["what_to_do"].as_array().unwrap().len(), 3);
    for secret in ["alice", "sesame", TOKEN, &*path.to_string_lossy()] {
        assert!(!answer.body.contains(secret), "{secret}");
    }
    for path in ["/openrpc.json", "/no-such-path"] {
        assert_eq!(get(server.addr, path, "").await.status, 401, "{path}");
    }
}

#[tokio::test]
async fn wrong_credentials_open_neither_transport() {
    let folder = tempfile::tempdir().unwrap();
    let server = guarded(&folder.path().join(".cookie")).await;
    for authorization in [
        basic("alice:guess"),
        basic("__cookie__:00"),
        "Bearer 0123456789abcdef".into(),
        "Basic".into(),
    ] {
        let header = format!("authorization: {authorization}\r\n");
        let answer = post_with(server.addr, &header, &request(1, "whoami", &json!([]))).await;
        assert_eq!(answer.status, 401, "{authorization}");
        let refused =
            Socket::open_with(server.addr, &[("authorization", &authorization)]).await.err();
        assert_eq!(refused, Some(401), "{authorization}");
    }
    assert_eq!(Socket::open_with(server.addr, &[]).await.err(), Some(401));
}

#[tokio::test]
async fn without_authentication_everybody_on_this_machine_is_anonymous() {
    let server = start_with(|_| {}).await;
    assert_eq!(
        post(server.addr, &request(1, "whoami", &json!([]))).await.json()["result"],
        "Anonymous"
    );
}

#[tokio::test]
async fn the_cookie_file_lives_as_long_as_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".cookie");
    let server = guarded(&path).await;
    let first = std::fs::read_to_string(&path).unwrap();
    server.handle.stop().await;
    assert!(!path.exists());
    let server = guarded(&path).await;
    assert_ne!(std::fs::read_to_string(&path).unwrap(), first);
    server.handle.stop().await;
}

/// A token made this many seconds from now.
fn signed(key: [u8; 32], seconds: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let iat = i64::try_from(now.as_secs()).unwrap() + seconds;
    let part = |value: serde_json::Value| BASE64URL.encode(value.to_string());
    let text = format!("{}.{}", part(json!({"alg": "HS256"})), part(json!({"iat": iat})));
    let mac = Hmac::<Sha256>::new_from_slice(&key).unwrap().chain_update(&text);
    format!("authorization: Bearer {text}.{}\r\n", BASE64URL.encode(mac.finalize().into_bytes()))
}

#[tokio::test]
async fn a_token_signed_now_opens_the_door_and_others_are_told_why_not() {
    let key = [7; 32];
    let server = start_with(|config| {
        config.auth.jwt_secret = Some(Secret::new("07".repeat(32)));
    })
    .await;
    let whoami = request(1, "whoami", &json!([]));
    let fresh = post_with(server.addr, &signed(key, 0), &whoami).await;
    assert_eq!(fresh.json()["result"], "Jwt");
    for (header, words) in [
        (signed(key, -75), "stale token"),
        (signed(key, 75), "future token"),
        (signed([8; 32], 0), "the signature does not match"),
        ("authorization: Bearer nonsense\r\n".to_owned(), "three parts"),
        (String::new(), "carries no credential"),
    ] {
        let answer = post_with(server.addr, &header, &whoami).await;
        assert_eq!(answer.status, 401, "{words}");
        assert!(answer.body.contains(words), "{}", answer.body);
        assert!(answer.header("www-authenticate").unwrap().contains("Bearer"));
    }
}
