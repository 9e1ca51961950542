//! Files that are made once and never written over: genesis files, keys.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the system's defaults let.
    Anybody,
    /// The owner alone: it holds a secret.
    Owner,
}

/// Writes a file that was not there; on the disk when this returns.
///
/// # Errors
///
/// If it is there, or cannot be written.
pub(crate) fn write(path: &Path, content: &[u8], readers: Readers) -> io::Result<()> {
    let mut file = create(path, readers)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg_attr(not(unix), expect(unused_variables, reason = "rights are those of the folder there"))]
fn create(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    options.open(path)
}
