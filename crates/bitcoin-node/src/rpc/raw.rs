//! Methods about single transactions.

use bitcoin::{BlockHash, OutPoint, Txid};
use quintet_bitcoin_protocol::{Coin, Transaction, policy::FeeRate};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use super::{
    args::Args,
    fault::{Answer, Failure, code},
};
use crate::{
    kernel::Kernel,
    mempool::{AcceptedTransaction, Verdict},
    shown::{paid, transaction},
};

/// Highest rate at which a transaction is taken unless told otherwise, satoshis a 1,000 virtual bytes: 0.10 bitcoins.
const RATE_MAX: u64 = 10_000_000;

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

fn is_too_dear(accepted: &AcceptedTransaction, rate_max: u64) -> bool {
    rate_max > 0 && accepted.fee > FeeRate(rate_max).fee(accepted.vsize)
}

pub(super) fn sendrawtransaction(kernel: &mut Kernel, args: &Args) -> Answer {
    let transaction = read(args.text(0)?)?;
    let rate_max = args.amount_or(1, RATE_MAX)?;
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
    let rate_max = args.amount_or(1, RATE_MAX)?;
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

pub(super) fn getrawtransaction(kernel: &mut Kernel, args: &Args) -> Answer {
    let txid: Txid = args.hash(0, "txid")?;
    let verbosity = args.verbosity(1, 0)?;
    if args.get(2).is_none() {
        let Some(entry) = kernel.mempool.get(&txid).cloned() else {
            let message = "No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries. Use gettransaction for wallet transactions.";
            return Err(Failure::new(code::ADDRESS_OR_KEY, message));
        };
        if verbosity <= 0 {
            return Ok(json!(hex::encode(entry.bytes())));
        }
        let mut spent: Vec<Coin> = Vec::new();
        for input in entry.tx().inputs() {
            spent.extend(spent_coin(kernel, &input.previous)?);
        }
        let coins: Vec<_> = spent.iter().map(Coin::view).collect();
        let coins =
            (verbosity >= 2 && coins.len() == entry.tx().inputs().len()).then_some(&coins[..]);
        return Ok(transaction(entry.tx(), kernel.prefixes(), coins, true).into());
    }
    let hash: BlockHash = args.hash(2, "blockhash")?;
    let missing = || Failure::new(code::ADDRESS_OR_KEY, "Block hash not found");
    let id = kernel.chain.headers().find(&hash).ok_or_else(missing)?;
    let block = kernel.chain.read_block(id)?;
    let absent = || {
        Failure::new(
            code::ADDRESS_OR_KEY,
            "No such transaction found in the provided block. Use gettransaction for wallet transactions.",
        )
    };
    let tx = block.transactions().iter().find(|tx| tx.txid() == txid).ok_or_else(absent)?;
    if verbosity <= 0 {
        return Ok(json!(hex::encode(tx.bytes())));
    }
    let mut fields = transaction(tx, kernel.prefixes(), None, false);
    let tree = kernel.chain.headers();
    let active = kernel.chain.active().contains(tree, id);
    let confirmations = if active { kernel.chain.height() + 1 - tree.height(id) } else { 0 };
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("in_active_chain", json!(active));
    put("blockhash", json!(hash.to_string()));
    put("confirmations", json!(confirmations));
    put("time", json!(tree.time(id)));
    put("blocktime", json!(tree.time(id)));
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
