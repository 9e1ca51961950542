//! Rules for one source file: length, module docs, whitespace, leftovers, machine paths.

use super::Text;
use crate::report::Report;

/// The hard end of a Rust source, in lines.
const LINES_MAX: usize = 600;

/// From here on a file should be split before it grows further, in lines.
const LINES_WARN: usize = 400;

/// Marks of unfinished work and what to do about each.
const LEFTOVERS: [(&str, &str); 4] = [
    (concat!("to", "do!"), "write it, or return an error that says it is absent"),
    (concat!("unimple", "mented!"), "write it, or return an error that says it is absent"),
    (concat!("#[ig", "nore"), "make the test pass or take it out"),
    (concat!("FIX", "ME"), "mend it, or open an issue and say here what holds today"),
];

/// Where home folders and workplaces lie; a name follows.
const HOMES: [&str; 3] = [concat!("/ho", "me/"), concat!("/Us", "ers/"), concat!(":\\Us", "ers\\")];

/// Folders that exist on one machine only, with or without a name after them.
const WORKPLACES: [&str; 2] = [concat!("/ro", "ot/"), concat!("/wo", "rk/")];

/// Files people write code in, where a leftover hides unfinished work.
const CODE: [&str; 9] = ["rs", "toml", "sh", "yml", "py", "js", "mjs", "html", "css"];

/// Runs the rules that apply to a file of this sort.
pub(super) fn check(text: &Text, report: &mut Report) {
    if text.is_rust() {
        length(text, report);
        module_docs(text, report);
        whitespace(text, report);
    }
    let is_script = text.content.starts_with("#!");
    if is_script || CODE.iter().any(|extension| text.has_extension(extension)) {
        leftovers(text, report);
    }
    machine_paths(text, report);
}

fn length(text: &Text, report: &mut Report) {
    let lines = text.content.lines().count();
    if lines > LINES_MAX {
        let what = format!("{lines} lines, at most {LINES_MAX} are allowed");
        report.error(&text.path, LINES_MAX + 1, what, "split it by what its parts are for");
    } else if lines > LINES_WARN {
        let what = format!("{lines} lines, about 300 are aimed at");
        report.warn(&text.path, LINES_WARN + 1, what, "split it by what its parts are for");
    }
}

/// Attributes of the crate may stand before the docs, as `#![no_main]` of a fuzz target does.
fn module_docs(text: &Text, report: &mut Report) {
    let first = text.lines().find(|(_, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("#![")
    });
    let (line, found) = first.unwrap_or((1, ""));
    if !found.starts_with("//!") {
        let mend = "begin the file with `//!`: why it exists and what always holds";
        report.error(&text.path, line, "no module docs", mend);
    }
}

fn whitespace(text: &Text, report: &mut Report) {
    for (number, line) in text.lines() {
        if line.contains('\t') {
            report.error(&text.path, number, "a tab", "use four spaces, or \\t in a string");
        }
        if line.ends_with(char::is_whitespace) {
            report.error(&text.path, number, "whitespace at the end", "run `cargo fmt`");
        }
    }
}

fn leftovers(text: &Text, report: &mut Report) {
    for (number, line) in text.lines() {
        for (mark, mend) in LEFTOVERS {
            if line.contains(mark) {
                report.error(&text.path, number, format!("`{mark}` is left here"), mend);
            }
        }
    }
}

fn machine_paths(text: &Text, report: &mut Report) {
    for (number, line) in text.lines() {
        if let Some(path) = machine_path(line) {
            report.error(
                &text.path,
                number,
                format!("`{path}` is a path of one machine"),
                "use a relative path, an environment variable or a temporary folder",
            );
        }
    }
}

/// The beginning of the first absolute machine path in a line.
fn machine_path(line: &str) -> Option<&'static str> {
    let starts_path = |at: usize| {
        // What continues a longer path or an address is not absolute: `docs/…`, `~/…`, `{x}/…`.
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "._-~/*})>]".contains(c))
    };
    let named = |at: usize, home: &str| {
        line[at + home.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '.')
    };
    let home = HOMES.into_iter().find(|home| {
        line.match_indices(home)
            .any(|(at, _)| named(at, home) && (home.starts_with(':') || starts_path(at)))
    });
    home.or_else(|| {
        WORKPLACES
            .into_iter()
            .find(|folder| line.match_indices(folder).any(|(at, _)| starts_path(at)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, content: &str) -> Vec<String> {
        let mut report = Report::default();
        check(&Text { path: path.into(), content: content.into() }, &mut report);
        report.lines()
    }

    fn long(lines: usize) -> String {
        "//! Docs.\n".repeat(lines)
    }

    #[test]
    fn a_tidy_file_is_silent() {
        assert_eq!(findings("a.rs", "//! Why.\n\nfn a() {}\n"), Vec::<String>::new());
        assert_eq!(findings("a.rs", "#![no_main]\n\n//! Why.\n"), Vec::<String>::new());
    }

    #[test]
    fn six_hundred_lines_are_the_end_and_above_four_hundred_warns() {
        assert_eq!(findings("a.rs", &long(400)), Vec::<String>::new());
        assert!(findings("a.rs", &long(401))[0].starts_with("warning: a.rs:401: 401 lines"));
        assert!(findings("a.rs", &long(600))[0].starts_with("warning: "));
        assert!(findings("a.rs", &long(601))[0].starts_with("error: a.rs:601: 601 lines"));
        assert_eq!(findings("a.md", &long(601)), Vec::<String>::new(), "only Rust sources");
    }

    #[test]
    fn a_file_that_does_not_begin_with_module_docs_is_an_error() {
        for content in ["use std::fmt;\n//! Late.\n", "// Why.\n", "", "/// Why.\nfn a() {}\n"] {
            let lines = findings("a.rs", content);
            assert_eq!(lines.len(), 1, "{lines:#?}");
            assert!(lines[0].starts_with("error: a.rs:1: no module docs"), "{lines:#?}");
        }
    }

    #[test]
    fn tabs_and_whitespace_at_the_end_are_errors_in_rust_sources() {
        let lines = findings("a.rs", "//! Why.\n\tfn a() {}\nfn b() {} \n//! c\r\n");
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines[0].starts_with("error: a.rs:2: a tab"));
        assert!(lines[1].starts_with("error: a.rs:3: whitespace at the end"));
        assert!(lines[2].starts_with("error: a.rs:4: whitespace at the end"));
        assert_eq!(findings("justfile", "a:\n\tb \n"), Vec::<String>::new());
    }

    #[test]
    fn each_leftover_is_an_error_in_code_and_none_in_prose() {
        for (mark, _) in LEFTOVERS {
            let lines = findings("a.rs", &format!("//! Why.\n{mark}\n"));
            assert_eq!(lines.len(), 1, "{lines:#?}");
            assert!(lines[0].starts_with(&format!("error: a.rs:2: `{mark}` is left here")));
            assert_eq!(findings("run", &format!("#!/bin/sh\n# {mark}\n")).len(), 1, "a script");
            assert_eq!(findings("a.md", &format!("No {mark} here.\n")), Vec::<String>::new());
        }
    }

    #[test]
    fn a_path_of_one_machine_is_an_error_in_any_text() {
        for path in [
            format!("see {}ada/notes", HOMES[0]),
            format!("\"{}ada\"", HOMES[1]),
            format!("C{}ada", HOMES[2]),
            format!("cd {}", WORKPLACES[0]),
            format!("`{}main`", WORKPLACES[1]),
        ] {
            let lines = findings("notes.txt", &path);
            assert_eq!(lines.len(), 1, "{path}: {lines:#?}");
            assert!(lines[0].contains("is a path of one machine"), "{lines:#?}");
        }
    }

    #[test]
    fn a_relative_path_or_an_address_with_the_same_words_is_fine() {
        for path in [
            format!("docs{}notes", WORKPLACES[1]),
            format!("$HOME{}x", WORKPLACES[1]),
            format!("${{DATA}}{}x", WORKPLACES[0]),
            format!("example.org{}page", HOMES[0]),
            format!("{}$USER", HOMES[0]),
        ] {
            assert_eq!(findings("notes.txt", &path), Vec::<String>::new(), "{path}");
        }
    }
}
