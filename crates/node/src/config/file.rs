//! The file layer: TOML, with the place of every value.

use core::ops::Range;
use std::{fs::File, io::Read, path::Path};

use serde_json::Value;
use toml_edit::{Document, Item, Table, TableLike};

use super::{
    assignment::{Assignment, Places},
    issue::{Issue, Problem, Report},
    origin::{Origin, Position},
    schema::Schema,
    section::SectionType,
    source::{CONFIG_FILE_MAX_BYTES, FileSource},
};

/// Adds what the file assigns to `assignments`, and what is wrong with it to `report`.
pub(super) fn collect<'a>(
    schema: &'a Schema,
    source: &FileSource,
    assignments: &mut Vec<Assignment<'a>>,
    report: &mut Report,
) {
    let text = match read(source) {
        Ok(Some(text)) => text,
        Ok(None) => return,
        Err(reason) => return report.push(unreadable(&source.path, None, reason)),
    };
    match Document::parse(text.as_str()) {
        Ok(document) => {
            let mut walk = Walk { schema, path: &source.path, text: &text, assignments, report };
            walk.root(document.as_table());
        }
        Err(error) => {
            let position = error.span().map(|span| Position::of(&text, span.start));
            // The library's own rendering quotes the line, which may hold a secret.
            let reason = format!("not valid TOML: {}", error.message().replace('\n', ", "));
            report.push(unreadable(&source.path, position, reason));
        }
    }
}

fn unreadable(path: &Path, position: Option<Position>, reason: String) -> Issue {
    let origin = Origin::File { path: path.to_owned(), position };
    Issue { key: String::new(), origin, problem: Problem::Source { reason } }
}

/// The text of the file; `None` if it does not exist and need not.
fn read(source: &FileSource) -> Result<Option<String>, String> {
    let file = match File::open(&source.path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return if source.required {
                Err("no such file; `quintet config init` prints one to start from".to_owned())
            } else {
                Ok(None)
            };
        }
        Err(error) => return Err(format!("the file cannot be opened: {error}")),
    };
    let mut bytes = Vec::new();
    file.take(CONFIG_FILE_MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("the file cannot be read: {error}"))?;
    if bytes.len() as u64 > CONFIG_FILE_MAX_BYTES {
        return Err(format!("expected at most {CONFIG_FILE_MAX_BYTES} bytes; the file has more"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        format!("expected UTF-8 text; found another byte at {}", error.utf8_error().valid_up_to())
    })?;
    Ok(Some(text))
}

/// Walks the document beside the defaults, whose leaves are the keys.
struct Walk<'a, 'b> {
    schema: &'a Schema,
    path: &'b Path,
    text: &'b str,
    assignments: &'b mut Vec<Assignment<'a>>,
    report: &'b mut Report,
}

impl<'a> Walk<'a, '_> {
    fn root(&mut self, table: &dyn TableLike) {
        for (name, item) in table.iter() {
            match self.schema.section_named(name) {
                Some(section) => self.node(section, &section.defaults, "", item),
                None => self.unknown(table, name, name),
            }
        }
    }

    /// One item of the file at the key `local` of `section`, whose default is `default`.
    fn node(&mut self, section: &'a SectionType, default: &'a Value, local: &str, item: &Item) {
        let keys = match default {
            Value::Object(keys) if local.is_empty() || !keys.is_empty() => keys,
            _ => return self.leaf(section, local, item),
        };
        let Some(table) = item.as_table_like() else {
            let names: Vec<&str> = keys.keys().map(String::as_str).collect();
            let reason = format!("expected a table with the keys {}", names.join(", "));
            let problem = Problem::Value { value: None, reason };
            let origin = self.origin(item.span());
            return self.report.push(Issue { key: full(section, local), origin, problem });
        };
        for (name, child) in table.iter() {
            let local = if local.is_empty() { name.to_owned() } else { format!("{local}.{name}") };
            match keys.get(name) {
                Some(default) => self.node(section, default, &local, child),
                None => self.unknown(table, name, &full(section, &local)),
            }
        }
    }

    fn leaf(&mut self, section: &'a SectionType, local: &str, item: &Item) {
        let Some(leaf) = section.leaves.iter().find(|leaf| leaf.local == local) else { return };
        let mut places = Places::default();
        let value = self.value(item, "", &mut places);
        let origin = self.origin(item.span());
        let readings = vec![value];
        self.assignments.push(Assignment { section, leaf, readings, origin, places, order: 0 });
    }

    fn unknown(&mut self, table: &dyn TableLike, name: &str, key: &str) {
        let (mut span, mut suggestion) = (None, None);
        if !self.report.is_full() {
            let place = table.get_key_value(name);
            span = place.and_then(|(key, item)| key.span().or_else(|| item.span()));
            suggestion = self.schema.suggest_key(key);
        }
        let problem = Problem::UnknownKey { suggestion };
        self.report.push(Issue { key: key.to_owned(), origin: self.origin(span), problem });
    }

    fn origin(&self, span: Option<Range<usize>>) -> Origin {
        let position = span.map(|span| Position::of(self.text, span.start));
        Origin::File { path: self.path.to_owned(), position }
    }

    /// Converts an item, noting the place of each part. The parser bounds the depth.
    fn value(&self, item: &Item, at: &str, places: &mut Places) -> Value {
        self.note(item.span(), at, places);
        match item {
            Item::None => Value::Null,
            Item::Value(toml_edit::Value::Array(array)) => {
                let part = |(index, value): (usize, &toml_edit::Value)| {
                    self.note(value.span(), &format!("{at}[{index}]"), places);
                    to_json(value)
                };
                array.iter().enumerate().map(part).collect()
            }
            Item::Value(value) => to_json(value),
            Item::Table(table) => self.table(table, at, places),
            Item::ArrayOfTables(tables) => {
                let part = |(index, table)| self.table(table, &format!("{at}[{index}]"), places);
                tables.iter().enumerate().map(part).collect()
            }
        }
    }

    fn table(&self, table: &Table, at: &str, places: &mut Places) -> Value {
        self.note(table.span(), at, places);
        let part = |(name, item): (&str, &Item)| {
            (name.to_owned(), self.value(item, &format!("{at}.{name}"), places))
        };
        table.iter().map(part).collect()
    }

    fn note(&self, span: Option<Range<usize>>, at: &str, places: &mut Places) {
        if let Some(span) = span.filter(|_| !places.is_full()) {
            places.push(at.to_owned(), Position::of(self.text, span.start));
        }
    }
}

fn full(section: &SectionType, local: &str) -> String {
    if local.is_empty() { section.name.to_owned() } else { format!("{}.{local}", section.name) }
}

/// A TOML value as a tree node. Dates and numbers that are not finite become text, which no key
/// that wants a number accepts.
pub(super) fn to_json(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::from(text.value().as_str()),
        toml_edit::Value::Integer(integer) => Value::from(*integer.value()),
        toml_edit::Value::Float(float) => serde_json::Number::from_f64(*float.value())
            .map_or_else(|| Value::from(float.value().to_string()), Value::Number),
        toml_edit::Value::Boolean(boolean) => Value::from(*boolean.value()),
        toml_edit::Value::Datetime(datetime) => Value::from(datetime.value().to_string()),
        toml_edit::Value::Array(array) => array.iter().map(to_json).collect(),
        toml_edit::Value::InlineTable(table) => {
            table.iter().map(|(name, value)| (name.to_owned(), to_json(value))).collect()
        }
    }
}
