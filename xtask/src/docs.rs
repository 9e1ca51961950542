//! Keeps the crate table of `docs/ARCHITECTURE.md` equal to what the manifests say.
//!
//! A caption lives in one place, the `description` of the crate's manifest. The table stands
//! between two marker lines; everything outside them is written by people and left alone.

use std::fmt::Write as _;

use anyhow::{Context, Result, bail};

use crate::layers::Rules;
use crate::report::Report;
use crate::workspace::Workspace;

const DOCUMENT: &str = "docs/ARCHITECTURE.md";
const BEGIN: &str = "<!-- crates: begin, written by `cargo xtask docs` -->";
const END: &str = "<!-- crates: end -->";

/// Writes the table into the document.
pub(crate) fn write(workspace: &Workspace) -> Result<Report> {
    let mut report = Report::default();
    let table = table(workspace, &mut report)?;
    let (current, wanted) = documents(workspace, &table)?;
    if current != wanted {
        std::fs::write(workspace.root.join(DOCUMENT), wanted)
            .with_context(|| format!("{DOCUMENT} cannot be written"))?;
    }
    Ok(report)
}

/// Reports a table that is out of date.
pub(crate) fn check(workspace: &Workspace) -> Result<Report> {
    let mut report = Report::default();
    let table = table(workspace, &mut report)?;
    let (current, wanted) = documents(workspace, &table)?;
    if current != wanted {
        let differs = current.lines().zip(wanted.lines()).position(|(is, should)| is != should);
        report.error(
            DOCUMENT,
            differs.map_or(1, |index| index + 1),
            "the crate table is out of date",
            "run `cargo xtask docs`",
        );
    }
    Ok(report)
}

/// The document as it is and as it should be.
fn documents(workspace: &Workspace, table: &str) -> Result<(String, String)> {
    let path = workspace.root.join(DOCUMENT);
    let current =
        std::fs::read_to_string(&path).with_context(|| format!("{DOCUMENT} cannot be read"))?;
    let wanted = splice(&current, table)?;
    Ok((current, wanted))
}

fn splice(document: &str, table: &str) -> Result<String> {
    let Some((before, rest)) = document.split_once(BEGIN) else {
        bail!("{DOCUMENT} has no line `{BEGIN}`: add it where the crate table belongs");
    };
    let Some((_, after)) = rest.split_once(END) else {
        bail!("{DOCUMENT} has no line `{END}` after the first marker: add it");
    };
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

/// The crates from the lowest layer to the highest, in the order `layers.toml` names them.
fn table(workspace: &Workspace, report: &mut Report) -> Result<String> {
    let rules = Rules::load(workspace)?;
    let mut table = String::from("| crate | layer | what it is |\n|---|---|---|\n");
    for layer in &rules.layer {
        for name in &layer.crates {
            let Some(found) = workspace.crates.get(name) else { continue };
            let Some(description) = &found.description else {
                report.error(
                    &found.manifest,
                    1,
                    format!("crate `{name}` has no description"),
                    "add `description = \"..\"`: one sentence for the crate table",
                );
                continue;
            };
            let folder = found.manifest.trim_end_matches("/Cargo.toml");
            let description = description.trim().replace('|', "\\|");
            writeln!(table, "| [`{folder}`](../{folder}) | {} | {description} |", layer.name)?;
        }
    }
    Ok(table)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::LAYERS_FILE;
    use crate::workspace::fixture::Fixture;

    const RULES: &str = "[[layer]]\nname = \"foundation\"\ncrates = [\"b\", \"a\"]\n[arrows]\n";

    fn house(document: &str) -> Fixture {
        Fixture::new()
            .member("a", "")
            .member("b", "")
            .file(LAYERS_FILE, RULES)
            .file(DOCUMENT, document)
    }

    fn read(fixture: &Fixture) -> String {
        std::fs::read_to_string(fixture.root().join(DOCUMENT)).expect("a document")
    }

    #[test]
    fn the_table_follows_the_layers_and_leaves_the_rest_of_the_document_alone() {
        let fixture = house(&format!("# Top\n\n{BEGIN}\nold\n{END}\n\nrest\n"));
        assert_eq!(write(&fixture.load()).expect("written").errors(), 0);
        assert_eq!(
            read(&fixture),
            format!(
                "# Top\n\n{BEGIN}\n\n| crate | layer | what it is |\n|---|---|---|\n\
                 | [`crates/b`](../crates/b) | foundation | About b. |\n\
                 | [`crates/a`](../crates/a) | foundation | About a. |\n\n{END}\n\nrest\n"
            )
        );
    }

    #[test]
    fn a_table_just_written_is_up_to_date_and_a_changed_one_is_not() {
        let fixture = house(&format!("{BEGIN}\n{END}\n"));
        write(&fixture.load()).expect("written");
        assert_eq!(check(&fixture.load()).expect("checked").errors(), 0);

        let stale = read(&fixture).replace("About a.", "About something else.");
        let fixture = fixture.file(DOCUMENT, &stale);
        let lines = check(&fixture.load()).expect("checked").lines();
        assert_eq!(
            lines,
            [format!(
                "error: {DOCUMENT}:6: the crate table is out of date; run `cargo xtask docs`"
            )]
        );
        assert_eq!(read(&fixture), stale, "a check writes nothing");
    }

    #[test]
    fn a_document_without_markers_is_refused() {
        let error = check(&house("# Top\n").load()).expect_err("no markers").to_string();
        assert!(error.contains("add it where the crate table belongs"), "{error}");
    }

    #[test]
    fn a_crate_without_a_description_is_an_error() {
        let manifest = "[package]\nname = \"quintet-a\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
        let fixture = house(&format!("{BEGIN}\n{END}\n")).file("crates/a/Cargo.toml", manifest);
        let lines = write(&fixture.load()).expect("written").lines();
        assert!(lines[0].contains("crate `a` has no description"), "{lines:?}");
    }
}
