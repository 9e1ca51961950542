//! What runs where: a table and commands to try for people, one JSON line for scripts.

use std::{env, fs, path::Path, time::Duration};

use quintet_dht_protocol::message::Item;
use serde_json::json;

use super::{
    bitcoin::BitcoinPlaces,
    kaspa::KaspaPlaces,
    lux::LuxPlaces,
    network::{Home, LocalNode},
    rollup::RollupPlaces,
};
use crate::output::{self, Style, Table, paint};

/// Digits of an id that tell nodes apart.
const ID_DIGITS: usize = 10;

/// The text of the example: its key is known before it is stored.
const EXAMPLE: &str = "hello";

/// Where everything is.
#[derive(Debug)]
pub(super) struct Places<'a> {
    pub(super) dashboard: String,
    pub(super) metrics: String,
    pub(super) home: &'a Home,
    pub(super) nodes: &'a [LocalNode],
    pub(super) bitcoin: Option<BitcoinPlaces>,
    pub(super) kaspa: Option<KaspaPlaces>,
    pub(super) lux: Option<LuxPlaces>,
    pub(super) rollup: Option<RollupPlaces>,
    /// Time from the start until now.
    pub(super) took: Duration,
}

impl Places<'_> {
    pub(super) fn print_json(&self) -> anyhow::Result<()> {
        let Self { dashboard, metrics, home, nodes, bitcoin, kaspa, lux, rollup, took } = self;
        let nodes: Vec<_> = nodes.iter().map(|node| &node.endpoints).collect();
        let kinds = [
            ("dht", !nodes.is_empty()),
            ("bitcoin", bitcoin.is_some()),
            ("kaspa", kaspa.is_some()),
            ("lux", lux.is_some()),
            ("rollup", rollup.is_some()),
        ];
        let kinds: Vec<_> =
            kinds.into_iter().filter(|(_, runs)| *runs).map(|(kind, _)| kind).collect();
        output::json(&json!({
            "event": "ready",
            "kinds": kinds,
            "dashboard": dashboard,
            "metrics": metrics,
            "data_dir": home.path(),
            "nodes": nodes,
            "bitcoin": bitcoin,
            "kaspa": kaspa,
            "lux": lux,
            "rollup": rollup,
            "seconds": took.as_secs_f64(),
        }))
    }

    pub(super) fn print(&self) -> anyhow::Result<()> {
        output::print(&self.tables())?;
        let home = self.home.path().display();
        let lasts = match self.home {
            Home::Temporary(_) => "removed at the end",
            Home::Kept(_) => "kept",
        };
        let seconds = self.took.as_secs_f64();
        let bitcoins = self.bitcoin.as_ref().map_or(0, |places| places.nodes.len());
        let luxes = self.lux.as_ref().map_or(0, |places| places.nodes.len());
        let rollups = self.rollup.as_ref().map_or(0, |places| places.nodes.len());
        let kaspas = self.kaspa.as_ref().map_or(0, |places| places.nodes.len());
        let nodes = self.nodes.len() + bitcoins + kaspas + luxes + rollups;
        let nodes = output::count(nodes, "node is", "nodes are");
        output::print(&format!(
            "{}  {}\n{}  {}\n{}  {home} ({lasts})\n\n{}\n{}\n{}\n",
            heading("page   "),
            self.dashboard,
            heading("metrics"),
            self.metrics,
            heading("data   "),
            heading("Try, in another terminal:"),
            self.examples().join("\n") + "\n",
            paint(
                Style::Quiet,
                &format!("{nodes} up after {seconds:.1} s. Ctrl-C stops them all.")
            ),
        ))
    }

    /// The nodes of each kind, with keys and accounts to try them with.
    fn tables(&self) -> String {
        let mut text = String::new();
        let mut table = Table::new(["NODE", "ID", "UDP", "RPC"]);
        for LocalNode { name, endpoints, .. } in self.nodes {
            table.row([
                name.to_string(),
                endpoints.id.chars().take(ID_DIGITS).collect(),
                endpoints.dht.join(", "),
                endpoints.rpc.clone().unwrap_or_else(|| "-".to_owned()),
            ]);
        }
        if !table.is_empty() {
            text += &table.render();
            text.push('\n');
        }
        if let Some(bitcoin) = &self.bitcoin {
            text += &tables_of_bitcoin(bitcoin);
        }
        if let Some(kaspa) = &self.kaspa {
            text += &kaspa.tables();
        }
        if let Some(lux) = &self.lux {
            text += &lux.tables();
        }
        if let Some(rollup) = &self.rollup {
            text += &rollup.tables();
        }
        text
    }

    /// Commands that work as they are printed.
    fn examples(&self) -> Vec<String> {
        let mut all = self.examples_of_the_dht();
        if let Some(place) = self.bitcoin.as_ref().and_then(|bitcoin| bitcoin.nodes.first()) {
            let (rpc, cookie) = (&place.rpc, place.cookie.display());
            let call = r#"{"method":"getblockchaininfo","params":[]}"#;
            all.push(format!("  curl -s --user \"$(cat {cookie})\" -d '{call}' {rpc}"));
        }
        if let Some(kaspa) = &self.kaspa {
            all.extend(kaspa.examples(&program()));
        }
        if let Some(lux) = &self.lux {
            all.extend(lux.examples());
        }
        if let Some(rollup) = &self.rollup {
            all.extend(rollup.examples(self.lux.as_ref()));
        }
        all
    }

    fn examples_of_the_dht(&self) -> Vec<String> {
        let program = program();
        let dir = |index: usize| {
            self.nodes.get(index).map(|node| node.endpoints.data_dir.display().to_string())
        };
        let (Some(first), Some(last)) = (dir(0), dir(self.nodes.len().saturating_sub(1))) else {
            return Vec::new();
        };
        let value = format!("{}:{EXAMPLE}", EXAMPLE.len()).into_bytes();
        let key = Item::Immutable { value }.target();
        let metrics = &self.metrics;
        vec![
            format!("  {program} dht put '{EXAMPLE}' --data-dir {first}"),
            format!("  {program} dht get {key} --data-dir {last}"),
            format!("  {program} dht table --data-dir {first}"),
            format!("  curl -s {metrics} | grep quintet_dht_contacts"),
        ]
    }
}

/// The nodes, and the key that their blocks pay.
fn tables_of_bitcoin(bitcoin: &BitcoinPlaces) -> String {
    let mut nodes = Table::new(["BITCOIN, REGTEST", "P2P", "RPC"]);
    for place in &bitcoin.nodes {
        nodes.row([place.name.clone(), place.p2p.clone(), place.rpc.clone()]);
    }
    let mut key = Table::new(["ADDRESS OF THE MINER", "PRIVATE KEY, KNOWN TO EVERYBODY"]);
    key.row([bitcoin.address.clone(), bitcoin.private_key.clone()]);
    format!("{}\n{}\n", nodes.render(), key.render())
}

fn heading(text: &str) -> String {
    paint(Style::Heading, text)
}

/// How to call this program: by its name if the shell finds it under that, else by its path.
fn program() -> String {
    const NAME: &str = "quintet";
    let Ok(own) = env::current_exe().and_then(fs::canonicalize) else { return NAME.to_owned() };
    let is_own = |dir: &Path| fs::canonicalize(dir.join(NAME)).is_ok_and(|found| found == own);
    let path = env::var_os("PATH").unwrap_or_default();
    let first = env::split_paths(&path).find(|dir| dir.join(NAME).is_file());
    if first.is_some_and(|dir| is_own(&dir)) {
        return NAME.to_owned();
    }
    let here =
        env::current_dir().ok().and_then(|dir| own.strip_prefix(dir).ok().map(Path::to_owned));
    match here {
        Some(inside) => format!("./{}", inside.display()),
        None => own.display().to_string(),
    }
}
