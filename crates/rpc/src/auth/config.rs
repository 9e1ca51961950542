//! The settings of authentication, and secrets that do not show themselves.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::COOKIE_USER;
use crate::config::ConfigError;

/// Which credentials are accepted. Those that are set stand beside each other; none set means no authentication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Where to write the cookie: a fresh credential at each start, readable by the node's own user alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_file: Option<PathBuf>,
    /// A token for `Authorization: Bearer`, of at least 16 visible ASCII characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Secret>,
    /// A user and a password for HTTP basic authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicUser>,
    /// A secret of 32 bytes, in hexadecimal, that tokens for `Authorization: Bearer` are signed with: HS256, made at most a minute ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt_secret: Option<Secret>,
}

/// A user of HTTP basic authentication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BasicUser {
    /// The name, without a colon.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Fewest characters of a bearer token: it is made by a machine, and a machine has no reason to be short.
const BEARER_TOKEN_CHARS_MIN: usize = 16;
/// Longest credential, in bytes, that still fits the header bound after base64.
const CREDENTIAL_BYTES_MAX: usize = 1_024;

impl AuthConfig {
    /// Whether a client has to say who it is.
    #[must_use]
    pub fn is_required(&self) -> bool {
        self.cookie_file.is_some()
            || self.bearer_token.is_some()
            || self.basic.is_some()
            || self.jwt_secret.is_some()
    }

    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        if let Some(token) = &self.bearer_token {
            let text = token.reveal();
            let visible = text.bytes().all(|b| b.is_ascii_graphic());
            if !visible || !(BEARER_TOKEN_CHARS_MIN..=CREDENTIAL_BYTES_MAX).contains(&text.len()) {
                let expected = "16 to 1024 visible ASCII characters";
                return Err(ConfigError::Credential { key: "auth.bearer_token", expected });
            }
        }
        if let Some(secret) = &self.jwt_secret
            && super::jwt::key(secret.reveal()).is_none()
        {
            let expected = "32 bytes as 64 hexadecimal digits";
            return Err(ConfigError::Credential { key: "auth.jwt_secret", expected });
        }
        if let Some(BasicUser { user, password }) = &self.basic {
            let usable = !user.is_empty()
                && user != COOKIE_USER
                && user.len() <= CREDENTIAL_BYTES_MAX
                && !user.chars().any(|c| c == ':' || c.is_control());
            if !usable {
                let expected =
                    "a name without colon or control characters, other than `__cookie__`";
                return Err(ConfigError::Credential { key: "auth.basic.user", expected });
            }
            let text = password.reveal();
            if text.is_empty()
                || text.len() > CREDENTIAL_BYTES_MAX
                || text.chars().any(char::is_control)
            {
                let expected = "1 to 1024 bytes without control characters";
                return Err(ConfigError::Credential { key: "auth.basic.password", expected });
            }
        }
        Ok(())
    }
}

/// What is shown instead of a secret.
const HIDDEN: &str = "<hidden>";

/// A text that is neither printed nor serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself; do not print it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == HIDDEN {
            // A shown configuration was read back; taking the placeholder for the secret would be a known password.
            return Err(serde::de::Error::custom(
                "expected a secret, got the placeholder `<hidden>`",
            ));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_printed_nor_serialised_nor_mistaken_for_its_placeholder() {
        let secret = Secret::new("swordfish");
        assert_eq!(format!("{secret:?}"), "<hidden>");
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(json, r#""<hidden>""#);
        assert!(serde_json::from_str::<Secret>(&json).is_err());
        assert_eq!(serde_json::from_str::<Secret>(r#""swordfish""#).unwrap(), secret);
    }

    #[test]
    fn weak_or_unsendable_credentials_are_refused_by_key() {
        let bearer = |token: &str| AuthConfig {
            bearer_token: Some(Secret::new(token)),
            ..AuthConfig::default()
        };
        assert!(bearer("short").validate().is_err());
        assert!(bearer("sixteen chars and a space").validate().is_err());
        assert!(bearer("0123456789abcdef").validate().is_ok());

        let basic = |user: &str, password: &str| AuthConfig {
            basic: Some(BasicUser { user: user.into(), password: Secret::new(password) }),
            ..AuthConfig::default()
        };
        for (user, password) in
            [("", "x"), ("a:b", "x"), ("__cookie__", "x"), ("a", ""), ("a", "x\n")]
        {
            assert!(basic(user, password).validate().is_err(), "{user:?} {password:?}");
        }
        assert!(basic("alice", "pässword").validate().is_ok());
    }
}
