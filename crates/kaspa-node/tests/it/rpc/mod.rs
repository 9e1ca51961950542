//! Clients of a whole node, over sockets.

mod close;
mod grpc;
mod grpc_hostile;

use std::{net::SocketAddr, path::Path};

use quintet_kaspa_node::{
    mining::MinerOptions,
    node::{GrpcOptions, KaspaNode, NodeOptions},
};
use quintet_kaspa_protocol::tx::ScriptPublicKey;
use tokio_util::sync::CancellationToken;

use crate::lab::params;

/// A free port of this machine.
const ANY: ([u8; 4], u16) = ([127, 0, 0, 1], 0);

/// A node by itself, which serves every kind of client.
struct Served {
    grpc: SocketAddr,
    json: SocketAddr,
    stop: CancellationToken,
    life: tokio::task::JoinHandle<()>,
}

impl Served {
    /// Starts a node for so many clients of gRPC; one that mines finds so many blocks a second.
    async fn start(directory: &Path, clients_max: usize, rate: Option<f64>) -> Self {
        let mut options = NodeOptions::new(params(true), directory.to_path_buf());
        options.threads = Some(1);
        options.utxo_index = true;
        options.rpc.unsynced_mining = true;
        options.rpc_grpc =
            Some(GrpcOptions { address: ANY.into(), clients_max, is_optional: false });
        options.rpc_json = Some(ANY.into());
        options.mine = rate.map(|rate| MinerOptions {
            script: ScriptPublicKey::new(0, &[0x51]),
            rate: Some(rate),
            extra_data: b"served".to_vec(),
        });
        let stop = CancellationToken::new();
        let node = KaspaNode::start(options, stop.clone()).await.unwrap();
        let (grpc, json) = (node.grpc_address().unwrap(), node.addresses().1.unwrap());
        let (supervisor, ending) = (node.into_supervisor(), stop.clone());
        let life = tokio::spawn(async move {
            let report = supervisor.run(ending).await.unwrap();
            assert!(report.is_clean(), "{report:?}");
        });
        Self { grpc, json, stop, life }
    }

    /// Stops it: every part must have ended in order.
    async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.life).await.unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
