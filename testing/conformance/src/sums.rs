//! Checksums of the vector files themselves: a changed byte is noticed even where no rule depends on it.
//!
//! A `SHA256SUMS` file, as `sha256sum` writes it, lies in the folder or in the one above and lists
//! paths relative to itself. Those in the folder are checked; files that are listed and missing are
//! skipped, files that are not listed are nobody's business here.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
};

use quintet_crypto::digest::sha256;

use crate::suite::{Mismatch, Report};

/// The suite's name.
pub const NAME: &str = "sums";

/// The list's name.
pub const LIST: &str = "SHA256SUMS";

/// Checks the files of `folder` against the list, if there is one. Returns whether there is.
///
/// # Errors
///
/// The error of the operating system if the list exists and cannot be read.
pub fn check(folder: &Path, report: &mut Report) -> std::io::Result<bool> {
    let folder = folder.canonicalize()?;
    let Some(list) = find(&folder) else { return Ok(false) };
    let base = list.parent().unwrap_or(&folder);
    for (name, expected) in parse(&fs::read_to_string(&list)?) {
        let path = base.join(&name);
        if !path.starts_with(&folder) {
            continue;
        }
        if !path.exists() {
            report.skip("listed and not in the folder");
            continue;
        }
        report.case(name.display(), || {
            let bytes = fs::read(&path)
                .map_err(|error| Mismatch::new("file", "readable", error.to_string()))?;
            let actual = sha256(&[&bytes]).to_string();
            crate::suite::expect_eq("SHA-256 of the file", expected.as_str(), actual.as_str())
        });
    }
    Ok(true)
}

fn find(folder: &Path) -> Option<PathBuf> {
    let here = folder.join(LIST);
    let above = folder.parent().map(|parent| parent.join(LIST));
    Some(here).into_iter().chain(above).find(|list| list.is_file())
}

/// Reads lines of a digest, two characters and a path; paths that lead upwards are left out.
fn parse(text: &str) -> BTreeMap<PathBuf, String> {
    let entry = |line: &str| {
        let (digest, name) = line.split_once(char::is_whitespace)?;
        let name = Path::new(name.trim_start().trim_start_matches('*'));
        let plain = name.components().filter(|part| !matches!(part, Component::CurDir));
        let inside =
            name.components().all(|part| matches!(part, Component::CurDir | Component::Normal(_)));
        inside.then(|| (plain.collect(), digest.to_owned()))
    };
    text.lines().filter_map(entry).collect()
}
