//! Files that are there whole or not at all.

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::error::StoreError;

/// Appends `suffix` to the last part of `path`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    // Through the components, because `data/` and a suffix would name a file inside.
    let mut name = path.components().collect::<PathBuf>().into_os_string();
    name.push(suffix);
    name.into()
}

/// What a file is called until it is complete.
pub(crate) const PARTIAL: &str = ".partial";

/// Writes a small file so that a crash leaves the old state or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let partial = with_suffix(path, PARTIAL);
    let mut file = File::create(&partial).map_err(StoreError::io("create", &partial))?;
    file.write_all(bytes).map_err(StoreError::io("write", &partial))?;
    publish(file, &partial, path)
}

/// Makes a complete file durable and gives it its name.
pub(crate) fn publish(file: File, partial: &Path, path: &Path) -> Result<(), StoreError> {
    file.sync_all().map_err(StoreError::io("sync", partial))?;
    drop(file);
    fs::rename(partial, path).map_err(StoreError::io("rename into place", path))?;
    sync_parent(path)
}

/// Makes the entry of `path` in its directory durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    sync_directory(parent)
}

#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), StoreError> {
    File::open(path)
        .and_then(|directory| directory.sync_all())
        .map_err(StoreError::io("sync the directory", path))
}

/// Other systems order directory entries themselves and cannot open a directory as a file.
#[cfg(not(unix))]
fn sync_directory(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}
