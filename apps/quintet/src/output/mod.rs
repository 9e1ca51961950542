//! What people and scripts read: tables and sentences, or JSON.
//!
//! # Invariants
//!
//! - Results go to standard output, everything else to standard error.
//! - Colour is used on a terminal only, and not where `NO_COLOR` is set.
//! - A reader that closes its end early (`quintet config keys | head`) is no failure.
//! - Text that may come from another node is printed with its control characters escaped.

mod figures;
mod progress;
mod refusals;
mod style;
mod table;

use std::io::{self, ErrorKind, Write as _};

use serde::Serialize;

pub(crate) use self::{
    figures::{duration, size, thousands},
    progress::{Beside, Progress, Speed},
    refusals::{Refusal, refusals},
    style::{Style, paint},
    table::Table,
};

/// Prints text as it is.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    print_bytes(text.as_bytes())
}

/// Prints a line.
pub(crate) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    print(&format!("{}\n", text.as_ref()))
}

/// Prints bytes as they are.
pub(crate) fn print_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Prints one JSON value on a line of its own.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string(value)?)
}

/// Prints a JSON document that people may read as well.
pub(crate) fn json_pretty(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Prints names and values, one a line, the values below each other.
pub(crate) fn rows<'a>(rows: impl IntoIterator<Item = (&'a str, String)>) -> anyhow::Result<()> {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    for (name, value) in rows {
        line(format!("{}  {value}", paint(Style::Heading, &format!("{name:<width$}"))))?;
    }
    Ok(())
}

/// Tells what went wrong.
pub(crate) fn complain(message: &str) {
    let label = style::paint_error("error:");
    // With nowhere to complain to, the exit status has to do.
    let _ = writeln!(io::stderr().lock(), "{label} {message}");
}

/// Tells what went wrong in words that programs look for, as they are.
pub(crate) fn complain_plainly(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{message}");
}

/// A number with its noun: 1 node, 2 nodes.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Foreign text made harmless for a terminal, and for the line it is printed on.
pub(crate) fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_format(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that turn, hide or join what stands beside them.
const fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        assert_eq!(harmless("a\u{1b}[31mb\n\u{202e}c"), "a\\u{1b}[31mb\\u{a}\\u{202e}c");
        assert_eq!(harmless("grün 木"), "grün 木");
    }
}
