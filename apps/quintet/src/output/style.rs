//! Colour, where a person reads.

use std::io::{self, IsTerminal as _};

/// What a piece of text is to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// A heading.
    Heading,
    /// Worth less attention.
    Quiet,
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
}

impl Style {
    /// The ANSI code.
    const fn code(self) -> &'static str {
        match self {
            Self::Heading => "1",
            Self::Quiet => "2",
            Self::Good => "32",
            Self::Bad => "31",
        }
    }
}

/// Text for standard output, coloured on a terminal.
pub(crate) fn paint(style: Style, text: &str) -> String {
    dye(style, text, is_wanted(io::stdout().is_terminal()))
}

/// Text for standard error that tells of a failure.
pub(super) fn paint_error(text: &str) -> String {
    dye(Style::Bad, text, is_wanted(io::stderr().is_terminal()))
}

fn is_wanted(terminal: bool) -> bool {
    // https://no-color.org: set and not empty.
    terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn dye(style: Style, text: &str, wanted: bool) -> String {
    if wanted { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_left_out_where_nobody_sees_it() {
        assert_eq!(dye(Style::Good, "ok", false), "ok");
        assert_eq!(dye(Style::Good, "ok", true), "\u{1b}[32mok\u{1b}[0m");
    }
}
