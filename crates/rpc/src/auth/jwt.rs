//! Tokens that a consensus client makes anew for each request, signed with a secret that both sides read from a file.
//!
//! ```text
//!   Authorization: Bearer base64url({"alg":"HS256"}).base64url({"iat":1700000000}).base64url(HMAC-SHA256)
//! ```
//!
//! **Spec:** execution-apis, `src/engine/authentication.md`; RFC 7519, RFC 7515.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

use super::config::Secret;
use super::cookie;

/// How far a token's time may be from this machine's, in seconds, either way.
pub(crate) const IAT_WINDOW_SECONDS: u64 = 60;

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;

/// Largest file that is looked at for a secret, in bytes.
const FILE_BYTES_MAX: u64 = 256;

/// The secret's file is not usable.
#[derive(Debug, thiserror::Error)]
pub enum JwtFileError {
    /// It can be neither read nor written.
    #[error("jwt secret file {}: {source}; name a file in an existing folder that this user may read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("jwt secret file {}: expected 32 bytes as 64 hexadecimal digits, got {actual}; make one with `openssl rand -hex 32`", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What it holds.
        actual: String,
    },
}

/// Reads the secret of a file; one that is not there is made, for its owner alone.
///
/// # Errors
///
/// [`JwtFileError`] if the file cannot be read or holds no secret.
pub fn jwt_secret_file(path: &Path) -> Result<Secret, JwtFileError> {
    let failed = |source| JwtFileError::Io { path: path.to_owned(), source };
    match fs::metadata(path) {
        Ok(found) if found.len() > FILE_BYTES_MAX => {
            let actual = format!("{} bytes", found.len());
            return Err(JwtFileError::Content { path: path.to_owned(), actual });
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let secret = cookie::hex(&rand::random::<[u8; SECRET_BYTES]>());
            cookie::write_private(path, &secret).map_err(failed)?;
            return Ok(Secret::new(secret));
        }
        Err(error) => return Err(failed(error)),
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    let text = text.trim();
    match key(text) {
        Some(_) => Ok(Secret::new(text)),
        None => {
            let actual = format!("{} characters", text.chars().count());
            Err(JwtFileError::Content { path: path.to_owned(), actual })
        }
    }
}

/// Reads a secret.
pub(super) fn key(text: &str) -> Option<[u8; SECRET_BYTES]> {
    let digits = text.strip_prefix("0x").unwrap_or(text).as_bytes();
    let mut key = [0; SECRET_BYTES];
    if digits.len() != 2 * SECRET_BYTES {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.last()?)?;
    }
    Some(key)
}

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JwtError {
    /// It has not the form of one.
    #[error(
        "invalid token: expected three parts of base64url with points between them, the first two of them JSON"
    )]
    Malformed,
    /// It is signed in another way.
    #[error("invalid token: expected alg HS256")]
    Algorithm,
    /// It is signed with another secret.
    #[error("invalid token: the signature does not match; do both sides read the same secret?")]
    Signature,
    /// It does not say when it was made.
    #[error("missing issued-at: expected the claim iat, in seconds since 1970")]
    NoTime,
    /// It was made too long ago.
    #[error("stale token: iat is {seconds} s ago, expected within {IAT_WINDOW_SECONDS} s")]
    Stale {
        /// How long ago.
        seconds: u64,
    },
    /// It is from the future.
    #[error(
        "future token: iat is {seconds} s ahead, expected within {IAT_WINDOW_SECONDS} s; are the clocks right?"
    )]
    Future {
        /// How far ahead.
        seconds: u64,
    },
    /// It says itself that it is over.
    #[error("token is expired")]
    Expired,
}

/// Checks a token at a time, in seconds since 1970.
pub(crate) fn verify(key: &[u8; SECRET_BYTES], token: &str, now: u64) -> Result<(), JwtError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
    let header = json(header)?;
    if header.get("alg").and_then(Value::as_str) != Some("HS256") {
        return Err(JwtError::Algorithm);
    }
    let signature = BASE64URL.decode(signature).map_err(|_| JwtError::Malformed)?;
    let mac = Hmac::<Sha256>::new_from_slice(key).map_err(|_| JwtError::Signature)?;
    mac.chain_update(signed).verify_slice(&signature).map_err(|_| JwtError::Signature)?;
    // Only now is it somebody's who knows the secret.
    let claims = json(claims)?;
    let iat = claims.get("iat").and_then(Value::as_u64).ok_or(JwtError::NoTime)?;
    let seconds = now.saturating_sub(iat);
    if seconds > IAT_WINDOW_SECONDS {
        return Err(JwtError::Stale { seconds });
    }
    let seconds = iat.saturating_sub(now);
    if seconds > IAT_WINDOW_SECONDS {
        return Err(JwtError::Future { seconds });
    }
    match claims.get("exp").map(Value::as_u64) {
        Some(Some(exp)) if now < exp => Ok(()),
        Some(_) => Err(JwtError::Expired),
        None => Ok(()),
    }
}

fn json(part: &str) -> Result<Value, JwtError> {
    let bytes = BASE64URL.decode(part).map_err(|_| JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: [u8; 32] = [7; 32];
    const NOW: u64 = 1_700_000_000;

    fn token(header: &Value, claims: &Value, key: &[u8]) -> String {
        let part = |value: &Value| BASE64URL.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mac = Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&signed);
        format!("{signed}.{}", BASE64URL.encode(mac.finalize().into_bytes()))
    }

    fn usual(claims: &Value) -> String {
        token(&json!({"alg": "HS256", "typ": "JWT"}), claims, &KEY)
    }

    #[test]
    fn a_token_of_now_is_accepted() {
        for iat in [NOW, NOW - 60, NOW + 60] {
            assert_eq!(verify(&KEY, &usual(&json!({"iat": iat})), NOW), Ok(()), "{iat}");
        }
        let more = json!({"iat": NOW, "id": "lighthouse", "clv": "v5", "exp": NOW + 1});
        assert_eq!(verify(&KEY, &usual(&more), NOW), Ok(()));
    }

    #[test]
    fn another_time_is_refused_with_how_far_it_is() {
        let at = |iat: u64| verify(&KEY, &usual(&json!({"iat": iat})), NOW);
        assert_eq!(at(NOW - 61), Err(JwtError::Stale { seconds: 61 }));
        assert_eq!(at(NOW + 61), Err(JwtError::Future { seconds: 61 }));
        assert_eq!(at(u64::MAX), Err(JwtError::Future { seconds: u64::MAX - NOW }));
        let over = json!({"iat": NOW, "exp": NOW});
        assert_eq!(verify(&KEY, &usual(&over), NOW), Err(JwtError::Expired));
        assert_eq!(verify(&KEY, &usual(&json!({"iat": "now"})), NOW), Err(JwtError::NoTime));
    }

    #[test]
    fn what_somebody_else_signed_or_nobody_is_refused() {
        let claims = json!({"iat": NOW});
        let other = token(&json!({"alg": "HS256"}), &claims, &[8; 32]);
        assert_eq!(verify(&KEY, &other, NOW), Err(JwtError::Signature));
        for alg in ["none", "HS512", "RS256"] {
            let unsigned = token(&json!({"alg": alg}), &claims, &KEY);
            assert_eq!(verify(&KEY, &unsigned, NOW), Err(JwtError::Algorithm), "{alg}");
        }
        for malformed in ["", ".", "..", "a.b", "a.b.c", "!.!.!"] {
            assert_eq!(verify(&KEY, malformed, NOW), Err(JwtError::Malformed), "{malformed}");
        }
        let good = usual(&claims);
        for length in 0..good.len() {
            assert!(verify(&KEY, &good[..length], NOW).is_err(), "{length}");
        }
    }

    #[test]
    fn a_secret_is_made_once_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jwt.hex");
        let made = jwt_secret_file(&path).unwrap();
        assert_eq!(jwt_secret_file(&path).unwrap(), made);
        fs::write(&path, format!("0x{}\n", "ab".repeat(32))).unwrap();
        assert_eq!(key(jwt_secret_file(&path).unwrap().reveal()), Some([0xab; 32]));
        for bad in ["", "0x", &"ab".repeat(31), &"zz".repeat(32), &"ab".repeat(400)] {
            fs::write(&path, bad).unwrap();
            assert!(matches!(jwt_secret_file(&path), Err(JwtFileError::Content { .. })), "{bad}");
        }
    }
}
