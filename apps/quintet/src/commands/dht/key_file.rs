//! The key that signs changeable records: a file with a 32-byte seed as 64 hexadecimal digits.
//!
//! It is created readable by its owner alone, and refused when others could read it.

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    path::Path,
};

use anyhow::{Context as _, anyhow, bail};
use quintet_crypto::ed25519::SecretKey;
use quintet_primitives::hex;

/// Bytes of a key file that are read; a longer one is none.
const FILE_MAX_BYTES: u64 = 1_024;

/// Makes a key and writes it to a file that must not exist.
pub(super) fn create(path: &Path) -> anyhow::Result<SecretKey> {
    let mut seed = [0_u8; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| anyhow!("no randomness from the system: {error}"))?;
    let written = create_private(path).and_then(|mut file| {
        writeln!(file, "{}", hex::encode(&seed)).and_then(|()| file.sync_all())
    });
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => bail!(
            "{} exists already: choose another name; a key that is lost cannot be made again",
            path.display()
        ),
        other => other.with_context(|| format!("cannot write {}", path.display()))?,
    }
    Ok(SecretKey::from_seed(&seed))
}

/// Reads a key.
pub(super) fn read(path: &Path) -> anyhow::Result<SecretKey> {
    let place = path.display();
    let file = File::open(path).with_context(|| {
        format!("cannot read {place}; `quintet dht keygen {place}` makes a new key")
    })?;
    refuse_if_open_to_others(&file, path)?;
    let mut text = String::new();
    file.take(FILE_MAX_BYTES)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {place}"))?;
    // The content is a secret: an error may tell its shape, never its digits.
    let seed = hex::decode_array(text.trim()).map_err(|_| {
        anyhow!(
            "{place}: expected a key of 64 hexadecimal digits, as `quintet dht keygen` writes it"
        )
    })?;
    Ok(SecretKey::from_seed(&seed))
}

fn create_private(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(unix)]
fn refuse_if_open_to_others(file: &File, path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map(|meta| meta.permissions().mode() & 0o777)?;
    if mode & 0o077 != 0 {
        let place = path.display();
        bail!(
            "{place}: expected mode 600, found {mode:o}: others could read the key; chmod 600 {place}"
        );
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_if_open_to_others(_file: &File, _path: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("me.key");
        let key = create(&path).unwrap();
        assert_eq!(read(&path).unwrap().public_key(), key.public_key());
        let again = create(&path).unwrap_err().to_string();
        assert!(again.contains("exists already"), "{again}");
    }

    #[test]
    fn an_error_about_a_key_file_never_shows_its_content() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("me.key");
        create(&path).unwrap();
        let digits = fs::read_to_string(&path).unwrap();
        fs::write(&path, &digits[..40]).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains("64 hexadecimal digits"), "{error}");
        assert!(!error.contains(&digits[..8]), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn a_key_that_others_could_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("me.key");
        create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("expected mode 600, found 644"), "{error}");
    }
}
