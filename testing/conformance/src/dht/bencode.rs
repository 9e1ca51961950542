//! `bencode_*.json`: edge cases of decoding, with the place of each error.

use std::path::Path;

use quintet_dht_protocol::bencode::{Error, Expected, ITEMS_MAX, KeyOrder, Value, parse_bounded};
use serde::Deserialize;

use super::{bytes, tree};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bencode;

impl Suite for Bencode {
    fn name(&self) -> &'static str {
        "bencode"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bencode_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    input: String,
    verdict: Verdict,
    error: Option<String>,
    error_pos: Option<usize>,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Error,
    NonCanonical,
    OverflowValue,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        if self.name.is_empty() {
            return Err(Mismatch::new("name", "some words", ""));
        }
        let input = bytes("input", &self.input)?;
        let items = self.item_limit().unwrap_or(ITEMS_MAX);
        let strict = parse_bounded(&input, KeyOrder::Sorted, items);
        let lenient = parse_bounded(&input, KeyOrder::Any, items);
        match (self.verdict, self.error_pos) {
            (Verdict::Ok, None) => {
                expect_eq("error", None, self.error.as_deref())?;
                let value = self.accepted(lenient)?;
                match strict {
                    Ok(_) => tree::check_rewritten(&input, value),
                    // Upstream is lenient, and not all its tests mind how keys are sorted.
                    Err(error) if is_about_keys(&error) => Ok(()),
                    Err(_) => self.accepted(strict).map(|_| ()),
                }
            }
            // Where upstream looks at what it read before an error, the verdict is that this was ok.
            (Verdict::Ok | Verdict::Error, _) => {
                self.refused(strict)?;
                self.refused(lenient)?;
                self.check_words()
            }
            (Verdict::NonCanonical, _) => {
                self.refused(strict)?;
                self.check_words()?;
                match self.error.as_deref() {
                    Some("unsorted dictionary key" | "duplicate dictionary key") => {
                        self.accepted(lenient).map(|_| ())
                    }
                    // Leniency ends at the order of keys.
                    _ => self.refused(lenient).map(|_| ()),
                }
            }
            (Verdict::OverflowValue, _) => {
                let error = self.refused(strict)?;
                expect_eq("error", Expected::IntegerInRange, error.expected())
            }
        }
    }

    /// Upstream's limit on values where the case sets one: `limit_exceeded (1000 items)`.
    fn item_limit(&self) -> Option<usize> {
        let words = self.error.as_deref()?.strip_prefix("limit_exceeded (")?;
        words.strip_suffix(" items)")?.parse().ok()
    }

    fn accepted<'a>(&self, result: Result<Value<'a>, Error>) -> Result<Value<'a>, Mismatch> {
        result.map_err(|error| Mismatch::new(&self.name, self.verdict, error.to_string()))
    }

    fn refused(&self, result: Result<Value<'_>, Error>) -> Result<Error, Mismatch> {
        match result {
            Ok(_) => Err(Mismatch::new(&self.name, self.verdict, "accepted")),
            Err(error) => Ok(error),
        }
    }

    /// Checks what the case says of the error. That it is refused is the rule; the name and the place are
    /// upstream's own, so where a decoder stops a little earlier or calls it otherwise, it is not wrong.
    fn check_words(&self) -> Result<(), Mismatch> {
        let length = self.input.len() / 2;
        if let Some(position) = self.error_pos.filter(|position| *position > length) {
            let within = format!("a place within {length} bytes");
            return Err(Mismatch::new(format!("error_pos of {}", self.name), within, position));
        }
        match &self.error {
            Some(words) if self.verdict == Verdict::Error && !is_upstreams(words) => {
                Err(Mismatch::new(format!("error of {}", self.name), UPSTREAM.join(", "), words))
            }
            _ => Ok(()),
        }
    }
}

fn is_about_keys(error: &Error) -> bool {
    matches!(error.expected(), Expected::KeyInOrder | Expected::KeyUnused)
}

/// Upstream's names for what is wrong.
const UPSTREAM: [&str; 7] = [
    "expected_digit",
    "expected_colon",
    "unexpected_eof",
    "expected_value",
    "depth_exceeded",
    "limit_exceeded",
    "overflow",
];

fn is_upstreams(words: &str) -> bool {
    UPSTREAM.contains(&words.split(" (").next().unwrap_or_default())
}
