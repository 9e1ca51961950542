//! Starting and stopping.

use std::net::SocketAddr;
use std::time::Duration;

use quintet_rpc::{
    ConfigError, Method, Registry, RegistryError, RpcConfig, RpcModule, RpcServer, StartError,
};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::{Socket, module, post_bytes, read_answer, registry, request, start_with};

const PATIENCE: Duration = Duration::from_secs(20);

async fn until_refused(addr: SocketAddr) {
    let refused = async { while TcpStream::connect(addr).await.is_ok() {} };
    timeout(PATIENCE, refused).await.expect("the listener is closed");
}

#[tokio::test]
async fn requests_in_flight_finish_before_the_server_has_stopped() {
    let server = start_with(|_| {}).await;
    let mut http = TcpStream::connect(server.addr).await.unwrap();
    http.write_all(&post_bytes("", &request(1, "gate", &json!([])))).await.unwrap();
    server.lab.begun.notified().await;
    let mut socket = Socket::open(server.addr).await;
    socket.send(request(2, "gate", &json!([]))).await;
    server.lab.begun.notified().await;

    let stopping = tokio::spawn(server.handle.stop());
    until_refused(server.addr).await;
    assert!(!stopping.is_finished());
    server.lab.gate.add_permits(2);
    assert_eq!(read_answer(&mut http).await.json()["result"], true);
    assert_eq!(socket.next().await["result"], true);
    assert_eq!(socket.closed().await, 1001);
    timeout(PATIENCE, stopping).await.unwrap().unwrap();
}

#[tokio::test]
async fn requests_that_outlast_the_grace_time_are_cut_off() {
    let server = start_with(|config| config.stop_grace = Duration::from_millis(50)).await;
    let mut http = TcpStream::connect(server.addr).await.unwrap();
    http.write_all(&post_bytes("", &request(1, "gate", &json!([])))).await.unwrap();
    server.lab.begun.notified().await;
    let mut socket = Socket::open(server.addr).await;
    socket.send(request(2, "gate", &json!([]))).await;
    server.lab.begun.notified().await;

    timeout(PATIENCE, server.handle.stop()).await.unwrap();
    let mut rest = Vec::new();
    let ended = http.read_to_end(&mut rest).await;
    assert!(ended.is_err() || rest.is_empty(), "{rest:?}");
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_stop_up() {
    let server = start_with(|config| config.stop_grace = PATIENCE * 2).await;
    let mut http = TcpStream::connect(server.addr).await.unwrap();
    let body = request(1, "echo", &json!([1]));
    let keep_alive =
        String::from_utf8(post_bytes("", &body)).unwrap().replace("connection: close\r\n", "");
    http.write_all(keep_alive.as_bytes()).await.unwrap();
    let mut first = [0_u8; 12];
    http.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let _subscribed = Socket::open(server.addr).await.call(1, "count", &json!([])).await;
    timeout(PATIENCE, server.handle.stop()).await.expect("idle connections are closed at once");
}

#[tokio::test]
async fn the_callers_token_stops_the_server_too() {
    let (module, _lab) = module();
    let cancel = CancellationToken::new();
    let handle = RpcServer::builder(RpcConfig::default(), registry())
        .module(module)
        .start(cancel.clone())
        .await
        .unwrap();
    cancel.cancel();
    timeout(PATIENCE, handle.stopped()).await.unwrap();
}

async fn start_error(config: RpcConfig, registry: Registry) -> StartError {
    let (module, _lab) = module();
    RpcServer::builder(config, registry)
        .module(module)
        .start(CancellationToken::new())
        .await
        .unwrap_err()
}

#[tokio::test]
async fn a_method_without_description_keeps_the_server_from_starting() {
    let error = start_error(RpcConfig::default(), Registry::new("Lab", "1")).await;
    let StartError::Registry(RegistryError::Undescribed { methods }) = error else {
        panic!("{error}")
    };
    assert!(
        methods.contains(&"echo".to_owned()) && methods.contains(&"uncount".to_owned()),
        "{methods:?}"
    );
}

#[tokio::test]
async fn a_description_without_method_keeps_the_server_from_starting() {
    let error =
        start_error(RpcConfig::default(), registry().method(Method::new("gone", "Was here.")))
            .await;
    let StartError::Registry(RegistryError::Unregistered { methods }) = error else {
        panic!("{error}")
    };
    assert_eq!(methods, ["gone"]);
}

#[tokio::test]
async fn listening_beyond_loopback_without_authentication_does_not_start() {
    let listen = SocketAddr::from(([0, 0, 0, 0], 0));
    let error = start_error(RpcConfig { listen, ..RpcConfig::default() }, registry()).await;
    assert!(matches!(error, StartError::Config(ConfigError::ExposedWithoutAuth { .. })), "{error}");
    assert!(error.to_string().contains("auth.cookie_file"), "{error}");
}

#[tokio::test]
async fn a_second_node_on_the_port_does_not_touch_the_first_ones_cookie() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".cookie");
    let first = start_with(|config| config.auth.cookie_file = Some(path.clone())).await;
    let cookie = std::fs::read_to_string(&path).unwrap();
    let mut config = RpcConfig { listen: first.addr, ..RpcConfig::default() };
    config.auth.cookie_file = Some(path.clone());
    let error = start_error(config, registry()).await;
    assert!(matches!(error, StartError::Listen { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), cookie);
}

#[tokio::test]
async fn clashing_modules_and_a_second_discover_method_are_refused() {
    let (first, _lab) = module();
    let (second, _lab) = module();
    let twice = RpcServer::builder(RpcConfig::default(), registry()).module(first).module(second);
    assert!(matches!(twice.start(CancellationToken::new()).await, Err(StartError::Modules { .. })));

    let mut module = RpcModule::new(());
    module.register_method::<u8, _>("rpc.discover", |_, (), _| 0).unwrap();
    let own = RpcServer::builder(RpcConfig::default(), Registry::new("Lab", "1")).module(module);
    assert!(matches!(own.start(CancellationToken::new()).await, Err(StartError::Modules { .. })));
}
