//! A server to test, and an HTTP client plain enough to send what no well-behaved client would.

use std::net::SocketAddr;

use quintet_dashboard::{Dashboard, DashboardConfig, DashboardHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

/// A dashboard on a free port, stopped when dropped.
pub(crate) struct Server {
    pub(crate) handle: DashboardHandle,
    pub(crate) cancel: CancellationToken,
}

impl Server {
    pub(crate) async fn start(clients_max: usize) -> Self {
        let cancel = CancellationToken::new();
        let config = DashboardConfig { listen: SocketAddr::from(([127, 0, 0, 1], 0)), clients_max };
        let handle = Dashboard::start(config, cancel.clone()).await.unwrap();
        Self { handle, cancel }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.handle.address()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// A response, as text.
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, wanted: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value)
    }
}

/// Sends a request line and headers as they are; `connection: close` is added.
pub(crate) async fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = format!("{line} HTTP/1.1\r\nconnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Asks for a path the way a browser on this machine does.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, &format!("GET {path}"), &[("host", &address.to_string())]).await
}
