//! Compares the arrows between crates with the ones `layers.toml` allows.
//!
//! An arrow is a direct dependency of one member on another, of any sort: normal, build or
//! development, optional or not, for any platform.
//!
//! # Rules
//!
//! 1. Every crate stands in one layer and has a line under `[arrows]`.
//! 2. Every arrow is listed (development arrows may be listed under `[dev]` instead).
//! 3. Arrows stay in their layer or point to one listed above it in the file, that is, down.
//! 4. No cycles, neither of real arrows nor of listed ones.
//! 5. Node kinds never meet: no `*-node` uses another, no `*-protocol` uses another.
//! 6. Protocols do no I/O: no `*-protocol` uses a node or a foundation crate with effects, and
//!    nothing a `*-protocol` reaches uses tokio.
//! 7. What is listed is used; this one only warns.
//!
//! Rules 5 and 6 hold for listed arrows too, so that nobody can list them away.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::report::Report;
use crate::workspace::{LAYERS_FILE, Target, Workspace};

/// Foundation crates that touch sockets, disks, clocks or tasks.
const EFFECTS: [&str; 5] = ["actor", "store", "net", "rpc", "node"];

/// The allowed arrows.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// From the lowest to the highest.
    pub(crate) layer: Vec<Layer>,
    arrows: BTreeMap<String, Vec<String>>,
    /// Arrows for development dependencies alone.
    #[serde(default)]
    dev: BTreeMap<String, Vec<String>>,
}

/// One storey of the house.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Layer {
    pub(crate) name: String,
    pub(crate) crates: Vec<String>,
}

impl Rules {
    /// Reads `layers.toml` of this workspace.
    pub(crate) fn load(workspace: &Workspace) -> Result<Self> {
        let text = source(workspace)?;
        toml::from_str(&text).with_context(|| format!("{LAYERS_FILE} is not as expected"))
    }

    /// The position of a crate's layer, counted from the lowest.
    pub(crate) fn storey(&self, name: &str) -> Option<usize> {
        self.layer.iter().position(|layer| layer.crates.iter().any(|listed| listed == name))
    }

    fn allows(&self, from: &str, to: &str, dev: bool) -> bool {
        let lists = |table: &BTreeMap<String, Vec<String>>| {
            table.get(from).is_some_and(|targets| targets.iter().any(|target| target == to))
        };
        lists(&self.arrows) || (dev && lists(&self.dev))
    }

    /// Every listed arrow, with whether it is for development alone.
    fn listed(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        let arrows = |table, dev| {
            let table: &BTreeMap<String, Vec<String>> = table;
            table.iter().flat_map(move |(from, targets)| {
                targets.iter().map(move |to| (from.as_str(), to.as_str(), dev))
            })
        };
        arrows(&self.arrows, false).chain(arrows(&self.dev, true))
    }
}

/// Runs every rule.
pub(crate) fn check(workspace: &Workspace) -> Result<Report> {
    let rules = Rules::load(workspace)?;
    let mut check =
        Check { workspace, rules: &rules, source: source(workspace)?, report: Report::default() };
    check.every_crate_is_listed();
    check.no_crate_is_listed_twice();
    check.arrows_are_allowed();
    check.listed_arrows_are_lawful();
    check.no_cycles();
    check.protocols_stay_off_tokio();
    check.listed_arrows_are_used();
    Ok(check.report)
}

fn source(workspace: &Workspace) -> Result<String> {
    let path = workspace.root.join(LAYERS_FILE);
    std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

struct Check<'a> {
    workspace: &'a Workspace,
    rules: &'a Rules,
    source: String,
    report: Report,
}

impl Check<'_> {
    fn every_crate_is_listed(&mut self) {
        for (name, found) in &self.workspace.crates {
            if self.rules.storey(name).is_none() {
                self.report.error(
                    &found.manifest,
                    1,
                    format!("crate `{name}` stands in no layer"),
                    format!("add it to the `crates` of a [[layer]] in {LAYERS_FILE}"),
                );
            }
            if !self.rules.arrows.contains_key(name) {
                self.report.error(
                    &found.manifest,
                    1,
                    format!("crate `{name}` has no line under [arrows]"),
                    format!("add `{name} = [..]` to [arrows] in {LAYERS_FILE}"),
                );
            }
        }
    }

    fn no_crate_is_listed_twice(&mut self) {
        let mut seen = BTreeSet::new();
        for name in self.rules.layer.iter().flat_map(|layer| &layer.crates) {
            if !seen.insert(name) {
                self.report.error(
                    LAYERS_FILE,
                    1,
                    format!("crate `{name}` stands in two layers"),
                    "leave it in one of them",
                );
            }
        }
    }

    fn arrows_are_allowed(&mut self) {
        for (from, found) in &self.workspace.crates {
            let manifest = std::fs::read_to_string(self.workspace.root.join(&found.manifest));
            let manifest = manifest.unwrap_or_default();
            for (to, dev) in member_uses(self.workspace, from) {
                let package = &self.workspace.crates[to].package;
                let line = line_starting(&manifest, package);
                if let Some((what, mend)) = forbidden(from, to) {
                    self.report.error(&found.manifest, line, what, mend);
                } else if !self.rules.allows(from, to, dev) {
                    self.report.error(
                        &found.manifest,
                        line,
                        format!("{from} -> {to} is no allowed arrow"),
                        format!(
                            "drop `{package}` here or, if the design wants it, add \"{to}\" to \
                             `{from}` in {LAYERS_FILE}"
                        ),
                    );
                }
            }
        }
    }

    fn listed_arrows_are_lawful(&mut self) {
        for (from, to, _) in self.rules.listed() {
            let line = line_starting(&self.source, from);
            if let Some((what, mend)) = forbidden(from, to) {
                self.report.error(LAYERS_FILE, line, what, mend);
            }
            if let (Some(lower), Some(upper)) = (self.rules.storey(from), self.rules.storey(to))
                && lower < upper
            {
                let (from_layer, to_layer) =
                    (&self.rules.layer[lower].name, &self.rules.layer[upper].name);
                self.report.error(
                    LAYERS_FILE,
                    line,
                    format!("{from} ({from_layer}) -> {to} ({to_layer}) points up"),
                    "move what both need down, or pass it in as a trait",
                );
            }
        }
    }

    fn no_cycles(&mut self) {
        let mut real = Arrows::new();
        for from in self.workspace.crates.keys() {
            let targets = member_uses(self.workspace, from).map(|(to, _)| to).collect();
            real.insert(from.as_str(), targets);
        }
        for cycle in cycles(&real) {
            let manifest = &self.workspace.crates[cycle[0]].manifest;
            self.report.error(
                manifest,
                1,
                format!("a cycle: {}", cycle.join(" -> ")),
                "move what both need into a crate below, or turn one arrow into a trait",
            );
        }
        let mut listed = Arrows::new();
        for (from, to, _) in self.rules.listed() {
            listed.entry(from).or_default().insert(to);
        }
        for cycle in cycles(&listed) {
            self.report.error(
                LAYERS_FILE,
                line_starting(&self.source, cycle[0]),
                format!("the list allows a cycle: {}", cycle.join(" -> ")),
                "take one of these arrows out",
            );
        }
    }

    /// What a protocol reaches is part of the protocol: a helper on tokio would bring a clock in
    /// by the back door. Development dependencies count for the protocol crate alone.
    fn protocols_stay_off_tokio(&mut self) {
        for name in self.workspace.crates.keys().filter(|name| is_protocol(name)) {
            for reached in reachable(self.workspace, name) {
                let found = &self.workspace.crates[reached];
                let own = reached == name;
                let tokio = found.uses.iter().any(|used| match &used.target {
                    Target::External(package) => is_tokio(package) && (own || !used.dev),
                    Target::Member(_) => false,
                });
                if tokio {
                    let manifest = self.workspace.root.join(&found.manifest);
                    let manifest = std::fs::read_to_string(manifest).unwrap_or_default();
                    self.report.error(
                        &found.manifest,
                        line_starting(&manifest, "tokio"),
                        format!("`{reached}` uses tokio and is part of `{name}`"),
                        "keep protocols sans-IO: pass time, randomness and bytes in, or move this \
                         to the node crate",
                    );
                }
            }
        }
    }

    fn listed_arrows_are_used(&mut self) {
        let named = self.rules.arrows.keys().chain(self.rules.dev.keys());
        let gone = named.filter(|name| !self.workspace.crates.contains_key(*name));
        for name in gone.collect::<BTreeSet<_>>() {
            self.report.warn(
                LAYERS_FILE,
                line_starting(&self.source, name),
                format!("there is no crate `{name}`"),
                "take its line out, or make the crate",
            );
        }
        for (from, to, dev) in self.rules.listed() {
            let exists = self.workspace.crates.contains_key(from);
            if exists && !member_uses(self.workspace, from).any(|(used, _)| used == to) {
                let table = if dev { "dev" } else { "arrows" };
                self.report.warn(
                    LAYERS_FILE,
                    line_starting(&self.source, from),
                    format!("{from} -> {to} is listed under [{table}] and not used"),
                    format!("take \"{to}\" out of the list"),
                );
            }
        }
    }
}

/// Why an arrow is refused whatever the list says, and what to do instead.
fn forbidden(from: &str, to: &str) -> Option<(String, &'static str)> {
    let what = format!("{from} -> {to} is refused, listed or not");
    if is_node(from) && is_node(to) {
        return Some((
            what,
            "node kinds never meet: define a trait below both, wire it in apps/quintet",
        ));
    }
    if is_protocol(from) && is_protocol(to) {
        return Some((what, "protocols of two kinds never meet: move what both need below them"));
    }
    if is_protocol(from) && (is_node(to) || EFFECTS.contains(&to)) {
        return Some((what, "protocols do no I/O: take a view or a value as an argument instead"));
    }
    None
}

fn is_node(name: &str) -> bool {
    name.ends_with("-node")
}

fn is_protocol(name: &str) -> bool {
    name.ends_with("-protocol")
}

fn is_tokio(package: &str) -> bool {
    package == "tokio" || package.starts_with("tokio-")
}

/// The members a crate uses, with whether for development alone. A crate's development dependency
/// on itself (to switch a feature on for its tests) is no arrow.
fn member_uses<'a>(workspace: &'a Workspace, from: &str) -> impl Iterator<Item = (&'a str, bool)> {
    let uses = workspace.crates.get(from).map(|found| found.uses.as_slice()).unwrap_or_default();
    let from = from.to_owned();
    uses.iter().filter_map(move |used| match &used.target {
        Target::Member(to) if *to != from => Some((to.as_str(), used.dev)),
        Target::Member(_) | Target::External(_) => None,
    })
}

/// A crate and every member it is built with, its tests left aside.
fn reachable<'a>(workspace: &'a Workspace, from: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::from([from]);
    let mut open = vec![from];
    while let Some(next) = open.pop() {
        for (to, _) in member_uses(workspace, next).filter(|(_, dev)| !dev) {
            if reached.insert(to) {
                open.push(to);
            }
        }
    }
    reached
}

type Arrows<'a> = BTreeMap<&'a str, BTreeSet<&'a str>>;

/// The shortest cycle through each crate, told once, from its first name in the alphabet.
fn cycles<'a>(arrows: &Arrows<'a>) -> Vec<Vec<&'a str>> {
    arrows.keys().filter_map(|start| shortest_cycle(arrows, start)).collect()
}

fn shortest_cycle<'a>(arrows: &Arrows<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(next) = open.pop_front() {
        for to in arrows.get(next).into_iter().flatten().copied() {
            if to == start {
                let mut cycle = vec![start];
                let mut at = next;
                while at != start {
                    cycle.push(at);
                    at = came_from[at];
                }
                cycle.push(start);
                cycle.reverse();
                return Some(cycle);
            }
            // Crates before `start` told their cycles already.
            if to > start && !came_from.contains_key(to) {
                came_from.insert(to, next);
                open.push_back(to);
            }
        }
    }
    None
}

/// The first line that starts with this word, else line 1: where a reader should look.
fn line_starting(text: &str, word: &str) -> usize {
    let starts = |line: &str| {
        line.trim_start().strip_prefix(word).is_some_and(|rest| {
            rest.starts_with([' ', '=', '.']) || rest.starts_with('-') && word == "tokio"
        })
    };
    text.lines().position(starts).map_or(1, |index| index + 1)
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
