//! Headers, blocks, transactions and scripts the way Bitcoin Core's answers show them; so are the names of the fields.
//!
//! What the node answers over JSON-RPC and what commands print of a chain on disk is made here.
//!
//! **Spec:** Bitcoin Core, `blockheaderToJSON`, `blockToJSON`, `TxToUniv`, `ScriptToUniv`.

use quintet_bitcoin_protocol::{
    Block, CoinRef, SpentCoins, Tx,
    address::{self, Prefixes},
    header::{HeaderId, pow},
    policy::Template,
    script::{Instruction, Instructions, opcode},
    transaction::Input,
};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use crate::chain::Chain;

/// Longest push that is shown as a number, bytes.
const NUMBER_BYTES_MAX: usize = 4;

/// Returns an amount in bitcoins.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "at most 2.1e15, exact in 53 bits")]
pub fn amount(satoshis: i64) -> Value {
    json!(satoshis as f64 / 1e8)
}

/// The same of an unsigned amount.
#[must_use]
pub fn paid(satoshis: u64) -> Value {
    amount(i64::try_from(satoshis).unwrap_or(i64::MAX))
}

/// Returns a script in Bitcoin Core's notation, pushes of at most four bytes as numbers.
///
/// **Spec:** Bitcoin Core, `ScriptToAsmStr`; the hash types of signatures are left in their hexadecimal digits.
#[must_use]
pub fn asm(script: &[u8]) -> String {
    let mut words = Vec::new();
    let mut instructions = Instructions::new(script);
    for instruction in instructions.by_ref() {
        words.push(word(instruction));
    }
    if instructions.at() < script.len() {
        words.push("[error]".to_owned());
    }
    words.join(" ")
}

/// Returns one instruction in Bitcoin Core's notation.
#[must_use]
pub fn word(Instruction { opcode, data }: Instruction<'_>) -> String {
    match opcode {
        0..=opcode::OP_PUSHDATA4 if data.len() <= NUMBER_BYTES_MAX => number(data).to_string(),
        0..=opcode::OP_PUSHDATA4 => hex::encode(data),
        opcode::OP_1NEGATE => "-1".to_owned(),
        opcode::OP_1..=opcode::OP_16 => (opcode - opcode::OP_1 + 1).to_string(),
        _ => opcode::name(opcode).unwrap_or("OP_UNKNOWN").to_owned(),
    }
}

/// Reads a number: little-endian, the highest bit is the sign.
fn number(bytes: &[u8]) -> i64 {
    let Some((last, low)) = bytes.split_last() else { return 0 };
    let first = i64::from(last & 0x7f);
    let magnitude = low.iter().rev().fold(first, |sum, byte| sum << 8 | i64::from(*byte));
    if last & 0x80 == 0 { magnitude } else { -magnitude }
}

/// Returns an output's script: its notation, bytes, address and template.
#[must_use]
pub fn script(script: &[u8], prefixes: Option<&Prefixes>) -> Value {
    let mut fields = Map::new();
    fields.insert("asm".to_owned(), json!(asm(script)));
    fields.insert("hex".to_owned(), json!(hex::encode(script)));
    if let Some(address) = prefixes.and_then(|prefixes| address::encode(script, prefixes)) {
        fields.insert("address".to_owned(), json!(address));
    }
    fields.insert("type".to_owned(), json!(Template::of(script).name()));
    fields.into()
}

/// Returns a transaction. `spent`: the coins it spends, for its fee and, with `previous`, for what each input spends.
#[must_use]
pub fn transaction(
    tx: Tx<'_>,
    prefixes: Option<&Prefixes>,
    spent: Option<&[CoinRef<'_>]>,
    previous: bool,
) -> Map<String, Value> {
    let coinbase = tx.is_coinbase();
    let input_fields = |(at, input): (usize, Input<'_>)| {
        let coin = spent.filter(|_| previous).and_then(|spent| spent.get(at));
        input_value(input, coinbase, coin, prefixes)
    };
    let inputs: Vec<Value> = tx.inputs().enumerate().map(input_fields).collect();
    let outputs: Vec<Value> = tx
        .outputs()
        .enumerate()
        .map(|(n, output)| {
            json!({ "value": amount(output.value), "n": n, "scriptPubKey": script(output.script_pubkey, prefixes) })
        })
        .collect();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("txid", json!(tx.txid().to_string()));
    put("hash", json!(tx.wtxid().to_string()));
    put("version", json!(tx.version()));
    put("size", json!(tx.total_size()));
    put("vsize", json!(tx.weight().div_ceil(4)));
    put("weight", json!(tx.weight()));
    put("locktime", json!(tx.lock_time()));
    put("vin", json!(inputs));
    put("vout", json!(outputs));
    if let Some(spent) = spent.filter(|_| !coinbase) {
        let given: u64 = spent.iter().map(|coin| coin.value).sum();
        let taken: i64 = tx.outputs().map(|output| output.value).sum();
        put("fee", amount(i64::try_from(given).unwrap_or(i64::MAX) - taken));
    }
    put("hex", json!(hex::encode(tx.bytes())));
    fields
}

fn input_value(
    input: Input<'_>,
    coinbase: bool,
    coin: Option<&CoinRef<'_>>,
    prefixes: Option<&Prefixes>,
) -> Value {
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    if coinbase {
        put("coinbase", json!(hex::encode(input.script_sig)));
    } else {
        put("txid", json!(input.previous.txid.to_string()));
        put("vout", json!(input.previous.vout));
        let sig = input.script_sig;
        put("scriptSig", json!({ "asm": asm(sig), "hex": hex::encode(sig) }));
    }
    if !input.witness.is_empty() {
        let items: Vec<_> = input.witness.iter().map(hex::encode).collect();
        put("txinwitness", json!(items));
    }
    if let Some(coin) = coin {
        let previous = json!({
            "generated": coin.coinbase,
            "height": coin.height,
            "value": paid(coin.value),
            "scriptPubKey": script(coin.script_pubkey, prefixes),
        });
        put("prevout", previous);
    }
    put("sequence", json!(input.sequence));
    fields.into()
}

/// Returns a header.
#[must_use]
pub fn header(chain: &Chain, id: HeaderId) -> Map<String, Value> {
    let tree = chain.headers();
    let (header, height) = (tree.header(id), tree.height(id));
    let active = chain.active().contains(tree, id);
    let above = i64::from(chain.height()) - i64::from(height);
    let target = pow::target(header.bits, chain.params().pow_limit).unwrap_or_default();
    let mut fields = Map::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("hash", json!(tree.hash(id).to_string()));
    put("confirmations", json!(if active { above + 1 } else { -1 }));
    put("height", json!(height));
    put("version", json!(header.version.to_consensus()));
    put("versionHex", json!(format!("{:08x}", header.version.to_consensus())));
    put("merkleroot", json!(header.merkle_root.to_string()));
    put("time", json!(header.time));
    put("mediantime", json!(tree.median_time_past(id)));
    put("nonce", json!(header.nonce));
    put("bits", json!(format!("{:08x}", header.bits.to_consensus())));
    put("target", json!(format!("{target:064x}")));
    put("difficulty", json!(pow::difficulty(header.bits)));
    put("chainwork", json!(format!("{:064x}", tree.work(id))));
    put("nTx", json!(chain.transaction_counts(id).0.max(u32::from(height == 0))));
    if height > 0 {
        put("previousblockhash", json!(header.prev_blockhash.to_string()));
    }
    if let Some(next) = chain.active().at(height.saturating_add(1)).filter(|_| active) {
        put("nextblockhash", json!(tree.hash(next).to_string()));
    }
    fields
}

/// Returns a block. `verbosity` 1: ids; 2: transactions; 3: and what they spend.
#[must_use]
pub fn block(
    chain: &Chain,
    id: HeaderId,
    block: &Block,
    spent: Option<&SpentCoins>,
    verbosity: i64,
) -> Map<String, Value> {
    let mut fields = header(chain, id);
    let prefixes = Prefixes::of(&chain.params().name);
    let mut coins = spent.map(SpentCoins::iter);
    let transactions: Vec<Value> = block
        .transactions()
        .iter()
        .map(|tx| {
            if verbosity < 2 {
                return json!(tx.txid().to_string());
            }
            let count = if tx.is_coinbase() { 0 } else { tx.inputs().len() };
            let own: Option<Vec<_>> = coins.as_mut().map(|coins| coins.take(count).collect());
            transaction(tx, prefixes, own.as_deref(), verbosity > 2).into()
        })
        .collect();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("nTx", json!(block.transactions().len()));
    put("strippedsize", json!(block.base_size()));
    put("size", json!(block.bytes().len()));
    put("weight", json!(block.weight()));
    put("tx", json!(transactions));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_pushes_are_numbers_and_others_hexadecimal() {
        for (bytes, expected) in [
            ("", ""),
            ("00", "0"),
            ("4f", "-1"),
            ("5160", "1 16"),
            ("01e4", "-100"),
            ("02e803", "1000"),
            ("04ffff001d", "486604799"),
            ("050102030405", "0102030405"),
            ("76a988ac", "OP_DUP OP_HASH160 OP_EQUALVERIFY OP_CHECKSIG"),
            ("fa", "OP_UNKNOWN"),
            ("7602aa", "OP_DUP [error]"),
        ] {
            assert_eq!(asm(&hex::decode(bytes).unwrap()), expected, "{bytes}");
        }
    }
}
