//! What a suite is, and how it reports its cases.

use std::{
    collections::BTreeMap,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use serde::de::DeserializeOwned;

use crate::file::File;

/// Most failures of a suite whose details are kept; all are counted.
pub const FAILURES_KEPT: usize = 20;

/// Longest text of an expected or actual value kept, in characters.
const SHOWN_MAX: usize = 300;

/// One sort of vector file.
pub trait Suite {
    /// The name to select and report it by.
    fn name(&self) -> &'static str;

    /// Returns whether files of this name (relative, without `.gz`) are of its sort.
    fn claims(&self, name: &Path) -> bool;

    /// Runs every case of `file`.
    fn run(&self, file: &File, report: &mut Report);
}

/// Returns whether the file's own name begins with `prefix` and ends in `.json`.
#[must_use]
pub fn is_json_named(name: &Path, prefix: &str) -> bool {
    let name = name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with(prefix) && name.ends_with(".json")
}

/// Something a case says that is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Which fact.
    pub what: String,
    /// What the vector says.
    pub expected: String,
    /// What came.
    pub actual: String,
}

impl Mismatch {
    /// Names a fact, what the vector says and what came.
    pub fn new(
        what: impl fmt::Display,
        expected: impl fmt::Debug,
        actual: impl fmt::Debug,
    ) -> Self {
        let shown = |text: String| text.chars().take(SHOWN_MAX).collect();
        Self {
            what: what.to_string(),
            expected: shown(format!("{expected:?}")),
            actual: shown(format!("{actual:?}")),
        }
    }
}

/// Compares what the vector says with what came.
///
/// # Errors
///
/// [`Mismatch`] if they differ.
pub fn expect_eq<T: PartialEq + fmt::Debug>(
    what: impl fmt::Display,
    expected: T,
    actual: T,
) -> Result<(), Mismatch> {
    if expected == actual { Ok(()) } else { Err(Mismatch::new(what, expected, actual)) }
}

/// A case that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// File and case.
    pub case: String,
    /// What was not so.
    pub mismatch: Mismatch,
}

/// What became of a suite's cases.
#[derive(Debug, Default)]
pub struct Report {
    /// Cases in which all was so.
    pub passed: u64,
    /// Cases in which something was not.
    pub failed: u64,
    /// Cases that could not be tried.
    pub skipped: u64,
    /// Why cases could not be tried, and how many for each reason.
    pub reasons: BTreeMap<String, u64>,
    /// The first failures.
    pub failures: Vec<Failure>,
    /// Why the file at hand is no file of cases, if it is none.
    pub unreadable: Option<String>,
}

impl Report {
    /// Returns how many cases there were.
    #[must_use]
    pub const fn cases(&self) -> u64 {
        self.passed + self.failed + self.skipped
    }

    /// Runs one case. A panic inside is its failure.
    pub fn case(&mut self, case: impl fmt::Display, check: impl FnOnce() -> Result<(), Mismatch>) {
        let result = catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
            let words = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a panic");
            Err(Mismatch::new("panic", "none", words))
        });
        match result {
            Ok(()) => self.passed += 1,
            Err(mismatch) => {
                self.failed += 1;
                if self.failures.len() < FAILURES_KEPT {
                    self.failures.push(Failure { case: case.to_string(), mismatch });
                }
            }
        }
    }

    /// Counts a case that cannot be tried, and why. A reason is few words without the case's name:
    /// it is printed once with a count.
    pub fn skip(&mut self, reason: impl Into<String>) {
        self.skipped += 1;
        *self.reasons.entry(reason.into()).or_default() += 1;
    }

    /// Reads `file` as JSON, or notes that it is none.
    pub fn json(&mut self, file: &File) -> Option<serde_json::Value> {
        let read = serde_json::from_slice(&file.bytes);
        read.map_err(|error| self.unreadable = Some(format!("expected JSON: {error}"))).ok()
    }

    /// Runs one case whose fields are those of `T`. A case that has not these fields fails.
    pub fn json_case<T: DeserializeOwned>(
        &mut self,
        case: impl fmt::Display,
        value: serde_json::Value,
        check: impl FnOnce(T) -> Result<(), Mismatch>,
    ) {
        self.case(case, || {
            let value = serde_json::from_value(value).map_err(|error| {
                Mismatch::new("form of the case", "known fields", error.to_string())
            })?;
            check(value)
        });
    }

    /// Reads `file` as a JSON list of cases (or a single one) and runs `check` on each.
    ///
    /// A case that has not the fields of `T` fails; a file that is no JSON is unreadable.
    pub fn json_cases<T: DeserializeOwned>(
        &mut self,
        file: &File,
        mut check: impl FnMut(T) -> Result<(), Mismatch>,
    ) {
        let cases = match serde_json::from_slice(&file.bytes) {
            Ok(serde_json::Value::Array(cases)) => cases,
            Ok(single @ serde_json::Value::Object(_)) => vec![single],
            Ok(_) => {
                self.unreadable = Some("expected a JSON list of cases".to_owned());
                return;
            }
            Err(error) => {
                self.unreadable = Some(format!("expected JSON: {error}"));
                return;
            }
        };
        for (index, case) in cases.into_iter().enumerate() {
            self.json_case(format!("{}[{index}]", file.name.display()), case, &mut check);
        }
    }
}
