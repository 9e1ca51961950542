//! How fast blocks are executed, by one thread and by many: gas a second, best of several runs, with the CPU time that all threads took.
//!
//! Peer: the same block by the sequential executor, in the same run. The state lies in a map; roots, signatures and
//! disks are other programs' questions.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_consensus::{EthereumTxEnvelope, Header, Signed, TxEip1559, TxEip4844, TxEip7702};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7002::WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS,
    eip7251::CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS,
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{
    Address, B256, Bytes, KECCAK256_EMPTY, Signature, TxKind, U256, hex, keccak256,
};
use anyhow::{Context, ensure};
use bench::process::cpu_seconds;
use clap::Parser;
use quintet_eth::state::{Account, StateView};
use quintet_evm::{
    execute::{BlockInput, Transaction, execute},
    parallel::{self, Options},
    schedule::{Fork, Rules},
};
use serde_json::Value;

/// Moves one from the caller's slot to that of the address in the input, and logs it: what an ERC-20 transfer does.
const TOKEN: &[u8] = &hex!("33546001900333556000358054600101905560206000a000");
/// Adds one to slot 0.
const COUNTER: &[u8] = &hex!("600054600101600055");
const GWEI: u128 = 1_000_000_000;

/// Measures the executors.
#[derive(Debug, Parser)]
struct Arguments {
    /// Transactions of a synthetic block.
    #[arg(long, default_value_t = 5_000)]
    transactions: u32,
    /// Runs of each; the best counts.
    #[arg(long, default_value_t = 7)]
    runs: u32,
    /// Threads of the parallel executor.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// A folder with a real block: block.json, txs.json and pre_state.json (`.gz` unpacked).
    #[arg(long)]
    mainnet: Option<PathBuf>,
}

/// Code that no account has.
#[derive(Debug)]
struct NoCode;

impl std::fmt::Display for NoCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("no such code")
    }
}

impl std::error::Error for NoCode {}

/// A state in a map.
#[derive(Debug, Default)]
struct World {
    accounts: HashMap<Address, Account>,
    slots: HashMap<(Address, U256), U256>,
    codes: HashMap<B256, Bytes>,
}

impl World {
    fn put(&mut self, address: Address, nonce: u64, balance: U256, code: Bytes) {
        let code_hash = if code.is_empty() { KECCAK256_EMPTY } else { keccak256(&code) };
        self.codes.insert(code_hash, code);
        self.accounts.insert(address, Account { nonce, balance, code_hash });
    }
}

impl StateView for World {
    type Error = NoCode;

    fn account(&self, address: Address) -> Result<Option<Account>, NoCode> {
        Ok(self.accounts.get(&address).copied())
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, NoCode> {
        Ok(self.slots.get(&(address, slot)).copied().unwrap_or_default())
    }

    fn code(&self, hash: B256) -> Result<Bytes, NoCode> {
        self.codes.get(&hash).cloned().ok_or(NoCode)
    }
}

/// A block to run.
struct Load {
    name: &'static str,
    fork: Fork,
    world: World,
    header: Header,
    transactions: Vec<Transaction>,
    hashes: HashMap<u64, B256>,
}

fn key(index: u32) -> Address {
    Address::left_padding_from(&(index + 0x1000_0000).to_be_bytes())
}

fn transaction(sender: Address, fee: TxEip1559) -> Transaction {
    let signature = Signature::new(U256::ONE, U256::ONE, false);
    let envelope: EthereumTxEnvelope<TxEip4844> =
        Signed::new_unchecked(fee, signature, B256::ZERO).into();
    Transaction::ethereum(&envelope, sender)
}

/// Makes a block in which every sender sends once: to whom, and with what input, `call` says.
fn synthetic(
    name: &'static str,
    transactions: u32,
    call: impl Fn(u32) -> (Address, U256, Bytes),
) -> Load {
    let mut world = World::default();
    let (token, counter) = (Address::repeat_byte(0xe2), Address::repeat_byte(0xc0));
    world.put(token, 1, U256::ZERO, Bytes::from_static(TOKEN));
    world.put(counter, 1, U256::ZERO, Bytes::from_static(COUNTER));
    let made = (0..transactions).map(|index| {
        let sender = key(index);
        world.put(sender, 0, U256::from(u64::MAX), Bytes::new());
        world.slots.insert((token, U256::from_be_slice(sender.as_slice())), U256::from(1000));
        let (to, value, input) = call(index);
        let fee = TxEip1559 {
            chain_id: 1,
            gas_limit: 100_000,
            max_fee_per_gas: 30 * GWEI,
            max_priority_fee_per_gas: GWEI,
            to: TxKind::Call(to),
            value,
            input,
            ..TxEip1559::default()
        };
        transaction(sender, fee)
    });
    let transactions = made.collect();
    let header = Header {
        number: 1000,
        timestamp: 1000,
        gas_limit: u64::from(u32::MAX),
        base_fee_per_gas: Some(7),
        beneficiary: Address::repeat_byte(0x77),
        excess_blob_gas: Some(0),
        ..Header::default()
    };
    Load { name, fork: Fork::Cancun, world, header, transactions, hashes: HashMap::new() }
}

fn loads(transactions: u32) -> [Load; 4] {
    let word = |address: Address| Bytes::from(address.into_word().0.to_vec());
    [
        synthetic("transfers to as many accounts", transactions, |index| {
            (key(index + transactions), U256::ONE, Bytes::new())
        }),
        synthetic("transfers to one account", transactions, |_| {
            (Address::repeat_byte(0x11), U256::ONE, Bytes::new())
        }),
        synthetic("token transfers", transactions, |index| {
            (Address::repeat_byte(0xe2), U256::ZERO, word(key(index + transactions)))
        }),
        synthetic("one slot written by all", transactions, |_| {
            (Address::repeat_byte(0xc0), U256::ZERO, Bytes::new())
        }),
    ]
}

/// Reads a value of JSON as what it says.
fn field<T: std::str::FromStr>(value: &Value, name: &str) -> anyhow::Result<T>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = match &value[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    text.parse().with_context(|| format!("field {name}"))
}

fn mainnet(folder: &Path) -> anyhow::Result<Load> {
    let read = |name: &str| -> anyhow::Result<Value> {
        let path = folder.join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("{}", path.display()))?;
        Ok(serde_json::from_slice(&bytes)?)
    };
    let (block, sent, before) = (read("block.json")?, read("txs.json")?, read("pre_state.json")?);
    let mut world = World::default();
    for (address, account) in before.as_object().context("accounts by address")? {
        let address: Address = address.parse()?;
        let code = account["code"].as_str().map(str::parse).transpose()?.unwrap_or_default();
        world.put(address, field(account, "nonce")?, field(account, "balance")?, code);
        for (slot, value) in account["storage"].as_object().into_iter().flatten() {
            let value = value.as_str().context("a slot's value")?;
            world.slots.insert((address, slot.parse()?), value.parse()?);
        }
    }
    let number: u64 = field(&block, "number")?;
    let hashes = block["block_hashes"].as_object().context("hashes by number")?;
    let hashes = hashes
        .iter()
        .map(|(number, hash)| Ok((number.parse()?, hash.as_str().context("a hash")?.parse()?)));
    let hashes: HashMap<u64, B256> = hashes.collect::<anyhow::Result<_>>()?;
    let header = Header {
        number,
        parent_hash: hashes.get(&(number - 1)).copied().unwrap_or_default(),
        beneficiary: field(&block, "coinbase")?,
        timestamp: field(&block, "timestamp")?,
        gas_limit: field(&block, "gas_limit")?,
        base_fee_per_gas: Some(field(&block, "basefee")?),
        mix_hash: field(&block, "prevrandao")?,
        excess_blob_gas: Some(field(&block, "excess_blob_gas")?),
        ..Header::default()
    };
    let transactions = sent.as_array().context("a list")?.iter().map(real_transaction);
    let transactions = transactions.collect::<anyhow::Result<_>>()?;
    // The contracts that are asked for requests at the end are not among the accounts: these ask for none.
    for address in [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS] {
        world.put(address, 1, U256::ZERO, Bytes::from_static(&[0]));
    }
    Ok(Load {
        name: "a real block of Ethereum",
        fork: Fork::Prague,
        world,
        header,
        transactions,
        hashes,
    })
}

/// Puts a real transaction together. All types become one that holds what they hold: prices and lists count, the type
/// does not.
fn real_transaction(sent: &Value) -> anyhow::Result<Transaction> {
    let price: u128 = field(sent, "gas_price")?;
    let tip = match &sent["gas_priority_fee"] {
        Value::Null => price,
        _ => field(sent, "gas_priority_fee")?,
    };
    let items = sent["access_list"].as_array().into_iter().flatten().map(|item| {
        let keys = item["storage_keys"].as_array().into_iter().flatten();
        let keys = keys.map(|key| Ok(key.as_str().context("a key")?.parse()?));
        let storage_keys = keys.collect::<anyhow::Result<_>>()?;
        Ok(AccessListItem { address: field(item, "address")?, storage_keys })
    });
    let access_list = AccessList(items.collect::<anyhow::Result<_>>()?);
    let to = sent["to"].as_str().map(str::parse).transpose()?;
    let signature = Signature::new(U256::ONE, U256::ONE, false);
    let sender = field(sent, "caller")?;
    let authorizations = sent["authorization_list"].as_array().cloned().unwrap_or_default();
    let fee = TxEip1559 {
        chain_id: 1,
        nonce: field(sent, "nonce")?,
        gas_limit: field(sent, "gas_limit")?,
        max_fee_per_gas: price,
        max_priority_fee_per_gas: tip,
        to: to.map_or(TxKind::Create, TxKind::Call),
        value: field(sent, "value")?,
        access_list,
        input: field(sent, "data")?,
    };
    if authorizations.is_empty() {
        return Ok(transaction(sender, fee));
    }
    let signed = authorizations.iter().map(|authorization| {
        let inner = Authorization {
            chain_id: field(authorization, "chain_id")?,
            address: field(authorization, "address")?,
            nonce: field(authorization, "nonce")?,
        };
        let (parity, r, s) = (
            field(authorization, "y_parity")?,
            field(authorization, "r")?,
            field(authorization, "s")?,
        );
        Ok(SignedAuthorization::new_unchecked(inner, parity, r, s))
    });
    let code = TxEip7702 {
        chain_id: fee.chain_id,
        nonce: fee.nonce,
        gas_limit: fee.gas_limit,
        max_fee_per_gas: fee.max_fee_per_gas,
        max_priority_fee_per_gas: fee.max_priority_fee_per_gas,
        to: to.unwrap_or_default(),
        value: fee.value,
        access_list: fee.access_list,
        authorization_list: signed.collect::<anyhow::Result<_>>()?,
        input: fee.input,
    };
    let envelope: EthereumTxEnvelope<TxEip4844> =
        Signed::new_unchecked(code, signature, B256::ZERO).into();
    Ok(Transaction::ethereum(&envelope, sender))
}

/// Returns the time of the fastest run, and milliseconds of all threads' CPU a run, on average.
fn best(runs: u32, mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<(Duration, f64)> {
    let mut best = Duration::MAX;
    let before = cpu_seconds()?;
    for _ in 0..runs {
        let started = Instant::now();
        run()?;
        best = best.min(started.elapsed());
    }
    Ok((best, (cpu_seconds()? - before) * 1e3 / f64::from(runs.max(1))))
}

fn measure(load: &Load, arguments: &Arguments) -> anyhow::Result<()> {
    let rules = Rules::of(load.fork);
    let input = BlockInput {
        header: &load.header,
        transactions: &load.transactions,
        ommers: &[],
        withdrawals: Some(&[]),
    };
    let hashes = |number: u64| load.hashes.get(&number).copied();
    let options = Options::new(arguments.threads);
    let expected = execute(rules, &input, &load.world, &hashes, None)?;
    let (outcome, statistics) =
        parallel::execute(rules, &input, &load.world, &hashes, None, &options)?;
    ensure!(outcome == expected, "{}: the executors differ", load.name);
    let (one, one_cpu) = best(arguments.runs, || {
        execute(rules, &input, &load.world, &hashes, None)?;
        Ok(())
    })?;
    let (many, many_cpu) = best(arguments.runs, || {
        parallel::execute(rules, &input, &load.world, &hashes, None, &options)?;
        Ok(())
    })?;
    let gas = |time: Duration| {
        #[expect(clippy::cast_precision_loss, reason = "a figure to read")]
        let gas = expected.gas_used as f64;
        gas / time.as_secs_f64() / 1e6
    };
    println!(
        "{:32} {:5} transactions {:7.1} Mgas   one {:8.2} ms ({one_cpu:.1} CPU) {:7.0} Mgas/s   {} threads {:8.2} ms ({many_cpu:.1} CPU) {:7.0} Mgas/s   {:.2}x   in parallel {} in sequence {} taken back {} put off {}",
        load.name,
        load.transactions.len(),
        gas(Duration::from_secs(1)),
        one.as_secs_f64() * 1e3,
        gas(one),
        arguments.threads,
        many.as_secs_f64() * 1e3,
        gas(many),
        one.as_secs_f64() / many.as_secs_f64(),
        statistics.parallel,
        statistics.sequential,
        statistics.aborts,
        statistics.waits,
    );
    Ok(())
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    for load in loads(arguments.transactions) {
        measure(&load, &arguments)?;
    }
    if let Some(folder) = &arguments.mainnet {
        measure(&mainnet(folder)?, &arguments)?;
    }
    Ok(())
}
