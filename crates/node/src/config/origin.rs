//! Where a value came from: what makes an error message actionable.

use core::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// A place in a text file, counted from one as editors do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
}

impl Position {
    /// Finds the position of byte `offset` in `text`; past the end it is the end.
    #[must_use]
    pub fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.get(line_start..).unwrap_or("").chars().count().saturating_add(1);
        Self { line, column }
    }
}

/// The layer a value came from and its place in it. Variants are in ascending precedence.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "layer", rename_all = "lowercase")]
pub enum Origin {
    /// Built in.
    Default,
    /// The configuration file.
    File {
        /// The path as it was given.
        path: PathBuf,
        /// The place in it; none if the file as a whole is meant.
        #[serde(flatten)]
        position: Option<Position>,
    },
    /// An environment variable.
    Env {
        /// Its name.
        var: String,
    },
    /// A command-line flag.
    Flag {
        /// The flag as the user knows it, such as `--listen`.
        flag: String,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, position: None } => write!(f, "{}", path.display()),
            Self::File { path, position: Some(Position { line, column }) } => {
                write!(f, "{}:{line}:{column}", path.display())
            }
            Self::Env { var } => f.write_str(var),
            Self::Flag { flag } => f.write_str(flag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters_from_one() {
        let text = "a = 1\nü = 2\n";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, 6), Position { line: 2, column: 1 });
        assert_eq!(Position::of(text, 11), Position { line: 2, column: 5 });
        assert_eq!(Position::of(text, 999), Position { line: 3, column: 1 });
    }
}
