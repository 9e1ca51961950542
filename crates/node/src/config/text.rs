//! Reads the text of the environment and of flags by the type of the default at its key.

use serde_json::Value;

use super::source::FlagText;

/// What `text` may mean for a key whose default is `default`, best reading first; never empty.
///
/// Where the default tells the type there is one reading (text that is no number stays text, and
/// the section then says what it expected). A key without a default value tells nothing.
pub(super) fn readings(text: &FlagText, default: &Value) -> Vec<Value> {
    let text = match text {
        FlagText::One(text) => text,
        FlagText::Many(items) => return lists(items.iter().map(String::as_str), default),
    };
    let literal = || Value::from(text.as_str());
    match default {
        Value::Bool(_) | Value::Number(_) => vec![scalar(text).unwrap_or_else(literal)],
        Value::String(_) if text.trim().is_empty() => vec![literal(), Value::Null],
        Value::String(_) => vec![literal()],
        Value::Array(_) => lists(items(text), default),
        Value::Object(_) => vec![table(text).unwrap_or_else(literal)],
        Value::Null => {
            let unset = text.trim().is_empty().then_some(Value::Null);
            let first = unset.into_iter().chain([literal()]);
            let scalar_or_table = scalar(text).into_iter().chain(table(text));
            first.chain(scalar_or_table).chain(lists(items(text), default)).collect()
        }
    }
}

/// The elements of a comma-separated list; empty text is the empty list.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let text = Some(text.trim()).filter(|text| !text.is_empty());
    text.into_iter().flat_map(|text| text.split(',')).map(str::trim)
}

/// A list of strings, and a list of scalars where elements read as such; the default's kind first.
fn lists<'a>(items: impl Iterator<Item = &'a str>, default: &Value) -> Vec<Value> {
    let items: Vec<&str> = items.collect();
    let strings: Value = items.iter().copied().collect();
    let scalars: Value =
        items.iter().map(|item| scalar(item).unwrap_or_else(|| Value::from(*item))).collect();
    match default.get(0) {
        Some(Value::String(_)) => vec![strings],
        Some(_) => vec![scalars],
        None if strings == scalars => vec![strings],
        None => vec![strings, scalars],
    }
}

/// A boolean, an integer (underscores allowed, as in TOML) or a finite decimal number.
fn scalar(text: &str) -> Option<Value> {
    let text = text.trim();
    let digits = text.replace('_', "");
    let integer = || digits.parse::<i64>().map(Value::from).ok();
    let unsigned = || digits.parse::<u64>().map(Value::from).ok();
    let decimal = || digits.parse::<f64>().ok().filter(|n| n.is_finite()).map(Value::from);
    text.parse::<bool>().map(Value::from).ok().or_else(integer).or_else(unsigned).or_else(decimal)
}

/// An inline TOML table, for keys that are tables with free keys.
fn table(text: &str) -> Option<Value> {
    let text = Some(text.trim()).filter(|text| text.starts_with('{'))?;
    let value: toml_edit::Value = text.parse().ok()?;
    Some(super::file::to_json(&value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(text: &str, default: &Value) -> Vec<Value> {
        readings(&FlagText::One(text.to_owned()), default)
    }

    #[test]
    fn the_default_decides_the_type() {
        assert_eq!(one("true", &json!(false)), [json!(true)]);
        assert_eq!(one("1_000", &json!(5)), [json!(1000)]);
        assert_eq!(one("18446744073709551615", &json!(5)), [json!(u64::MAX)]);
        assert_eq!(one("0.5", &json!(1.0)), [json!(0.5)]);
        assert_eq!(one("123", &json!("text")), [json!("123")]);
        assert_eq!(one("a, b", &json!(["x"])), [json!(["a", "b"])]);
        assert_eq!(one("1,2", &json!([7])), [json!([1, 2])]);
        assert_eq!(one("", &json!(["x"])), [json!([])]);
        assert_eq!(one("{a = 1}", &json!({})), [json!({"a": 1})]);
    }

    #[test]
    fn text_that_does_not_fit_stays_text() {
        assert_eq!(one("many", &json!(5)), [json!("many")]);
        assert_eq!(one("yes", &json!(false)), [json!("yes")]);
        assert_eq!(one("nan", &json!(1.0)), [json!("nan")]);
    }

    #[test]
    fn a_key_without_default_value_tries_every_reading() {
        let found = one("7", &Value::Null);
        assert_eq!(found, [json!("7"), json!(7), json!(["7"]), json!([7])]);
        assert_eq!(one("", &Value::Null).first(), Some(&Value::Null));
    }
}
