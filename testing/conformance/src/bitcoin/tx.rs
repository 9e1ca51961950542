//! `tx_valid*.json` and `tx_invalid*.json`: whole transactions with the outputs they spend.
//!
//! The flags of a valid transaction are those it must be run **without**; with any one of them it is
//! invalid. Those of an invalid one are needed, every one, to make it so. That binds both sides of each
//! rule.

use std::path::Path;

use quintet_bitcoin_protocol::{
    rules::check_transaction,
    script::{ScriptFlags, TxContext},
    transaction::{Output, Transaction},
};
use serde_json::Value;

use super::{
    assembler::{self, filled, trimmed},
    bytes, display_hash, json_rows,
    judge::{Judge, decode},
    script_tests::names,
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Stands for the flags of a transaction that is invalid without any script.
const BAD_TRANSACTION: &str = "BADTX";

pub(super) struct Transactions;

impl Suite for Transactions {
    fn name(&self) -> &'static str {
        "tx"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "tx_valid") || is_json_named(name, "tx_invalid")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let valid = file.own_name().starts_with("tx_valid");
        json_rows(file, report, |row: Row| {
            let (case, flags) = Case::read(row)?;
            if valid { case.check_valid(&flags) } else { case.check_invalid(&flags) }
        });
    }
}

/// Spent outputs, transaction, flags.
type Row = (Vec<Vec<Value>>, String, String);

struct Spent {
    txid: [u8; 32],
    vout: u32,
    script_pubkey: Vec<u8>,
    value: i64,
}

impl Spent {
    fn read(fields: &[Value]) -> Result<Self, Mismatch> {
        let wrong = || Mismatch::new("spent output", "id, index, script, amount", fields);
        let (first, rest) = fields.split_first_chunk().ok_or_else(wrong)?;
        let [Value::String(txid), Value::Number(vout), Value::String(script)] = first else {
            return Err(wrong());
        };
        let value = match rest {
            [] => 0,
            [value] => value.as_i64().ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        // The index of no output is written as -1.
        let vout = match vout.as_i64() {
            Some(-1) => u32::MAX,
            vout => vout.and_then(|vout| u32::try_from(vout).ok()).ok_or_else(wrong)?,
        };
        let txid = display_hash("id", txid)?;
        Ok(Self { txid, vout, script_pubkey: assembler::script(script)?, value })
    }
}

struct Case {
    transaction: Transaction,
    spent: Vec<Spent>,
}

impl Case {
    fn read((spent, transaction, flags): Row) -> Result<(Self, String), Mismatch> {
        let spent = spent.iter().map(|fields| Spent::read(fields)).collect::<Result<_, _>>()?;
        let transaction = decode(bytes("transaction", &transaction)?)?;
        Ok((Self { transaction, spent }, flags))
    }

    fn context(&self) -> Result<TxContext<'_>, Mismatch> {
        let tx = self.transaction.view();
        let outputs = tx.inputs().map(|input| {
            let previous = input.previous;
            // Given twice, the last counts.
            let is_it = |spent: &&Spent| {
                spent.vout == previous.vout
                    && *<_ as AsRef<[u8; 32]>>::as_ref(&previous.txid) == spent.txid
            };
            let spent = self.spent.iter().rfind(is_it);
            spent
                .map(|spent| Output { value: spent.value, script_pubkey: &spent.script_pubkey })
                .ok_or_else(|| Mismatch::new("spent outputs", previous, "none such"))
        });
        Ok(TxContext::new(tx, outputs.collect::<Result<_, _>>()?))
    }

    fn check_valid(&self, excluded: &str) -> Result<(), Mismatch> {
        let checked = check_transaction(self.transaction.view());
        expect_eq(
            "transaction without scripts",
            Ok(()),
            checked.map_err(|error| error.to_string()),
        )?;
        let context = self.context()?;
        let excluded = assembler::flags(excluded)?;
        let flags = ScriptFlags::all() - excluded;
        expect_eq("flags that need others", names(filled(flags)), names(flags))?;
        let mut judge = Judge::default();
        expect_verdict(&mut judge, &context, flags, true)?;
        for flag in ScriptFlags::all().iter() {
            expect_verdict(&mut judge, &context, trimmed(flags - flag), true)?;
        }
        for flag in excluded.iter() {
            let fewer = trimmed(excluded - flag);
            if fewer != excluded {
                expect_verdict(&mut judge, &context, ScriptFlags::all() - fewer, false)?;
            }
        }
        Ok(())
    }

    fn check_invalid(&self, flags: &str) -> Result<(), Mismatch> {
        let checked = check_transaction(self.transaction.view());
        expect_eq("transaction without scripts", flags != BAD_TRANSACTION, checked.is_ok())?;
        if flags == BAD_TRANSACTION {
            return Ok(());
        }
        let context = self.context()?;
        let flags = assembler::flags(flags)?;
        expect_eq("flags that need others", names(filled(flags)), names(flags))?;
        let mut judge = Judge::default();
        expect_verdict(&mut judge, &context, flags, false)?;
        for flag in ScriptFlags::all().iter() {
            expect_verdict(&mut judge, &context, filled(flags | flag), false)?;
        }
        for flag in flags.iter() {
            let fewer = trimmed(flags - flag);
            if fewer != flags {
                expect_verdict(&mut judge, &context, fewer, true)?;
            }
        }
        Ok(())
    }
}

fn expect_verdict(
    judge: &mut Judge,
    context: &TxContext<'_>,
    flags: ScriptFlags,
    expected: bool,
) -> Result<(), Mismatch> {
    let mut actual = Ok(());
    for input in 0..context.tx().inputs().len() {
        actual = actual.and(judge.verdict(context, input, flags)?);
    }
    if actual.is_ok() == expected {
        return Ok(());
    }
    let expected = if expected { "valid" } else { "invalid" };
    Err(Mismatch::new(format!("scripts under {}", names(flags)), expected, actual))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A transaction of one input, without witness, that spends output 0 of the transaction of this byte.
    const SPEND: &str = "01000000010700000000000000000000000000000000000000000000000000000000000000\
        000000000151ffffffff010000000000000000015100000000";
    const ID: &str = "0000000000000000000000000000000000000000000000000000000000000007";

    fn check(valid: bool, script: &str, index: i64, spend: &str, flags: &str) -> bool {
        let row = (
            vec![vec![json!(ID), json!(index), json!(script)]],
            spend.to_owned(),
            flags.to_owned(),
        );
        let checked = Case::read(row).and_then(|(case, flags)| {
            if valid { case.check_valid(&flags) } else { case.check_invalid(&flags) }
        });
        checked.is_ok()
    }

    #[test]
    fn the_flags_of_a_row_must_be_neither_too_many_nor_too_few() {
        // One item is left over, which only `CLEANSTACK` forbids.
        assert!(check(true, "1", 0, SPEND, "CLEANSTACK"));
        assert!(!check(true, "1", 0, SPEND, "NONE"));
        assert!(!check(true, "DROP 1", 0, SPEND, "MINIMALIF"));
        assert!(check(false, "1", 0, SPEND, "P2SH,WITNESS,CLEANSTACK"));
        assert!(!check(false, "1", 0, SPEND, "P2SH,WITNESS"));
        assert!(!check(false, "1", 0, SPEND, "P2SH,WITNESS,CLEANSTACK,MINIMALIF"));
        assert!(!check(false, "1", 0, SPEND, "CLEANSTACK"));
    }

    #[test]
    fn a_row_fails_if_its_script_index_or_verdict_is_another() {
        assert!(check(true, "DROP 1", 0, SPEND, "NONE"));
        assert!(!check(false, "DROP 1", 0, SPEND, "NONE"));
        assert!(!check(true, "DROP 0", 0, SPEND, "NONE"));
        assert!(!check(true, "DROP 1", 1, SPEND, "NONE"));
        assert!(!check(false, "DROP 1", 0, SPEND, BAD_TRANSACTION));
        // An output of less than nothing is invalid without any script.
        let negative =
            SPEND.replace("010000000000000000015100000000", "01ffffffffffffffff015100000000");
        assert!(check(false, "DROP 1", 0, &negative, BAD_TRANSACTION));
        assert!(!check(false, "DROP 1", 0, &negative, "NONE"));
    }
}
