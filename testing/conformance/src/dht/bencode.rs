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
                self.check_error(&self.refused(strict)?)?;
                self.check_error(&self.refused(lenient)?)
            }
            (Verdict::NonCanonical, _) => {
                self.check_error(&self.refused(strict)?)?;
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

    fn check_error(&self, error: &Error) -> Result<(), Mismatch> {
        if let Some(position) = self.error_pos {
            expect_eq(format!("error_pos of {}", self.name), position, error.offset())?;
        }
        match &self.error {
            Some(words) if !is_named(words, error) => {
                Err(Mismatch::new(format!("error of {}", self.name), words, error.to_string()))
            }
            _ => Ok(()),
        }
    }
}

fn is_about_keys(error: &Error) -> bool {
    matches!(error.expected(), Expected::KeyInOrder | Expected::KeyUnused)
}

/// Returns whether upstream's name for an error fits ours.
fn is_named(words: &str, error: &Error) -> bool {
    let expected = error.expected();
    let is_short = matches!(
        expected,
        Expected::StringBytes { .. } | Expected::ShortLength | Expected::LengthInRange
    );
    match words.split(" (").next().unwrap_or_default() {
        "expected_value" => expected == Expected::Value && error.found().is_some(),
        "expected_digit" => matches!(
            expected,
            Expected::Key | Expected::Digit | Expected::DigitOrEnd | Expected::DigitOrColon
        ),
        "expected_colon" => expected == Expected::DigitOrColon,
        // Upstream says so of a lone `e`, too.
        "unexpected_eof" => error.found().is_none() || is_short || error.found() == Some(b'e'),
        "overflow" => matches!(expected, Expected::IntegerInRange | Expected::LengthInRange),
        "limit_exceeded" => is_short || matches!(expected, Expected::FewerItems { .. }),
        "depth_exceeded" => expected == Expected::LessDepth,
        "unsorted dictionary key" => expected == Expected::KeyInOrder,
        "duplicate dictionary key" => expected == Expected::KeyUnused,
        "leading zero in string length" => expected == Expected::CanonicalLength,
        "leading zero in integer" => expected == Expected::CanonicalInteger,
        _ => false,
    }
}
