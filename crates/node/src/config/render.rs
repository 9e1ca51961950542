//! Printing a configuration: TOML and JSON, with origins, secrets redacted.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    resolve::Config,
    section::{Leaf, SectionType},
};

/// Characters of a value that an issue quotes.
const QUOTE_MAX_CHARS: usize = 80;

/// The effective configuration, in the order of the documentation.
pub(super) fn toml(config: &Config, with_origin: bool) -> String {
    let mut out = String::new();
    for section in config.schema().sections() {
        for (table, leaves) in tables(section) {
            let blank = if out.is_empty() { "" } else { "\n" };
            let _ = writeln!(out, "{blank}[{table}]");
            for leaf in leaves {
                out.push_str(&line(leaf, config.shown_leaf(section, leaf)));
                if let Some(origin) = config.origin(&leaf.key).filter(|_| with_origin) {
                    let _ = write!(out, "  # {}", one_line(&origin.to_string()));
                }
                out.push('\n');
            }
        }
    }
    out
}

/// The effective configuration as tables, or flat with an object for each key.
pub(super) fn json(config: &Config, with_origin: bool) -> Value {
    if !with_origin {
        return config.shown_tree();
    }
    let entry = |(section, leaf): (&SectionType, &Leaf)| {
        let value = config.shown_leaf(section, leaf);
        let (origin, reloadable) = (config.origin(&leaf.key), leaf.reloadable);
        (leaf.key.clone(), json!({ "value": value, "origin": origin, "reloadable": reloadable }))
    };
    config.schema().leaves().map(entry).collect()
}

/// A section's keys by the table they are printed in, the section's own table first.
pub(super) fn tables(section: &SectionType) -> Vec<(String, Vec<&Leaf>)> {
    let mut tables: Vec<(String, Vec<&Leaf>)> = vec![(section.name.to_owned(), Vec::new())];
    for leaf in &section.leaves {
        let table = leaf.key.rsplit_once('.').map_or(section.name, |(table, _)| table);
        match tables.iter_mut().find(|(name, _)| name == table) {
            Some((_, leaves)) => leaves.push(leaf),
            None => tables.push((table.to_owned(), vec![leaf])),
        }
    }
    tables
}

/// `key = value`, or a comment where the key has no value.
pub(super) fn line(leaf: &Leaf, value: &Value) -> String {
    let name = leaf.local.rsplit_once('.').map_or(leaf.local.as_str(), |(_, name)| name);
    let name = toml_edit::Key::new(name).to_string();
    let name = name.trim();
    match from_json(value) {
        Some(value) => format!("{name} = {}", value.to_string().trim()),
        None => format!("# {name} is not set"),
    }
}

/// A value as it would stand in the file, shortened.
pub(super) fn quote(value: &Value) -> String {
    let text = from_json(value).map_or_else(|| "(not set)".to_owned(), |value| value.to_string());
    let text = one_line(text.trim());
    if text.chars().count() <= QUOTE_MAX_CHARS {
        return text;
    }
    text.chars().take(QUOTE_MAX_CHARS).chain(['…']).collect()
}

fn one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// As a TOML value; none for "not set", which TOML cannot say.
fn from_json(value: &Value) -> Option<toml_edit::Value> {
    match value {
        Value::Null => None,
        Value::Bool(boolean) => Some((*boolean).into()),
        Value::Number(number) => Some(match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => integer.into(),
            (None, Some(float)) if !number.is_u64() => float.into(),
            // Beyond TOML's integers: readable, though a file cannot hold it.
            (None, _) => number.to_string().into(),
        }),
        Value::String(text) => Some(text.as_str().into()),
        Value::Array(items) => {
            let items: toml_edit::Array = items.iter().filter_map(from_json).collect();
            Some(items.into())
        }
        Value::Object(table) => {
            let mut inline = toml_edit::InlineTable::new();
            for (name, value) in table {
                if let Some(value) = from_json(value) {
                    inline.insert(name, value);
                }
            }
            Some(inline.into())
        }
    }
}
