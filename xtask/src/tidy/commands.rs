//! Commands that documents show in `sh` or `console` blocks must exist.
//!
//! Without a built `quintet` the check covers `cargo` (its tasks, packages and subcommands), `just`
//! recipes and scripts of the checkout. With one, each `quintet` line is also tried with `--help`,
//! which runs nothing and fails for a subcommand that is not there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::Text;
use crate::report::Report;
use crate::workspace::Workspace;

/// Names of fenced blocks that hold commands.
const SHELLS: [&str; 4] = ["sh", "bash", "shell", "console"];

/// Subcommands of cargo, and of the plug-ins the documents introduce.
const CARGO: [&str; 13] = [
    "bench", "build", "check", "clippy", "deny", "doc", "fmt", "fuzz", "install", "metadata",
    "run", "test", "xtask",
];

/// What exists.
#[derive(Debug)]
pub(super) struct Known<'a> {
    workspace: &'a Workspace,
    tasks: &'a [String],
    packages: BTreeSet<&'a str>,
    recipes: BTreeSet<String>,
    quintet: Option<PathBuf>,
}

impl<'a> Known<'a> {
    pub(super) fn gather(
        workspace: &'a Workspace,
        tasks: &'a [String],
        quintet: Option<PathBuf>,
    ) -> Result<Self> {
        if let Some(binary) = &quintet
            && !binary.is_file()
        {
            bail!("{} is no file: build the application first", binary.display());
        }
        let justfile = std::fs::read_to_string(workspace.root.join("justfile")).unwrap_or_default();
        Ok(Self {
            workspace,
            tasks,
            packages: workspace.crates.values().map(|found| found.package.as_str()).collect(),
            recipes: justfile.lines().filter_map(recipe).collect(),
            quintet,
        })
    }

    pub(super) fn check(&self, texts: &[Text], report: &mut Report) {
        for text in texts.iter().filter(|text| text.is_markdown()) {
            for (number, command) in commands(text) {
                if let Some((what, mend)) = self.complaint(&command) {
                    report.error(&text.path, number, what, mend);
                }
            }
        }
    }

    /// Why a command does not exist, and what to do about it.
    fn complaint(&self, command: &[String]) -> Option<(String, String)> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (program, rest) = words.split_first()?;
        match *program {
            "cargo" => self.cargo(rest),
            "just" => self.just(rest),
            "quintet" => self.quintet(rest),
            path if path.ends_with("/release/quintet") => self.quintet(rest),
            path if path.contains('/')
                && path.starts_with(|c: char| c.is_alphanumeric() || c == '.') =>
            {
                let missing = !self.workspace.root.join(path).exists();
                missing.then(|| (format!("`{path}` is not there"), "mend the path".to_owned()))
            }
            _ => None,
        }
    }

    fn cargo(&self, words: &[&str]) -> Option<(String, String)> {
        let words = words.strip_prefix(&["+nightly"]).unwrap_or(words);
        let (subcommand, rest) = words.split_first()?;
        if !CARGO.contains(subcommand) {
            let mend = format!("show one of: {}", CARGO.join(", "));
            return Some((format!("`cargo {subcommand}` is not known here"), mend));
        }
        if *subcommand == "xtask" {
            let task = rest.first().copied().unwrap_or_default();
            let missing = !self.tasks.iter().any(|known| known == task);
            let mend = format!("show one of: {}", self.tasks.join(", "));
            return missing.then(|| (format!("there is no task `{task}`"), mend));
        }
        let (own, passed_on) = match rest.iter().position(|word| *word == "--") {
            Some(at) => (&rest[..at], &rest[at + 1..]),
            None => (rest, &rest[..0]),
        };
        let package = own
            .iter()
            .position(|word| matches!(*word, "-p" | "--package"))
            .and_then(|at| own.get(at + 1).copied());
        match package {
            Some(name) if !self.packages.contains(name) => Some((
                format!("there is no package `{name}`"),
                "name a crate of this workspace".into(),
            )),
            None | Some("quintet") if *subcommand == "run" && !names_a_target(own) => {
                self.quintet(passed_on)
            }
            _ => None,
        }
    }

    fn just(&self, words: &[&str]) -> Option<(String, String)> {
        let name = words.iter().find(|word| !word.starts_with('-'))?;
        let missing = !self.recipes.contains(*name);
        missing.then(|| (format!("there is no recipe `{name}`"), "add it to the justfile".into()))
    }

    fn quintet(&self, words: &[&str]) -> Option<(String, String)> {
        let binary = self.quintet.as_ref()?;
        let is_name = |word: &&&str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let names: Vec<&str> = words.iter().take_while(is_name).copied().collect();
        let status = Command::new(binary)
            .args(&names)
            .arg("--help")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let exists = status.is_ok_and(|status| status.success());
        (!exists).then(|| {
            (
                format!("`quintet {}` is not known to the application", names.join(" ")),
                "mend it".into(),
            )
        })
    }
}

/// Whether `cargo run` is told to run something other than the application.
fn names_a_target(own: &[&str]) -> bool {
    let named = own.iter().position(|word| matches!(*word, "--bin" | "--example"));
    named.is_some_and(|at| own.get(at + 1) != Some(&"quintet"))
}

/// The name of a recipe, from the line of a justfile that begins it.
fn recipe(line: &str) -> Option<String> {
    let (head, rest) = line.split_once(':')?;
    let name = head.split(' ').next()?.trim_start_matches('@');
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_recipe = !rest.starts_with('=') && !name.is_empty() && name.chars().all(plain);
    is_recipe.then(|| name.to_owned())
}

/// The commands of a document, word by word, with their lines. `console` blocks mark a command
/// with `$`; what is printed stands without.
fn commands(text: &Text) -> Vec<(usize, Vec<String>)> {
    let mut found = Vec::new();
    let mut shell: Option<&str> = None;
    let mut fenced = false;
    for (number, line) in text.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            fenced = !fenced;
            shell = SHELLS.into_iter().find(|known| fenced && language.trim() == *known);
            continue;
        }
        let prompted = line.trim_start().strip_prefix("$ ");
        let command = match (shell, prompted) {
            (None, _) | (Some("console"), None) => continue,
            (Some(_), Some(command)) => command,
            (Some(_), None) => line.trim_start(),
        };
        let command = command.split(" #").next().unwrap_or_default();
        if command.starts_with('#') {
            continue;
        }
        for part in command.split(['|', ';', '&']) {
            let words =
                part.split_whitespace().map(|word| word.trim_matches(['"', '\'']).to_owned());
            let words: Vec<String> = words.skip_while(|word| is_assignment(word)).collect();
            if !words.is_empty() {
                found.push((number, words));
            }
        }
    }
    found
}

/// `NAME=value` before a command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::fixture::Fixture;

    const JUSTFILE: &str = "set shell := [\"bash\"]\nname := 'x'\n\ncheck: build\n\nrun *words:\n";

    fn findings(block: &str) -> Vec<String> {
        let fixture =
            Fixture::new().member("net", "").file("justfile", JUSTFILE).file(".ci/run", "");
        let workspace = fixture.load();
        let tasks = ["tidy".to_owned()];
        let known = Known::gather(&workspace, &tasks, None).expect("no binary needed");
        let text = Text { path: "README.md".into(), content: block.into() };
        let mut report = Report::default();
        known.check(&[text], &mut report);
        report.lines()
    }

    #[test]
    fn commands_that_exist_are_fine() {
        let block = "```sh\n# build and try\ncargo run --release -- up\ncargo test -p quintet-net # quick\n\
                     CI=true .ci/run && cargo xtask tidy\njust check\njust run fast\ncurl x | sh\n\
                     cargo +nightly fuzz run bencode\n```\n";
        assert_eq!(findings(block), Vec::<String>::new());
    }

    #[test]
    fn commands_that_do_not_exist_are_errors() {
        for (command, reason) in [
            ("cargo xtask polish", "there is no task `polish`"),
            ("cargo test -p quintet-gone", "there is no package `quintet-gone`"),
            ("cargo polish", "`cargo polish` is not known here"),
            ("just polish", "there is no recipe `polish`"),
            ("A=b .ci/polish --all", "`.ci/polish` is not there"),
            ("cargo check && ./polish.sh", "`./polish.sh` is not there"),
        ] {
            let lines = findings(&format!("Do:\n```sh\n{command}\n```\n"));
            assert_eq!(lines.len(), 1, "{command}: {lines:#?}");
            assert!(lines[0].starts_with(&format!("error: README.md:3: {reason}")), "{lines:#?}");
        }
    }

    #[test]
    fn only_prompted_lines_of_a_console_block_are_commands() {
        let lines =
            findings("```console\n$ just polish\njust an answer\n```\n```text\njust prose\n```\n");
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].contains(":2: "), "{lines:#?}");
    }

    #[cfg(unix)]
    #[test]
    fn a_built_application_is_asked_for_help_on_each_command() {
        use std::os::unix::fs::PermissionsExt;

        let script =
            "#!/bin/sh\ncase \"$*\" in \"up --help\"|\"dht get --help\") exit 0;; esac\nexit 2\n";
        let fixture = Fixture::new().file("quintet", script);
        let binary = fixture.root().join("quintet");
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let workspace = fixture.load();
        let known = Known::gather(&workspace, &[], Some(binary)).expect("a binary");
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(known.complaint(&words("cargo run --release -- up --check")), None);
        assert_eq!(known.complaint(&words("quintet dht get 4A533D")), None);
        let other = "cargo run --release --features node --bin bench_node -- latency";
        assert_eq!(known.complaint(&words(other)), None, "another program's words");
        let (what, _) = known.complaint(&words("cargo run --bin quintet -- sing")).expect("ours");
        assert_eq!(what, "`quintet sing` is not known to the application");
        let (what, _) = known.complaint(&words("quintet sing")).expect("a complaint");
        assert_eq!(what, "`quintet sing` is not known to the application");
    }

    #[test]
    fn a_binary_that_is_not_built_is_refused() {
        let fixture = Fixture::new();
        let workspace = fixture.load();
        let error = Known::gather(&workspace, &[], Some("nowhere".into())).expect_err("no binary");
        assert!(error.to_string().contains("build the application first"), "{error}");
    }
}
