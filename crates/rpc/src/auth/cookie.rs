//! The cookie file: a credential made at each start for whoever may read the node's files.
//!
//! The file holds one line, `__cookie__:` and 64 hex digits, sent as HTTP basic credentials. Tools written for Bitcoin
//! Core know this form. It is written beside its final name with mode 0600 and renamed into place, so that a reader
//! sees a whole cookie or none and nobody else can open it in between.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The user name in front of the cookie's secret.
pub const COOKIE_USER: &str = "__cookie__";

/// The cookie file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("rpc cookie file {}: {source}; set `auth.cookie_file` to a path in an existing folder this user may write", path.display())]
pub struct CookieError {
    /// The file.
    pub path: PathBuf,
    /// What the operating system said.
    pub source: io::Error,
}

/// A written cookie; dropping it removes the file.
#[derive(Debug)]
pub(crate) struct CookieFile {
    path: PathBuf,
    credential: String,
}

impl CookieFile {
    /// Makes a new credential and writes it, replacing what a crashed run left behind.
    pub(crate) fn create(path: &Path) -> Result<Self, CookieError> {
        let credential = format!("{COOKIE_USER}:{}", hex(&rand::random::<[u8; 32]>()));
        write_private(path, &credential)
            .map_err(|source| CookieError { path: path.to_owned(), source })?;
        Ok(Self { path: path.to_owned(), credential })
    }

    /// `user:password` as sent in a basic credential.
    pub(crate) fn credential(&self) -> &str {
        &self.credential
    }
}

impl Drop for CookieFile {
    fn drop(&mut self) {
        // Another process may have written its own cookie here meanwhile; that one is not ours to remove.
        let ours = fs::read_to_string(&self.path).is_ok_and(|text| text == self.credential);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "rpc cookie file is left behind");
        }
    }
}

pub(super) fn write_private(path: &Path, credential: &str) -> io::Result<()> {
    let mut name =
        path.file_name().ok_or_else(|| io::Error::other("expected a file name"))?.to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = create_private(&temporary)?;
    file.write_all(credential.as_bytes())?;
    file.flush()?;
    drop(file);
    fs::rename(&temporary, path)
}

/// `create_new` refuses to follow a link somebody placed there.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0f)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_private_and_new_at_each_start_and_gone_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".cookie");

        let first = CookieFile::create(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, first.credential());
        assert_eq!(text.len(), COOKIE_USER.len() + 1 + 64);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }

        let second = CookieFile::create(&path).unwrap();
        assert_ne!(first.credential(), second.credential());
        drop(first);
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            second.credential(),
            "a newer cookie is not removed"
        );
        drop(second);
        assert!(!path.exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no temporary file stays");
    }

    #[test]
    fn an_unwritable_place_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = CookieFile::create(&folder.path().join("missing/.cookie")).unwrap_err();
        assert!(error.to_string().contains("missing"), "{error}");
    }
}
