//! Turns serde's messages into sentences for operators: `u16` becomes a range.

/// Says in one clause what was expected, from the message of a refused value.
///
/// The part of the message that quotes the value is dropped: it may be a secret, and the report
/// shows the value itself where it may.
pub(super) fn reason(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("unknown field ") {
        return format!("unknown key {}", ticks(rest));
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("expected a table with the key {}", ticks(rest));
    }
    if let Some(rest) = message.strip_prefix("duplicate field ") {
        return format!("the key {} is given twice", ticks(rest));
    }
    match message {
        "invalid socket address syntax" => {
            return "expected an IP address and port, such as 127.0.0.1:6881".to_owned();
        }
        "invalid IP address syntax"
        | "invalid IPv4 address syntax"
        | "invalid IPv6 address syntax" => {
            return "expected an IP address, such as 127.0.0.1".to_owned();
        }
        _ => {}
    }
    match message.rsplit_once(", expected ").or_else(|| message.rsplit_once(", there are no ")) {
        Some((_, expected)) => format!("expected {}", phrase(&ticks(expected))),
        None => message.to_owned(),
    }
}

fn ticks(text: &str) -> String {
    text.replace('`', "")
}

/// Rust's type names in words.
fn phrase(expected: &str) -> String {
    if let Some(integer) = expected.strip_prefix("a nonzero ") {
        return range(integer, true).unwrap_or_else(|| expected.to_owned());
    }
    if let Some(range) = range(expected, false) {
        return range;
    }
    let words = match expected {
        "a boolean" => "true or false",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "a table",
        "path string" => "a path",
        "string or map" | "option" => "a string",
        other if other.starts_with("struct ") => "a table",
        other => other,
    };
    words.to_owned()
}

fn range(integer: &str, nonzero: bool) -> Option<String> {
    let (low, high) = match integer {
        "u8" => ("0", u8::MAX.to_string()),
        "u16" => ("0", u16::MAX.to_string()),
        "u32" => ("0", u32::MAX.to_string()),
        "u64" => ("0", u64::MAX.to_string()),
        "usize" => ("0", usize::MAX.to_string()),
        "i8" => ("-128", i8::MAX.to_string()),
        "i16" => ("-32768", i16::MAX.to_string()),
        "i32" => ("-2147483648", i32::MAX.to_string()),
        "i64" => ("-9223372036854775808", i64::MAX.to_string()),
        _ => return None,
    };
    Some(match (nonzero, low) {
        (true, "0") => format!("an integer from 1 to {high}"),
        (true, low) => format!("an integer from {low} to {high}, not 0"),
        (false, low) => format!("an integer from {low} to {high}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speaks_of_ranges_and_not_of_types() {
        for (message, expected) in [
            ("invalid type: string \"x\", expected u16", "expected an integer from 0 to 65535"),
            (
                "invalid value: integer `0`, expected a nonzero u8",
                "expected an integer from 1 to 255",
            ),
            ("invalid type: integer `1`, expected a boolean", "expected true or false"),
            ("invalid type: string \"x\", expected a sequence", "expected a list"),
            ("unknown variant `x`, expected `human` or `json`", "expected human or json"),
            ("unknown field `x`, expected `a` or `b`", "unknown key x, expected a or b"),
            (
                "invalid socket address syntax",
                "expected an IP address and port, such as 127.0.0.1:6881",
            ),
            ("something else", "something else"),
        ] {
            assert_eq!(reason(message), expected);
        }
    }

    #[test]
    fn drops_the_value_even_if_it_imitates_the_message() {
        let reason = reason("invalid type: string \"a, expected hunter2\", expected u8");
        assert_eq!(reason, "expected an integer from 0 to 255");
    }
}
