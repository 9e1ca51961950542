//! Where tests find the third-party vectors, and what they do without them.
//!
//! The vectors are no part of this repository: `QUINTET_VECTORS` names their folder, else they are looked for in `../shared/vectors` beside
//! it. A test that needs one and has none says so in a line and passes; where `CI` is set it fails.

use std::{
    env,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

/// From this crate to where the vectors lie beside the repository.
const BESIDE: &str = "../../../shared/vectors";

/// Returns the path of a file or folder of the vectors, such as `kaspa/dags_json`. Without it there is none, and the
/// line that says so.
///
/// # Panics
///
/// If it is not there and `CI` is set.
#[must_use]
pub fn find(name: &str) -> Option<PathBuf> {
    let root = env::var_os("QUINTET_VECTORS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(BESIDE), PathBuf::from);
    let path = root.join(name);
    if path.exists() {
        return Some(path);
    }
    let missing =
        format!("{} is not there: set QUINTET_VECTORS to the vectors' folder", path.display());
    assert!(env::var_os("CI").is_none(), "{missing}");
    // Past the test harness, which would keep it.
    let _ = writeln!(io::stderr(), "skipped: {missing}");
    None
}
