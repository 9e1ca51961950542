//! What a query's text looks like, before a parser that recurses meets it.
//!
//! The parser keeps tokens for every name, and calls itself for every brace, bracket and parenthesis that it opens; so how much there may be
//! of either is settled here. Strings are passed over: they may be long, as a transaction's bytes are, and nest nothing.
//!
//! **Spec:** GraphQL (October 2021), section 2.1, "Source Text".

use super::{NESTING_MAX, TEXT_BYTES_MAX};

/// Checks the text of a query; the error is what is wrong with it.
pub(super) fn check(query: &str) -> Result<(), String> {
    let mut rest = query.as_bytes();
    let (mut depth, mut text) = (0_usize, 0_usize);
    while let [first, after @ ..] = rest {
        rest = match first {
            b'"' => string(after),
            b'#' => comment(after),
            b'{' | b'[' | b'(' => {
                depth += 1;
                after
            }
            b'}' | b']' | b')' => {
                depth = depth.saturating_sub(1);
                after
            }
            _ => after,
        };
        text += 1;
        if depth > NESTING_MAX {
            return Err(format!("the query nests deeper than {NESTING_MAX} levels"));
        }
        if text > TEXT_BYTES_MAX {
            return Err(format!(
                "the query has more than {TEXT_BYTES_MAX} bytes beside its strings: ask for less at a time"
            ));
        }
    }
    Ok(())
}

/// Returns what is behind a comment: it ends with its line.
fn comment(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    text.get(end.unwrap_or(text.len())..).unwrap_or_default()
}

/// Returns what is behind a string, whose first quotation mark has been passed. One that does not end is no string: the parser stops there,
/// and so may this.
fn string(text: &[u8]) -> &[u8] {
    if let Some(block) = text.strip_prefix(b"\"\"") {
        return behind_block(block);
    }
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => return text.get(at + 1..).unwrap_or_default(),
            b'\n' | b'\r' => return text.get(at..).unwrap_or_default(),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    &[]
}

fn behind_block(text: &[u8]) -> &[u8] {
    const END: &[u8] = b"\"\"\"";
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(rest) = rest.strip_prefix(END) {
            return rest;
        }
        at +=
            if rest.strip_prefix(b"\\").is_some_and(|rest| rest.starts_with(END)) { 4 } else { 1 };
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_where_it_nests() {
        assert_eq!(check(&"{a".repeat(NESTING_MAX)), Ok(()));
        assert!(check(&"{a".repeat(NESTING_MAX + 1)).is_err());
        assert!(check(&"[".repeat(100_000)).is_err());
        let strings = format!("{{ a(b: \"{}\") }}", "{".repeat(1_000));
        assert_eq!(check(&strings), Ok(()));
    }

    #[test]
    fn what_closes_in_a_comment_or_a_string_closes_nothing() {
        for closing in ["{a #}\n", "{a(b:\"}\")", "{a(b:\"\"\"}\\\"\"\"}\"\"\")", "{a(b:\"\\\"}\")"]
        {
            assert!(check(&closing.repeat(NESTING_MAX + 1)).is_err(), "{closing}");
        }
    }

    #[test]
    fn strings_may_be_long_and_the_rest_may_not() {
        assert_eq!(check(&format!("{{ a(b: \"{}\") }}", "0".repeat(4 * TEXT_BYTES_MAX))), Ok(()));
        assert!(check(&"a ".repeat(TEXT_BYTES_MAX)).is_err());
    }
}
