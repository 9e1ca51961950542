//! `script_tests*.json`: single scripts, and exactly which error they end in.
//!
//! Each row is run as the only input of a transaction made for it, which spends an output made for it.

use std::path::Path;

use bitcoin::Amount;
use quintet_bitcoin_protocol::{
    script::{ScriptError, ScriptFlags, TxContext},
    transaction::Output,
};
use quintet_crypto::{
    digest::{Tag, sha256d},
    secp,
};
use serde_json::Value;

use super::{
    assembler::{self, filled, trimmed},
    bytes, json_rows,
    judge::{Judge, decode, put_sized},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Marks a witness item that is written as a script.
const SCRIPT: &str = "#SCRIPT#";
/// Stands for the control block of the witness item before.
const CONTROL_BLOCK: &str = "#CONTROLBLOCK#";
/// Stands for the output that commits to that item.
const TAPROOT_OUTPUT: &str = "0x51 0x20 #TAPROOTOUTPUT#";

pub(super) struct ScriptTests;

impl Suite for ScriptTests {
    fn name(&self) -> &'static str {
        "script_tests"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "script_tests")
    }

    fn run(&self, file: &File, report: &mut Report) {
        json_rows(file, report, |row: Vec<Value>| Case::read(&row)?.check());
    }
}

struct Case {
    witness: Vec<Vec<u8>>,
    amount: i64,
    script_sig: Vec<u8>,
    script_pubkey: Vec<u8>,
    flags: ScriptFlags,
    expected: Result<(), ScriptError>,
}

impl Case {
    fn read(row: &[Value]) -> Result<Self, Mismatch> {
        let (with_witness, texts) = match row {
            [Value::Array(witness), texts @ ..] => (Some(witness), texts),
            texts => (None, texts),
        };
        let mut case_witness = Witness::default();
        let mut amount = 0;
        if let Some(items) = with_witness {
            let (value, items) = items
                .split_last()
                .ok_or_else(|| Mismatch::new("witness", "items and an amount", items))?;
            for item in items {
                case_witness.push(text(item)?)?;
            }
            amount = read_amount(value)?;
        }
        let [script_sig, script_pubkey, flags, expected, ..] = texts else {
            return Err(Mismatch::new("row", "two scripts, flags and an error", texts));
        };
        let script_pubkey = match (text(script_pubkey)?, case_witness.output) {
            (TAPROOT_OUTPUT, Some(key)) => [&[0x51, 0x20][..], &key].concat(),
            (script, _) => assembler::script(script)?,
        };
        let expected = match text(expected)? {
            "OK" => Ok(()),
            name => Err(ScriptError::from_name(name)
                .ok_or_else(|| Mismatch::new("error", "a known name", name))?),
        };
        let flags = assembler::flags(text(flags)?)?;
        Ok(Self {
            witness: case_witness.items,
            amount,
            script_sig: assembler::script(text(script_sig)?)?,
            script_pubkey,
            // Alone it would be no soft fork.
            flags: if flags.contains(ScriptFlags::CLEANSTACK) { filled(flags) } else { flags },
            expected,
        })
    }

    fn check(&self) -> Result<(), Mismatch> {
        let spending = decode(self.spending())?;
        let output = Output { value: self.amount, script_pubkey: &self.script_pubkey };
        let context = TxContext::new(spending.view(), vec![output]);
        let name = |verdict: Result<(), ScriptError>| match verdict {
            Ok(()) => "OK",
            Err(error) => error.name(),
        };
        let mut judge = Judge::default();
        let verdict = judge.verdict(&context, 0, self.flags)?;
        expect_eq("error", name(self.expected), name(verdict))?;

        // Fewer rules never make a valid script invalid, nor more an invalid one valid.
        for flag in ScriptFlags::all().iter() {
            let flags = match self.expected {
                Ok(()) => trimmed(self.flags - flag),
                Err(_) => filled(self.flags | flag),
            };
            let verdict = judge.verdict(&context, 0, flags)?;
            let what = format!("validity under {}", names(flags));
            expect_eq(what, self.expected.is_ok(), verdict.is_ok())?;
        }
        Ok(())
    }

    /// Returns the coinbase that makes the output.
    fn crediting(&self) -> Vec<u8> {
        let mut out = vec![1, 0, 0, 0, 1];
        out.extend([0; 32]);
        out.extend([0xff; 4]);
        put_sized(&mut out, &[0, 0]);
        out.extend([0xff; 4]);
        out.push(1);
        out.extend(self.amount.to_le_bytes());
        put_sized(&mut out, &self.script_pubkey);
        out.extend([0; 4]);
        out
    }

    /// Returns the transaction that spends it.
    fn spending(&self) -> Vec<u8> {
        let mut out = vec![1, 0, 0, 0];
        if !self.witness.is_empty() {
            out.extend([0, 1]);
        }
        out.push(1);
        out.extend(sha256d(&[&self.crediting()]).as_bytes());
        out.extend([0; 4]);
        put_sized(&mut out, &self.script_sig);
        out.extend([0xff; 4]);
        out.push(1);
        out.extend(self.amount.to_le_bytes());
        put_sized(&mut out, &[]);
        if !self.witness.is_empty() {
            super::judge::put_size(&mut out, self.witness.len());
            self.witness.iter().for_each(|item| put_sized(&mut out, item));
        }
        out.extend([0; 4]);
        out
    }
}

/// A witness being read, and the key of the output it spends if that is left to be found.
#[derive(Default)]
struct Witness {
    items: Vec<Vec<u8>>,
    output: Option<[u8; 32]>,
}

impl Witness {
    fn push(&mut self, item: &str) -> Result<(), Mismatch> {
        let item = if let Some(script) = item.strip_prefix(SCRIPT) {
            assembler::script(script)?
        } else if item == CONTROL_BLOCK {
            let leaf = self.items.last().map_or(&[][..], Vec::as_slice);
            let (control, output) = single_leaf(leaf)
                .ok_or_else(|| Mismatch::new(CONTROL_BLOCK, "a leaf before it", item))?;
            self.output = Some(output);
            control
        } else {
            bytes("witness", item)?
        };
        self.items.push(item);
        Ok(())
    }
}

/// Returns the control block and the output key of a tree of this one tapscript. The internal key is that of
/// the secret one.
fn single_leaf(script: &[u8]) -> Option<(Vec<u8>, [u8; 32])> {
    let mut secret = [0; 32];
    secret[31] = 1;
    let (internal, _) = secp::SecretKey::from_bytes(&secret).ok()?.x_only_public_key();
    let mut sized = Vec::new();
    put_sized(&mut sized, script);
    let leaf = Tag::new(b"TapLeaf").hash(&[&[0xc0], &sized]);
    let tweak = Tag::new(b"TapTweak").hash(&[&internal, leaf.as_bytes()]);
    let (output, is_odd) = secp::tweak_add(&internal, tweak.as_bytes())?;
    Some(([&[0xc0 | u8::from(is_odd)][..], &internal].concat(), output))
}

fn text(value: &Value) -> Result<&str, Mismatch> {
    value.as_str().ok_or_else(|| Mismatch::new("form of the case", "a text", value))
}

/// Reads bitcoins as satoshis.
fn read_amount(value: &Value) -> Result<i64, Mismatch> {
    let amount = value.as_f64().and_then(|value| Amount::from_btc(value).ok());
    let satoshis = amount.and_then(|amount| i64::try_from(amount.to_sat()).ok());
    satoshis.ok_or_else(|| Mismatch::new("amount", "bitcoins", value))
}

/// Returns the names of flags as the vectors write them.
pub(super) fn names(flags: ScriptFlags) -> String {
    flags.iter_names().map(|(name, _)| name).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn passes(row: &Value) -> bool {
        Case::read(row.as_array().unwrap()).and_then(|case| case.check()).is_ok()
    }

    #[test]
    fn a_row_passes_and_with_any_field_changed_it_fails() {
        let row = |sig: &str, script: &str, flags: &str, error: &str| {
            json!([sig, script, flags, error, "a comment"])
        };
        assert!(passes(&row("1 2", "2 EQUALVERIFY 1 EQUAL", "P2SH,STRICTENC", "OK")));
        assert!(passes(&row("1 3", "2 EQUALVERIFY 1 EQUAL", "P2SH,STRICTENC", "EQUALVERIFY")));
        assert!(passes(&row("0x01 0x01", "1 EQUAL", "MINIMALDATA", "MINIMALDATA")));
        for wrong in [
            row("1 3", "2 EQUALVERIFY 1 EQUAL", "P2SH", "OK"),
            row("1 2", "2 EQUALVERIFY 2 EQUAL", "P2SH", "OK"),
            row("1 3", "2 EQUALVERIFY 1 EQUAL", "P2SH", "VERIFY"),
            row("0x01 0x01", "1 EQUAL", "", "MINIMALDATA"),
            row("0x01 0x01", "1 EQUAL", "MINIMALDATA", "OK"),
            row("1 2", "2 EQUALVERIFY 1 EQUAL", "P2SI", "OK"),
            row("1 2", "2 EQUALVERIFY 1 EQUAL", "P2SH", "OKAY"),
            json!(["1", "1"]),
        ] {
            assert!(!passes(&wrong), "{wrong}");
        }
    }

    #[test]
    fn a_tapscript_is_run_in_the_tree_made_for_it() {
        let row = |script: &str, flags: &str, error: &str| {
            let witness = json!(["01", format!("#SCRIPT# {script}"), CONTROL_BLOCK, 0.000_000_01]);
            json!([witness, "", TAPROOT_OUTPUT, flags, error])
        };
        let flags = "P2SH,WITNESS,TAPROOT";
        assert!(passes(&row("1 EQUAL", flags, "OK")));
        assert!(passes(&row("2 EQUAL", flags, "EVAL_FALSE")));
        assert!(passes(&row("2 EQUAL", "P2SH,WITNESS", "OK")));
        assert!(!passes(&row("2 EQUAL", flags, "OK")));
        assert!(!passes(&row("1 EQUAL", flags, "EVAL_FALSE")));
    }
}
