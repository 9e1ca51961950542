//! `bip341_*.json`: taproot outputs from keys and script trees, and what a key spend signs.
//!
//! Every intermediary is recomputed here from the vector's inputs, the signed message byte by byte; then
//! the script engine must accept the signatures, and refuse them over other amounts.

use std::path::Path;

use bitcoin::{
    hashes::Hash,
    secp256k1::{Message, Secp256k1, SecretKey, XOnlyPublicKey, schnorr},
    taproot::{LeafVersion, TapLeafHash, TapNodeHash, TapTweakHash},
};
use quintet_bitcoin_protocol::{
    Transaction, Tx,
    address::{self, Prefixes},
    encode::put_size,
    script::{Immediate, ScriptFlags, TxContext, verify_input},
    transaction::Output,
};
use quintet_crypto::digest::sha256;
use quintet_primitives::hex;
use serde::Deserialize;

use super::{array, bytes};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Deepest script tree (BIP-0341).
const DEPTH_MAX: usize = 128;

pub(super) struct Taproot;

impl Suite for Taproot {
    fn name(&self) -> &'static str {
        "taproot"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bip341_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        let vectors: Vectors = match serde_json::from_value(value) {
            Ok(vectors) => vectors,
            Err(error) => {
                report.unreadable = Some(format!("expected outputs and spends: {error}"));
                return;
            }
        };
        let name = file.name.display();
        report.case(format!("{name}: version"), || expect_eq("version", 1, vectors.version));
        for (index, case) in vectors.outputs.iter().enumerate() {
            report.case(format!("{name}: scriptPubKey[{index}]"), || case.check());
        }
        for (index, spending) in vectors.spendings.iter().enumerate() {
            report.case(format!("{name}: keyPathSpending[{index}]"), || spending.check());
            for (at, input) in spending.inputs.iter().enumerate() {
                report
                    .case(format!("{name}: keyPathSpending[{index}].inputSpending[{at}]"), || {
                        input.check(spending)
                    });
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    version: u32,
    #[serde(rename = "scriptPubKey")]
    outputs: Vec<OutputCase>,
    #[serde(rename = "keyPathSpending")]
    spendings: Vec<Spending>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutputCase {
    given: OutputGiven,
    intermediary: OutputSteps,
    expected: OutputExpected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputGiven {
    internal_pubkey: String,
    script_tree: Option<Tree>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Tree {
    Branch(Vec<Self>),
    Leaf(Leaf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Leaf {
    id: usize,
    script: String,
    leaf_version: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputSteps {
    leaf_hashes: Option<Vec<String>>,
    merkle_root: Option<String>,
    tweak: String,
    tweaked_pubkey: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputExpected {
    script_pub_key: String,
    bip350_address: String,
    script_path_control_blocks: Option<Vec<String>>,
}

/// A leaf with the hashes on its way to the root.
struct LeafPath {
    id: usize,
    version: u8,
    hash: TapLeafHash,
    siblings: Vec<TapNodeHash>,
}

fn root_of(tree: &Tree, depth: usize) -> Result<(TapNodeHash, Vec<LeafPath>), Mismatch> {
    match tree {
        Tree::Leaf(leaf) => {
            let version = LeafVersion::from_consensus(leaf.leaf_version)
                .map_err(|error| Mismatch::new("leaf version", "even", error.to_string()))?;
            let script = bytes("script", &leaf.script)?;
            let hash = TapLeafHash::from_script(bitcoin::Script::from_bytes(&script), version);
            let path =
                LeafPath { id: leaf.id, version: leaf.leaf_version, hash, siblings: Vec::new() };
            Ok((TapNodeHash::from(hash), vec![path]))
        }
        Tree::Branch(children) => {
            let [left, right] = children.as_slice() else {
                return Err(Mismatch::new("children of a branch", 2, children.len()));
            };
            if depth == DEPTH_MAX {
                return Err(Mismatch::new("depth", DEPTH_MAX, depth + 1));
            }
            let (left, mut paths) = root_of(left, depth + 1)?;
            let (right, mut others) = root_of(right, depth + 1)?;
            paths.iter_mut().for_each(|path| path.siblings.push(right));
            others.iter_mut().for_each(|path| path.siblings.push(left));
            paths.append(&mut others);
            Ok((TapNodeHash::from_node_hashes(left, right), paths))
        }
    }
}

fn internal_key(text: &str) -> Result<XOnlyPublicKey, Mismatch> {
    XOnlyPublicKey::from_slice(&bytes("internal key", text)?)
        .map_err(|error| Mismatch::new("internal key", "on the curve", error.to_string()))
}

impl OutputCase {
    fn check(&self) -> Result<(), Mismatch> {
        let Self { given, intermediary, expected } = self;
        let key = internal_key(&given.internal_pubkey)?;
        let (root, mut paths) = match &given.script_tree {
            Some(tree) => root_of(tree, 0).map(|(root, paths)| (Some(root), paths))?,
            None => (None, Vec::new()),
        };
        paths.sort_by_key(|path| path.id);
        let hashes: Vec<_> =
            paths.iter().map(|path| hex::encode(path.hash.as_byte_array())).collect();
        expect_eq("leaf hashes", intermediary.leaf_hashes.clone().unwrap_or_default(), hashes)?;
        let root_hex = root.map(|root| hex::encode(root.as_byte_array()));
        expect_eq("Merkle root", intermediary.merkle_root.clone(), root_hex)?;
        let tweak = TapTweakHash::from_key_and_tweak(key, root);
        expect_eq("tweak", &intermediary.tweak, &hex::encode(tweak.as_byte_array()))?;
        let (tweaked, parity) = key
            .add_tweak(&Secp256k1::new(), &tweak.to_scalar())
            .map_err(|error| Mismatch::new("tweaked key", "a key", error.to_string()))?;
        let tweaked = tweaked.serialize();
        expect_eq("tweaked key", &intermediary.tweaked_pubkey, &hex::encode(&tweaked))?;

        let script = [&[0x51, 32], &tweaked[..]].concat();
        expect_eq("script", &expected.script_pub_key, &hex::encode(&script))?;
        let written = address::encode(&script, &Prefixes::MAIN);
        expect_eq("address", Some(&expected.bip350_address), written.as_ref())?;
        let read = address::decode(&expected.bip350_address, &Prefixes::MAIN).ok();
        expect_eq("script of the address", Some(script), read)?;

        let control = |path: &LeafPath| {
            let mut block = vec![path.version | parity.to_u8()];
            block.extend_from_slice(&key.serialize());
            path.siblings.iter().for_each(|hash| block.extend_from_slice(hash.as_byte_array()));
            hex::encode(&block)
        };
        let controls: Vec<_> = paths.iter().map(control).collect();
        expect_eq(
            "control blocks",
            expected.script_path_control_blocks.clone().unwrap_or_default(),
            controls,
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Spending {
    given: SpendingGiven,
    intermediary: Hashes,
    #[serde(rename = "inputSpending")]
    inputs: Vec<InputCase>,
    auxiliary: Auxiliary,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SpendingGiven {
    raw_unsigned_tx: String,
    utxos_spent: Vec<Utxo>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Utxo {
    script_pub_key: String,
    amount_sats: u64,
}

#[derive(Deserialize, Debug, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Hashes {
    hash_amounts: String,
    hash_outputs: String,
    hash_prevouts: String,
    hash_script_pubkeys: String,
    hash_sequences: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Auxiliary {
    fully_signed_tx: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputCase {
    given: InputGiven,
    intermediary: InputSteps,
    expected: InputExpected,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InputGiven {
    txin_index: u32,
    internal_privkey: String,
    merkle_root: Option<String>,
    hash_type: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InputSteps {
    internal_pubkey: String,
    tweak: String,
    tweaked_privkey: String,
    sig_msg: String,
    precomputed_used: Vec<String>,
    sig_hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputExpected {
    witness: Vec<String>,
}

fn transaction(field: &str, text: &str) -> Result<Transaction, Mismatch> {
    Transaction::decode(bytes(field, text)?)
        .map_err(|error| Mismatch::new(field, "a transaction", error.to_string()))
}

fn digest(content: &[u8]) -> String {
    sha256(&[content]).to_string()
}

impl Spending {
    fn hashes(&self, tx: Tx<'_>) -> Result<Hashes, Mismatch> {
        let (mut amounts, mut scripts) = (Vec::new(), Vec::new());
        for utxo in &self.given.utxos_spent {
            amounts.extend_from_slice(&utxo.amount_sats.to_le_bytes());
            let script = bytes("spent script", &utxo.script_pub_key)?;
            put_size(&mut scripts, script.len() as u64);
            scripts.extend_from_slice(&script);
        }
        let (mut previous, mut sequences) = (Vec::new(), Vec::new());
        for input in tx.inputs() {
            previous.extend_from_slice(&outpoint(&input.previous));
            sequences.extend_from_slice(&input.sequence.to_le_bytes());
        }
        let mut outputs = Vec::new();
        tx.outputs()
            .for_each(|output| put_output(&mut outputs, output.value, output.script_pubkey));
        Ok(Hashes {
            hash_amounts: digest(&amounts),
            hash_outputs: digest(&outputs),
            hash_prevouts: digest(&previous),
            hash_script_pubkeys: digest(&scripts),
            hash_sequences: digest(&sequences),
        })
    }

    fn check(&self) -> Result<(), Mismatch> {
        let unsigned = transaction("unsigned transaction", &self.given.raw_unsigned_tx)?;
        let unsigned = unsigned.view();
        expect_eq("spent outputs", unsigned.inputs().len(), self.given.utxos_spent.len())?;
        expect_eq("hashes", &self.intermediary, &self.hashes(unsigned)?)?;
        let signed = transaction("signed transaction", &self.auxiliary.fully_signed_tx)?;
        let signed = signed.view();
        expect_eq("signed inputs", unsigned.inputs().len(), signed.inputs().len())?;
        let plain: Vec<_> = unsigned.outputs().collect();
        expect_eq("outputs", plain, signed.outputs().collect())?;
        for case in &self.inputs {
            let input = usize::try_from(case.given.txin_index).ok().and_then(|at| signed.input(at));
            let witness = input.map(|input| input.witness.iter().map(hex::encode).collect());
            expect_eq(
                "witness in the signed transaction",
                Some(case.expected.witness.clone()),
                witness,
            )?;
        }
        self.check_scripts(signed)
    }

    /// The script engine, which computes its own hashes, accepts every input of the signed transaction.
    fn check_scripts(&self, signed: Tx<'_>) -> Result<(), Mismatch> {
        let utxos = &self.given.utxos_spent;
        let scripts: Vec<_> = utxos
            .iter()
            .map(|utxo| bytes("spent script", &utxo.script_pub_key))
            .collect::<Result<_, _>>()?;
        let output = |(utxo, script): (&Utxo, _)| {
            let value = i64::try_from(utxo.amount_sats).unwrap_or(i64::MAX);
            Output { value, script_pubkey: script }
        };
        let spent: Vec<_> =
            utxos.iter().zip(scripts.iter().map(Vec::as_slice)).map(output).collect();
        let flags = ScriptFlags::P2SH | ScriptFlags::WITNESS | ScriptFlags::TAPROOT;
        let context = TxContext::new(signed, spent);
        for input in 0..signed.inputs().len() {
            let verdict = verify_input(&context, input, flags, &mut Immediate);
            expect_eq(format!("script of input {input}"), Ok(()), verdict)?;
        }
        // One satoshi more than was spent: what signed the amount no longer fits.
        let mut other = context.spent().to_vec();
        other.iter_mut().for_each(|output| output.value += 1);
        let context = TxContext::new(signed, other);
        for case in &self.inputs {
            let input = usize::try_from(case.given.txin_index).unwrap_or(usize::MAX);
            let accepted = verify_input(&context, input, flags, &mut Immediate).is_ok();
            expect_eq(format!("input {input} with other amounts"), false, accepted)?;
        }
        Ok(())
    }
}

fn outpoint(previous: &bitcoin::OutPoint) -> Vec<u8> {
    [&previous.txid.as_byte_array()[..], &previous.vout.to_le_bytes()].concat()
}

fn put_output(out: &mut Vec<u8>, value: i64, script: &[u8]) {
    out.extend_from_slice(&value.to_le_bytes());
    put_size(out, script.len() as u64);
    out.extend_from_slice(script);
}

impl InputCase {
    fn check(&self, spending: &Spending) -> Result<(), Mismatch> {
        let Self { given, intermediary: steps, expected } = self;
        let secp = Secp256k1::new();
        let secret = SecretKey::from_slice(&bytes("private key", &given.internal_privkey)?)
            .map_err(|error| Mismatch::new("private key", "a key", error.to_string()))?;
        let (internal, _) = secret.x_only_public_key(&secp);
        expect_eq("internal key", &steps.internal_pubkey, &internal.to_string())?;
        let root = given.merkle_root.as_ref().map(|root| array("Merkle root", root)).transpose()?;
        let root = root.map(TapNodeHash::from_byte_array);
        let tweak = TapTweakHash::from_key_and_tweak(internal, root);
        expect_eq("tweak", &steps.tweak, &hex::encode(tweak.as_byte_array()))?;
        let tweaked = secret
            .keypair(&secp)
            .add_xonly_tweak(&secp, &tweak.to_scalar())
            .map_err(|error| Mismatch::new("tweaked key", "a key", error.to_string()))?;
        expect_eq(
            "tweaked private key",
            &steps.tweaked_privkey,
            &hex::encode(&tweaked.secret_bytes()),
        )?;

        let (message, used) = self.message(spending)?;
        expect_eq("signed message", &steps.sig_msg, &hex::encode(&message))?;
        let mut named = steps.precomputed_used.clone();
        named.sort();
        expect_eq("precomputed hashes", named, used)?;
        let tag = sha256(&[b"TapSighash"]);
        let hash = sha256(&[tag.as_bytes(), tag.as_bytes(), &message]);
        expect_eq("signature hash", &steps.sig_hash, &hash.to_string())?;

        let [signature] = expected.witness.as_slice() else {
            return Err(Mismatch::new("witness items", 1, expected.witness.len()));
        };
        let signature = bytes("signature", signature)?;
        let (plain, hash_type) = signature.split_at(signature.len().min(64));
        let expected_type: &[u8] = if given.hash_type == 0 { &[] } else { &[given.hash_type] };
        expect_eq("hash type behind the signature", expected_type, hash_type)?;
        let message = Message::from_digest(hash.into_bytes());
        let made = secp.sign_schnorr_with_aux_rand(&message, &tweaked, &[0; 32]);
        expect_eq("signature made with zeros", hex::encode(plain), hex::encode(made.as_ref()))?;
        let verified = schnorr::Signature::from_slice(plain).is_ok_and(|signature| {
            secp.verify_schnorr(&signature, &message, &tweaked.x_only_public_key().0).is_ok()
        });
        expect_eq("the signature is right", true, verified)
    }

    /// The message of BIP-0341 for a key spend without annex, and the hashes it is made of.
    fn message(&self, spending: &Spending) -> Result<(Vec<u8>, Vec<String>), Mismatch> {
        let InputGiven { txin_index, hash_type, .. } = self.given;
        let tx = transaction("unsigned transaction", &spending.given.raw_unsigned_tx)?;
        let tx = tx.view();
        let hashes = spending.hashes(tx)?;
        let at = usize::try_from(txin_index).unwrap_or(usize::MAX);
        let (Some(input), Some(utxo)) = (tx.input(at), spending.given.utxos_spent.get(at)) else {
            return Err(Mismatch::new("input", "in the transaction", txin_index));
        };
        let (anyone, outputs) = (hash_type & 0x80 != 0, hash_type & 3);
        let mut used = Vec::new();
        let mut message = vec![0, hash_type];
        message.extend_from_slice(&tx.version().to_le_bytes());
        message.extend_from_slice(&tx.lock_time().to_le_bytes());
        let mut put = |message: &mut Vec<u8>, name: &str, hash: &str| {
            used.push(name.to_owned());
            bytes(name, hash).map(|hash| message.extend_from_slice(&hash))
        };
        if !anyone {
            put(&mut message, "hashPrevouts", &hashes.hash_prevouts)?;
            put(&mut message, "hashAmounts", &hashes.hash_amounts)?;
            put(&mut message, "hashScriptPubkeys", &hashes.hash_script_pubkeys)?;
            put(&mut message, "hashSequences", &hashes.hash_sequences)?;
        }
        if outputs < 2 {
            put(&mut message, "hashOutputs", &hashes.hash_outputs)?;
        }
        message.push(0);
        if anyone {
            message.extend_from_slice(&outpoint(&input.previous));
            let value = i64::try_from(utxo.amount_sats).unwrap_or(i64::MAX);
            put_output(&mut message, value, &bytes("spent script", &utxo.script_pub_key)?);
            message.extend_from_slice(&input.sequence.to_le_bytes());
        } else {
            message.extend_from_slice(&txin_index.to_le_bytes());
        }
        if outputs == 3 {
            let output = tx.output(at);
            let output = output.ok_or_else(|| Mismatch::new("output", "one at the index", at))?;
            let mut single = Vec::new();
            put_output(&mut single, output.value, output.script_pubkey);
            message.extend_from_slice(sha256(&[&single]).as_bytes());
        }
        used.sort();
        Ok((message, used))
    }
}
