//! From assignments to typed sections: try each, merge, decode, validate.

use core::{
    any::{TypeId, type_name},
    fmt,
};
use std::{
    any::Any,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use super::{
    assignment::{Assignment, Places},
    expected,
    issue::{ConfigError, Finding, Issue, Problem, Report},
    key,
    origin::Origin,
    render,
    schema::Schema,
    secret::REDACTED,
    section::{DecodeError, Leaf, Section, SectionType},
};

/// A configuration that was validated as a whole. Cheap to clone.
#[derive(Clone)]
pub struct Config {
    inner: Arc<Inner>,
}

struct Inner {
    schema: Schema,
    winners: BTreeMap<String, Winner>,
    sections: BTreeMap<&'static str, Loaded>,
}

struct Loaded {
    /// May hold secrets: never printed.
    raw: Value,
    typed: Arc<dyn Any + Send + Sync>,
    shown: Value,
}

/// The value that wins a key.
#[derive(Clone)]
pub(super) struct Winner {
    /// May be a secret: never printed.
    value: Value,
    origin: Origin,
    places: Places,
    order: usize,
}

/// The values that win, by key.
pub(super) type Winners = BTreeMap<String, Winner>;

/// A section was asked for that the application did not register.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected section {name} ({type_name}) in the schema; it was not registered")]
pub struct UnregisteredSection {
    /// The section's name.
    pub name: &'static str,
    /// The section's type.
    pub type_name: &'static str,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.inner.sections.iter().map(|(name, loaded)| (name, &loaded.shown));
        f.debug_map().entries(shown).finish()
    }
}

impl Config {
    /// A section, typed.
    ///
    /// # Errors
    ///
    /// [`UnregisteredSection`] if the schema this was loaded with lacks it.
    pub fn section<S: Section>(&self) -> Result<Arc<S>, UnregisteredSection> {
        let section = self.inner.schema.section_of(TypeId::of::<S>());
        section
            .and_then(|section| self.inner.sections.get(section.name))
            .and_then(|loaded| Arc::clone(&loaded.typed).downcast().ok())
            .ok_or(UnregisteredSection { name: S::NAME, type_name: type_name::<S>() })
    }

    /// Where the value of a dotted key came from; none if there is no such key.
    #[must_use]
    pub fn origin(&self, key: &str) -> Option<Origin> {
        self.inner.schema.leaves().find(|(_, leaf)| leaf.key == key)?;
        Some(self.inner.winners.get(key).map_or(Origin::Default, |winner| winner.origin.clone()))
    }

    /// The value of a dotted key, secrets redacted; none if there is no such key.
    #[must_use]
    pub fn shown(&self, key: &str) -> Option<&Value> {
        let (section, leaf) = self.inner.schema.leaves().find(|(_, leaf)| leaf.key == key)?;
        Some(self.shown_leaf(section, leaf))
    }

    /// The effective configuration as TOML, secrets redacted; with the origin of each value as a
    /// comment if asked for.
    #[must_use]
    pub fn render_toml(&self, with_origin: bool) -> String {
        render::toml(self, with_origin)
    }

    /// The effective configuration as JSON, secrets redacted: tables of values, or with origins one
    /// object `{ value, origin, reloadable }` for each dotted key.
    #[must_use]
    pub fn render_json(&self, with_origin: bool) -> Value {
        render::json(self, with_origin)
    }

    pub(super) fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    pub(super) fn winners(&self) -> &Winners {
        &self.inner.winners
    }

    pub(super) fn shown_leaf(&self, section: &SectionType, leaf: &Leaf) -> &Value {
        let loaded = self.inner.sections.get(section.name);
        loaded.and_then(|loaded| key::get(&loaded.shown, &leaf.local)).unwrap_or(&Value::Null)
    }

    pub(super) fn shown_tree(&self) -> Value {
        let sections = self.inner.sections.iter();
        sections.map(|(name, loaded)| ((*name).to_owned(), loaded.shown.clone())).collect()
    }

    /// The value itself, for comparison only: it may be a secret.
    pub(super) fn raw_leaf(&self, section: &SectionType, leaf: &Leaf) -> Option<&Value> {
        let loaded = self.inner.sections.get(section.name)?;
        key::get(&loaded.raw, &leaf.local)
    }
}

/// Tries every assignment alone, merges those that are acceptable, and builds the configuration.
pub(super) fn resolve(
    schema: &Schema,
    assignments: Vec<Assignment<'_>>,
    mut report: Report,
) -> Result<Config, ConfigError> {
    let mut winners = Winners::new();
    let mut refused = BTreeSet::new();
    for assignment in assignments {
        let key = assignment.leaf.key.clone();
        match accept(&assignment) {
            Ok(value) => {
                let Assignment { origin, places, order, .. } = assignment;
                offer(&mut winners, key, Winner { value, origin, places, order });
            }
            Err(issue) => {
                refused.insert(key);
                report.push(issue);
            }
        }
    }
    assemble(schema, winners, &refused, report)
}

/// Builds a configuration from values that are acceptable one by one: they may still contradict
/// each other. Findings about `refused` keys are left out, since those hold their default here.
pub(super) fn assemble(
    schema: &Schema,
    winners: Winners,
    refused: &BTreeSet<String>,
    mut report: Report,
) -> Result<Config, ConfigError> {
    let mut sections = BTreeMap::new();
    for section in schema.sections() {
        let mut raw = section.defaults.clone();
        for leaf in &section.leaves {
            if let Some(winner) = winners.get(&leaf.key) {
                key::set(&mut raw, &leaf.local, winner.value.clone());
            }
        }
        let context = Context { section, winners: &winners, tree: &raw };
        match (section.decode)(&raw) {
            Ok(decoded) => {
                let about_refused = |local: &str| {
                    section.leaf_at(local).is_some_and(|leaf| refused.contains(&leaf.key))
                };
                for finding in decoded.findings {
                    let with = finding.with.as_deref();
                    if !about_refused(&finding.key) && !with.is_some_and(about_refused) {
                        report.push(context.finding(finding));
                    }
                }
                let (typed, shown) = (decoded.typed, decoded.shown);
                sections.insert(section.name, Loaded { raw, typed, shown });
            }
            Err(error) => report.push(context.issue(&error.path, expected::reason(&error.message))),
        }
    }
    report.finish(())?;
    Ok(Config { inner: Arc::new(Inner { schema: schema.clone(), winners, sections }) })
}

/// Keeps the winner of a key: the higher layer, and within the flags the later one.
fn offer(winners: &mut Winners, key: String, offered: Winner) {
    let rank = |winner: &Winner| (layer(&winner.origin), winner.order);
    let loses = winners.get(&key).is_some_and(|held| rank(held) > rank(&offered));
    if !loses {
        winners.insert(key, offered);
    }
}

const fn layer(origin: &Origin) -> u8 {
    match origin {
        Origin::Default => 0,
        Origin::File { .. } => 1,
        Origin::Env { .. } => 2,
        Origin::Flag { .. } => 3,
    }
}

/// The first reading the section accepts over its defaults, or why it accepts none.
///
/// Alone, so that every wrong value is found: a decoder stops at the first.
fn accept(assignment: &Assignment<'_>) -> Result<Value, Issue> {
    let Assignment { section, leaf, readings, origin, places, order } = assignment;
    let mut refusal = None;
    for reading in readings {
        let mut tree = section.defaults.clone();
        key::set(&mut tree, &leaf.local, reading.clone());
        match (section.decode)(&tree) {
            Ok(_) => return Ok(reading.clone()),
            Err(DecodeError { path, message }) => {
                // An element of a list tells more than "expected a list".
                let deeper =
                    |(_, path_before, _): &(Value, String, String)| path.len() > path_before.len();
                if refusal.as_ref().is_none_or(deeper) {
                    refusal = Some((tree, path, message));
                }
            }
        }
    }
    let (tree, path, message) = refusal.unwrap_or_default();
    let winner = Winner {
        value: Value::Null,
        origin: origin.clone(),
        places: places.clone(),
        order: *order,
    };
    let winners = Winners::from([(leaf.key.clone(), winner)]);
    let context = Context { section, winners: &winners, tree: &tree };
    // The decoder may blame the section as a whole; the cause is this key.
    let path = if key::suffix(&path, &leaf.local).is_some() { &path } else { &leaf.local };
    Err(context.issue(path, expected::reason(&message)))
}

/// What an issue within a section is reported with.
struct Context<'a> {
    section: &'a SectionType,
    winners: &'a Winners,
    tree: &'a Value,
}

impl Context<'_> {
    fn issue(&self, local: &str, reason: String) -> Issue {
        let key = format!("{}.{local}", self.section.name);
        let problem = Problem::Value { value: self.value(local), reason };
        Issue { key, origin: self.origin(local), problem }
    }

    fn finding(&self, finding: Finding) -> Issue {
        let Finding { key, with, expected } = finding;
        let mut reason = format!("expected {expected}");
        if let Some(with) = with {
            let value = self.value(&with).unwrap_or_else(|| "…".to_owned());
            let name = self.section.name;
            reason = format!("{reason} ({name}.{with} = {value}, from {})", self.origin(&with));
        }
        self.issue(&key, reason)
    }

    fn origin(&self, local: &str) -> Origin {
        let Some(leaf) = self.section.leaf_at(local) else { return Origin::Default };
        let Some(winner) = self.winners.get(&leaf.key) else { return Origin::Default };
        let part = key::suffix(local, &leaf.local).unwrap_or("");
        winner.places.narrow(&winner.origin, part)
    }

    /// The value as written, unless it is or may hold a secret.
    fn value(&self, local: &str) -> Option<String> {
        let leaf = self.section.leaf_at(local)?;
        if leaf.secret {
            return Some(REDACTED.to_owned());
        }
        // Inside a table of a list, the declaration does not tell which keys are secret.
        let part = key::suffix(local, &leaf.local).unwrap_or("");
        let value = key::get(self.tree, local).filter(|_| !part.contains('.'))?;
        let may_hold_secrets = match value {
            Value::Object(_) => true,
            Value::Array(items) => items.iter().any(Value::is_object),
            _ => false,
        };
        (!may_hold_secrets).then(|| render::quote(value))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::telemetry::LogConfig;

    /// What the layers say about `log.level`, each level naming its layer.
    fn layered(layer: usize) -> (&'static str, Origin, usize) {
        let flag = |flag: &str| Origin::Flag { flag: flag.to_owned() };
        match layer {
            0 => ("error", Origin::File { path: "quintet.toml".into(), position: None }, 0),
            1 => ("warn", Origin::Env { var: "QUINTET_LOG_LEVEL".to_owned() }, 0),
            2 => ("debug", flag("--log-level"), 0),
            _ => ("trace", flag("--set log.level"), 1),
        }
    }

    proptest! {
        #[test]
        fn the_order_in_which_layers_are_read_does_not_matter(
            layers in Just(vec![0_usize, 1, 2, 3]).prop_shuffle(), count in 1_usize..=4,
        ) {
            let schema = Schema::new().section::<LogConfig>();
            let (section, leaf) =
                schema.leaves().find(|(_, leaf)| leaf.key == "log.level").unwrap();
            let read = &layers[..count];
            let assignment = |index: &usize| {
                let (level, origin, order) = layered(*index);
                let (readings, places) = (vec![json!(level)], Places::default());
                Assignment { section, leaf, readings, origin, places, order }
            };
            let assignments = read.iter().map(assignment).collect();
            let config = resolve(&schema, assignments, Report::default()).unwrap();
            let highest = read.iter().max().unwrap();
            let (level, origin, _) = layered(*highest);
            prop_assert_eq!(config.shown("log.level"), Some(&json!(level)));
            prop_assert_eq!(config.origin("log.level"), Some(origin));
        }
    }
}
