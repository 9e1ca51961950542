//! The schema: every section the application knows, and with them every key.

use core::any::TypeId;
use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use super::{
    assignment::{Assignment, Places},
    env, file,
    issue::{ConfigError, Issue, Problem, Report},
    origin::Origin,
    render,
    resolve::{self, Config},
    section::{Leaf, Section, SectionType},
    source::{FlagValue, Sources},
    suggest, text,
};

/// The sections of a configuration. Cheap to clone.
#[derive(Clone, Default)]
pub struct Schema {
    sections: Vec<Arc<SectionType>>,
    defects: Vec<String>,
}

impl core::fmt::Debug for Schema {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let names: Vec<_> = self.section_names().collect();
        let Self { defects, .. } = self;
        f.debug_struct("Schema").field("sections", &names).field("defects", defects).finish()
    }
}

impl Schema {
    /// No sections.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a section.
    #[must_use]
    pub fn section<S: Section>(mut self) -> Self {
        let section = SectionType::of::<S>(&mut self.defects);
        if self.section_named(section.name).is_some() {
            self.defects.push(format!("section {}: registered twice", section.name));
            return self;
        }
        self.sections.push(Arc::new(section));
        self
    }

    /// What is wrong with the declarations themselves: a key without documentation, a default that
    /// is not valid, two keys with one environment variable. Tests assert that there is nothing;
    /// [`Self::load`] refuses a schema with defects.
    #[must_use]
    pub fn defects(&self) -> Vec<String> {
        let mut defects = self.defects.clone();
        let mut names = BTreeMap::new();
        for (_, leaf) in self.leaves() {
            if let Some(other) = names.insert(&leaf.env, &leaf.key) {
                let Leaf { key, env, .. } = leaf;
                defects.push(format!("{key}: {env} is also the variable of {other}"));
            }
        }
        defects
    }

    /// Reads, merges and validates all layers. Blocking: it reads the file.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with everything that is wrong in any layer.
    pub fn load(&self, sources: &Sources) -> Result<Config, ConfigError> {
        let mut report = Report::default();
        for defect in self.defects() {
            let problem = Problem::Source { reason: format!("defect of the program: {defect}") };
            report.push(Issue { key: String::new(), origin: Origin::Default, problem });
        }
        let mut assignments = Vec::new();
        if let Some(source) = &sources.file {
            file::collect(self, source, &mut assignments, &mut report);
        }
        env::collect(self, &sources.env, &mut assignments, &mut report);
        self.collect_flags(&sources.flags, &mut assignments, &mut report);
        resolve::resolve(self, assignments, report)
    }

    /// A file with every key, its documentation and its default; the keys are commented out, so
    /// that a later version's better default takes effect where the operator chose nothing.
    #[must_use]
    pub fn render_default_file(&self) -> String {
        let mut out = String::from(
            "# Quintet configuration. Every key is here with its default; remove the `#` to set one.\n\
             # Precedence: defaults < this file < environment < flags.\n\
             # Keys marked (reloads) take effect on SIGHUP, the others when the node starts.\n",
        );
        for section in &self.sections {
            out.push('\n');
            comment(&mut out, section.doc);
            for (table, leaves) in render::tables(section) {
                let _ = writeln!(out, "[{table}]");
                for leaf in leaves {
                    let reloads = if leaf.reloadable { " (reloads)" } else { "" };
                    comment(&mut out, &format!("{}{reloads}\nEnvironment: {}", leaf.doc, leaf.env));
                    let _ = writeln!(out, "#{}\n", render::line(leaf, &leaf.default));
                }
            }
            out.truncate(out.trim_end().len());
            out.push('\n');
        }
        out
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &SectionType> {
        self.sections.iter().map(Arc::as_ref)
    }

    pub(super) fn section_names(&self) -> impl Iterator<Item = &'static str> {
        self.sections().map(|section| section.name)
    }

    pub(super) fn section_named(&self, name: &str) -> Option<&SectionType> {
        self.sections().find(|section| section.name == name)
    }

    pub(super) fn section_of(&self, type_id: TypeId) -> Option<&SectionType> {
        self.sections().find(|section| section.type_id == type_id)
    }

    pub(super) fn leaves(&self) -> impl Iterator<Item = (&SectionType, &Leaf)> {
        self.sections().flat_map(|section| section.leaves.iter().map(move |leaf| (section, leaf)))
    }

    /// The key or section that is closest to `key`.
    pub(super) fn suggest_key(&self, key: &str) -> Option<String> {
        if key.contains('.') {
            let keys = self.leaves().map(|(_, leaf)| leaf.key.as_str());
            return suggest::closest(key, keys).map(str::to_owned);
        }
        if let Some(name) = suggest::closest(key, self.section_names()) {
            return Some(name.to_owned());
        }
        // A key written outside its table.
        let within = self.leaves().find(|(_, leaf)| leaf.local == key);
        within.map(|(_, leaf)| leaf.key.clone())
    }

    fn collect_flags<'a>(
        &'a self,
        flags: &[FlagValue],
        assignments: &mut Vec<Assignment<'a>>,
        report: &mut Report,
    ) {
        for (order, FlagValue { key, text, flag }) in flags.iter().enumerate() {
            let origin = Origin::Flag { flag: flag.clone() };
            if let Some((section, leaf)) = self.leaves().find(|(_, leaf)| leaf.key == *key) {
                let readings = text::readings(text, &leaf.default);
                let places = Places::default();
                assignments.push(Assignment { section, leaf, readings, origin, places, order });
            } else {
                let problem = Problem::UnknownKey { suggestion: self.suggest_key(key) };
                report.push(Issue { key: key.clone(), origin, problem });
            }
        }
    }
}

fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "# {line}");
    }
}
