//! Every key the application knows, with its documentation: one list for flags, help and `config keys`.

use std::sync::OnceLock;

use quintet_dht_node::DhtConfig;
use quintet_node::{
    config::{BindAddr, ByteSize, HumanDuration, Schema, Section},
    ops::OpsConfig,
    telemetry::LogConfig,
};
use serde_json::Value;

/// Flags whose name is not made from the key: because people know a shorter one, or because the
/// commands use it for something else. Key, flag, further spellings.
const SPELLINGS: [(&str, &str, &[&str]); 4] = [
    ("dht.json", "json-codec", &[]),
    ("log.level", "log", &["log-level"]),
    ("log.format", "log-format", &[]),
    ("ops.listen", "metrics-listen", &["ops-listen"]),
];

/// The section whose keys are flags without a prefix: the kind's own.
const OWN_SECTION: &str = "dht";

/// One key.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// With its section: `log.level`.
    pub(crate) name: String,
    /// What it means.
    pub(crate) doc: &'static str,
    /// Its value unless set.
    pub(crate) default: Value,
    /// Its environment variable.
    pub(crate) env: String,
    /// Its flag, without the dashes.
    pub(crate) flag: String,
    /// Other spellings of the flag.
    pub(crate) aliases: &'static [&'static str],
    /// Whether a change takes effect while a node runs.
    pub(crate) reloadable: bool,
}

impl Key {
    /// What a value looks like, in one word.
    pub(crate) fn value_name(&self) -> &'static str {
        match &self.default {
            Value::Bool(_) => "BOOL",
            Value::Number(_) => "N",
            Value::Array(_) => "LIST",
            Value::String(text) if text.parse::<BindAddr>().is_ok() => "ADDR",
            Value::String(text) if text.parse::<HumanDuration>().is_ok() => "DURATION",
            Value::String(text) if text.parse::<ByteSize>().is_ok() => "SIZE",
            Value::String(_) | Value::Null | Value::Object(_) => "VALUE",
        }
    }

    /// The default as people write it; none where there is no value.
    pub(crate) fn default_text(&self) -> Option<String> {
        match &self.default {
            Value::Null => None,
            Value::String(text) if text.is_empty() => None,
            Value::String(text) => Some(text.clone()),
            Value::Array(items) if items.is_empty() => None,
            Value::Array(items) => {
                let text = |item: &Value| item.as_str().map_or(item.to_string(), str::to_owned);
                Some(items.iter().map(text).collect::<Vec<_>>().join(","))
            }
            other => Some(other.to_string()),
        }
    }
}

/// The sections of the configuration and their keys.
#[derive(Debug)]
pub(crate) struct Catalogue {
    schema: Schema,
    keys: Vec<Key>,
}

impl Catalogue {
    /// The application's only one.
    pub(crate) fn get() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(|| {
            Self { schema: Schema::new(), keys: Vec::new() }
                .with::<LogConfig>()
                .with::<OpsConfig>()
                .with::<DhtConfig>()
        })
    }

    pub(crate) const fn schema(&self) -> &Schema {
        &self.schema
    }

    pub(crate) fn keys(&self) -> &[Key] {
        &self.keys
    }

    fn with<S: Section>(mut self) -> Self {
        // A default that does not serialise is one of the schema's defects, and refused there.
        let defaults = serde_json::to_value(S::default()).unwrap_or_default();
        for (local, doc) in S::DOCS.iter().filter(|(local, _)| !local.is_empty()) {
            let name = format!("{}.{local}", S::NAME);
            let spelling = SPELLINGS.iter().find(|(key, ..)| *key == name);
            let own_flag = || {
                let path = if S::NAME == OWN_SECTION { (*local).to_owned() } else { name.clone() };
                path.replace(['.', '_'], "-")
            };
            let inside = |table: &str| {
                let rest = local.strip_prefix(table);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            self.keys.push(Key {
                doc,
                default: defaults.pointer(&pointer(local)).cloned().unwrap_or_default(),
                env: format!("QUINTET_{}", name.replace(['.', '-'], "_").to_ascii_uppercase()),
                flag: spelling.map_or_else(own_flag, |(_, flag, _)| (*flag).to_owned()),
                aliases: spelling.map_or(&[], |(_, _, aliases)| aliases),
                reloadable: S::RELOADABLE.iter().any(|table| inside(table)),
                name,
            });
        }
        self.schema = self.schema.section::<S>();
        self
    }
}

fn pointer(local: &str) -> String {
    format!("/{}", local.replace('.', "/"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_sections_are_declared_with_care() {
        assert_eq!(Catalogue::get().schema().defects(), Vec::<String>::new());
    }

    #[test]
    fn no_two_keys_share_a_flag() {
        let mut seen = BTreeSet::new();
        for key in Catalogue::get().keys() {
            for flag in key.aliases.iter().copied().chain([key.flag.as_str()]) {
                assert!(seen.insert(flag), "--{flag} is also the flag of another key");
            }
        }
    }

    #[test]
    fn a_key_is_listed_as_the_schema_knows_it() {
        let config = Catalogue::get().schema().load(&quintet_node::config::Sources::default());
        let shown = config.unwrap().render_json(true);
        let shown = shown.as_object().unwrap();
        let names: BTreeSet<&str> = shown.keys().map(String::as_str).collect();
        let listed: BTreeSet<&str> =
            Catalogue::get().keys().iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, listed);
        for key in Catalogue::get().keys() {
            assert_eq!(shown[&key.name]["value"], key.default, "{}", key.name);
            assert_eq!(shown[&key.name]["reloadable"], key.reloadable, "{}", key.name);
        }
    }
}
