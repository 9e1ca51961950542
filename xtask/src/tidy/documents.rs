//! Rules for Markdown: links lead somewhere, decision records are numbered and listed.

use std::path::{Component, Path};

use super::Text;
use crate::report::Report;

/// Where decision records live.
const RECORDS: &str = "docs/adr/";

/// The list of decision records.
const RECORDS_LIST: &str = "docs/adr/README.md";

/// Checks that every link to a file of the checkout finds it.
pub(super) fn check_links(root: &Path, text: &Text, report: &mut Report) {
    let folder = Path::new(&text.path).parent().unwrap_or(Path::new(""));
    for (number, line) in prose(text) {
        for target in targets(line) {
            let file = target.split(['#', '?']).next().unwrap_or_default();
            if file.is_empty() || is_address(file) {
                continue;
            }
            let Some(path) = resolve(folder, file) else {
                let what = format!("`{target}` leads out of the checkout");
                report.error(&text.path, number, what, "link to a file of this repository");
                continue;
            };
            if !root.join(path).exists() {
                let what = format!("`{target}` is not there");
                report.error(&text.path, number, what, "mend the path, or take the link out");
            }
        }
    }
}

/// Checks that records are named `NNNN-title.md` without a gap or a double, name their number in
/// the heading, and stand in the list.
pub(super) fn check_decision_records(texts: &[Text], report: &mut Report) {
    let list = texts.iter().find(|text| text.path == RECORDS_LIST);
    let mut names: Vec<(&str, &Text)> = texts
        .iter()
        .filter_map(|text| Some((text.path.strip_prefix(RECORDS)?, text)))
        .filter(|(name, text)| !name.contains('/') && text.is_markdown() && *name != "README.md")
        .collect();
    names.sort_unstable_by_key(|(name, _)| *name);

    let mut expected = 0;
    for (name, text) in names {
        let Some(number) = record_number(name) else {
            let mend = "name it NNNN-title-in-lower-case.md";
            report.error(&text.path, 1, "this is no name for a decision record", mend);
            continue;
        };
        if number != expected {
            let what = format!("record {number:04} stands where {expected:04} was expected");
            report.error(&text.path, 1, what, "number the records without a gap or a double");
        }
        expected = number + 1;
        let heading = text.content.lines().next().unwrap_or_default();
        if !heading.starts_with("# ") || !heading.contains(&name[..4]) {
            let mend = format!("begin with `# {}: ` and the title", &name[..4]);
            report.error(&text.path, 1, "the heading does not name the record's number", mend);
        }
        if !list.is_some_and(|list| list.content.contains(&format!("]({name})"))) {
            let mend = format!("link it from {RECORDS_LIST}");
            report.error(&text.path, 1, "the record is not in the list", mend);
        }
    }
}

/// `0001-storage-engines.md` is 1.
fn record_number(name: &str) -> Option<u32> {
    let (number, title) = name.strip_suffix(".md")?.split_at_checked(4)?;
    let title = title.strip_prefix('-')?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !title.is_empty() && title.chars().all(plain)).then(|| number.parse().ok())?
}

/// The lines outside fenced blocks.
fn prose(text: &Text) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        if fence {
            fenced = !fenced;
        }
        !fenced && !fence
    })
}

/// What the links of a line point at: `[words](target)` and `[name]: target`.
fn targets(line: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    // Every second piece between backticks is code.
    for words in line.split('`').step_by(2).flat_map(|plain| plain.split("](").skip(1)) {
        targets.extend(words.split([')', ' ']).next());
    }
    // A link's words are often code, so that its target follows a backtick: "`](target)".
    for words in line.split("`](").skip(1) {
        targets.extend(words.split([')', ' ']).next());
    }
    if line.starts_with('[')
        && let Some((_, target)) = line.split_once("]: ")
    {
        targets.push(target.trim());
    }
    targets.sort_unstable();
    targets.dedup();
    targets
}

fn is_address(target: &str) -> bool {
    target.contains("://") || target.starts_with("mailto:")
}

/// The path from the root, when it stays inside the checkout.
fn resolve(folder: &Path, file: &str) -> Option<String> {
    let path = match file.strip_prefix('/') {
        Some(from_root) => Path::new(from_root).to_owned(),
        None => folder.join(file),
    };
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                parts.pop()?;
            }
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::fixture::Fixture;

    fn links(content: &str) -> Vec<String> {
        let fixture = Fixture::new().file("docs/formats/store.md", "").file("LICENSE", "");
        let text = Text { path: "docs/TESTING.md".into(), content: content.into() };
        let mut report = Report::default();
        check_links(fixture.root(), &text, &mut report);
        report.lines()
    }

    #[test]
    fn links_to_files_that_are_there_are_fine() {
        let content = "See [the format](formats/store.md#header), [`store`](formats/) and \
                       [a page](https://example.org/x), [above](#top).\n\n[licence]: ../LICENSE\n";
        assert_eq!(links(content), Vec::<String>::new());
    }

    #[test]
    fn links_to_files_that_are_not_there_are_errors() {
        for content in ["x [a](gone.md) y", "[`a`](gone.md#part)", "![a](gone.md)", "[a]: gone.md"]
        {
            let lines = links(&format!("\n{content}\n"));
            assert_eq!(lines.len(), 1, "{content}: {lines:#?}");
            assert!(lines[0].starts_with("error: docs/TESTING.md:2: `gone.md"), "{lines:#?}");
        }
    }

    #[test]
    fn a_link_out_of_the_checkout_is_an_error() {
        let lines = links("[a](../../elsewhere/a.md)\n");
        assert!(lines[0].contains("leads out of the checkout"), "{lines:#?}");
    }

    #[test]
    fn code_is_not_searched_for_links() {
        assert_eq!(links("```\n[a](gone.md)\n```\nand `[a](gone.md)`\n"), Vec::<String>::new());
    }

    fn records(files: &[(&str, &str)]) -> Vec<String> {
        let texts: Vec<Text> = files
            .iter()
            .map(|(name, content)| Text {
                path: format!("{RECORDS}{name}"),
                content: (*content).to_owned(),
            })
            .collect();
        let mut report = Report::default();
        check_decision_records(&texts, &mut report);
        report.lines()
    }

    const LIST: (&str, &str) = ("README.md", "[t](0000-template.md) [s](0001-storage.md)\n");

    #[test]
    fn records_in_order_named_in_their_heading_and_listed_are_fine() {
        let files =
            [LIST, ("0001-storage.md", "# 0001: Storage\n"), ("0000-template.md", "# 0000: T\n")];
        assert_eq!(records(&files), Vec::<String>::new());
    }

    #[test]
    fn a_gap_or_a_double_in_the_numbers_is_an_error() {
        let lines = records(&[LIST, ("0001-storage.md", "# 0001: Storage\n")]);
        assert!(lines[0].contains("record 0001 stands where 0000 was expected"), "{lines:#?}");
        let list = ("README.md", "[a](0000-a.md) [b](0000-b.md)");
        let lines = records(&[list, ("0000-a.md", "# 0000\n"), ("0000-b.md", "# 0000\n")]);
        assert!(lines[0].contains("record 0000 stands where 0001 was expected"), "{lines:#?}");
    }

    #[test]
    fn a_record_with_another_name_or_heading_or_missing_in_the_list_is_an_error() {
        let lines = records(&[LIST, ("Storage.md", "# Storage\n")]);
        assert!(lines[0].contains("no name for a decision record"), "{lines:#?}");
        let lines = records(&[LIST, ("0000-template.md", "# Template\n")]);
        assert!(lines[0].contains("does not name the record's number"), "{lines:#?}");
        let lines = records(&[LIST, ("0000-other.md", "# 0000: Other\n")]);
        assert!(lines[0].contains("is not in the list"), "{lines:#?}");
    }
}
