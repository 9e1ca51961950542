//! A string that is never shown.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What is printed in place of a secret.
pub(super) const REDACTED: &str = "<redacted>";

/// A password, token or key. `Debug`, `Display` and serialisation print a placeholder; the only way
/// to the text is [`Secret::expose`].
///
/// The default is empty, meaning "none", and prints as empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether no secret is set.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    const fn shown(&self) -> &'static str {
        if self.0.is_empty() { "" } else { REDACTED }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({:?})", self.shown())
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.shown())
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.shown())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // Someone pasted the output of `config show`; the node would run with a public password.
        if text == REDACTED {
            return Err(de::Error::invalid_value(
                de::Unexpected::Other("a placeholder"),
                &"the secret itself, not the placeholder that `config show` prints",
            ));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_never_printed_nor_serialised() {
        let secret = Secret::new("hunter2".to_owned());
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(!shown.contains("hunter2"), "{shown}");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn rejects_its_own_placeholder() {
        let error = serde_json::from_str::<Secret>("\"<redacted>\"").unwrap_err().to_string();
        assert!(error.contains("not the placeholder"), "{error}");
    }
}
