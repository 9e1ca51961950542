//! Methods about single transactions.

use bitcoin::{BlockHash, OutPoint, Txid, hashes::Hash as _};
use quintet_bitcoin_protocol::{Block, Coin, Transaction, header::HeaderId, policy::FeeRate};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    kernel::Kernel,
    mempool::{AcceptedTransaction, Entry, Verdict},
    shown::{paid, transaction},
    txindex::{IndexState, TxIndex, TxPlace},
};

/// Highest rate at which a transaction is taken unless told otherwise, satoshis a 1,000 virtual bytes: 0.10 bitcoins.
const RATE_MAX: u64 = 10_000_000;

/// Rate that nobody can mean, satoshis a 1,000 virtual bytes: a bitcoin.
const RATE_UNTHINKABLE: u64 = 100_000_000;

/// Transactions tested at a time, transactions.
const TESTED_MAX: usize = 25;

fn read(text: &str) -> Result<Transaction, Failure> {
    let failed = || {
        Failure::new(
            code::DESERIALIZATION,
            "TX decode failed. Make sure the tx has at least one input.",
        )
    };
    let bytes = hex::decode(text).map_err(|_| failed())?;
    Transaction::decode(bytes).map_err(|_| failed())
}

/// Reads the highest rate a caller is willing to pay.
fn rate_of(args: &Args) -> Result<u64, Failure> {
    let rate = args.amount_or(1, RATE_MAX)?;
    if rate >= RATE_UNTHINKABLE {
        let message = "Fee rates larger than or equal to 1BTC/kvB are not accepted";
        return Err(Failure::new(code::PARAMETER, message));
    }
    Ok(rate)
}

fn is_too_dear(accepted: &AcceptedTransaction, rate_max: u64) -> bool {
    rate_max > 0 && accepted.fee > FeeRate(rate_max).fee(accepted.vsize)
}

pub(super) fn sendrawtransaction(kernel: &mut Kernel, args: &Args) -> Answer {
    let transaction = read(args.text(0)?)?;
    let rate_max = rate_of(args)?;
    let tx = transaction.view();
    let (txid, wtxid) = (tx.txid(), tx.wtxid());
    if kernel.mempool.get(&txid).is_some() {
        // It is announced again.
        kernel.relay(wtxid);
        return Ok(json!(txid.to_string()));
    }
    for (vout, _) in (0..).zip(tx.outputs()) {
        if kernel.chain.coin(&OutPoint { txid, vout })?.is_some() {
            let message = "Transaction outputs already in utxo set";
            return Err(Failure::new(code::ALREADY_IN_UTXO_SET, message));
        }
    }
    if let Verdict::Accepted(accepted) = kernel.test_transaction(&transaction)?
        && is_too_dear(&accepted, rate_max)
    {
        let message = "Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)";
        return Err(Failure::new(code::VERIFY, message));
    }
    match kernel.accept_transaction(&transaction)? {
        Verdict::Accepted(_) => {
            kernel.relay(wtxid);
            Ok(json!(txid.to_string()))
        }
        Verdict::Refused(refusal) if refusal.is_missing_inputs() => {
            Err(Failure::new(code::VERIFY, refusal.to_string()))
        }
        Verdict::Refused(refusal) => Err(Failure::new(code::REJECTED, refusal.to_string())),
    }
}

pub(super) fn testmempoolaccept(kernel: &mut Kernel, args: &Args) -> Answer {
    let list = args.list(0)?;
    let rate_max = rate_of(args)?;
    if list.is_empty() || list.len() > TESTED_MAX {
        let message = format!("Array must contain between 1 and {TESTED_MAX} transactions.");
        return Err(Failure::new(code::PARAMETER, message));
    }
    if list.len() > 1 {
        return Err(Failure::new(
            code::PARAMETER,
            "Packages are not judged: test one transaction at a time",
        ));
    }
    let mut answers = Vec::new();
    for item in list {
        let text = item.as_str().ok_or_else(|| super::args::wrong_type(item, "string"))?;
        let transaction = read(text)?;
        let tx = transaction.view();
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("txid", json!(tx.txid().to_string()));
        put("wtxid", json!(tx.wtxid().to_string()));
        match kernel.test_transaction(&transaction)? {
            Verdict::Accepted(accepted) if is_too_dear(&accepted, rate_max) => {
                put("allowed", json!(false));
                put("reject-reason", json!("max-fee-exceeded"));
            }
            Verdict::Accepted(AcceptedTransaction { vsize, fee, wtxid, .. }) => {
                put("allowed", json!(true));
                put("vsize", json!(vsize));
                put("vsize_adjusted", json!(vsize));
                put("vsize_bip141", json!(tx.weight().div_ceil(4)));
                let rate = fee.saturating_mul(1_000) / vsize.max(1);
                put(
                    "fees",
                    json!({
                        "base": paid(fee),
                        "effective-feerate": paid(rate),
                        "effective-includes": [wtxid.to_string()],
                    }),
                );
            }
            Verdict::Refused(refusal) => {
                put("allowed", json!(false));
                let reason =
                    if refusal.is_missing_inputs() { "missing-inputs" } else { &refusal.reason };
                put("reject-reason", json!(reason));
                put("reject-details", json!(refusal.to_string()));
            }
        }
        answers.push(Value::from(fields));
    }
    Ok(answers.into())
}

pub(super) fn decoderawtransaction(kernel: &mut Kernel, args: &Args) -> Answer {
    let decoded = read(args.text(0)?);
    let decoded = decoded.map_err(|_| Failure::new(code::DESERIALIZATION, "TX decode failed"))?;
    let mut fields = transaction(decoded.view(), kernel.prefixes(), None, false);
    fields.remove("hex");
    Ok(fields.into())
}

/// **Spec:** Bitcoin Core, `getrawtransaction`.
pub(super) fn getrawtransaction(kernel: &mut Kernel, args: &Args) -> Answer {
    let txid: Txid = args.hash(0, "txid")?;
    let verbosity = args.verbosity(1, 0)?;
    let genesis = kernel.chain.headers().header(HeaderId::GENESIS).merkle_root;
    if txid.as_byte_array() == genesis.as_byte_array() {
        let message = "The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved";
        return Err(Failure::new(code::ADDRESS_OR_KEY, message));
    }
    if args.get(2).is_none() {
        if let Some(entry) = kernel.mempool.get(&txid).cloned() {
            return unconfirmed(kernel, &entry, verbosity);
        }
        return match find_indexed(kernel, &txid)? {
            Some((id, block)) => confirmed(kernel, id, &block, &txid, verbosity),
            None => Err(not_found(match kernel.txindex.as_ref().map(TxIndex::state) {
                None => {
                    "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries"
                }
                Some(IndexState { synced: false, .. }) => {
                    "No such mempool transaction. Blockchain transactions are still in the process of being indexed"
                }
                Some(_) => "No such mempool or blockchain transaction",
            })),
        };
    }
    let hash: BlockHash = args.hash(2, "parameter 3")?;
    let missing = || Failure::new(code::ADDRESS_OR_KEY, "Block hash not found");
    let id = kernel.chain.headers().find(&hash).ok_or_else(missing)?;
    if !kernel.chain.has_data(id).0 {
        return Err(Failure::new(code::MISC, "Block not available"));
    }
    let block = kernel.chain.read_block(id)?;
    let mut answer = confirmed(kernel, id, &block, &txid, verbosity)?;
    if let Some(fields) = answer.as_object_mut() {
        let active = kernel.chain.active().contains(kernel.chain.headers(), id);
        fields.insert("in_active_chain".to_owned(), json!(active));
    }
    Ok(answer)
}

fn not_found(what: &str) -> Failure {
    let message = format!("{what}. Use gettransaction for wallet transactions.");
    Failure::new(code::ADDRESS_OR_KEY, message)
}

/// Finds the block of the connected chain that holds a transaction, if there is an index of them.
fn find_indexed(kernel: &Kernel, txid: &Txid) -> Result<Option<(HeaderId, Block)>, Failure> {
    let Some(index) = &kernel.txindex else { return Ok(None) };
    let broken = |error: quintet_store::StoreError| Failure::Chain(error.into());
    let Some(TxPlace { height, place }) = index.find(txid).map_err(broken)? else {
        return Ok(None);
    };
    let Some(id) = kernel.chain.active().at(height) else { return Ok(None) };
    let block = kernel.chain.read_block(id)?;
    // The block that was indexed may have left the chain.
    let found = block.transactions().get(place as usize).map(|tx| tx.txid());
    Ok((found == Some(*txid)).then_some((id, block)))
}

fn unconfirmed(kernel: &mut Kernel, entry: &Entry, verbosity: i64) -> Answer {
    if verbosity <= 0 {
        return Ok(json!(hex::encode(entry.bytes())));
    }
    let mut spent: Vec<Coin> = Vec::new();
    for input in entry.tx().inputs() {
        spent.extend(spent_coin(kernel, &input.previous)?);
    }
    let coins: Vec<_> = spent.iter().map(Coin::view).collect();
    let coins = (verbosity >= 2 && coins.len() == entry.tx().inputs().len()).then_some(&coins[..]);
    Ok(transaction(entry.tx(), kernel.prefixes(), coins, true).into())
}

fn confirmed(kernel: &Kernel, id: HeaderId, block: &Block, txid: &Txid, verbosity: i64) -> Answer {
    let mut before = 0;
    let mut found = None;
    for tx in block.transactions().iter() {
        if tx.txid() == *txid {
            found = Some(tx);
            break;
        }
        before += if tx.is_coinbase() { 0 } else { tx.inputs().len() };
    }
    let absent = || not_found("No such transaction found in the provided block");
    let tx = found.ok_or_else(absent)?;
    if verbosity <= 0 {
        return Ok(json!(hex::encode(tx.bytes())));
    }
    let spends = verbosity >= 2 && !tx.is_coinbase() && kernel.chain.has_data(id).1;
    let undo = if spends { Some(kernel.chain.read_undo(id)?) } else { None };
    let coins: Option<Vec<_>> =
        undo.as_ref().map(|undo| undo.iter().skip(before).take(tx.inputs().len()).collect());
    let mut fields = transaction(tx, kernel.prefixes(), coins.as_deref(), true);
    let tree = kernel.chain.headers();
    let active = kernel.chain.active().contains(tree, id);
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("blockhash", json!(tree.hash(id).to_string()));
    if active {
        put("confirmations", json!(kernel.chain.height() + 1 - tree.height(id)));
        put("time", json!(tree.time(id)));
        put("blocktime", json!(tree.time(id)));
    } else {
        put("confirmations", json!(0));
    }
    Ok(fields.into())
}

/// **Spec:** Bitcoin Core, `getindexinfo`.
pub(super) fn getindexinfo(kernel: &mut Kernel, args: &Args) -> Answer {
    let wanted = args.text_or(0, "")?;
    let mut fields = Map::new();
    if let Some(index) =
        kernel.txindex.as_ref().filter(|_| wanted.is_empty() || wanted == "txindex")
    {
        let IndexState { height, synced, .. } = index.state();
        let value = json!({ "synced": synced, "best_block_height": height });
        fields.insert("txindex".to_owned(), value);
    }
    Ok(fields.into())
}

fn spent_coin(kernel: &mut Kernel, outpoint: &OutPoint) -> Result<Option<Coin>, Failure> {
    if let Some(parent) = kernel.mempool.get(&outpoint.txid) {
        let height = kernel.chain.height() + 1;
        return Ok(parent.tx().output(outpoint.vout as usize).map(|output| Coin {
            value: output.value.unsigned_abs(),
            height,
            coinbase: false,
            script_pubkey: output.script_pubkey.into(),
        }));
    }
    Ok(kernel.chain.coin(outpoint)?)
}
