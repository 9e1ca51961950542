//! Where the Kaspa nodes are, for people and scripts, with commands to try.

use std::path::PathBuf;

use serde::Serialize;

use crate::output::Table;

/// Where one is.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct KaspaPlace {
    pub(super) name: String,
    pub(super) p2p: String,
    pub(super) wrpc_borsh: String,
    pub(super) wrpc_json: String,
}

/// Where the nodes are, and whose key their blocks pay.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct KaspaPlaces {
    pub(in crate::up) nodes: Vec<KaspaPlace>,
    pub(super) override_params_file: PathBuf,
    pub(super) address: String,
    pub(super) private_key: String,
}

impl KaspaPlaces {
    /// The nodes, and the key.
    pub(in crate::up) fn tables(&self) -> String {
        let mut nodes = Table::new(["KASPA, DEVNET", "P2P", "WRPC, BORSH", "WRPC, JSON"]);
        for place in &self.nodes {
            let KaspaPlace { name, p2p, wrpc_borsh, wrpc_json } = place.clone();
            nodes.row([name, p2p, wrpc_borsh, wrpc_json]);
        }
        let mut key = Table::new(["ADDRESS OF THE MINERS", "PRIVATE KEY, KNOWN TO EVERYBODY"]);
        key.row([self.address.clone(), self.private_key.clone()]);
        format!("{}\n{}\n", nodes.render(), key.render())
    }

    /// A balance with the package `kaspa` for Python, and a third node that joins. `program` is how this program is called.
    pub(in crate::up) fn examples(&self, program: &str) -> Vec<String> {
        let Some(KaspaPlace { p2p, wrpc_borsh, .. }) = self.nodes.first() else {
            return Vec::new();
        };
        let (address, overrides) = (&self.address, self.override_params_file.display());
        let script = [
            "import asyncio, kaspa".to_owned(),
            "async def main():".to_owned(),
            format!(
                "  c = kaspa.RpcClient(url=\"{wrpc_borsh}\", network_id=kaspa.NetworkId(\"devnet\"))"
            ),
            "  await c.connect()".to_owned(),
            format!("  print(await c.get_balance_by_address({{\"address\": \"{address}\"}}))"),
            "asyncio.run(main())".to_owned(),
        ];
        let joins = "kaspa run --devnet --override-params-file";
        vec![
            format!("  python3 -c '{}'", script.join("\n")),
            format!("  {program} {joins} {overrides} --connect {p2p} --appdir third"),
        ]
    }
}
