//! Who may use the server: a cookie file, a bearer token, a user with a password, a shared secret that tokens are signed with, or any of
//! those together.
//!
//! A credential is kept and compared as its SHA-256 digest, in constant time, and every accepted credential is looked
//! at before the answer is given: neither the length of a secret nor which one nearly matched can be timed.
//!
//! **Spec:** RFC 9110 §11 (authentication), RFC 7617 (Basic), RFC 6750 §2.1 (Bearer).

mod config;
mod cookie;
mod jwt;

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderMap, HeaderValue, header};
use sha2::{Digest as _, Sha256};
use subtle::{ConditionallySelectable as _, ConstantTimeEq as _};

pub use config::{AuthConfig, BasicUser, Secret};
pub(crate) use cookie::CookieFile;
pub use cookie::{COOKIE_USER, CookieError};
pub(crate) use jwt::JwtError;
pub use jwt::{JwtFileError, jwt_secret_file};

/// Who a request comes from; methods find it in their extensions, inside [`Peer`](crate::Peer).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// No authentication is configured.
    Anonymous,
    /// The holder of the cookie file: somebody with the node's own access to its files.
    Cookie,
    /// The holder of the bearer token.
    Bearer,
    /// The configured user.
    Basic,
    /// Somebody who knows the secret that tokens are signed with.
    Jwt,
}

/// The largest `Authorization` header that is looked at, in bytes.
const AUTHORIZATION_BYTES_MAX: usize = 4_096;

type CredentialDigest = [u8; 32];

/// Checks the `Authorization` header of every request.
#[derive(Debug, Default)]
pub(crate) struct Authenticator {
    /// Digests of `user:password`.
    basic: Vec<(Identity, CredentialDigest)>,
    bearer: Vec<(Identity, CredentialDigest)>,
    jwt: Option<[u8; 32]>,
    required: bool,
}

/// The request carries no credential that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// There is no usable `Authorization` header.
    Missing,
    /// There is one, and it is wrong.
    Wrong,
    /// There is a signed token, and it is not accepted.
    Token(JwtError),
}

impl Authenticator {
    pub(crate) fn new(config: &AuthConfig, cookie: Option<&CookieFile>) -> Self {
        let mut this = Self { required: config.is_required(), ..Self::default() };
        if let Some(cookie) = cookie {
            this.basic.push((Identity::Cookie, digest(cookie.credential().as_bytes())));
        }
        if let Some(BasicUser { user, password }) = &config.basic {
            let credential = format!("{user}:{}", password.reveal());
            this.basic.push((Identity::Basic, digest(credential.as_bytes())));
        }
        if let Some(token) = &config.bearer_token {
            this.bearer.push((Identity::Bearer, digest(token.reveal().as_bytes())));
        }
        this.jwt = config.jwt_secret.as_ref().and_then(|secret| jwt::key(secret.reveal()));
        this
    }

    /// Tells who sent these headers.
    ///
    /// Two `Authorization` headers are refused: which of them a proxy looked at could not be told.
    pub(crate) fn check(&self, headers: &HeaderMap) -> Result<Identity, Refusal> {
        if !self.required {
            return Ok(Identity::Anonymous);
        }
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::Missing);
        };
        let text = value.to_str().map_err(|_| Refusal::Wrong)?;
        if text.len() > AUTHORIZATION_BYTES_MAX {
            return Err(Refusal::Wrong);
        }
        let (scheme, credential) = text.split_once(' ').ok_or(Refusal::Missing)?;
        if scheme.eq_ignore_ascii_case("basic") {
            let decoded = BASE64.decode(credential.trim()).map_err(|_| Refusal::Wrong)?;
            matching(&self.basic, &decoded).ok_or(Refusal::Wrong)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let credential = credential.trim();
            match (matching(&self.bearer, credential.as_bytes()), &self.jwt) {
                (Some(identity), _) => Ok(identity),
                (None, Some(key)) => jwt::verify(key, credential, now())
                    .map(|()| Identity::Jwt)
                    .map_err(Refusal::Token),
                (None, None) => Err(Refusal::Wrong),
            }
        } else {
            Err(Refusal::Missing)
        }
    }

    /// The `WWW-Authenticate` headers of a refusal: one for each accepted scheme.
    pub(crate) fn challenges(&self) -> impl Iterator<Item = HeaderValue> {
        let basic = (!self.basic.is_empty()).then_some(r#"Basic realm="rpc", charset="UTF-8""#);
        let by_bearer = !self.bearer.is_empty() || self.jwt.is_some();
        let bearer = by_bearer.then_some(r#"Bearer realm="rpc""#);
        basic.into_iter().chain(bearer).map(HeaderValue::from_static)
    }

    /// What a refused client can do. Paths and user names are not told to strangers.
    pub(crate) fn advice(&self) -> Vec<&'static str> {
        let basic = self.basic.iter().map(|(identity, _)| match identity {
            Identity::Cookie => {
                "send the content of the node's cookie file as HTTP basic credentials"
            }
            Identity::Anonymous | Identity::Bearer | Identity::Basic | Identity::Jwt => {
                "send the configured user and password as HTTP basic credentials"
            }
        });
        let bearer = self
            .bearer
            .iter()
            .map(|_| "send the configured token as `Authorization: Bearer <token>`");
        let jwt = self.jwt.iter().map(|_| {
            "send `Authorization: Bearer <token>` with a token made now and signed with the secret file (HS256, claim iat)"
        });
        basic.chain(bearer).chain(jwt).collect()
    }
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn digest(credential: &[u8]) -> CredentialDigest {
    Sha256::digest(credential).into()
}

/// Looks at every accepted credential, also after one has matched.
fn matching(accepted: &[(Identity, CredentialDigest)], credential: &[u8]) -> Option<Identity> {
    let given = digest(credential);
    let mut found = 0_u8;
    for (position, (_, expected)) in (1_u8..).zip(accepted) {
        found.conditional_assign(&position, expected.ct_eq(&given));
    }
    let index = usize::from(found).checked_sub(1)?;
    accepted.get(index).map(|(identity, _)| *identity)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn basic(credential: &str) -> HeaderMap {
        headers(&format!("Basic {}", BASE64.encode(credential)))
    }

    fn both() -> Authenticator {
        let config = AuthConfig {
            cookie_file: None,
            bearer_token: Some(Secret::new("a-token-of-24-characters")),
            basic: Some(BasicUser { user: "alice".into(), password: Secret::new("open sesame") }),
            jwt_secret: None,
        };
        Authenticator::new(&config, None)
    }

    #[test]
    fn each_configured_credential_is_accepted_as_its_own_identity() {
        assert_eq!(both().check(&basic("alice:open sesame")), Ok(Identity::Basic));
        assert_eq!(both().check(&headers("bearer a-token-of-24-characters")), Ok(Identity::Bearer));
    }

    #[test]
    fn nothing_else_is_accepted() {
        assert_eq!(both().check(&HeaderMap::new()), Err(Refusal::Missing));
        assert_eq!(both().check(&headers("Digest x")), Err(Refusal::Missing));
        for wrong in [
            "Bearer a-token-of-24-character",
            "Bearer ",
            "Basic %%%",
            "Basic ",
            "bearer open sesame",
        ] {
            assert_eq!(both().check(&headers(wrong)), Err(Refusal::Wrong), "{wrong}");
        }
        for wrong in
            ["alice:open sesam", "alice", ":", "", "a-token-of-24-characters", "alice:open sesame "]
        {
            assert_eq!(both().check(&basic(wrong)), Err(Refusal::Wrong), "{wrong}");
        }
    }

    #[test]
    fn two_authorization_headers_are_refused_even_if_one_is_right() {
        let mut twice = basic("alice:open sesame");
        twice.append(
            header::AUTHORIZATION,
            HeaderValue::from_static("Bearer a-token-of-24-characters"),
        );
        assert_eq!(both().check(&twice), Err(Refusal::Missing));
    }

    #[test]
    fn a_header_beyond_the_bound_is_refused_unread() {
        assert_eq!(
            both().check(&headers(&format!("Basic {}", "A".repeat(8_000)))),
            Err(Refusal::Wrong)
        );
    }

    #[test]
    fn without_configuration_everybody_is_anonymous() {
        let open = Authenticator::new(&AuthConfig::default(), None);
        assert_eq!(open.check(&HeaderMap::new()), Ok(Identity::Anonymous));
        assert_eq!(open.challenges().count(), 0);
    }
}
