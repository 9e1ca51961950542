//! The environment layer: `QUINTET_<SECTION>_<KEY>`, derived from the keys.
//!
//! A variable that begins with `QUINTET_<SECTION>_` and matches no key is an issue: it is a
//! misspelling that would otherwise be silent. Other `QUINTET_…` variables belong to somebody else.

use std::ffi::OsString;

use super::{
    assignment::{Assignment, Places},
    issue::{Issue, Problem, Report},
    key,
    origin::Origin,
    schema::Schema,
    source::FlagText,
    suggest, text,
};

/// Adds what the variables assign to `assignments`, and what is wrong with them to `report`.
pub(super) fn collect<'a>(
    schema: &'a Schema,
    vars: &[(String, OsString)],
    assignments: &mut Vec<Assignment<'a>>,
    report: &mut Report,
) {
    for (var, value) in vars {
        let origin = Origin::Env { var: var.clone() };
        let Some((section, leaf)) = schema.leaves().find(|(_, leaf)| leaf.env == *var) else {
            if belongs_to_a_section(schema, var) {
                let known = schema.leaves().map(|(_, leaf)| leaf.env.as_str());
                let suggestion = suggest::closest(var, known).map(str::to_owned);
                let problem = Problem::UnknownKey { suggestion };
                report.push(Issue { key: var.clone(), origin, problem });
            }
            continue;
        };
        let Some(value) = value.to_str() else {
            let problem = Problem::Value { value: None, reason: "expected UTF-8 text".to_owned() };
            report.push(Issue { key: leaf.key.clone(), origin, problem });
            continue;
        };
        let readings = text::readings(&FlagText::One(value.to_owned()), &leaf.default);
        let places = Places::default();
        assignments.push(Assignment { section, leaf, readings, origin, places, order: 0 });
    }
}

fn belongs_to_a_section(schema: &Schema, var: &str) -> bool {
    let mut names = schema.section_names().map(key::env_name);
    names.any(|prefix| var.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('_')))
}
