//! What a check saw, where, and how to mend it.

use std::fmt;

/// Whether a finding fails the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    /// The check fails.
    Error,
    /// Worth mending soon; the check passes.
    Warning,
}

/// One thing to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    severity: Severity,
    /// Relative to the root, with `/` between its parts.
    path: String,
    /// From 1.
    line: usize,
    what: String,
    mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let Self { path, line, what, mend, .. } = self;
        write!(f, "{severity}: {path}:{line}: {what}; {mend}")
    }
}

/// The findings of one check, in the order they were made.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn error(
        &mut self,
        path: &str,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(Severity::Error, path, line, what.into(), mend.into());
    }

    pub(crate) fn warn(
        &mut self,
        path: &str,
        line: usize,
        what: impl Into<String>,
        mend: impl Into<String>,
    ) {
        self.add(Severity::Warning, path, line, what.into(), mend.into());
    }

    /// Adds the findings of another check.
    pub(crate) fn merge(&mut self, other: Self) {
        self.findings.extend(other.findings);
    }

    pub(crate) fn findings(&self) -> &[Finding] {
        &self.findings
    }

    pub(crate) fn errors(&self) -> usize {
        self.count(Severity::Error)
    }

    pub(crate) fn warnings(&self) -> usize {
        self.count(Severity::Warning)
    }

    fn add(&mut self, severity: Severity, path: &str, line: usize, what: String, mend: String) {
        self.findings.push(Finding { severity, path: path.to_owned(), line, what, mend });
    }

    fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// All findings as printed, for tests that look for one reason.
    #[cfg(test)]
    pub(crate) fn lines(&self) -> Vec<String> {
        self.findings.iter().map(ToString::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_reads_path_line_what_and_how_to_mend() {
        let mut report = Report::default();
        report.error("crates/net/src/lib.rs", 7, "a tab", "use four spaces");
        report.warn("justfile", 1, "empty", "add a recipe");
        assert_eq!(report.lines()[0], "error: crates/net/src/lib.rs:7: a tab; use four spaces");
        assert_eq!((report.errors(), report.warnings()), (1, 1));
    }
}
