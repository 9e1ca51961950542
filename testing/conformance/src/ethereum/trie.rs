//! `trie/*.json`: roots of Merkle-Patricia tries, entries coming one by one or all at once.

use std::{collections::BTreeMap, path::Path};

use quintet_eth::trie::{
    EMPTY_ROOT, Entry, MemoryNodes, NodeUpdate, Nothing, Updated, prove, update, verify_proof,
};
use quintet_primitives::hex;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    field::array,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Tries;

impl Suite for Tries {
    fn name(&self) -> &'static str {
        "trie"
    }

    fn claims(&self, name: &Path) -> bool {
        let name = name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(".json") && (name.starts_with("trie") || name.contains("securetrie"))
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.own_name().to_lowercase();
        let hashed = name.contains("securetrie");
        let Some(Value::Object(cases)) = report.json(file) else { return };
        for (case, value) in cases {
            let label = format!("{}: {case}", file.own_name());
            if name.contains("nextprev") {
                report.json_case(label, value, |case: Neighbours| case.check());
            } else {
                report.json_case(label, value, |case: Case| case.check(hashed));
            }
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "in")]
    entries: Value,
    root: String,
    /// Says that all texts are digits; they have their prefix anyway.
    #[serde(default, rename = "hexEncoded")]
    _hex_encoded: bool,
}

/// Text, or bytes behind `0x`.
fn bytes(text: &str) -> Result<Vec<u8>, Mismatch> {
    match text.strip_prefix("0x") {
        Some(digits) => hex::decode(digits)
            .map_err(|error| Mismatch::new("entry", "hexadecimal digits", error.to_string())),
        None => Ok(text.as_bytes().to_vec()),
    }
}

type Change = (Vec<u8>, Vec<u8>);

fn change(key: &Value, value: &Value, hashed: bool) -> Result<Change, Mismatch> {
    let text = |value: &Value| match value {
        Value::String(text) => bytes(text),
        Value::Null => Ok(Vec::new()),
        other => Err(Mismatch::new("entry", "text or null", other)),
    };
    let (key, value) = (text(key)?, text(value)?);
    let key = if hashed { alloy_primitives::keccak256(key).to_vec() } else { key };
    Ok((key, value))
}

impl Case {
    fn changes(&self, hashed: bool) -> Result<Vec<Change>, Mismatch> {
        match &self.entries {
            Value::Object(entries) => entries
                .iter()
                .map(|(key, value)| change(&Value::String(key.clone()), value, hashed))
                .collect(),
            Value::Array(entries) => entries
                .iter()
                .map(|entry| match entry.as_array().map(Vec::as_slice) {
                    Some([key, value]) => change(key, value, hashed),
                    _ => Err(Mismatch::new("entry", "a key and a value", entry)),
                })
                .collect(),
            other => Err(Mismatch::new("in", "a list or an object", other)),
        }
    }

    fn check(&self, hashed: bool) -> Result<(), Mismatch> {
        let digits = self.root.strip_prefix("0x").unwrap_or(&self.root);
        let expected = alloy_primitives::B256::new(array("root", digits)?);
        let changes = self.changes(hashed)?;
        let failed =
            |error: &dyn std::fmt::Display| Mismatch::new("trie", "a root", error.to_string());
        // One by one, as a chain grows.
        let mut nodes = MemoryNodes::default();
        let mut contents = BTreeMap::new();
        for (key, value) in &changes {
            let updated: Updated<Vec<NodeUpdate>> =
                update(&nodes, nodes.root(), &[Entry::new(key, value)])
                    .map_err(|error| failed(&error))?;
            nodes.apply(updated.nodes);
            contents.insert(key.clone(), value.clone());
        }
        expect_eq("root, one entry after the other", expected, nodes.root())?;
        let entries: Vec<_> = contents.iter().map(|(key, value)| Entry::new(key, value)).collect();
        let whole: Updated<Nothing> =
            update(&Nothing, EMPTY_ROOT, &entries).map_err(|error| failed(&error))?;
        expect_eq("root, all entries at once", expected, whole.root)?;
        for (key, value) in &contents {
            let (proof, _) = prove(&nodes, expected, key).map_err(|error| failed(&error))?;
            let proved = verify_proof(expected, key, &proof).map_err(|error| failed(&error))?;
            expect_eq("proved value", value, &proved.unwrap_or_default())?;
        }
        Ok(())
    }
}

/// What lies before and behind a key in the order of the trie.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Neighbours {
    #[serde(rename = "in")]
    keys: Vec<String>,
    tests: Vec<[String; 3]>,
}

impl Neighbours {
    fn check(&self) -> Result<(), Mismatch> {
        let keys: Vec<_> = self.keys.iter().map(String::as_bytes).collect();
        let entries: Vec<_> = keys.iter().map(|key| Entry::new(key, b"value")).collect();
        let updated: Updated<Vec<NodeUpdate>> = update(&Nothing, EMPTY_ROOT, &entries)
            .map_err(|error| Mismatch::new("trie", "a root", error.to_string()))?;
        let mut nodes = MemoryNodes::default();
        nodes.apply(updated.nodes);
        // The nodes lie in the order of paths, so their keys do too.
        for [asked, before, behind] in &self.tests {
            let held = |key: &&&[u8]| {
                prove(&nodes, nodes.root(), key).is_ok_and(|(_, value)| !value.is_empty())
            };
            let found: Vec<_> = keys.iter().filter(held).collect();
            let next = found.iter().find(|key| **key > &asked.as_bytes());
            let previous = found.iter().rev().find(|key| **key < &asked.as_bytes());
            let text = |key: Option<&&&[u8]>| {
                key.map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default()
            };
            expect_eq(format!("before {asked}"), before, &text(previous))?;
            expect_eq(format!("behind {asked}"), behind, &text(next))?;
        }
        Ok(())
    }
}
