//! Our node and an unmodified rusty-kaspa node: each downloads from the other, and follows it.
//!
//! The executable is `kaspad` on the path, or what `KASPAD` names. Without one the test says so and passes.

use std::{
    env, fs,
    io::{self, Write as _},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, atomic::AtomicU64},
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_kaspa_protocol::params::{Network, Params};
use quintet_net::dial::Target;

use super::node::{Node, eventually};

fn find() -> Option<PathBuf> {
    let named = env::var_os("KASPAD").map(PathBuf::from);
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).map(|folder| folder.join("kaspad"));
    named.into_iter().chain(found).find(|path| path.is_file())
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A running reference node on a simulation network, ended when dropped.
struct Kaspad {
    child: Child,
    p2p: SocketAddr,
    folder: tempfile::TempDir,
}

impl Kaspad {
    fn start(executable: &PathBuf, connect: Option<SocketAddr>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let p2p = free();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(executable);
        command
            .args(["--simnet", "--nodnsseed", "--disable-upnp", "--enable-unsynced-mining"])
            .args(["--yes", "--nologfiles", "--loglevel=debug", "--ram-scale=0.3"])
            .arg(format!("--appdir={}", folder.path().display()))
            .arg(format!("--listen={p2p}"))
            .arg(format!("--rpclisten={}", free()));
        if let Some(connect) = connect {
            command.arg(format!("--connect={connect}"));
        }
        let child = command.stdout(log).stderr(Stdio::null()).stdin(Stdio::null()).spawn();
        Self { child: child.unwrap(), p2p, folder }
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Kaspad {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(60).collect();
            eprintln!("── kaspad, the latest first ──\n{}", tail.join("\n"));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn now() -> Arc<AtomicU64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Arc::new(AtomicU64::new(u64::try_from(since.as_millis()).unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_node_downloads_our_blocks_and_another_node_of_ours_gets_them_from_it() {
    let Some(executable) = find() else {
        let told =
            writeln!(io::stderr(), "skipped: no kaspad on the path, and none named by KASPAD");
        return told.unwrap();
    };
    // The reference's own parameters, nothing overridden.
    let params = Params::of(Network::Simnet);
    let time = now();
    let ours = Node::start(&params, &time, &[]).await;
    // Its clock and ours are the system's; blocks begin some minutes ago.
    time.fetch_sub(300_000, std::sync::atomic::Ordering::Relaxed);
    ours.mine_many(1200, 1);
    let sink = ours.consensus().sink();
    let kaspad = Kaspad::start(&executable, ours.network.local_address());
    eventually("the reference node is connected", || ours.network.peers().len() == 1).await;
    let peer = ours.network.peers().remove(0);
    assert!(peer.user_agent.contains("kaspad"), "{peer:?}");
    assert!((10..=11).contains(&peer.protocol), "{peer:?}");
    // What it took is seen by asking it: a new node of ours that knows nobody else.
    let new = Node::start(&params, &time, &[]).await;
    new.network.add_peer(Target::Addr(kaspad.p2p), true);
    eventually("our blocks came back from the reference node", || {
        new.consensus().status(&sink).is_some_and(|status| status.has_body())
    })
    .await;
    // And it hands on what it is told of.
    for nonce in 2..12 {
        let hash = ours.mine(nonce).header.hash();
        ours.network.announce_block(hash);
        eventually("a block goes through the reference node", || {
            new.consensus().status(&hash).is_some_and(|status| status.has_body())
        })
        .await;
    }
    assert_eq!(ours.consensus().sink(), new.consensus().sink());
    new.stop().await;
    ours.stop().await;
}
