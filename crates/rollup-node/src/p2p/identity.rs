//! The key of a node's name among peers, in a file that op-node reads as well: hexadecimal digits of secp256k1.
//!
//! **Spec:** `rollup-node-p2p.md`, "Identification"; op-node's `p2p.priv.path`.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::Path,
};

use alloy_primitives::{B256, hex};
use libp2p::identity::{Keypair, secp256k1};

use super::P2pError;

/// Largest key file, bytes.
const FILE_MAX: usize = 1_024;

fn bad(path: &Path, reason: &impl ToString) -> P2pError {
    P2pError::Identity { path: path.display().to_string(), reason: reason.to_string() }
}

fn keypair(path: &Path, mut key: B256) -> Result<Keypair, P2pError> {
    let secret = secp256k1::SecretKey::try_from_bytes(&mut key.0[..]).map_err(|e| bad(path, &e))?;
    Ok(secp256k1::Keypair::from(secret).into())
}

/// Reads a key.
///
/// # Errors
///
/// [`P2pError::Identity`] if the file holds none.
pub fn read(path: &Path) -> Result<Keypair, P2pError> {
    let content = std::fs::read(path).map_err(|error| bad(path, &error))?;
    parse(path, &content)
}

fn parse(path: &Path, content: &[u8]) -> Result<Keypair, P2pError> {
    let text = content.get(..content.len().min(FILE_MAX)).unwrap_or_default();
    let mut key = B256::ZERO;
    let text = String::from_utf8_lossy(text);
    hex::decode_to_slice(text.trim(), &mut key.0).map_err(|error| bad(path, &error))?;
    keypair(path, key)
}

/// Reads a key, or makes one and keeps it for its owner alone.
///
/// # Errors
///
/// [`P2pError::Identity`] if the file holds none, or cannot be written.
pub fn read_or_make(path: &Path) -> Result<Keypair, P2pError> {
    match std::fs::read(path) {
        Ok(content) => return parse(path, &content),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(bad(path, &error)),
    }
    let key = B256::from(rand::random::<[u8; 32]>());
    let made = keypair(path, key)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(|error| bad(path, &error))?;
    writeln!(file, "{}", hex::encode(key)).map_err(|error| bad(path, &error))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_once_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p2p.key");
        assert!(read(&path).is_err());
        let made = read_or_make(&path).unwrap().public().to_peer_id();
        assert_eq!(read_or_make(&path).unwrap().public().to_peer_id(), made);
        assert_eq!(read(&path).unwrap().public().to_peer_id(), made);
        // Such names begin like this: the key itself, not its hash.
        assert!(made.to_string().starts_with("16Uiu2"), "{made}");
    }

    #[test]
    fn a_file_that_holds_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("p2p.key");
        for content in ["", "zz", &"00".repeat(32), &"11".repeat(33)] {
            std::fs::write(&path, content).unwrap();
            let error = read_or_make(&path).unwrap_err();
            assert!(error.to_string().contains("p2p.key"), "{error}");
        }
    }
}
