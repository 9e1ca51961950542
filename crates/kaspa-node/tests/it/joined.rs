//! Two whole nodes on this machine, joined as `quintet kaspa run` joins them: what happens at one is seen at the other.

use std::{net::SocketAddr, path::Path, sync::Arc};

use quintet_actor::supervisor::Supervisor;
use quintet_kaspa_node::{
    mempool::{OrphanRule, Submission},
    mining::MinerOptions,
    node::{KaspaNode, NodeOptions},
    p2p::{Network, Settings, Target},
    rpc::Core,
};
use quintet_kaspa_protocol::{
    mass::storage_mass,
    mempool::{Priority, Replacement},
    params::Params,
    script::ScriptClass,
    tx::{Outpoint, PopulatedTransaction, ScriptPublicKey, Transaction, UtxoEntry},
};
use tokio_util::sync::CancellationToken;

use crate::{
    lab::{params, spend},
    p2p::node::eventually,
};

/// Blocks a second: enough that a thousand have ripened a coin soon, few enough that an unoptimised build keeps up.
const RATE: f64 = 60.0;

/// Blocks a coin is left to ripen beyond what it must: the two nodes are not at the same block.
const MARGIN: u64 = 50;

/// Blake2b-256 of the script of one byte, 0x51, that anyone may spend.
const ANYONE: [u8; 32] = [
    0xce, 0x57, 0x21, 0x62, 0x85, 0x12, 0x50, 0x06, 0xec, 0x18, 0x19, 0x7b, 0xd8, 0x18, 0x42, 0x21,
    0xce, 0xfa, 0x55, 0x9b, 0xb0, 0x79, 0x84, 0x10, 0xd9, 0x9a, 0x5b, 0xba, 0x5b, 0x07, 0xcd, 0x1d,
];

/// That script behind its hash: pools relay nothing that is not standard.
fn script() -> ScriptPublicKey {
    let script = ScriptClass::ScriptHash(&ANYONE).to_script().unwrap();
    ScriptPublicKey::new(0, &script)
}

/// A node under its supervisor.
struct Running {
    core: Arc<Core>,
    network: Network,
    stop: CancellationToken,
    life: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(params: &Params, directory: &Path, mines: bool, peers: &[&Self]) -> Self {
        let mut options = NodeOptions::new(params.clone(), directory.to_path_buf());
        options.threads = Some(1);
        options.utxo_index = true;
        options.rpc.unsynced_mining = true;
        options.mine = mines.then(|| MinerOptions {
            script: script(),
            rate: Some(RATE),
            extra_data: b"joined".to_vec(),
        });
        options.peers = Some(Settings {
            listen: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            add: peers.iter().map(|peer| Target::Addr(peer.address())).collect(),
            outbound: 0,
            allow_local: true,
            ..Settings::default()
        });
        let stop = CancellationToken::new();
        let node = KaspaNode::start(options, stop.clone()).await.unwrap();
        let (core, network) = (Arc::clone(node.core()), node.network().unwrap().clone());
        let supervisor: Supervisor = node.into_supervisor();
        let ending = stop.clone();
        let life = tokio::spawn(async move {
            let report = supervisor.run(ending).await.unwrap();
            assert!(report.is_clean(), "{report:?}");
        });
        Self { core, network, stop, life }
    }

    fn address(&self) -> SocketAddr {
        self.network.local_address().unwrap()
    }

    fn score(&self) -> u64 {
        self.core.consensus.virtual_state().daa_score
    }

    /// Returns coins of the miner that may be spent, as the index knows them.
    fn ripe(&self, params: &Params) -> Vec<(Outpoint, UtxoEntry)> {
        let index = self.core.index.as_ref().unwrap();
        let mut coins = index.utxos(&[script()].into()).unwrap();
        let maturity = params.toccata.rate.coinbase_maturity;
        coins.retain(|(_, entry)| entry.block_daa_score + maturity + MARGIN <= self.score());
        coins
    }

    async fn stop(mut self) {
        self.stop.cancel();
        (&mut self.life).await.unwrap();
    }
}

impl Drop for Running {
    /// A test that fails ends its miners too, which would go on for ever.
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn pay(params: &Params, (outpoint, entry): &(Outpoint, UtxoEntry)) -> Transaction {
    let mut tx = spend(params, *outpoint, entry, 400_000);
    // What the script hash stands for.
    tx.inputs[0].signature_script = vec![1, 0x51];
    tx.outputs[0].script_public_key = script();
    tx.storage_mass = 0;
    let entries = [entry.clone()];
    let populated = PopulatedTransaction::new(&tx, &entries).unwrap();
    tx.storage_mass = storage_mass(params, populated).unwrap();
    tx
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_follows_one_that_mines_and_a_payment_at_either_is_accepted_at_both() {
    let params = params(true);
    let folder = tempfile::tempdir().unwrap();
    let first = Running::start(&params, &folder.path().join("first"), true, &[]).await;
    eventually("the first node has coins to spend", || !first.ripe(&params).is_empty()).await;
    let second = Running::start(&params, &folder.path().join("second"), false, &[&first]).await;
    eventually("both have one sink", || {
        second.score() > 10 && first.core.consensus.sink() == second.core.consensus.sink()
    })
    .await;
    assert_eq!(first.core.peers.connected().len(), 1);
    assert!(second.core.peers.connected()[0].is_outbound);
    assert!(first.core.is_synced() && second.core.is_synced());

    // The follower's own index names the coin, so what it shows came over the network.
    let coins = second.ripe(&params);
    for (from, coin) in [(&first, &coins[0]), (&second, &coins[1])] {
        let tx = pay(&params, coin);
        let id = tx.id();
        let how = Submission {
            priority: Priority::High,
            orphan: OrphanRule::Forbidden,
            replacement: Replacement::Forbidden,
        };
        let inserted = from.core.mempool.submit(tx, how).unwrap();
        from.core.peers.announce(&inserted.accepted);
        for node in [&first, &second] {
            let index = node.core.index.as_ref().unwrap();
            eventually("the payment is in the index", || {
                let found = index.utxos(&[script()].into()).unwrap();
                found.iter().any(|(outpoint, _)| outpoint.transaction_id == id)
            })
            .await;
            let is_gone = || node.core.mempool.read(|pool| pool.get(&id).is_none());
            eventually("no pool holds it any longer", is_gone).await;
        }
    }
    second.stop().await;
    first.stop().await;
}
