//! Keeps the pages of `docs/api` equal to what a built `quintet` says of its methods.
//!
//! The pages come from the descriptions that nodes serve, and the servers hold those against the methods they answer when they start: so
//! a page cannot name a method that is not there, nor leave one out.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::report::Report;
use crate::workspace::Workspace;

const FOLDER: &str = "docs/api";
/// The page people write.
const README: &str = "README.md";
/// How to mend what is found.
const MEND: &str = "run `cargo xtask docs --quintet BINARY`";

/// Writes the pages.
pub(crate) fn write(workspace: &Workspace, binary: &Path) -> Result<Report> {
    let folder = workspace.root.join(FOLDER);
    pages(binary, &folder)?;
    Ok(Report::default())
}

/// Reports pages that are out of date, missing or of nobody.
pub(crate) fn check(workspace: &Workspace, binary: &Path) -> Result<Report> {
    let fresh = TempDir::new().context("no temporary folder")?;
    pages(binary, fresh.path())?;
    let folder = workspace.root.join(FOLDER);
    let wanted = names(fresh.path())?;
    let mut report = Report::default();
    for name in &wanted {
        let page = format!("{FOLDER}/{name}");
        let wanted = fs::read_to_string(fresh.path().join(name))?;
        match fs::read_to_string(folder.join(name)) {
            Ok(current) if current == wanted => {}
            Ok(current) => {
                let mut lines = current.lines().zip(wanted.lines());
                let differs = lines.position(|(is, should)| is != should);
                let line = differs.map_or(1, |index| index + 1);
                report.error(&page, line, "the page is out of date", MEND);
            }
            Err(_) => report.error(&page, 1, "the page is missing", MEND),
        }
    }
    for name in names(&folder)?.difference(&wanted).filter(|name| *name != README) {
        report.error(&format!("{FOLDER}/{name}"), 1, "no methods have this page", "delete it");
    }
    Ok(report)
}

fn pages(binary: &Path, folder: &Path) -> Result<()> {
    let mut command = Command::new(binary);
    command.args(["openrpc", "--pages"]).arg(folder);
    let status = command.status().with_context(|| format!("{} does not run", binary.display()))?;
    if !status.success() {
        bail!("{} openrpc --pages: {status}", binary.display());
    }
    Ok(())
}

fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::workspace::fixture::Fixture;

    /// A binary that writes one page.
    fn house(text: &str) -> (Fixture, std::path::PathBuf) {
        let script = format!("#!/bin/sh\nmkdir -p \"$3\"\nprintf '{text}' > \"$3/lux.md\"\n");
        let fixture =
            Fixture::new().file("quintet", &script).file("docs/api/README.md", "# Ours\n");
        let binary = fixture.root().join("quintet");
        fs::set_permissions(&binary, fs::Permissions::from_mode(0o755)).expect("permissions");
        (fixture, binary)
    }

    #[test]
    fn pages_just_written_are_up_to_date_and_changed_ones_are_not() {
        let (fixture, binary) = house("one\\ntwo\\n");
        let missing = check(&fixture.load(), &binary).expect("checked").lines();
        assert_eq!(missing, [format!("error: docs/api/lux.md:1: the page is missing; {MEND}")]);
        assert_eq!(write(&fixture.load(), &binary).expect("written").errors(), 0);
        assert_eq!(check(&fixture.load(), &binary).expect("checked").errors(), 0);
        let fixture = fixture.file("docs/api/lux.md", "one\n2\n");
        let stale = check(&fixture.load(), &binary).expect("checked").lines();
        assert_eq!(stale, [format!("error: docs/api/lux.md:2: the page is out of date; {MEND}")]);
    }

    #[test]
    fn a_page_of_no_methods_is_found() {
        let (fixture, binary) = house("one\\n");
        write(&fixture.load(), &binary).expect("written");
        let fixture = fixture.file("docs/api/old.md", "old\n");
        let lines = check(&fixture.load(), &binary).expect("checked").lines();
        assert_eq!(lines, ["error: docs/api/old.md:1: no methods have this page; delete it"]);
    }
}
