//! Where the validators are, for people and scripts.

use serde::Serialize;

use super::LuxNodes;
use crate::{
    dev_chain::{ChainPlaces, GRAPHQL_PATH, OpenAccount},
    output::Table,
};

/// Accounts that are shown to people; scripts are told all.
const ACCOUNTS_SHOWN: usize = 3;

/// One validator.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct LuxPlace {
    name: String,
    http: String,
    ws: String,
    p2p: String,
    validator: String,
}

/// The network. What is told of the chain is told of its first node.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct LuxPlaces {
    #[serde(flatten)]
    pub(in crate::up) chain: ChainPlaces,
    pub(in crate::up) nodes: Vec<LuxPlace>,
}

impl LuxNodes {
    /// Where they are.
    pub(in crate::up) fn places(&self) -> LuxPlaces {
        let places = self.nodes.iter().map(|node| LuxPlace {
            name: node.name.to_string(),
            http: node.http(),
            ws: format!("ws://{}", node.served),
            p2p: node.p2p.to_string(),
            validator: node.keys.address().to_string(),
        });
        let nodes: Vec<LuxPlace> = places.collect();
        let first =
            |of: fn(&LuxPlace) -> &String| nodes.first().map(of).cloned().unwrap_or_default();
        let http = first(|place| &place.http);
        let chain = ChainPlaces {
            graphql: format!("{http}{GRAPHQL_PATH}"),
            ws: first(|place| &place.ws),
            http,
            chain_id: self.nodes.first().map_or(0, |node| node.chain().spec().chain_id()),
            accounts: self.cast.shown.iter().map(OpenAccount::from).collect(),
        };
        LuxPlaces { chain, nodes }
    }
}

impl LuxPlaces {
    /// What runs where, for people.
    pub(in crate::up) fn tables(&self) -> String {
        let mut nodes = Table::new(["LUX", "CHAIN", "HTTP, WEBSOCKET", "VALIDATOR"]);
        for LuxPlace { name, http, validator, .. } in &self.nodes {
            let chain = self.chain.chain_id.to_string();
            nodes.row([name.clone(), chain, http.clone(), validator.clone()]);
        }
        let mut accounts = Table::new(["ACCOUNT", "PRIVATE KEY, KNOWN TO EVERYBODY"]);
        for account in self.chain.accounts.iter().take(ACCOUNTS_SHOWN) {
            accounts.row([account.address.to_string(), account.private_key.clone()]);
        }
        format!("{}\n{}\n", nodes.render(), accounts.render())
    }

    /// Commands that work as they are printed.
    pub(in crate::up) fn examples(&self) -> Vec<String> {
        let ChainPlaces { http, accounts, .. } = &self.chain;
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"lux_finality","params":[]}"#;
        let mut all =
            vec![format!("  curl -s -H 'content-type: application/json' -d '{call}' {http}")];
        if let [from, to, ..] = accounts.as_slice() {
            let (to, key) = (to.address, &from.private_key);
            all.push(format!(
                "  cast send {to} --value 1ether --rpc-url {http} --private-key {key}"
            ));
        }
        all
    }
}
