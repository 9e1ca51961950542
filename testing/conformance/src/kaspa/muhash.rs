//! `muhash.json`: the hash of sets: elements alone and together, in and out, and the form of states.

use std::path::Path;

use quintet_crypto::muhash::{MuHash, Num3072};
use quintet_kaspa_protocol::hashing::Blake2bChaCha20;
use quintet_primitives::hex;
use serde::Deserialize;

use super::{array, bytes, hash};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct MuHashes;

type Set = MuHash<Blake2bChaCha20>;

impl Suite for MuHashes {
    fn name(&self) -> &'static str {
        "muhash"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "muhash")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |vectors: Vectors| vectors.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    empty: String,
    elements: Vec<Element>,
    add_remove: AddRemove,
    serialize: Serialize,
    parse_fail: Vec<String>,
    parse_ok: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Element {
    data: String,
    multiset_hash: String,
    cumulative_hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddRemove {
    add: Vec<String>,
    remove: Vec<String>,
    hash: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Serialize {
    add: Vec<String>,
    serialized: String,
}

fn all(texts: &[String]) -> Result<Vec<Vec<u8>>, Mismatch> {
    texts.iter().map(|text| bytes("element", text)).collect()
}

impl Vectors {
    fn check(&self) -> Result<(), Mismatch> {
        expect_eq("empty", hash("empty", &self.empty)?, Set::new().finalise())?;
        self.check_elements()?;

        let mut set = Set::new();
        let (add, remove) = (all(&self.add_remove.add)?, all(&self.add_remove.remove)?);
        remove.iter().for_each(|element| set.remove(&[element]));
        add.iter().for_each(|element| set.insert(&[element]));
        expect_eq("add_remove", hash("hash", &self.add_remove.hash)?, set.finalise())?;

        let mut set = Set::new();
        all(&self.serialize.add)?.iter().for_each(|element| set.insert(&[element]));
        let state = set.normalised().to_bytes();
        let number = hex::encode(&state[..Num3072::LEN]);
        expect_eq("serialize", &self.serialize.serialized, &number)?;
        self.check_parsing()
    }

    fn check_elements(&self) -> Result<(), Mismatch> {
        let (mut forward, mut shares) = (Set::new(), Vec::new());
        for element in &self.elements {
            let data = bytes("data", &element.data)?;
            let mut alone = Set::new();
            alone.insert(&[&data]);
            expect_eq("alone", hash("multiset_hash", &element.multiset_hash)?, alone.finalise())?;
            forward.insert(&[&data]);
            let expected = hash("cumulative_hash", &element.cumulative_hash)?;
            expect_eq("together", expected, forward.finalise())?;
            shares.push(alone);
        }
        // The other way round, by shares, and out again.
        let mut backward = Set::new();
        shares.iter().rev().for_each(|share| backward.combine(share));
        expect_eq("in reverse", forward.finalise(), backward.finalise())?;
        for element in &self.elements {
            backward.remove(&[&bytes("data", &element.data)?]);
        }
        expect_eq("emptied", hash("empty", &self.empty)?, backward.finalise())
    }

    /// Numbers at and above the prime have a lesser form: the reference refuses to read them.
    fn check_parsing(&self) -> Result<(), Mismatch> {
        let is_reduced = |text: &String| -> Result<bool, Mismatch> {
            let number = array::<{ Num3072::LEN }>("number", text)?;
            Ok(Num3072::from_bytes(&number).multiply(&Num3072::ONE).to_bytes() == number)
        };
        for text in &self.parse_fail {
            expect_eq("parse_fail", false, is_reduced(text)?)?;
        }
        for text in &self.parse_ok {
            expect_eq("parse_ok", true, is_reduced(text)?)?;
        }
        Ok(())
    }
}
