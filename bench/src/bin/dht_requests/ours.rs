//! This project's node as a server, as `quintet dht` runs it, with its limits lifted.

use std::net::SocketAddr;

use quintet_dht_node::{DhtConfig, DhtNode, LimitsConfig};
use quintet_node::{datadir::DataDir, lifecycle::NodeContext, ops::Health};

use crate::servers;

/// Addresses a node may be told to ask first. The other contacts introduce themselves.
const BOOTSTRAP_MAX: usize = 64;

/// Is a server until standard input ends.
pub(crate) fn serve(listen: SocketAddr, contacts: &[SocketAddr]) -> anyhow::Result<()> {
    let config = DhtConfig {
        listen: vec![listen.into()],
        limits: LimitsConfig::none(),
        ..DhtConfig::local()
    };
    let config = config.with_bootstrap(contacts.iter().copied().take(BOOTSTRAP_MAX));
    let home = tempfile::tempdir()?;
    let data_dir = DataDir::open(home.path().join("node"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let context = NodeContext::new("bench", data_dir, &Health::new());
    let running = runtime.block_on(DhtNode::new(config).spawn(context))?;
    servers::wait_for_end()?;
    drop(running);
    Ok(())
}
