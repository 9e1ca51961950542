//! The run: every file to its suite, and an account of every file.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use thiserror::Error;

use crate::{
    bitcoin, dht, ethereum,
    file::{File, FileError, plain_name, walk},
    kaspa, lux, rollup,
    suite::{Report, Suite},
    sums,
};

/// The node kinds whose vectors can be run.
pub const KINDS: [&str; 6] = ["bitcoin", "dht", "ethereum", "kaspa", "lux", "rollup"];

/// Files that explain and list vectors and are none themselves.
const PROSE: [&str; 4] = ["README.md", "LICENSE", "NOTICE", sums::LIST];

/// Why nothing was run.
#[derive(Debug, Error)]
pub enum RunError {
    /// No vectors of this kind can be run.
    #[error("unknown kind `{actual}`: expected one of {}", KINDS.join(", "))]
    UnknownKind {
        /// The kind asked for.
        actual: String,
    },
    /// The kind has no such suite.
    #[error("unknown suite `{actual}`: expected one of {}", expected.join(", "))]
    UnknownSuite {
        /// The suites of the kind.
        expected: Vec<&'static str>,
        /// The suite asked for.
        actual: String,
    },
    /// The folder cannot be walked.
    #[error(transparent)]
    Folder(#[from] FileError),
    /// The folder holds no file.
    #[error("{}: expected vector files, got an empty folder", folder.display())]
    Empty {
        /// The folder.
        folder: PathBuf,
    },
}

/// What became of a suite.
#[derive(Debug)]
pub struct Row {
    /// The suite's name.
    pub suite: &'static str,
    /// Files it was given.
    pub files: u64,
    /// Time it took.
    pub elapsed: Duration,
    /// Its cases.
    pub report: Report,
}

/// What became of a folder.
#[derive(Debug, Default)]
pub struct Outcome {
    /// One row per suite that was asked for.
    pub rows: Vec<Row>,
    /// Files that no suite claims.
    pub unclaimed: Vec<PathBuf>,
    /// Files that held no case.
    pub without_case: Vec<PathBuf>,
    /// Files that could not be read, with the reason.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Things worth knowing that are no failures.
    pub notes: Vec<String>,
}

impl Outcome {
    /// Returns whether everything that ran passed and every file could be run.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.without_case.is_empty()
            && self.unreadable.is_empty()
            && self.rows.iter().all(|row| row.report.failed == 0)
    }

    /// Returns the numbers of cases that passed, failed and were skipped.
    #[must_use]
    pub fn totals(&self) -> (u64, u64, u64) {
        self.rows.iter().fold((0, 0, 0), |(passed, failed, skipped), Row { report, .. }| {
            (passed + report.passed, failed + report.failed, skipped + report.skipped)
        })
    }
}

/// Runs the suites of `kind`, or one of them, over every file in `folder`.
///
/// # Errors
///
/// [`RunError`] if kind, suite or folder is unknown. Failing cases are no error but in the outcome.
pub fn run(kind: &str, folder: &Path, only: Option<&str>) -> Result<Outcome, RunError> {
    let suites = suites_of(kind)?;
    let known: Vec<_> = suites.iter().map(|suite| suite.name()).chain([sums::NAME]).collect();
    if let Some(actual) = only.filter(|only| !known.contains(only)) {
        return Err(RunError::UnknownSuite { expected: known, actual: actual.to_owned() });
    }
    let files = walk(folder)?;
    if files.is_empty() {
        return Err(RunError::Empty { folder: folder.to_owned() });
    }

    let wanted = |name: &str| only.is_none_or(|only| only == name);
    let mut outcome = Outcome::default();
    let (claimed, unclaimed) = assign(&suites, files);
    outcome.unclaimed = unclaimed;
    for (suite, files) in suites.iter().zip(claimed) {
        if wanted(suite.name()) {
            run_suite(suite.as_ref(), folder, &files, &mut outcome);
        }
    }
    if wanted(sums::NAME) {
        run_sums(folder, &mut outcome);
    }
    Ok(outcome)
}

/// Returns the suites of `kind`.
///
/// # Errors
///
/// [`RunError::UnknownKind`].
pub fn suites_of(kind: &str) -> Result<Vec<Box<dyn Suite>>, RunError> {
    match kind {
        "bitcoin" => Ok(bitcoin::suites()),
        "dht" => Ok(dht::suites()),
        "ethereum" => Ok(ethereum::suites()),
        "kaspa" => Ok(kaspa::suites()),
        "lux" => Ok(lux::suites()),
        "rollup" => Ok(rollup::suites()),
        _ => Err(RunError::UnknownKind { actual: kind.to_owned() }),
    }
}

/// Gives every file to the first suite that claims it; the rest comes second, prose left out.
fn assign(suites: &[Box<dyn Suite>], files: Vec<PathBuf>) -> (Vec<Vec<PathBuf>>, Vec<PathBuf>) {
    let mut claimed = vec![Vec::new(); suites.len()];
    let mut unclaimed = Vec::new();
    for file in files {
        let name = plain_name(&file);
        match suites.iter().position(|suite| suite.claims(&name)) {
            Some(index) => claimed[index].push(file),
            None if PROSE.iter().any(|prose| name.ends_with(prose)) => {}
            None => unclaimed.push(file),
        }
    }
    (claimed, unclaimed)
}

fn run_suite(suite: &dyn Suite, folder: &Path, files: &[PathBuf], outcome: &mut Outcome) {
    let start = Instant::now();
    let mut report = Report::default();
    for path in files {
        let file = match File::read(folder, path) {
            Ok(file) => file,
            Err(error) => {
                outcome.unreadable.push((path.clone(), error.to_string()));
                continue;
            }
        };
        let before = report.cases();
        suite.run(&file, &mut report);
        if let Some(reason) = report.unreadable.take() {
            outcome.unreadable.push((path.clone(), reason));
        } else if report.cases() == before {
            outcome.without_case.push(path.clone());
        }
    }
    let elapsed = start.elapsed();
    outcome.rows.push(Row { suite: suite.name(), files: files.len() as u64, elapsed, report });
}

fn run_sums(folder: &Path, outcome: &mut Outcome) {
    let start = Instant::now();
    let mut report = Report::default();
    match sums::check(folder, &mut report) {
        Ok(true) => {}
        Ok(false) => outcome.notes.push(format!(
            "sums: no {} in the folder or the one above, so the bytes of the files are not checked",
            sums::LIST
        )),
        Err(error) => outcome.unreadable.push((PathBuf::from(sums::LIST), error.to_string())),
    }
    let files = report.cases() - report.skipped;
    outcome.rows.push(Row { suite: sums::NAME, files, elapsed: start.elapsed(), report });
}
