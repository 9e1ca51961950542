//! `bip39.*.json`, `bip39-wordlists/*.txt`: mnemonics in ten languages.
//!
//! The node keeps no mnemonics; the `bip39` crate does, and these vectors are its examination.

use std::path::Path;

use bip39::{Language, Mnemonic};
use bitcoin::{NetworkKind, bip32::Xpriv};
use quintet_primitives::hex;
use serde::Deserialize;

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Passphrase of the rows that name none.
const PASSPHRASE: &str = "TREZOR";

/// Languages as files of vectors and of words name them.
const LANGUAGES: [(&str, &str, Language); 10] = [
    ("en", "english", Language::English),
    ("cz", "czech", Language::Czech),
    ("es", "spanish", Language::Spanish),
    ("fr", "french", Language::French),
    ("ja", "japanese", Language::Japanese),
    ("zh-CN", "chinese_simplified", Language::SimplifiedChinese),
    ("zh-TW", "chinese_traditional", Language::TraditionalChinese),
    ("it", "italian", Language::Italian),
    ("ko", "korean", Language::Korean),
    ("pt", "portuguese", Language::Portuguese),
];

pub(super) struct Bip39;

impl Suite for Bip39 {
    fn name(&self) -> &'static str {
        "bip39"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bip39.") || words_of(name).is_some()
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = file.name.display();
        if let Some(language) = words_of(&file.name) {
            report.case(case, || check_words(file, language));
            return;
        }
        let Some(value) = report.json(file) else { return };
        let code = file.own_name().split('.').nth(1).unwrap_or_default().to_owned();
        let rows = match value {
            serde_json::Value::Array(rows) => vec![(code, rows)],
            serde_json::Value::Object(languages) => {
                let rows = |value| match value {
                    serde_json::Value::Array(rows) => rows,
                    _ => Vec::new(),
                };
                languages.into_iter().map(|(code, value)| (code, rows(value))).collect()
            }
            _ => {
                report.unreadable = Some("expected lists of mnemonics".to_owned());
                return;
            }
        };
        for (code, rows) in rows {
            for (index, row) in rows.into_iter().enumerate() {
                if row.get("mnemonic").zip(row.get("entropy")).is_some_and(contradict) {
                    report.skip("the mnemonic has not as many words as the entropy takes");
                    continue;
                }
                report.json_case(format!("{case}: {code}[{index}]"), row, |row: Row| {
                    row.check(&code)
                });
            }
        }
    }
}

/// Returns whether a mnemonic is of another entropy: each 11 bits of 33 in 32 are a word.
fn contradict((mnemonic, entropy): (&serde_json::Value, &serde_json::Value)) -> bool {
    let (Some(mnemonic), Some(entropy)) = (mnemonic.as_str(), entropy.as_str()) else {
        return false;
    };
    mnemonic.split_whitespace().count() != entropy.len() * 3 / 8
}

fn words_of(name: &Path) -> Option<Language> {
    let in_folder = name.parent()?.file_name()? == "bip39-wordlists";
    let stem = name.file_stem()?.to_str().filter(|_| in_folder)?;
    LANGUAGES.iter().find(|(_, long, _)| *long == stem).map(|(.., language)| *language)
}

fn check_words(file: &File, language: Language) -> Result<(), Mismatch> {
    let text = std::str::from_utf8(&file.bytes)
        .map_err(|_| Mismatch::new("file", "UTF-8", "something else"))?;
    let words: Vec<_> = text.lines().collect();
    expect_eq("number of words", 2048, words.len())?;
    for (index, (expected, actual)) in words.iter().zip(language.word_list()).enumerate() {
        expect_eq(format!("word {index}"), expected, actual)?;
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Named(Named),
    Short(String, String, String),
    Long(String, String, String, String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    entropy: String,
    mnemonic: String,
    passphrase: String,
    seed: String,
    bip32_xprv: String,
}

impl Row {
    fn check(self, code: &str) -> Result<(), Mismatch> {
        let (entropy, mnemonic, passphrase, seed, xprv) = match self {
            Self::Named(row) => {
                (row.entropy, row.mnemonic, row.passphrase, row.seed, Some(row.bip32_xprv))
            }
            Self::Short(entropy, mnemonic, seed) => {
                (entropy, mnemonic, PASSPHRASE.into(), seed, None)
            }
            Self::Long(entropy, mnemonic, seed, xprv) => {
                (entropy, mnemonic, PASSPHRASE.into(), seed, Some(xprv))
            }
        };
        let named = |(short, long, _): &&(&str, &str, Language)| {
            short.eq_ignore_ascii_case(code) || *long == code || (code == "JP" && *short == "ja")
        };
        let (.., language) = LANGUAGES
            .iter()
            .find(named)
            .ok_or_else(|| Mismatch::new("language", "a known one", code))?;
        let failed = |error: bip39::Error| Mismatch::new("mnemonic", "valid", error.to_string());
        let made =
            Mnemonic::from_entropy_in(*language, &bytes("entropy", &entropy)?).map_err(failed)?;
        let read = Mnemonic::parse_in(*language, mnemonic.as_str()).map_err(failed)?;
        expect_eq("mnemonic of the entropy", &read.to_string(), &made.to_string())?;
        expect_eq("entropy of the mnemonic", &entropy, &hex::encode(&read.to_entropy()))?;
        let made = read.to_seed(passphrase);
        expect_eq("seed", &seed, &hex::encode(&made))?;
        let Some(xprv) = xprv else { return Ok(()) };
        let master = Xpriv::new_master(NetworkKind::Main, &made)
            .map_err(|error| Mismatch::new("master key", &xprv, error.to_string()))?;
        expect_eq("master key", xprv, master.to_string())
    }
}
