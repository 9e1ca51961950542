//! The form of Wycheproof's files: groups with what holds for all of their tests, and a verdict for each.
//!
//! **Spec:** C2SP's Wycheproof, `doc/types.md`.

use serde::{Deserialize, de::DeserializeOwned};

use crate::{
    file::File,
    suite::{Mismatch, Report, expect_eq},
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vectors<G, T> {
    test_groups: Vec<Group<G, T>>,
}

#[derive(Deserialize)]
struct Group<G, T> {
    #[serde(flatten)]
    of_all: G,
    tests: Vec<T>,
}

/// Checks every test of a file against its group.
pub(crate) fn run<G: DeserializeOwned, T: DeserializeOwned + Numbered>(
    file: &File,
    report: &mut Report,
    check: impl Fn(&T, &G) -> Result<(), Mismatch>,
) {
    let vectors: Vectors<G, T> = match serde_json::from_slice(&file.bytes) {
        Ok(vectors) => vectors,
        Err(error) => {
            report.unreadable = Some(format!("expected Wycheproof's JSON: {error}"));
            return;
        }
    };
    for group in &vectors.test_groups {
        for test in &group.tests {
            report.case(format!("{} tcId {}", file.name.display(), test.number()), || {
                check(test, &group.of_all)
            });
        }
    }
}

/// A test with its number.
pub(crate) trait Numbered {
    /// Returns `tcId`.
    fn number(&self) -> u32;
}

/// What an implementation must say.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Valid,
    Invalid,
    Acceptable,
}

impl Verdict {
    /// Compares with whether it was accepted.
    pub(crate) fn check(self, accepted: bool) -> Result<(), Mismatch> {
        match self {
            Self::Valid => expect_eq("accepted", true, accepted),
            Self::Invalid => expect_eq("accepted", false, accepted),
            Self::Acceptable => Ok(()),
        }
    }
}
