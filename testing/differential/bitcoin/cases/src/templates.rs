//! Where cases begin: Bitcoin Core's vectors and the transactions of a synthetic chain.

use std::{
    fs::{self, File},
    io::Read,
    path::Path,
};

use anyhow::{Context as _, ensure};
use bench::bitcoin_chain::{Maker, Mode, Plan};
use bitcoin::{
    Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness, absolute,
    consensus::deserialize, hex::FromHex as _, opcodes::all::OP_PUSHBYTES_0, script::Builder,
    transaction,
};
use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::{Case, FLAGS, assembler::assemble, closed};

/// Transactions of the synthetic chain that are templates.
const CHAIN_TRANSACTIONS: u64 = 1_500;

/// Cases to begin from.
#[derive(Debug)]
pub struct Templates(pub Vec<Case>);

impl Templates {
    /// Makes a synthetic chain's, and reads those of a folder of vectors if there is one.
    ///
    /// # Errors
    ///
    /// If a vector file is there and cannot be read.
    pub fn load(vectors: Option<&Path>, seed: u64) -> anyhow::Result<Self> {
        let mut all = Self(Vec::new());
        all.chain(seed)?;
        if let Some(core) = vectors.map(|folder| folder.join("bitcoin/core")) {
            all.transactions("tx_valid", &core, true)?;
            all.transactions("tx_invalid", &core, false)?;
            all.scripts(&core)?;
            all.assets(&core)?;
        }
        ensure!(!all.0.is_empty(), "expected at least one case to begin from");
        Ok(all)
    }

    fn chain(&mut self, seed: u64) -> anyhow::Result<()> {
        let plan = Plan {
            seed,
            transactions: CHAIN_TRANSACTIONS,
            block_transactions: 300,
            mode: Mode::Mixed,
            mix: None,
        };
        let mut maker = Maker::new(plan)?;
        while let Some(made) = maker.next_block()? {
            for (tx, prevouts) in made.block.txdata.into_iter().skip(1).zip(made.prevouts) {
                self.inputs("chain", &tx, &prevouts, u32::MAX);
            }
        }
        Ok(())
    }

    fn inputs(&mut self, category: &'static str, tx: &Transaction, prevouts: &[TxOut], flags: u32) {
        for input in 0..tx.input.len() {
            let (tx, prevouts) = (tx.clone(), prevouts.to_vec());
            self.0.push(Case { category, tx, prevouts, input, flags: closed(flags) });
        }
    }

    fn transactions(
        &mut self,
        category: &'static str,
        core: &Path,
        excluded: bool,
    ) -> anyhow::Result<()> {
        for row in rows(core, category)? {
            let [Value::Array(spent), tx, names] = row.as_slice() else { continue };
            let tx: Transaction = match deserialize(&hex(tx)?) {
                Ok(tx) => tx,
                // Vectors without inputs are for other rules.
                Err(_) => continue,
            };
            let prevouts: Option<Vec<TxOut>> =
                tx.input.iter().map(|input| prevout(spent, input.previous_output)).collect();
            let flags = flags(names.as_str().unwrap_or_default());
            if let Some(prevouts) = prevouts {
                self.inputs(category, &tx, &prevouts, if excluded { !flags } else { flags });
            }
        }
        Ok(())
    }

    fn scripts(&mut self, core: &Path) -> anyhow::Result<()> {
        for row in rows(core, "script_tests")? {
            let (witness, rest) = match row.split_first() {
                Some((Value::Array(items), rest)) => (items.as_slice(), rest),
                _ => (&[][..], row.as_slice()),
            };
            let [script_sig, script_pubkey, names, _, ..] = rest else { continue };
            let (Some((amount, items)), _) = (witness.split_last(), ()) else {
                self.script(&[], Amount::ZERO, [script_sig, script_pubkey, names])?;
                continue;
            };
            let amount = Amount::from_btc(amount.as_f64().unwrap_or_default())?;
            // Rows with placeholders build a taproot output; the script assets hold those.
            let Ok(items) = items.iter().map(hex).collect::<anyhow::Result<Vec<_>>>() else {
                continue;
            };
            self.script(&items, amount, [script_sig, script_pubkey, names])?;
        }
        Ok(())
    }

    /// Builds the pair of transactions of Bitcoin Core's `script_tests.cpp`.
    fn script(
        &mut self,
        witness: &[Vec<u8>],
        value: Amount,
        [script_sig, script_pubkey, names]: [&Value; 3],
    ) -> anyhow::Result<()> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let script_sig = assemble(&text(script_sig))?;
        let prevout = TxOut { value, script_pubkey: assemble(&text(script_pubkey))? };
        let two_pushes =
            Builder::new().push_opcode(OP_PUSHBYTES_0).push_opcode(OP_PUSHBYTES_0).into_script();
        let credit = transaction(OutPoint::null(), two_pushes, Witness::new(), prevout.clone());
        let outpoint = OutPoint { txid: credit.compute_txid(), vout: 0 };
        let paid = TxOut { value, script_pubkey: ScriptBuf::new() };
        let tx = transaction(outpoint, script_sig, Witness::from_slice(witness), paid);
        self.inputs("script_tests", &tx, &[prevout], flags(&text(names)));
        Ok(())
    }

    fn assets(&mut self, core: &Path) -> anyhow::Result<()> {
        for row in array(core, "script_assets_test")? {
            let tx: Transaction = deserialize(&hex(&row["tx"])?)?;
            let prevouts = row["prevouts"].as_array().context("expected prevouts")?;
            let prevouts: Vec<TxOut> = prevouts
                .iter()
                .map(|prevout| Ok(deserialize(&hex(prevout)?)?))
                .collect::<anyhow::Result<_>>()?;
            let input = usize::try_from(row["index"].as_u64().context("expected an index")?)?;
            let flags = closed(flags(row["flags"].as_str().unwrap_or_default()));
            for (category, name) in [("assets valid", "success"), ("assets invalid", "failure")] {
                let Some(solution) = row.get(name) else { continue };
                let mut tx = tx.clone();
                let spend =
                    tx.input.get_mut(input).context("expected the input in the transaction")?;
                spend.script_sig = ScriptBuf::from_bytes(hex(&solution["scriptSig"])?);
                let items = solution["witness"].as_array().context("expected a witness")?;
                let items: Vec<Vec<u8>> = items.iter().map(hex).collect::<anyhow::Result<_>>()?;
                spend.witness = Witness::from_slice(&items);
                let prevouts = prevouts.clone();
                self.0.push(Case { category, tx, prevouts, input, flags });
            }
        }
        Ok(())
    }
}

fn transaction(
    previous_output: OutPoint,
    script_sig: ScriptBuf,
    witness: Witness,
    output: TxOut,
) -> Transaction {
    let input = TxIn { previous_output, script_sig, sequence: Sequence::MAX, witness };
    Transaction {
        version: transaction::Version::ONE,
        lock_time: absolute::LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    }
}

fn prevout(spent: &[Value], outpoint: OutPoint) -> Option<TxOut> {
    spent.iter().find_map(|row| {
        let row = row.as_array()?;
        let vout = row.get(1)?.as_i64()?;
        // The null outpoint's index is written as -1.
        let same = u32::try_from(vout & 0xffff_ffff).ok()? == outpoint.vout
            && row.first()?.as_str()? == outpoint.txid.to_string();
        let script_pubkey = assemble(row.get(2)?.as_str()?).ok()?;
        let value = Amount::from_sat(row.get(3).and_then(Value::as_u64).unwrap_or(0));
        same.then_some(TxOut { value, script_pubkey })
    })
}

fn flags(names: &str) -> u32 {
    names
        .split(',')
        .filter_map(|name| FLAGS.iter().find(|(known, _)| *known == name.trim()))
        .fold(0, |all, (_, bit)| all | bit)
}

fn hex(value: &Value) -> anyhow::Result<Vec<u8>> {
    Ok(Vec::from_hex(value.as_str().context("expected hexadecimal digits")?)?)
}

fn array(folder: &Path, name: &str) -> anyhow::Result<Vec<Value>> {
    let plain = folder.join(format!("{name}.json"));
    let mut text = String::new();
    if plain.exists() {
        text = fs::read_to_string(&plain)?;
    } else {
        let path = folder.join(format!("{name}.json.gz"));
        let file = File::open(&path).with_context(|| path.display().to_string())?;
        MultiGzDecoder::new(file).read_to_string(&mut text)?;
    }
    Ok(serde_json::from_str(&text)?)
}

fn rows(folder: &Path, name: &str) -> anyhow::Result<Vec<Vec<Value>>> {
    let array = array(folder, name)?;
    Ok(array.into_iter().filter_map(|row| row.as_array().cloned()).collect())
}
