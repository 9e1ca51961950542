//! `bip341_wallet_vectors*.json`: taproot outputs from their trees of scripts, and key path signatures.
//!
//! Trees are built here, from BIP-0341's words; what the script engine makes of the control blocks and
//! the signatures must agree.

use std::path::Path;

use bitcoin::{Address, Network, Script};
use quintet_bitcoin_protocol::{
    script::{
        ScriptError, ScriptFlags, SignatureCheck, SignatureChecker, TxContext, leaf_hash,
        verify_input,
    },
    transaction::Output,
};
use quintet_crypto::{
    digest::{Tag, sha256},
    secp::{self, SecretKey},
};
use quintet_primitives::hex;
use serde::Deserialize;
use serde_json::Value;

use super::{
    bytes,
    judge::{Judge, decode, with_input},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bip341;

impl Suite for Bip341 {
    fn name(&self) -> &'static str {
        "bip341"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bip341_wallet")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(mut value) = report.json(file) else { return };
        for (field, check) in [
            ("scriptPubKey", (|case| check_output(&case)) as fn(Value) -> Result<(), Mismatch>),
            ("keyPathSpending", |case| check_spending(&case)),
        ] {
            let Value::Array(cases) = value[field].take() else {
                report.unreadable = Some(format!("expected a list `{field}`"));
                return;
            };
            for (index, case) in cases.into_iter().enumerate() {
                report.case(format!("{field}[{index}]"), || check(case));
            }
        }
    }
}

fn array<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Mismatch> {
    hex::decode_array(text)
        .map_err(|error| Mismatch::new(field, "that many bytes", error.to_string()))
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, Mismatch> {
    T::deserialize(value)
        .map_err(|error| Mismatch::new("form of the case", "known fields", error.to_string()))
}

/// A leaf of a tree: its number, its script, its version, and the nodes from it to the root.
struct Leaf {
    id: usize,
    version: u8,
    script: Vec<u8>,
    hash: [u8; 32],
    path: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LeafFields {
    id: usize,
    script: String,
    leaf_version: u8,
}

/// Returns the root of a tree and its leaves.
fn tree(value: &Value) -> Result<([u8; 32], Vec<Leaf>), Mismatch> {
    if let Value::Array(branches) = value {
        let [left, right] = branches.as_slice() else {
            return Err(Mismatch::new("scriptTree", "two branches", branches));
        };
        let ((left, mut leaves), (right, mut others)) = (tree(left)?, tree(right)?);
        leaves.iter_mut().for_each(|leaf| leaf.path.extend(right));
        others.iter_mut().for_each(|leaf| leaf.path.extend(left));
        leaves.append(&mut others);
        let hash = Tag::new(b"TapBranch").hash(&[&left.min(right), &left.max(right)]);
        return Ok((hash.into_bytes(), leaves));
    }
    let LeafFields { id, script, leaf_version: version } = read(value)?;
    let script = bytes("script", &script)?;
    let hash = leaf_hash(version, &script);
    Ok((hash, vec![Leaf { id, version, script, hash, path: vec![] }]))
}

/// Returns the tweak of an internal key.
fn tweak_of(internal: &[u8; 32], root: Option<[u8; 32]>) -> [u8; 32] {
    let root = root.as_ref().map_or(&[][..], |root| root);
    Tag::new(b"TapTweak").hash(&[internal, root]).into_bytes()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputGiven {
    internal_pubkey: String,
    script_tree: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputSteps {
    #[serde(default)]
    leaf_hashes: Vec<String>,
    merkle_root: Option<String>,
    tweak: String,
    tweaked_pubkey: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OutputExpected {
    script_pub_key: String,
    bip350_address: String,
    #[serde(default)]
    script_path_control_blocks: Vec<String>,
}

fn check_output(case: &Value) -> Result<(), Mismatch> {
    let given: OutputGiven = read(&case["given"])?;
    let steps: OutputSteps = read(&case["intermediary"])?;
    let expected: OutputExpected = read(&case["expected"])?;
    let internal = array("internalPubkey", &given.internal_pubkey)?;
    let (root, mut leaves) = match &given.script_tree {
        Value::Null => (None, vec![]),
        value => tree(value).map(|(root, leaves)| (Some(root), leaves))?,
    };
    leaves.sort_by_key(|leaf| leaf.id);
    let hashes: Vec<_> = leaves.iter().map(|leaf| hex::encode(&leaf.hash)).collect();
    expect_eq("leafHashes", &steps.leaf_hashes, &hashes)?;
    expect_eq("merkleRoot", steps.merkle_root, root.map(|root| hex::encode(&root)))?;
    let tweak = tweak_of(&internal, root);
    expect_eq("tweak", steps.tweak, hex::encode(&tweak))?;
    let (output, is_odd) = secp::tweak_add(&internal, &tweak)
        .ok_or_else(|| Mismatch::new("internalPubkey", "a key", &given.internal_pubkey))?;
    expect_eq("tweakedPubkey", steps.tweaked_pubkey, hex::encode(&output))?;
    let script = [&[0x51, 32][..], &output].concat();
    expect_eq("scriptPubKey", expected.script_pub_key, hex::encode(&script))?;
    let address = Address::from_script(Script::from_bytes(&script), Network::Bitcoin);
    let address = address.map(|address| address.to_string()).ok();
    expect_eq("bip350Address", Some(expected.bip350_address), address)?;

    let mut blocks = Vec::new();
    for leaf in &leaves {
        let first = leaf.version | u8::from(is_odd);
        let block = [&[first][..], &internal, &leaf.path].concat();
        expect_eq(
            "the engine accepts the control block",
            true,
            is_committed(&script, leaf, &block)?,
        )?;
        blocks.push(hex::encode(&block));
    }
    expect_eq("scriptPathControlBlocks", expected.script_path_control_blocks, blocks)
}

/// Asks the script engine whether an output commits to a leaf.
fn is_committed(script: &[u8], leaf: &Leaf, block: &[u8]) -> Result<bool, Mismatch> {
    #[derive(Default)]
    struct Commitment(Option<bool>);
    impl SignatureChecker for Commitment {
        fn check(&mut self, check: SignatureCheck) -> bool {
            if matches!(check, SignatureCheck::Tweak { .. }) {
                self.0 = Some(check.verify());
            }
            false
        }
    }
    let plain = [&[2, 0, 0, 0, 1][..], &[1; 36], &[0; 5], &[1], &[0; 9], &[0; 4]].concat();
    let witness = [leaf.script.clone(), block.to_vec()];
    let transaction = with_input(decode(plain)?.view(), 0, &[], &witness)?;
    let context =
        TxContext::new(transaction.view(), vec![Output { value: 1, script_pubkey: script }]);
    let mut commitment = Commitment::default();
    let verdict = verify_input(&context, 0, ScriptFlags::all(), &mut commitment);
    expect_eq("refused commitment", Err(ScriptError::WitnessProgramMismatch), verdict)?;
    Ok(commitment.0 == Some(true))
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
    amount_sats: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct InputGiven {
    txin_index: usize,
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

fn check_spending(case: &Value) -> Result<(), Mismatch> {
    let given: SpendingGiven = read(&case["given"])?;
    let unsigned = decode(bytes("rawUnsignedTx", &given.raw_unsigned_tx)?)?;
    let scripts = given.utxos_spent.iter().map(|utxo| bytes("scriptPubKey", &utxo.script_pub_key));
    let scripts = scripts.collect::<Result<Vec<_>, _>>()?;
    let spent: Vec<_> = scripts
        .iter()
        .zip(&given.utxos_spent)
        .map(|(script, utxo)| Output { value: utxo.amount_sats, script_pubkey: script })
        .collect();
    let context = TxContext::new(unsigned.view(), spent.clone());
    check_digests(&context, &case["intermediary"])?;
    for input in case["inputSpending"].as_array().into_iter().flatten() {
        check_input(&context, &case["intermediary"], input)?;
    }

    // Signed by others as well, all inputs verify; with any output worth more, none of taproot's does.
    let signed = case["auxiliary"]["fullySignedTx"].as_str().unwrap_or_default();
    let signed = decode(bytes("fullySignedTx", signed)?)?;
    expect_eq("inputs and outputs signed", unsigned.view().txid(), {
        let stripped = super::judge::without_scripts(signed.view())?;
        stripped.view().txid()
    })?;
    let context = TxContext::new(signed.view(), spent);
    let mut judge = Judge::default();
    for input in 0..context.spent().len() {
        let verdict = judge.verdict(&context, input, ScriptFlags::all())?;
        expect_eq(format!("input {input} of fullySignedTx"), Ok(()), verdict)?;
    }
    Ok(())
}

fn check_digests(context: &TxContext<'_>, steps: &Value) -> Result<(), Mismatch> {
    let [mut amounts, mut outputs, mut prevouts, mut scripts, mut sequences] =
        [const { Vec::new() }; 5];
    for (input, spent) in context.tx().inputs().zip(context.spent()) {
        amounts.extend(spent.value.to_le_bytes());
        super::judge::put_sized(&mut scripts, spent.script_pubkey);
        prevouts.extend_from_slice(input.previous.txid.as_ref());
        prevouts.extend(input.previous.vout.to_le_bytes());
        sequences.extend(input.sequence.to_le_bytes());
    }
    for output in context.tx().outputs() {
        outputs.extend(output.value.to_le_bytes());
        super::judge::put_sized(&mut outputs, output.script_pubkey);
    }
    for (name, hashed) in [
        ("hashAmounts", amounts),
        ("hashOutputs", outputs),
        ("hashPrevouts", prevouts),
        ("hashScriptPubkeys", scripts),
        ("hashSequences", sequences),
    ] {
        let expected = steps[name].as_str().unwrap_or_default().to_owned();
        expect_eq(name, expected, hex::encode(sha256(&[&hashed]).as_bytes()))?;
    }
    Ok(())
}

fn check_input(context: &TxContext<'_>, digests: &Value, case: &Value) -> Result<(), Mismatch> {
    let given: InputGiven = read(&case["given"])?;
    let steps: InputSteps = read(&case["intermediary"])?;
    let secret = SecretKey::from_bytes(&array("internalPrivkey", &given.internal_privkey)?)
        .map_err(|error| Mismatch::new("internalPrivkey", "a key", error.to_string()))?;
    let (internal, _) = secret.x_only_public_key();
    expect_eq("internalPubkey", steps.internal_pubkey, hex::encode(&internal))?;
    let root = given.merkle_root.map(|root| array("merkleRoot", &root)).transpose()?;
    let tweak = tweak_of(&internal, root);
    expect_eq("tweak", steps.tweak, hex::encode(&tweak))?;
    let tweaked = secret
        .tweaked(&tweak)
        .map_err(|error| Mismatch::new("tweak", "one that fits", error.to_string()))?;
    expect_eq("tweakedPrivkey", steps.tweaked_privkey, hex::encode(&tweaked.to_bytes()))?;

    let message = context
        .taproot_sighash(given.txin_index, given.hash_type, None, None)
        .ok_or_else(|| Mismatch::new("hashType", "one that can be signed", given.hash_type))?;
    expect_eq("sigHash", &steps.sig_hash, &hex::encode(&message))?;
    let hashed = Tag::new(b"TapSighash").hash(&[&bytes("sigMsg", &steps.sig_msg)?]);
    expect_eq("hash of sigMsg", steps.sig_hash, hex::encode(hashed.as_bytes()))?;
    for (name, digest) in digests.as_object().into_iter().flatten() {
        let is_used = digest.as_str().is_some_and(|digest| steps.sig_msg.contains(digest));
        expect_eq(format!("{name} used"), steps.precomputed_used.contains(name), is_used)?;
    }

    let mut signature = tweaked.sign_schnorr(&message, &[0; 32]).to_vec();
    signature.extend((given.hash_type != 0).then_some(given.hash_type));
    let witness: Vec<String> = read(&case["expected"]["witness"])?;
    expect_eq("witness", witness, vec![hex::encode(&signature)])
}
