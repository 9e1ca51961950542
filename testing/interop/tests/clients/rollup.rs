//! anvil as the L1 of a rollup: our batcher posts calldata and blobs, the binary reads them back and executes them, and follows a
//! reorganisation of ten blocks.
//!
//! Where there are blobs, the transactions anvil gives do not lead to the root in its header. So there it is believed which
//! transactions a block holds; blobs are checked against their versioned hashes all the same.

use std::{fs, sync::Arc};

use alloy_primitives::{B256, hex};
use anyhow::{Context as _, Result, ensure};
use interop::{Anvil, Binary, Derivation, Derive, lab, skipped};
use quintet_rollup_node::{
    l1::{
        L1Source as _,
        rpc::{RpcL1, RpcOptions},
        transport::Transport,
    },
    testing::{Batcher, Sequencer},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// The L1's chain id and first time, as the rollup made for tests has them.
const CHAIN_ID: u64 = 900;
const GENESIS_TIME: u64 = 1_000_000;

/// L1 blocks reorganised away.
const DEPTH: u64 = 10;

/// What a batcher posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Calldata,
    Blobs,
}

/// A rollup on anvil.
struct Rollup {
    anvil: Anvil,
    by: By,
    sequencer: Sequencer,
    batcher: Batcher,
    l1: RpcL1,
    runtime: Runtime,
}

impl Rollup {
    fn start(by: By) -> Result<Self> {
        let anvil = Anvil::start(CHAIN_ID, GENESIS_TIME)?;
        let inbox = "0xff00000000000000000000000000000000000901".parse()?;
        let batcher = Batcher::new(CHAIN_ID, inbox);
        let money = json!([batcher.address(), "0xffffffffffffffffffff"]);
        anvil.call("anvil_setBalance", &money)?;
        let genesis = anvil.call("eth_getBlockByNumber", &json!(["0x0", false]))?;
        let genesis: B256 = genesis["hash"].as_str().context("a hash")?.parse()?;
        let sequencer = Sequencer::on(genesis, batcher.address())?;
        let options = RpcOptions { trust: by == By::Blobs, ..RpcOptions::new(CHAIN_ID, inbox) };
        let l1 = RpcL1::new(&[anvil.url()], None, options, &Transport::default())?;
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self { anvil, by, sequencer, batcher, l1, runtime })
    }

    fn number(&self) -> Result<u64> {
        let text = self.anvil.call("eth_blockNumber", &json!([]))?;
        Ok(u64::from_str_radix(text.as_str().context("a number")?.trim_start_matches("0x"), 16)?)
    }

    /// Lets L1 and the rollup grow: each L1 block holds the L2 blocks up to the one before it.
    fn grow(&mut self, epochs: u64, transfers: usize) -> Result<()> {
        for _ in 0..epochs {
            let newest = self.number()?;
            let mut batches = Vec::new();
            while self.sequencer.next_origin() <= newest {
                let origin = self.runtime.block_on(self.l1.block(self.sequencer.next_origin()))?;
                let transactions = self.sequencer.transfers(transfers);
                let header = origin.context("an L1 block")?.header;
                batches.push(self.sequencer.build(header, transactions)?);
            }
            let config = Arc::clone(self.sequencer.config());
            let span = newest % 3 == 0;
            let pieces = self.batcher.channel(&batches, span.then_some(&config));
            let post = match self.by {
                By::Calldata => self.batcher.calldata(&pieces),
                By::Blobs => self.batcher.blobs(&pieces),
            };
            let pooled: Vec<_> = post.pooled().iter().map(hex::encode_prefixed).collect();
            self.anvil.mine(&pooled)?;
        }
        Ok(())
    }

    /// Reads lines until the safe chain has come to the sequencer's head; returns the lines that are no blocks.
    fn caught_up(&self, derivation: &mut Derivation) -> Result<Vec<Value>> {
        let hashes: Vec<_> = self.sequencer.blocks().map(|b| b.hash.to_string()).collect();
        let head = self.sequencer.head();
        let mut others = Vec::new();
        loop {
            let line = derivation.line()?;
            if line["event"] != "block" {
                others.push(line);
                continue;
            }
            let number = line["number"].as_u64().context("a number")?;
            let is_own =
                hashes.get(usize::try_from(number)?).map(String::as_str) == line["hash"].as_str();
            if number == head.number && is_own {
                return Ok(others);
            }
            ensure!(
                is_own || number > head.number,
                "block {number} is not the sequencer's: {line}"
            );
        }
    }
}

#[test]
fn what_was_posted_on_anvil_is_read_back_and_a_reorganisation_followed() -> Result<()> {
    read_back(By::Calldata)
}

#[test]
fn blobs_posted_on_anvil_are_read_back_from_its_beacon_api_and_a_reorganisation_followed()
-> Result<()> {
    read_back(By::Blobs)
}

fn read_back(by: By) -> Result<()> {
    if let Some(reason) = Anvil::absence() {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| {
        let mut rollup = Rollup::start(by)?;
        rollup.grow(14, 2)?;
        let folder = lab.folder("rollup")?;
        let (chain, genesis) = (folder.join("rollup.json"), folder.join("genesis.json"));
        fs::write(&chain, rollup.sequencer.rollup_json())?;
        fs::write(&genesis, rollup.sequencer.genesis_json())?;
        let data = folder.join("data");
        let l1 = rollup.anvil.url();
        let what = Derive {
            l1: &l1,
            chain: &chain,
            genesis: &genesis,
            data: &data,
            trust: by == By::Blobs,
        };
        let mut derivation = Derivation::follow(lab, &binary, what)?;
        rollup.caught_up(&mut derivation)?;

        rollup.anvil.call("anvil_rollback", &json!([DEPTH]))?;
        let newest = rollup.number()?;
        // The blocks of the newest epoch that is left were posted behind it.
        rollup.sequencer.forget(newest.saturating_sub(1));
        rollup.batcher.set_nonce(rollup.nonce()?);
        // Empty blocks: the user's transfers were on the blocks that are gone.
        rollup.grow(DEPTH + 2, 0)?;
        let others = rollup.caught_up(&mut derivation)?;
        ensure!(others.iter().any(|line| line["event"] == "reset"), "no reset: {others:?}");
        Ok(())
    })
}

impl Rollup {
    fn nonce(&self) -> Result<u64> {
        let params = json!([self.batcher.address(), "latest"]);
        let text = self.anvil.call("eth_getTransactionCount", &params)?;
        Ok(u64::from_str_radix(text.as_str().context("a number")?.trim_start_matches("0x"), 16)?)
    }
}
