//! Looks for untidy sources and for documents that lie, over every file git keeps or would keep.
//!
//! | rule | where | fails |
//! |---|---|---|
//! | at most 600 lines (400 warns), begins with module docs, no tabs, no trailing whitespace | Rust sources | [`source`] |
//! | no leftovers of unfinished work | sources, scripts, manifests | [`source`] |
//! | no absolute paths of somebody's machine | every text file | [`source`] |
//! | links lead to files that are there; decision records are numbered and listed | Markdown | [`documents`] |
//! | commands shown exist | Markdown | [`commands`] |
//!
//! The rules about words are built from halves of those words, so that they do not trip over their
//! own source.

mod commands;
mod documents;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::report::Report;
use crate::workspace::Workspace;

/// Larger files are data, not text that anybody wrote.
const TEXT_MAX_BYTES: u64 = 4 * 1024 * 1024;

/// One file of the checkout that holds text.
#[derive(Debug)]
struct Text {
    /// Relative to the root, with `/` between its parts.
    path: String,
    content: String,
}

impl Text {
    fn is_rust(&self) -> bool {
        self.has_extension("rs")
    }

    fn is_markdown(&self) -> bool {
        self.has_extension("md")
    }

    fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// Its lines, counted from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.content.split('\n').enumerate().map(|(index, line)| (index + 1, line))
    }
}

/// Runs every rule; with a built `quintet`, the commands of the documents are tried on it.
pub(crate) fn check(
    workspace: &Workspace,
    tasks: &[String],
    quintet: Option<PathBuf>,
) -> Result<Report> {
    let texts = read_texts(&workspace.root, list_files(&workspace.root)?)?;
    let mut report = Report::default();
    for text in &texts {
        source::check(text, &mut report);
        if text.is_markdown() {
            documents::check_links(&workspace.root, text, &mut report);
        }
    }
    documents::check_decision_records(&texts, &mut report);
    commands::Known::gather(workspace, tasks, quintet)?.check(&texts, &mut report);
    Ok(report)
}

/// Tracked files, and new ones that no ignore rule covers: they are about to be tracked.
fn list_files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .arg("-c")
        .arg(format!("safe.directory={}", root.display())) // a checkout made by another user
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"])
        .current_dir(root)
        .env_remove("GIT_DIR") // set inside git hooks, and then about another folder
        .env_remove("GIT_INDEX_FILE")
        .output()
        .context("git cannot be started: this check needs it to list the files")?;
    if !output.status.success() {
        bail!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let listed = String::from_utf8(output.stdout).context("a file name is not UTF-8: rename it")?;
    Ok(listed.split_terminator('\0').map(str::to_owned).collect())
}

/// Reads the listed files that hold text; a file deleted and not yet committed is left out.
fn read_texts(root: &Path, files: Vec<String>) -> Result<Vec<Text>> {
    let mut texts = Vec::new();
    for path in files {
        let absolute = root.join(&path);
        match absolute.symlink_metadata() {
            Ok(metadata) if metadata.is_file() && metadata.len() <= TEXT_MAX_BYTES => {}
            _ => continue,
        }
        let bytes = std::fs::read(&absolute).with_context(|| format!("{path} cannot be read"))?;
        if let Ok(content) = String::from_utf8(bytes)
            && !content.contains('\0')
        {
            texts.push(Text { path, content });
        }
    }
    Ok(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::fixture::Fixture;

    fn git(root: &Path, arguments: &[&str]) {
        let status = Command::new("git")
            .args(arguments)
            .current_dir(root)
            .env_remove("GIT_DIR")
            .env_remove("GIT_INDEX_FILE")
            .status();
        assert!(status.expect("git starts").success(), "git {arguments:?}");
    }

    #[test]
    fn tracked_and_new_files_are_checked_and_ignored_ones_are_not() {
        let fixture = Fixture::new()
            .file(".gitignore", "/target\n")
            .file("tracked.rs", "fn a() {}\n")
            .file("new.rs", "fn a() {}\n")
            .file("target/made.rs", "fn a() {}\n")
            .file("picture.rs", "\0");
        git(fixture.root(), &["init", "--quiet"]);
        git(fixture.root(), &["add", "tracked.rs"]);
        let report = check(&fixture.load(), &[], None).expect("a report");
        let lines = report.lines();
        assert_eq!(lines.len(), 2, "{lines:#?}");
        assert!(lines[0].starts_with("error: new.rs:1: "), "{lines:#?}");
        assert!(lines[1].starts_with("error: tracked.rs:1: "), "{lines:#?}");
    }

    #[test]
    fn a_folder_that_is_no_checkout_is_refused() {
        let error = list_files(Fixture::new().root()).expect_err("no checkout").to_string();
        assert!(error.contains("git ls-files: "), "{error}");
    }
}
