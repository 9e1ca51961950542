//! The reference's own executable as a process, and the little of its gRPC that mining with it takes.

use std::{
    env, fs,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use quintet_kaspa_node::dump::Writer;
use quintet_kaspa_protocol::params::{Network, Params};
use quintet_primitives::{Hash256, hex};

use super::super::node::eventually;
use crate::call::Call;

/// The gRPC method of requests and their answers.
const RPC: &str = "/protowire.RPC/MessageStream";

/// Fields of `KaspadRequest`; the answer to one has the next number.
const SUBMIT_BLOCK: u64 = 1003;
const GET_BLOCK_TEMPLATE: u64 = 1005;
const GET_SINK: u64 = 1012;

/// The field of an answer that says what went wrong.
const ERROR: u64 = 1000;

/// Returns the executable: what `KASPAD` names, or `kaspad` on the path. Says so where there is none.
pub(super) fn find() -> Option<PathBuf> {
    let named = env::var_os("KASPAD").map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).map(|folder| folder.join("kaspad"));
    let found = named.into_iter().chain(found).find(|path| path.is_file());
    if found.is_none() {
        // Not by `eprintln!`, which the test runner would keep to itself.
        let told = "skipped: no kaspad on the path, and none named by KASPAD";
        // Past the capture of a test that passes.
        let written = writeln!(io::stderr(), "{told}");
        written.unwrap();
    }
    found
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A running reference node on a simulation network, ended when dropped.
pub(super) struct Kaspad {
    child: Child,
    pub(super) p2p: SocketAddr,
    rpc: SocketAddr,
    folder: tempfile::TempDir,
}

impl Kaspad {
    /// Starts it with these rules, and waits until it listens. It looks for no peers but `peer`.
    pub(super) async fn start(
        executable: &PathBuf,
        params: &Params,
        peer: Option<SocketAddr>,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (p2p, rpc) = (free(), free());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(executable);
        command
            .args(["--simnet", "--nodnsseed", "--disable-upnp", "--enable-unsynced-mining"])
            .args(["--yes", "--nologfiles", "--loglevel=debug", "--ram-scale=0.3"])
            .args(["--outpeers=0", "--sanity"])
            .arg(format!("--appdir={}", folder.path().display()))
            .arg(format!("--listen={p2p}"))
            .arg(format!("--rpclisten={rpc}"));
        if let Some(peer) = peer {
            // Not `--connect`, with which it takes no inbound connections.
            command.arg(format!("--addpeer={peer}"));
        }
        if *params != Params::of(Network::Simnet) {
            // A dump's first line is such a file.
            let dump = folder.path().join("dump");
            Writer::create(&dump, params).unwrap().finish().unwrap();
            let dump = fs::read_to_string(dump).unwrap();
            let overrides = folder.path().join("params");
            fs::write(&overrides, dump.lines().next().unwrap()).unwrap();
            command.arg(format!("--override-params-file={}", overrides.display()));
        }
        let child = command.stdout(log).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        let node = Self { child: child.unwrap(), p2p, rpc, folder };
        for address in [p2p, rpc] {
            eventually("the reference node listens", || {
                std::net::TcpStream::connect(address).is_ok()
            })
            .await;
        }
        node
    }

    /// Returns what it wrote so far.
    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Asks it, and returns the answer's message.
    async fn ask(&self, field: u64, request: &[u8]) -> Vec<u8> {
        let mut call = Call::connect(self.rpc, RPC).await;
        call.send(bytes_field(field, request)).await;
        let answer = call.next().await.unwrap().expect("an answer to what was asked by gRPC");
        let answer = field_of(&answer, field + 1).expect("the answer to the request");
        if let Some(error) = field_of(&answer, ERROR) {
            panic!("refused by gRPC: {}", String::from_utf8_lossy(&error));
        }
        answer
    }

    /// Lets it find a block that pays to `address`.
    pub(super) async fn mine(&self, address: &str) {
        let request = bytes_field(1, address.as_bytes());
        let template = self.ask(GET_BLOCK_TEMPLATE, &request).await;
        let block = field_of(&template, 3).expect("a block in the template");
        let mut request = bytes_field(2, &block);
        // Whatever the DAA score.
        request.extend([3 << 3, 1]);
        let answer = self.ask(SUBMIT_BLOCK, &request).await;
        assert!(answer.is_empty(), "a reason to reject the block: {answer:?}");
    }

    /// Returns its sink.
    pub(super) async fn sink(&self) -> Hash256 {
        let answer = self.ask(GET_SINK, &[]).await;
        let sink = field_of(&answer, 1).expect("a hash in the answer");
        Hash256::new(hex::decode_array(std::str::from_utf8(&sink).unwrap()).unwrap())
    }

    /// Waits until it has this sink.
    pub(super) async fn reaches(&self, sink: Hash256) {
        let until = std::time::Instant::now() + super::super::node::PATIENCE;
        while self.sink().await != sink {
            assert!(std::time::Instant::now() < until, "the reference node does not reach {sink}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Kaspad {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            let _ = writeln!(io::stderr(), "── kaspad, the latest first ──\n{}", tail.join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap());
}

/// Writes a field of protobuf that holds bytes, a text or a message.
fn bytes_field(number: u64, value: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    varint(number << 3 | 2, &mut out);
    varint(value.len() as u64, &mut out);
    out.extend_from_slice(value);
    out
}

fn take_varint(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first().expect("the rest of a number");
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    number
}

/// Returns the bytes of a field, if a message has it.
fn field_of(mut message: &[u8], number: u64) -> Option<Vec<u8>> {
    while !message.is_empty() {
        let tag = take_varint(&mut message);
        match tag & 7 {
            0 => {
                take_varint(&mut message);
            }
            2 => {
                let len = usize::try_from(take_varint(&mut message)).unwrap();
                let (value, rest) = message.split_at(len);
                message = rest;
                if tag >> 3 == number {
                    return Some(value.to_vec());
                }
            }
            other => panic!("a field of wire type {other}"),
        }
    }
    None
}
