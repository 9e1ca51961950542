//! A rollup's whole life on anvil, each part a process: made, sequenced, posted, verified; killed; and its L1 reorganised.
//!
//! Nothing is timed: a process is killed when it was seen to have done something since the last kill.

use alloy_consensus::TxEip1559;
use alloy_primitives::{Address, Bytes, TxKind, U256, address, hex};
use anyhow::{Context as _, Result, ensure};
use interop::{
    Anvil, Binary, EvmClient, Lab, MadeRollup, RollupBatcher, RollupNode, eventually, lab, skipped,
    viem_on_rollup,
};
use quintet_rollup_node::wallet::Wallet;
use serde_json::{Value, json};

/// anvil's first account, which makes the rollup and deposits: it has money on L2 as well.
const DEPOSITOR: Address = address!("f39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
const DEPOSITOR_KEY: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
/// anvil's second, which uses the rollup.
const USER_KEY: &str = "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
/// The rollup's chain id where none is asked for.
const CHAIN_ID: u64 = 42_069;
/// Nobody's accounts.
const NOBODY: Address = address!("000000000000000000000000000000000000dead");
const NOBODY_ELSE: Address = address!("00000000000000000000000000000000000beef1");
/// Times each process is killed.
const KILLS: usize = 3;
/// L1 blocks reorganised away: more than after which the batcher takes a transaction to stay.
const DEPTH: u64 = 5;

struct World<'a> {
    lab: &'a Lab,
    anvil: Anvil,
    made: MadeRollup,
    sequencer: RollupNode,
    verifier: RollupNode,
    batcher: RollupBatcher,
}

fn number(value: &Value) -> Result<u64> {
    match value.as_str() {
        Some(text) => Ok(u64::from_str_radix(text.trim_start_matches("0x"), 16)?),
        None => value.as_u64().with_context(|| format!("expected a number, got {value}")),
    }
}

/// Returns one of the heads that `optimism_syncStatus` tells of.
fn head(node: &RollupNode, name: &str) -> Result<Value> {
    Ok(node.rollup("optimism_syncStatus", &json!([]))?[name].take())
}

fn height(node: &RollupNode, name: &str) -> Result<u64> {
    number(&head(node, name)?["number"])
}

fn balance(node: &RollupNode, account: Address) -> Result<U256> {
    let told = node.ethereum("eth_getBalance", &json!([account, "latest"]))?;
    Ok(told.as_str().with_context(|| format!("expected a balance, got {told}"))?.parse()?)
}

fn hash(node: &RollupNode, block: u64) -> Result<Value> {
    let params = json!([format!("{block:#x}"), false]);
    Ok(node.ethereum("eth_getBlockByNumber", &params)?["hash"].take())
}

/// Waits until a node has a head at or above a height.
fn reaches(node: &RollupNode, name: &str, at_least: u64) -> Result<u64> {
    eventually(&format!("{name} {at_least}"), || {
        let height = height(node, name)?;
        Ok((height >= at_least).then_some(height))
    })
}

impl<'a> World<'a> {
    fn start(lab: &'a Lab, binary: &Binary) -> Result<Self> {
        let anvil = Anvil::ticking()?;
        let made = MadeRollup::new(lab, binary, &anvil.url(), DEPOSITOR_KEY)?;
        Self::on(lab, anvil, made)
    }

    fn on(lab: &'a Lab, anvil: Anvil, made: MadeRollup) -> Result<Self> {
        let sequencer = made.sequencer(lab)?;
        let verifier = made.verifier(lab, &sequencer)?;
        let batcher = made.batcher(lab, &sequencer)?;
        Ok(Self { lab, anvil, made, sequencer, verifier, batcher })
    }

    /// Waits until both nodes have derived a block; they must agree on it and on the output root behind it.
    fn agree_on(&self, block: u64) -> Result<()> {
        for node in [&self.sequencer, &self.verifier] {
            reaches(node, "safe_l2", block)?;
        }
        let ours = hash(&self.sequencer, block)?;
        let theirs = hash(&self.verifier, block)?;
        ensure!(ours.is_string() && ours == theirs, "block {block}: {ours} and {theirs}");
        let output = |node: &RollupNode| -> Result<Value> {
            let params = json!([format!("{block:#x}")]);
            Ok(node.rollup("optimism_outputAtBlock", &params)?["outputRoot"].take())
        };
        let (ours, theirs) = (output(&self.sequencer)?, output(&self.verifier)?);
        ensure!(ours.is_string() && ours == theirs, "outputs at {block}: {ours} and {theirs}");
        Ok(())
    }

    /// Waits until an account has so much on both nodes.
    fn has(&self, account: Address, money: U256) -> Result<()> {
        for (name, node) in [("sequencer", &self.sequencer), ("verifier", &self.verifier)] {
            eventually(&format!("{money} wei of {account} on the {name}"), || {
                Ok((balance(node, account)? == money).then_some(()))
            })?;
        }
        Ok(())
    }

    fn deposit(&self, money: U256, data: &Bytes) -> Result<()> {
        let transaction = json!({
            "from": DEPOSITOR, "to": self.made.portal(), "value": money, "gas": "0x493e0", "data": data,
        });
        let sent = self.anvil.call("eth_sendTransaction", &json!([transaction]))?;
        let receipt = eventually("the deposit's block on L1", || {
            let receipt = self.anvil.call("eth_getTransactionReceipt", &json!([sent]))?;
            Ok(receipt.is_object().then_some(receipt))
        })?;
        ensure!(receipt["status"] == "0x1", "the portal refused: {receipt}");
        Ok(())
    }

    /// Returns how many transactions the batcher has in blocks of L1.
    fn posted(&self) -> Result<u64> {
        let params = json!([self.made.batcher_account(), "latest"]);
        number(&self.anvil.call("eth_getTransactionCount", &params)?)
    }

    fn l1_hash(&self, block: u64) -> Result<Value> {
        let params = json!([format!("{block:#x}"), false]);
        Ok(self.anvil.call("eth_getBlockByNumber", &params)?["hash"].take())
    }
}

/// Data of a call of the portal's `depositTransaction` with two bytes for `to`.
fn deposit_call(to: Address, value: u64, gas: u64) -> Bytes {
    let word = |number: u64| U256::from(number).to_be_bytes::<32>();
    let mut data = hex!("e9e05c42").to_vec();
    data.extend_from_slice(to.into_word().as_slice());
    // Value, gas, whether it creates, where the data is and how long; then the data.
    for number in [value, gas, 0, 160, 2] {
        data.extend_from_slice(&word(number));
    }
    data.extend_from_slice(&(U256::from(0x1234) << 240_usize).to_be_bytes::<32>());
    data.into()
}

fn ether(count: u64) -> U256 {
    U256::from(count) * U256::from(1_000_000_000_000_000_000_u64)
}

/// Runs a test on a rollup of processes, or says what is not there.
fn on_anvil(test: impl FnOnce(World<'_>) -> Result<()>) -> Result<()> {
    if let Some(reason) = Anvil::absence() {
        return skipped(&reason);
    }
    match Binary::find() {
        Ok(binary) => lab(|lab| test(World::start(lab, &binary)?)),
        Err(reason) => skipped(&reason),
    }
}

#[test]
fn what_is_deposited_and_sent_arrives_on_the_sequencer_and_by_way_of_l1_on_the_verifier()
-> Result<()> {
    on_anvil(|world| {
        reaches(&world.sequencer, "unsafe_l2", 3)?;
        // Money alone is its sender's; a call says whose it is, and what remains is its sender's.
        world.deposit(ether(1), &Bytes::new())?;
        world.has(DEPOSITOR, ether(10_001))?;
        world.deposit(U256::from(7), &deposit_call(NOBODY, 5, 100_000))?;
        world.has(NOBODY, U256::from(5))?;
        world.has(DEPOSITOR, ether(10_001) + U256::from(2))?;

        let raw = Wallet::read(USER_KEY)?.sign(TxEip1559 {
            chain_id: CHAIN_ID,
            gas_limit: 21_000,
            max_fee_per_gas: 100_000_000_000,
            max_priority_fee_per_gas: 1,
            to: TxKind::Call(NOBODY_ELSE),
            value: U256::from(11),
            ..TxEip1559::default()
        });
        world.sequencer.ethereum("eth_sendRawTransaction", &json!([raw]))?;
        world.has(NOBODY_ELSE, U256::from(11))?;
        world.agree_on(height(&world.verifier, "safe_l2")?)
    })
}

#[test]
fn a_rollup_outlives_kills_of_every_process_and_a_reorganisation_of_its_l1() -> Result<()> {
    on_anvil(|mut world| {
        for _ in 0..KILLS {
            let made = height(&world.sequencer, "unsafe_l2")?;
            reaches(&world.sequencer, "unsafe_l2", made + 2)?;
            world.sequencer.restart(world.lab)?;
            let derived = height(&world.verifier, "safe_l2")?;
            reaches(&world.verifier, "safe_l2", derived + 2)?;
            world.verifier.restart(world.lab)?;
            let posted = world.posted()?;
            eventually("another transaction of the batcher", || {
                Ok((world.posted()? > posted).then_some(()))
            })?;
            world.batcher.restart(world.lab)?;
        }
        let made = height(&world.sequencer, "unsafe_l2")?;
        world.agree_on(reaches(&world.sequencer, "unsafe_l2", made + 3)?)?;

        let l1 = number(&world.anvil.call("eth_blockNumber", &json!([]))?)?;
        let before = world.l1_hash(l1)?;
        world.anvil.call("anvil_reorg", &json!([DEPTH, []]))?;
        ensure!(world.l1_hash(l1)? != before, "L1 block {l1} is still {before}");
        // Beyond every block that was made on what is gone.
        let made = height(&world.sequencer, "unsafe_l2")?;
        let beyond = made + DEPTH;
        // A batcher that began again at a safe head the node had not taken back yet sees that it is lost once as many L1 blocks have
        // passed as a channel may be open, 50: about one patience, so there may be two.
        let recovered = reaches(&world.sequencer, "safe_l2", beyond);
        recovered.or_else(|_| reaches(&world.sequencer, "safe_l2", beyond))?;
        world.agree_on(beyond)?;
        for node in [&world.sequencer, &world.verifier] {
            let origin = head(node, "safe_l2")?["l1origin"].take();
            let there = world.l1_hash(number(&origin["number"])?)?;
            ensure!(origin["hash"] == there, "expected origin {there}, got {origin}");
        }
        Ok(())
    })
}

#[test]
fn a_verifier_follows_the_sequencer_before_l1_tells_of_its_blocks() -> Result<()> {
    if let Some(reason) = Anvil::absence() {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| {
        let anvil = Anvil::ticking()?;
        let made = MadeRollup::new(lab, &binary, &anvil.url(), DEPOSITOR_KEY)?;
        // Nobody posts anything: who signs is asked of anvil, and that is all it says of blocks.
        let mut sequencer = made.sequencer(lab)?;
        let verifier = made.verifier(lab, &sequencer)?;
        for _ in 0..2 {
            let block = height(&sequencer, "unsafe_l2")? + 3;
            reaches(&verifier, "unsafe_l2", block)?;
            ensure!(hash(&verifier, block)? == hash(&sequencer, block)?, "block {block}");
            // It is missed while away, and found again.
            sequencer.restart(lab)?;
        }
        ensure!(height(&verifier, "safe_l2")? == 0, "nothing was posted");
        Ok(())
    })
}

#[test]
fn batches_in_blobs_are_posted_and_derived() -> Result<()> {
    if let Some(reason) = Anvil::absence() {
        return skipped(&reason);
    }
    let binary = match Binary::find() {
        Ok(binary) => binary,
        Err(reason) => return skipped(&reason),
    };
    lab(|lab| {
        let anvil = Anvil::ticking_in_slots()?;
        let made = MadeRollup::new(lab, &binary, &anvil.url(), DEPOSITOR_KEY)?.in_blobs();
        let world = World::on(lab, anvil, made)?;
        // Batcher, anvil and nodes each load the tables of KZG before their first blob, one after the other: three patiences.
        let safe = || reaches(&world.verifier, "safe_l2", 5);
        safe().or_else(|_| safe()).or_else(|_| safe())?;
        world.agree_on(5)?;
        let posted = world.posted()?;
        ensure!(posted > 0, "expected transactions of the batcher");
        // All the data there is lies in blobs.
        let newest = number(&world.anvil.call("eth_blockNumber", &json!([]))?)?;
        let mut seen = 0;
        for block in 1..=newest {
            let params = json!([format!("{block:#x}"), true]);
            let block = world.anvil.call("eth_getBlockByNumber", &params)?;
            let all = block["transactions"].as_array().map(Vec::as_slice).unwrap_or_default();
            let account = world.made.batcher_account().to_lowercase();
            for one in all.iter().filter(|one| one["from"] == account.as_str()) {
                let kind = (&one["type"], &one["input"]);
                ensure!(kind == (&json!("0x3"), &json!("0x")), "expected a blob, got {one}");
                seen += 1;
            }
        }
        ensure!(seen >= posted, "{seen} of {posted} transactions");
        Ok(())
    })
}

#[test]
fn viems_op_stack_extension_deposits_sends_and_reads_and_outputs_are_what_proofs_show() -> Result<()>
{
    if let Some(reason) = EvmClient::Viem.absence() {
        return skipped(&reason);
    }
    on_anvil(|world| {
        reaches(&world.sequencer, "unsafe_l2", 3)?;
        viem_on_rollup(&[
            ("ROLLUP_L1", world.anvil.url()),
            ("ROLLUP_L2", world.sequencer.http_url()),
            ("ROLLUP_RPC", world.sequencer.rpc_url()),
            ("ROLLUP_VERIFIER_L2", world.verifier.http_url()),
            ("ROLLUP_VERIFIER_RPC", world.verifier.rpc_url()),
            ("ROLLUP_PORTAL", world.made.portal().to_owned()),
            ("ROLLUP_KEY", format!("0x{DEPOSITOR_KEY}")),
        ])
    })
}
