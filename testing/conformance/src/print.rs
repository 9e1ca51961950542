//! The outcome as text for people and as JSON for scripts.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::run::{Outcome, Row};

/// Most failures of a suite that are printed.
const FAILURES_SHOWN: usize = 5;

/// Writes a row per suite, what went wrong, and the totals on the last line.
///
/// # Errors
///
/// The writer's.
pub fn text(outcome: &Outcome, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<14} {:>6} {:>8} {:>8} {:>8} {:>9}",
        "suite", "files", "passed", "failed", "skipped", "seconds"
    )?;
    for Row { suite, files, elapsed, report } in &outcome.rows {
        writeln!(
            out,
            "{suite:<14} {files:>6} {:>8} {:>8} {:>8} {:>9.3}",
            report.passed,
            report.failed,
            report.skipped,
            elapsed.as_secs_f64()
        )?;
    }
    for Row { suite, report, .. } in &outcome.rows {
        for failure in report.failures.iter().take(FAILURES_SHOWN) {
            writeln!(out, "failed: {suite}: {}: {}", failure.case, failure.mismatch.what)?;
            writeln!(out, "    expected {}", failure.mismatch.expected)?;
            writeln!(out, "    got      {}", failure.mismatch.actual)?;
        }
        let more = report.failed.saturating_sub(FAILURES_SHOWN as u64);
        if more > 0 {
            writeln!(out, "failed: {suite}: {more} more")?;
        }
    }
    for Row { suite, report, .. } in &outcome.rows {
        for (reason, count) in &report.reasons {
            writeln!(out, "skipped: {suite}: {count}: {reason}")?;
        }
    }
    for (path, reason) in &outcome.unreadable {
        writeln!(out, "unreadable: {}: {reason}", path.display())?;
    }
    for path in &outcome.without_case {
        writeln!(out, "without a case: {}", path.display())?;
    }
    for path in &outcome.unclaimed {
        writeln!(out, "claimed by no suite: {}", path.display())?;
    }
    for note in &outcome.notes {
        writeln!(out, "{note}")?;
    }
    let (passed, failed, skipped) = outcome.totals();
    writeln!(out, "{passed} passed, {failed} failed, {skipped} skipped")
}

/// Returns the outcome as one JSON object.
#[must_use]
pub fn json(outcome: &Outcome) -> Value {
    let (passed, failed, skipped) = outcome.totals();
    let suites: Vec<_> = outcome.rows.iter().map(suite).collect();
    let unreadable: Vec<_> = outcome
        .unreadable
        .iter()
        .map(|(path, reason)| json!({ "file": path, "reason": reason }))
        .collect();
    json!({
        "success": outcome.is_success(),
        "passed": passed,
        "failed": failed,
        "skipped": skipped,
        "suites": suites,
        "unreadable": unreadable,
        "without_case": outcome.without_case,
        "unclaimed": outcome.unclaimed,
        "notes": outcome.notes,
    })
}

fn suite(Row { suite, files, elapsed, report }: &Row) -> Value {
    let failures: Vec<_> = report
        .failures
        .iter()
        .map(|failure| {
            let mismatch = &failure.mismatch;
            json!({
                "case": failure.case,
                "what": mismatch.what,
                "expected": mismatch.expected,
                "actual": mismatch.actual,
            })
        })
        .collect();
    json!({
        "suite": suite,
        "files": files,
        "passed": report.passed,
        "failed": report.failed,
        "skipped": report.skipped,
        "skipped_because": report.reasons,
        "seconds": elapsed.as_secs_f64(),
        "failures": failures,
    })
}
