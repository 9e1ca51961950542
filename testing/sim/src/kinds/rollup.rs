//! A rollup: a sequencer and two verifiers, and beside them the chain they stand on and the batcher. Work is a transfer at the sequencer, or a
//! deposit on L1.
//!
//! ```text
//!   L1 (3): quintet lux dev ◄── sequencer (0) ◄─gossip── verifier (1), verifier (2) ──► L1
//!      ▲                             ▲
//!      └──────── batcher (4) ────────┘
//! ```

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_primitives::{Address, B256, TxKind, U256, hex};
use anyhow::{Context as _, Result, ensure};
use interop::{Binary, jsonrpc};
use quintet_lux_node::dev::{CHAIN_ID_DEFAULT, DevAccount, MNEMONIC, accounts};
use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    fabric::{Fabric, Wire},
    kind::{Head, Kind, Place, Port},
    rpc::{number, quantity, text},
};

/// Numbers of the processes.
pub const SEQUENCER: usize = 0;
/// The verifiers.
pub const VERIFIERS: Range<usize> = 1..3;
/// The chain they stand on.
pub const L1: usize = 3;
/// Who posts blocks to it.
pub const BATCHER: usize = 4;

/// Number that transactions of the rollup sign.
const CHAIN_ID: u64 = 42_069;

/// Milliseconds between two looks at L1.
const POLL: &str = "200";

/// Whom transfers pay.
const PAYEE: Address = Address::repeat_byte(0x77);

/// The accounts of these numbers and after are the processes' own, one each, so that nonces do not meet; the first makes the rollup.
const FIRST_ACCOUNT: usize = 1;

/// Processes of a rollup.
#[derive(Debug)]
pub struct Rollup {
    files: PathBuf,
    places: Vec<Place>,
    portal: OnceLock<Address>,
}

fn account(index: usize) -> Result<DevAccount> {
    accounts(MNEMONIC, 10)?.into_iter().nth(index).context("an account")
}

fn number_text(number: u64) -> String {
    format!("{number:#x}")
}

/// Data of a call of the portal's `depositTransaction`: money for an account, and gas.
fn deposit_call(to: Address, value: u64, gas: u64) -> Vec<u8> {
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    let mut data = hex!("e9e05c42").to_vec();
    data.extend_from_slice(to.into_word().as_slice());
    // Value, gas, whether it creates, where the data is and how long.
    for number in [value, gas, 0, 160, 0] {
        data.extend_from_slice(&word(number));
    }
    data
}

impl Rollup {
    /// Where its files are: `genesis.json`, `rollup.json`, `sequencer.key`, `batcher.key`.
    #[must_use]
    pub fn files(&self) -> &Path {
        &self.files
    }

    fn file(&self, name: &str) -> String {
        self.files.join(name).display().to_string()
    }

    fn place(&self, index: usize) -> Result<&Place> {
        self.places.get(index).context("a process of the rollup")
    }

    fn on_l1(&self, method: &str, params: &Value) -> Result<Value> {
        jsonrpc::call(&self.place(L1)?.rpc.to_string(), method, params)
    }

    /// Calls a method of Ethereum's at a node.
    fn ethereum(place: &Place, method: &str, params: &Value) -> Result<Value> {
        jsonrpc::call(&place.calls.to_string(), method, params)
    }

    /// One of the heads a node tells of: `unsafe_l2`, `safe_l2` and others.
    ///
    /// # Errors
    ///
    /// If the node does not answer.
    pub fn head_of(place: &Place, name: &str) -> Result<Head> {
        let told = jsonrpc::call(&place.rpc.to_string(), "optimism_syncStatus", &json!([]))?;
        Ok(Head { height: number(&told[name], "number")?, hash: text(&told[name], "hash")? })
    }

    /// Signs a call and sends it; returns its hash.
    fn send(
        account: &DevAccount,
        chain_id: u64,
        (to, value, input): (Address, u64, Vec<u8>),
        call: impl Fn(&str, &Value) -> Result<Value>,
    ) -> Result<String> {
        let of_sender = json!([account.address.to_string(), "pending"]);
        let nonce = quantity(&call("eth_getTransactionCount", &of_sender)?)?;
        let transaction = TypedTransaction::Eip1559(TxEip1559 {
            chain_id,
            nonce,
            gas_limit: 200_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1_000_000_000,
            to: TxKind::Call(to),
            value: U256::from(value),
            input: input.into(),
            ..TxEip1559::default()
        });
        let signed = account.sign(transaction).context("a signature")?;
        let hash =
            call("eth_sendRawTransaction", &json!([hex::encode_prefixed(signed.encoded())]))?;
        Ok(hash.as_str().context("a hash")?.to_owned())
    }

    fn transfer(&self, from: &DevAccount) -> Result<String> {
        let sequencer = self.place(SEQUENCER)?;
        let call = |method: &str, params: &Value| Self::ethereum(sequencer, method, params);
        Ok(format!("transfer {}", Self::send(from, CHAIN_ID, (PAYEE, 1, Vec::new()), call)?))
    }

    /// A deposit for an account that nobody had before.
    fn deposit(&self, from: &DevAccount, chance: &mut StdRng) -> Result<String> {
        let to = Address::from(chance.random::<[u8; 20]>());
        let portal = *self.portal.get().context("a portal")?;
        let chain_id = CHAIN_ID_DEFAULT;
        let call = |method: &str, params: &Value| self.on_l1(method, params);
        let what = (portal, 7, deposit_call(to, 7, 100_000));
        Ok(format!("deposit {} {to}", Self::send(from, chain_id, what, call)?))
    }

    fn node_arguments(&self, place: &Place) -> Vec<String> {
        let mut all: Vec<String> =
            ["rollup", "run", "--json", "--l1.http-poll-interval", POLL].map(String::from).into();
        all.push("--log.level=info,quintet_rollup_node::p2p=debug".to_owned());
        all.push(format!("--rollup.config={}", self.file("rollup.json")));
        all.push(format!("--genesis={}", self.file("genesis.json")));
        all.push(format!("--data-dir={}", place.folder.join("data").display()));
        all.push(format!("--rpc.port={}", place.rpc.port()));
        all.push(format!("--http.port={}", place.calls.port()));
        all.push(format!("--p2p.listen.tcp={}", place.peers.port()));
        if let [l1, peers @ ..] = place.known.as_slice() {
            all.push(format!("--l1=http://{l1}"));
            let peers = peers.iter();
            all.extend(peers.map(|at| format!("--p2p.static=/ip4/{}/tcp/{}", at.ip(), at.port())));
        }
        if place.index == SEQUENCER {
            all.extend(["--sequencer.enabled", "--sequencer.l1-confs=0"].map(String::from));
            all.push(format!("--p2p.sequencer.key={}", self.file("sequencer.key")));
        }
        all
    }

    fn batcher_arguments(&self, place: &Place) -> Vec<String> {
        let mut all: Vec<String> = ["rollup", "batch"].map(String::from).into();
        if let [l1, rpc, calls] = place.known.as_slice() {
            all.push(format!("--l1-eth-rpc=http://{l1}"));
            all.push(format!("--rollup-rpc=http://{rpc}"));
            all.push(format!("--l2-eth-rpc=http://{calls}"));
        }
        all.push(format!("--poll-interval={POLL}"));
        all.push(format!("--private-key={}", self.file("batcher.key")));
        all.push("--num-confirmations=2".to_owned());
        all
    }

    fn l1_arguments(place: &Place) -> Vec<String> {
        let mut all: Vec<String> =
            ["lux", "dev", "--json", "--block-time=1", "--archive"].map(String::from).into();
        all.push(format!("--port={}", place.rpc.port()));
        all.push(format!("--data-dir={}", place.folder.join("data").display()));
        all
    }
}

impl Kind for Rollup {
    const NAME: &'static str = "rollup";
    const NODES: usize = 3;
    const BESIDE: usize = 2;
    const GOES_ON: bool = true;

    fn prepare(folder: &Path, _: &Binary, places: &[Place]) -> Result<Self> {
        let files = folder.join("files");
        Ok(Self { files, places: places.to_vec(), portal: OnceLock::new() })
    }

    fn fabric(places: &[Place], seed: u64) -> Result<Fabric> {
        let [sequencer, _, _, l1, _] = places else { anyhow::bail!("expected five processes") };
        let wire = |from, to: &Place, target| Wire { from, to: to.index, target };
        let mut wires: Vec<_> = (0..Self::NODES).map(|from| wire(from, l1, l1.rpc)).collect();
        wires.extend(VERIFIERS.map(|from| wire(from, sequencer, sequencer.peers)));
        wires.push(wire(BATCHER, l1, l1.rpc));
        wires.push(wire(BATCHER, sequencer, sequencer.rpc));
        wires.push(wire(BATCHER, sequencer, sequencer.calls));
        Ok(Fabric::of_wires(&wires, places.len(), seed)?)
    }

    fn waves() -> Vec<Range<usize>> {
        let alone = |index| index..index + 1;
        vec![alone(L1), 0..Self::NODES, alone(BATCHER)]
    }

    /// Once there is an L1, the rollup is put on it.
    fn after_wave(&self, wave: usize, binary: &Binary) -> Result<()> {
        if wave != 0 {
            return Ok(());
        }
        let mut command = binary.command();
        command.args(["rollup", "new", "--json", "--block-time=1", "--deployer-key"]);
        command.arg(hex::encode(account(0)?.key()));
        command.args(["--l1".to_owned(), format!("http://{}", self.place(L1)?.rpc)]);
        let made = command.arg("--out").arg(&self.files).output()?;
        ensure!(made.status.success(), "{command:?}: {}", String::from_utf8_lossy(&made.stderr));
        let told: Value = serde_json::from_slice(&made.stdout)?;
        let portal: Address = text(&told, "portal")?.parse()?;
        self.portal.set(portal).ok().context("a rollup is made once")
    }

    fn arguments(&self, place: &Place) -> Vec<String> {
        match place.index {
            L1 => Self::l1_arguments(place),
            BATCHER => self.batcher_arguments(place),
            _ => self.node_arguments(place),
        }
    }

    fn ports(&self, place: &Place) -> Vec<Port> {
        [place.peers, place.rpc, place.calls].map(Port::Tcp).into()
    }

    /// While the sequencer is gone, a verifier and L1 are there.
    fn apart_from(gone: usize) -> usize {
        if gone == SEQUENCER { VERIFIERS.start } else { SEQUENCER }
    }

    /// At the sequencer and for the batcher a transfer; of a verifier nobody asks anything but what it knows, so there a deposit on L1.
    fn work(&self, place: &Place, chance: &mut StdRng) -> Result<Vec<String>> {
        let from = account(FIRST_ACCOUNT + place.index)?;
        let done = match place.index {
            SEQUENCER | BATCHER => self.transfer(&from)?,
            _ => self.deposit(&from, chance)?,
        };
        Ok(vec![done])
    }

    /// The last safe block: of those before it nodes may still disagree.
    fn head(&self, place: &Place) -> Result<Head> {
        match place.index {
            L1 => {
                let block = self.on_l1("eth_getBlockByNumber", &json!(["latest", false]))?;
                Ok(Head { height: quantity(&block["number"])?, hash: text(&block, "hash")? })
            }
            // It answers nobody.
            BATCHER => Ok(Head { height: 0, hash: String::new() }),
            _ => Self::head_of(place, "safe_l2"),
        }
    }

    fn holds(&self, place: &Place, head: &Head) -> Result<bool> {
        let at = json!([number_text(head.height), false]);
        Ok(Self::ethereum(place, "eth_getBlockByNumber", &at)?["hash"] == head.hash)
    }

    /// The sequencer and L1 keep what was sent to them: it waits, or it is in a block.
    fn keeps(&self, _: &Place, acknowledged: &str) -> Result<bool> {
        let hash = Acknowledged::read(acknowledged)?.hash;
        let params = json!([hash]);
        let known = if acknowledged.starts_with("deposit") {
            self.on_l1("eth_getTransactionByHash", &params)?
        } else {
            Self::ethereum(self.place(SEQUENCER)?, "eth_getTransactionByHash", &params)?
        };
        Ok(known["hash"] == json!(hash))
    }

    /// Transfers and deposits are in safe blocks of every node.
    fn arrived(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        let Acknowledged { hash, to } = Acknowledged::read(acknowledged)?;
        if let Some(to) = to {
            let balance = Self::ethereum(place, "eth_getBalance", &json!([to, "safe"]))?;
            return Ok(quantity(&balance)? == 7);
        }
        let receipt = Self::ethereum(place, "eth_getTransactionReceipt", &json!([hash]))?;
        if receipt.is_null() {
            return Ok(false);
        }
        let is_good = receipt["status"] == "0x1";
        Ok(is_good && quantity(&receipt["blockNumber"])? <= self.head(place)?.height)
    }
}

/// What a name of acknowledged work says.
#[derive(Debug)]
struct Acknowledged {
    hash: B256,
    /// Of a deposit: who got it.
    to: Option<Address>,
}

impl Acknowledged {
    fn read(text: &str) -> Result<Self> {
        let mut words = text.split(' ').skip(1);
        let hash = words.next().with_context(|| format!("a hash in {text:?}"))?.parse()?;
        Ok(Self { hash, to: words.next().map(str::parse).transpose()? })
    }
}
