//! What is wrong with a configuration: all of it, in one report.

use core::fmt;

use super::origin::Origin;

/// Issues one report lists; what is beyond is counted. A generated file may be wrong in every line.
pub const ISSUES_MAX: usize = 100;

/// What is wrong with one key or source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// No such key.
    UnknownKey {
        /// The known spelling that is closest, if one is close.
        suggestion: Option<String>,
    },
    /// The key exists; its value is not acceptable.
    Value {
        /// The value as written; none where it is a table or may hold a secret.
        value: Option<String>,
        /// What was expected, as a full clause.
        reason: String,
    },
    /// A source cannot be read at all.
    Source {
        /// Why, and what to do.
        reason: String,
    },
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The dotted key, or the name of the variable or flag that matches none; empty for a source.
    pub key: String,
    /// Where it was written.
    pub origin: Origin,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, origin, problem } = self;
        match problem {
            Problem::UnknownKey { suggestion: Some(known) } => {
                write!(f, "{origin}: unknown key {key}; did you mean {known}?")
            }
            Problem::UnknownKey { suggestion: None } => {
                write!(f, "{origin}: unknown key {key}; `quintet config init` prints every key")
            }
            Problem::Value { value: Some(value), reason } => {
                write!(f, "{origin}: {key} = {value}: {reason}")
            }
            Problem::Value { value: None, reason } => write!(f, "{origin}: {key}: {reason}"),
            Problem::Source { reason } => write!(f, "{origin}: {reason}"),
        }
    }
}

/// The configuration is not acceptable. Its `Display` lists every issue, one per line, in the order
/// of the layers. The application exits with status 2.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    issues: Vec<Issue>,
    omitted: usize,
}

impl ConfigError {
    /// Everything that is wrong, sorted by origin and key; at most [`ISSUES_MAX`].
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.issues.len().saturating_add(self.omitted) {
            1 => f.write_str("the configuration has 1 error:")?,
            count => write!(f, "the configuration has {count} errors:")?,
        }
        self.issues.iter().try_for_each(|issue| write!(f, "\n  {issue}"))?;
        match self.omitted {
            0 => Ok(()),
            omitted => write!(f, "\n  … and {omitted} more"),
        }
    }
}

/// Collects issues while a configuration is loaded.
#[derive(Debug, Default)]
pub(super) struct Report {
    issues: Vec<Issue>,
    omitted: usize,
}

impl Report {
    /// Records an issue; past [`ISSUES_MAX`] it is only counted.
    pub(super) fn push(&mut self, issue: Issue) {
        if self.is_full() {
            self.omitted = self.omitted.saturating_add(1);
        } else if !self.issues.contains(&issue) {
            self.issues.push(issue);
        }
    }

    /// Whether another issue would only be counted: work on its text would be wasted.
    pub(super) const fn is_full(&self) -> bool {
        self.issues.len() >= ISSUES_MAX
    }

    /// `value` if nothing was recorded.
    pub(super) fn finish<T>(mut self, value: T) -> Result<T, ConfigError> {
        if self.issues.is_empty() {
            return Ok(value);
        }
        self.issues.sort_by(|a, b| (&a.origin, &a.key).cmp(&(&b.origin, &b.key)));
        Err(ConfigError { issues: self.issues, omitted: self.omitted })
    }
}

/// One finding of a section's own validation, relative to the section.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) key: String,
    pub(super) with: Option<String>,
    pub(super) expected: String,
}

/// Collects what [`Section::validate`](super::Section::validate) finds.
///
/// Keys are relative to the section (`max_peers`, `limits.rate`, `bootstrap[2]`); the value and its
/// origin are looked up for the report.
#[derive(Debug, Default)]
pub struct Issues {
    findings: Vec<Finding>,
}

impl Issues {
    /// Rejects the value of `key`; `expected` completes the sentence "expected …".
    pub fn reject(&mut self, key: impl Into<String>, expected: impl Into<String>) {
        self.findings.push(Finding { key: key.into(), with: None, expected: expected.into() });
    }

    /// Rejects the value of `key` because of the value of the key `with`, which the report quotes.
    pub fn conflict(
        &mut self,
        key: impl Into<String>,
        with: impl Into<String>,
        expected: impl Into<String>,
    ) {
        let (key, with) = (key.into(), Some(with.into()));
        self.findings.push(Finding { key, with, expected: expected.into() });
    }

    /// Whether nothing was rejected.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.findings.is_empty()
    }

    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }
}
