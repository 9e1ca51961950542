//! A server with a handful of methods, and the two ways to talk to it: raw HTTP bytes and a WebSocket.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use quintet_rpc::{
    ErrorObjectOwned, Method, Peer, Registry, RpcConfig, RpcError, RpcHandle, RpcModule, RpcResult,
    RpcServer,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, Semaphore};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use tokio_util::sync::CancellationToken;

/// What the methods do and what tests watch them by.
#[derive(Debug)]
pub(crate) struct Lab {
    /// `gate` has begun.
    pub(crate) begun: Notify,
    /// `gate` waits for a permit.
    pub(crate) gate: Semaphore,
    /// How often `large` ran.
    pub(crate) large_calls: AtomicUsize,
    /// How many items `flood` has handed over.
    pub(crate) flooded: AtomicUsize,
    /// A subscription has seen its session end.
    pub(crate) session_ended: Notify,
}

pub(crate) fn registry() -> Registry {
    Registry::new("Lab", "1.0.0")
        .method(
            Method::new("echo", "Gives its parameter back.")
                .param::<Value>("value", "")
                .result::<Value>("value", ""),
        )
        .method(Method::new("whoami", "Tells who calls.").result::<String>("identity", ""))
        .method(
            Method::new("large", "Gives that many bytes.")
                .param::<u32>("bytes", "")
                .result::<String>("text", ""),
        )
        .method(Method::new("gate", "Waits until the gate opens.").result::<bool>("open", ""))
        .method(Method::new("forever", "Never ends."))
        .method(Method::new("boom", "Panics."))
        .method(Method::new("fault", "Fails inside."))
        .method(Method::subscription::<u64>(
            "count",
            "counted",
            "uncount",
            "Counts from 0 to 2 and then waits.",
        ))
        .method(Method::subscription::<String>(
            "flood",
            "flooded",
            "unflood",
            "Sends as fast as it may.",
        ))
}

pub(crate) fn module() -> (RpcModule<Lab>, Arc<Lab>) {
    let lab = Arc::new(Lab {
        begun: Notify::new(),
        gate: Semaphore::new(0),
        large_calls: AtomicUsize::new(0),
        flooded: AtomicUsize::new(0),
        session_ended: Notify::new(),
    });
    let mut module = RpcModule::from_arc(Arc::clone(&lab));
    module.register_method::<RpcResult<Value>, _>("echo", |params, _, _| params.one()).unwrap();
    module
        .register_method::<String, _>("whoami", |_, _, extensions| {
            format!(
                "{:?}",
                extensions.get::<Peer>().expect("every method is told its peer").identity
            )
        })
        .unwrap();
    module
        .register_method::<RpcResult<String>, _>("large", |params, lab, _| {
            lab.large_calls.fetch_add(1, Ordering::SeqCst);
            Ok("x".repeat(params.one::<usize>()?))
        })
        .unwrap();
    module
        .register_async_method("gate", |_, lab, _| async move {
            lab.begun.notify_one();
            lab.gate.acquire().await.unwrap().forget();
            true
        })
        .unwrap();
    module.register_async_method("forever", |_, _, _| std::future::pending::<()>()).unwrap();
    module.register_method::<(), _>("boom", |_, _, _| panic!("the secret is 4711")).unwrap();
    module
        .register_method::<Result<(), ErrorObjectOwned>, _>("fault", |_, _, _| {
            let cause = std::io::Error::other("the secret is 4711");
            Err(RpcError::internal("opening the table", &cause).into())
        })
        .unwrap();
    register_subscriptions(&mut module);
    (module, lab)
}

fn register_subscriptions(module: &mut RpcModule<Lab>) {
    module
        .register_subscription("count", "counted", "uncount", |_, pending, lab, _| async move {
            let Ok(sink) = pending.accept().await else { return };
            for n in 0_u64..3 {
                if sink.send(serde_json::value::to_raw_value(&n).unwrap()).await.is_err() {
                    break;
                }
            }
            sink.closed().await;
            lab.session_ended.notify_one();
        })
        .unwrap();
    module
        .register_subscription("flood", "flooded", "unflood", |_, pending, lab, _| async move {
            let Ok(sink) = pending.accept().await else { return };
            let item = serde_json::value::to_raw_value(&"y".repeat(64 * 1024)).unwrap();
            while sink.send(item.clone()).await.is_ok() {
                lab.flooded.fetch_add(1, Ordering::SeqCst);
            }
            lab.session_ended.notify_one();
        })
        .unwrap();
}

pub(crate) struct Server {
    pub(crate) handle: RpcHandle,
    pub(crate) lab: Arc<Lab>,
    pub(crate) addr: SocketAddr,
}

pub(crate) async fn start(config: RpcConfig) -> Server {
    let (module, lab) = module();
    let server = RpcServer::builder(config, registry()).module(module);
    let handle = server.start(CancellationToken::new()).await.unwrap();
    let addr = handle.local_addr();
    Server { handle, lab, addr }
}

pub(crate) async fn start_with(change: impl FnOnce(&mut RpcConfig)) -> Server {
    let mut config = RpcConfig::default();
    change(&mut config);
    start(config).await
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn error_code(&self) -> i64 {
        self.json()["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }
}

/// Sends bytes as they are and reads until the server closes.
pub(crate) async fn raw(addr: SocketAddr, bytes: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(addr).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    read_answer(&mut socket).await
}

pub(crate) async fn read_answer(socket: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) =
        text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP response: {text:?}"));
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let mut headers = HashMap::<String, String>::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        // A repeated header is joined, as RFC 9110 §5.3 has it.
        let joined = headers.entry(name.to_ascii_lowercase()).or_default();
        *joined = if joined.is_empty() { value.to_owned() } else { format!("{joined}, {value}") };
    }
    Answer { status, headers, body: body.to_owned() }
}

/// A POST with extra header lines, each ended by CRLF.
pub(crate) fn post_bytes(headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

pub(crate) async fn post(addr: SocketAddr, body: &str) -> Answer {
    raw(addr, &post_bytes("", body)).await
}

pub(crate) async fn post_with(addr: SocketAddr, headers: &str, body: &str) -> Answer {
    raw(addr, &post_bytes(headers, body)).await
}

pub(crate) async fn get(addr: SocketAddr, path: &str, headers: &str) -> Answer {
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\r\n");
    raw(addr, request.as_bytes()).await
}

pub(crate) fn request(id: u64, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// A WebSocket client.
pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(addr: SocketAddr) -> Self {
        Self::open_with(addr, &[]).await.unwrap()
    }

    /// `Err` holds the HTTP status of a refused upgrade.
    pub(crate) async fn open_with(
        addr: SocketAddr,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let mut request = format!("ws://{addr}/").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) async fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Value {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("expected a text message, got {other:?}"),
            }
        }
    }

    /// The code of the close frame that must come next.
    pub(crate) async fn closed(&mut self) -> u16 {
        match self.0.next().await {
            Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
            other => panic!("expected a close frame, got {other:?}"),
        }
    }

    pub(crate) async fn call(&mut self, id: u64, method: &str, params: &Value) -> Value {
        self.send(request(id, method, params)).await;
        self.next().await
    }
}
