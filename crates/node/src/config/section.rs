//! A section: one table of the configuration, owned by the crate that reads it.

use core::any::{Any, TypeId};
use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    issue::{Finding, Issues},
    key,
    secret::REDACTED,
};

/// One table of the configuration. Derive `Serialize` and `Deserialize` with
/// `#[serde(default, deny_unknown_fields)]`; the [`Default`] value names the keys.
///
/// ```
/// use quintet_node::config::{Issues, Section};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Serialize, Deserialize)]
/// #[serde(default, deny_unknown_fields)]
/// struct PeerConfig {
///     max: u16,
/// }
///
/// impl Default for PeerConfig {
///     fn default() -> Self {
///         Self { max: 64 }
///     }
/// }
///
/// impl Section for PeerConfig {
///     const NAME: &'static str = "peers";
///     const DOCS: &'static [(&'static str, &'static str)] =
///         &[("", "Who we speak with."), ("max", "Peers at once, 1 to 1000.")];
///     const RELOADABLE: &'static [&'static str] = &["max"];
///
///     fn validate(&self, issues: &mut Issues) {
///         if !(1..=1000).contains(&self.max) {
///             issues.reject("max", "from 1 to 1000 peers");
///         }
///     }
/// }
/// ```
pub trait Section: Serialize + DeserializeOwned + Default + Send + Sync + 'static {
    /// The table's name in the file: lower-case letters, digits and `_`.
    const NAME: &'static str;

    /// A sentence for each key, in the order to print them; the empty key documents the section.
    const DOCS: &'static [(&'static str, &'static str)];

    /// The keys (or tables of keys) that take effect while the node runs.
    const RELOADABLE: &'static [&'static str] = &[];

    /// Checks ranges and what must hold between keys. Types have been checked already.
    fn validate(&self, issues: &mut Issues) {
        let _ = issues;
    }
}

/// One key: a leaf of a section's defaults.
#[derive(Debug)]
pub(super) struct Leaf {
    /// With the section: `dht.limits.rate`.
    pub(super) key: String,
    /// Without it: `limits.rate`.
    pub(super) local: String,
    /// `QUINTET_DHT_LIMITS_RATE`.
    pub(super) env: String,
    pub(super) default: Value,
    pub(super) doc: &'static str,
    pub(super) secret: bool,
    pub(super) reloadable: bool,
}

/// A section read from a value tree.
pub(super) struct Decoded {
    pub(super) typed: Arc<dyn Any + Send + Sync>,
    /// Serialised again, so that secrets are redacted and values have their canonical spelling.
    pub(super) shown: Value,
    pub(super) findings: Vec<Finding>,
}

/// serde refused a value tree.
#[derive(Debug)]
pub(super) struct DecodeError {
    /// Path within the section, such as `bootstrap[2]`; empty for the section as a whole.
    pub(super) path: String,
    pub(super) message: String,
}

/// A [`Section`] with its type erased.
pub(super) struct SectionType {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) type_id: TypeId,
    pub(super) defaults: Value,
    pub(super) leaves: Vec<Leaf>,
    pub(super) decode: fn(&Value) -> Result<Decoded, DecodeError>,
}

impl SectionType {
    /// Erases `S`; what is wrong with its declaration goes to `defects`.
    pub(super) fn of<S: Section>(defects: &mut Vec<String>) -> Self {
        let name = S::NAME;
        if !key::is_section_name(name) {
            defects.push(format!("section {name:?}: expected lower-case letters, digits and _"));
        }
        let defaults = match serde_json::to_value(S::default()) {
            Ok(tree @ Value::Object(_)) => tree,
            Ok(_) => {
                defects.push(format!("section {name}: expected a struct with named fields"));
                Value::Object(serde_json::Map::new())
            }
            Err(error) => {
                defects.push(format!("section {name}: defaults do not serialise: {error}"));
                Value::Object(serde_json::Map::new())
            }
        };
        match decode::<S>(&defaults) {
            Ok(decoded) => defects.extend(decoded.findings.into_iter().map(|finding| {
                let Finding { key, expected, .. } = finding;
                format!("{name}.{key}: the default is not valid: expected {expected}")
            })),
            Err(DecodeError { path, message }) => {
                defects.push(format!("{name}.{path}: the default does not read back: {message}"));
            }
        }
        let docs: BTreeMap<_, _> = S::DOCS.iter().copied().collect();
        let mut section = Self {
            name,
            doc: docs.get("").copied().unwrap_or(""),
            type_id: TypeId::of::<S>(),
            leaves: Vec::new(),
            decode: decode::<S>,
            defaults,
        };
        section.leaves = section.collect_leaves::<S>(&docs);
        section.check_declaration::<S>(defects);
        section
    }

    /// The leaf that `local` is or lies in, such as `bootstrap` for `bootstrap[2]`.
    pub(super) fn leaf_at(&self, local: &str) -> Option<&Leaf> {
        self.leaves.iter().find(|leaf| key::suffix(local, &leaf.local).is_some())
    }

    fn collect_leaves<S: Section>(&self, docs: &BTreeMap<&str, &'static str>) -> Vec<Leaf> {
        let mut found = Vec::new();
        flatten(&self.defaults, String::new(), &mut found);
        let order = |local: &str| S::DOCS.iter().position(|(key, _)| *key == local);
        found.sort_by_key(|(local, _)| order(local).unwrap_or(usize::MAX));
        let leaf = |(local, default): (String, Value)| {
            let key = format!("{}.{local}", self.name);
            Leaf {
                env: key::env_name(&key),
                doc: docs.get(local.as_str()).copied().unwrap_or(""),
                secret: self.is_secret(&local),
                reloadable: S::RELOADABLE.iter().any(|own| key::suffix(&local, own).is_some()),
                key,
                local,
                default,
            }
        };
        found.into_iter().map(leaf).collect()
    }

    /// Whether this key holds a [`Secret`](super::Secret): a probe put there comes back redacted.
    fn is_secret(&self, local: &str) -> bool {
        let probe = Value::from("probe");
        [probe.clone(), Value::Array(vec![probe])].into_iter().any(|probe| {
            let mut tree = self.defaults.clone();
            key::set(&mut tree, local, probe);
            let shown = (self.decode)(&tree).map(|decoded| decoded.shown);
            shown.is_ok_and(|shown| match key::get(&shown, local) {
                Some(Value::Array(items)) => items.iter().any(|item| item == REDACTED),
                Some(value) => value == REDACTED,
                None => false,
            })
        })
    }

    fn check_declaration<S: Section>(&self, defects: &mut Vec<String>) {
        let name = self.name;
        let undocumented = self.leaves.iter().filter(|leaf| leaf.doc.is_empty());
        defects
            .extend(undocumented.map(|leaf| format!("{}: the key has no documentation", leaf.key)));
        if self.doc.is_empty() {
            defects.push(format!("section {name}: the section has no documentation"));
        }
        for (local, _) in S::DOCS {
            if !local.is_empty() && !self.leaves.iter().any(|leaf| leaf.local == *local) {
                defects.push(format!("{name}.{local}: documented, but no such key"));
            }
        }
        for local in S::RELOADABLE {
            if key::get(&self.defaults, local).is_none() {
                defects.push(format!("{name}.{local}: declared reloadable, but no such key"));
            }
        }
    }
}

fn decode<S: Section>(tree: &Value) -> Result<Decoded, DecodeError> {
    let section: S = serde_path_to_error::deserialize(tree).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { String::new() } else { path };
        DecodeError { path, message: error.into_inner().to_string() }
    })?;
    let shown = serde_json::to_value(&section)
        .map_err(|error| DecodeError { path: String::new(), message: error.to_string() })?;
    let mut issues = Issues::default();
    section.validate(&mut issues);
    Ok(Decoded { typed: Arc::new(section), shown, findings: issues.into_findings() })
}

/// Leaves are everything but tables with keys. Depth is that of the section's own type.
fn flatten(tree: &Value, path: String, leaves: &mut Vec<(String, Value)>) {
    match tree {
        Value::Object(table) if path.is_empty() || !table.is_empty() => {
            for (name, value) in table {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(value, format!("{path}{dot}{name}"), leaves);
            }
        }
        leaf => leaves.push((path, leaf.clone())),
    }
}
