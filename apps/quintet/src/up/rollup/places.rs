//! Where the rollup's nodes are, for people and scripts.

use std::net::SocketAddr;

use serde::Serialize;

use super::{RollupNodes, files::PORTAL};
use crate::{output::Table, up::lux::LuxPlaces};

/// One node.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct RollupPlace {
    name: String,
    /// Ethereum's methods.
    http: Option<String>,
    /// op-node's methods.
    rpc: Option<String>,
    /// Where other nodes find it.
    p2p: Option<String>,
}

/// The rollup.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct RollupPlaces {
    chain_id: u64,
    l1_chain_id: u64,
    /// Where deposits are made on L1.
    portal: String,
    pub(in crate::up) nodes: Vec<RollupPlace>,
}

impl RollupNodes {
    /// Where they are.
    pub(in crate::up) fn places(&self) -> RollupPlaces {
        let url = |address: Option<SocketAddr>| address.map(|address| format!("http://{address}"));
        let nodes = self.nodes.iter().map(|node| RollupPlace {
            name: node.name.to_string(),
            http: url(node.handle.eth_rpc()),
            rpc: url(node.handle.rpc()),
            p2p: node.handle.p2p().map(ToString::to_string),
        });
        RollupPlaces {
            chain_id: self.files.config.l2_chain_id,
            l1_chain_id: self.files.config.l1_chain_id,
            portal: PORTAL.to_string(),
            nodes: nodes.collect(),
        }
    }
}

impl RollupPlaces {
    /// What runs where, for people.
    pub(in crate::up) fn tables(&self) -> String {
        let mut nodes = Table::new(["ROLLUP", "CHAIN", "HTTP, WEBSOCKET", "OP-NODE'S RPC"]);
        let none = || "-".to_owned();
        for RollupPlace { name, http, rpc, .. } in &self.nodes {
            let (http, rpc) = (http.clone().unwrap_or_else(none), rpc.clone().unwrap_or_else(none));
            nodes.row([name.clone(), self.chain_id.to_string(), http, rpc]);
        }
        format!(
            "{}\nDeposits go to {} on LuxTensor; the accounts above have money here, too.\n\n",
            nodes.render(),
            self.portal
        )
    }

    /// Commands that work as they are printed.
    pub(in crate::up) fn examples(&self, l1: Option<&LuxPlaces>) -> Vec<String> {
        let mut all = Vec::new();
        if let Some(rpc) = self.nodes.first().and_then(|node| node.rpc.as_ref()) {
            let call = r#"{"jsonrpc":"2.0","id":1,"method":"optimism_syncStatus","params":[]}"#;
            all.push(format!("  curl -s -H 'content-type: application/json' -d '{call}' {rpc}"));
        }
        let account = l1.and_then(|l1| Some((l1, l1.chain.accounts.first()?)));
        let Some((l1, account)) = account else { return all };
        let (key, url) = (&account.private_key, &l1.chain.http);
        all.push(format!(
            "  cast send {} --value 1ether --gas-limit 100000 --rpc-url {url} --private-key {key}",
            self.portal
        ));
        if let Some(http) = self.nodes.last().and_then(|node| node.http.as_ref()) {
            all.push(format!("  cast balance {} --rpc-url {http}", account.address));
        }
        all
    }
}
