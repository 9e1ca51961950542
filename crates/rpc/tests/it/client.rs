//! The command-line tools' client against a real server, and against no server.

use std::time::Duration;

use quintet_rpc::client::{ClientError, Credentials, RpcClient};
use quintet_rpc::{BasicUser, Secret, code};
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use crate::support::{Server, start_with};

const START: &str = "node run";

fn client(server: &Server) -> RpcClient {
    RpcClient::new(&format!("http://{}", server.addr), START).unwrap()
}

#[tokio::test]
async fn calls_are_typed_and_errors_keep_their_code_and_data() {
    let server = start_with(|_| {}).await;
    let client = client(&server);
    assert_eq!(client.call::<Vec<u8>>("echo", [[1, 2, 3]]).await.unwrap(), [1, 2, 3]);
    assert_eq!(client.call::<Option<u8>>("echo", [Value::Null]).await.unwrap(), None);
    assert_eq!(client.call::<String>("whoami", ()).await.unwrap(), "Anonymous");
    let error = client.call::<Value>("ecko", ()).await.unwrap_err();
    assert!(error.to_string().contains("did_you_mean"), "{error}");
    assert!(matches!(
        error,
        ClientError::Method { code: code::METHOD_NOT_FOUND, data: Some(_), .. }
    ));
    let error = client.call::<u8>("whoami", ()).await.unwrap_err();
    assert!(error.to_string().contains("same version"), "{error}");
}

#[tokio::test]
async fn every_credential_works_and_a_missing_one_is_explained() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".cookie");
    let server = start_with(|config| {
        config.auth.cookie_file = Some(path.clone());
        config.auth.bearer_token = Some(Secret::new("0123456789abcdef"));
        config.auth.basic =
            Some(BasicUser { user: "alice".into(), password: Secret::new("open sesame") });
    })
    .await;
    for (credentials, identity) in [
        (Credentials::CookieFile(path.clone()), "Cookie"),
        (Credentials::Bearer(Secret::new("0123456789abcdef")), "Bearer"),
        (
            Credentials::Basic { user: "alice".into(), password: Secret::new("open sesame") },
            "Basic",
        ),
    ] {
        let client = client(&server).credentials(credentials);
        assert_eq!(client.call::<String>("whoami", ()).await.unwrap(), identity);
    }
    let error = client(&server).call::<String>("whoami", ()).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Unauthorized { advice, .. } if advice.contains("cookie file")),
        "{error}"
    );

    let missing =
        client(&server).credentials(Credentials::CookieFile(folder.path().join("missing")));
    let error = missing.call::<String>("whoami", ()).await.unwrap_err();
    assert!(error.to_string().contains("start it with `node run`"), "{error}");
}

#[tokio::test]
async fn a_node_that_does_not_run_is_said_to_be_not_running() {
    let server = start_with(|_| {}).await;
    let client = client(&server);
    server.handle.stop().await;
    let error = client.call::<Value>("echo", [1]).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
    assert!(
        error.to_string().contains("is the node running there? start it with `node run`"),
        "{error}"
    );
}

#[tokio::test]
async fn a_slow_node_and_a_stranger_on_the_port_are_told_apart() {
    let server = start_with(|_| {}).await;
    let hurried = client(&server).timeout(Duration::from_millis(50));
    let error = hurried.call::<Value>("forever", ()).await.unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");

    let stranger = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = stranger.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = stranger.accept().await.unwrap();
        let page = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>";
        socket.write_all(page.as_bytes()).await.unwrap();
        socket
    });
    let error = RpcClient::new(&format!("http://{addr}"), START)
        .unwrap()
        .call::<Value>("echo", [1])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::NotJsonRpc { status: 200, excerpt, .. } if excerpt == "<html>"),
        "{error}"
    );
}
