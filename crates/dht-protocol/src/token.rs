//! Storage tokens: a node stores only for addresses it has just answered.
//!
//! A token is a keyed hash of the asker's address and the key it asked for, so nothing is kept per
//! asker, a spoofed source gets nothing it can use, and a token for one key opens no other. The port
//! does not count: a sender behind address translation may change it between two packets.
//!
//! Invariants: a token is accepted for at least [`ROTATION`] and at most twice that; comparison
//! takes constant time.
//!
//! **Spec:** BEP 5, "get_peers": secrets change every five minutes, tokens up to ten minutes old are
//! accepted. Deviation: BEP 5 does not tie the token to the key.

use core::{net::IpAddr, time::Duration};

use quintet_crypto::{constant_time_eq, keyed::SipKey};
use quintet_primitives::time::Instant;
use rand::{Rng, RngExt};

use crate::{key::Key, message::Token};

/// Time between two secrets.
pub const ROTATION: Duration = Duration::from_secs(5 * 60);

/// Length of the tokens made here, in bytes.
pub const TOKEN_LEN: usize = 8;

/// Makes and checks storage tokens.
#[derive(Debug)]
pub struct Tokens {
    current: SipKey,
    previous: SipKey,
    rotated_at: Instant,
}

impl Tokens {
    /// Starts with two fresh secrets.
    pub fn new(now: Instant, rng: &mut impl Rng) -> Self {
        Self {
            current: SipKey::new(rng.random()),
            previous: SipKey::new(rng.random()),
            rotated_at: now,
        }
    }

    /// Changes the secret if it is due; call before [`Self::issue`] and [`Self::accepts`].
    pub fn rotate(&mut self, now: Instant, rng: &mut impl Rng) {
        let age = now - self.rotated_at;
        if age < ROTATION {
            return;
        }
        // After a long pause no token of before may pass, so the previous secret goes as well.
        self.previous = if age < ROTATION * 2 { self.current } else { SipKey::new(rng.random()) };
        self.current = SipKey::new(rng.random());
        self.rotated_at = now;
    }

    /// Returns the instant at which the secret is to change.
    #[must_use]
    pub const fn next_rotation(&self) -> Instant {
        self.rotated_at.saturating_add(ROTATION)
    }

    /// Makes the token that lets `ip` store under `key`.
    #[must_use]
    pub fn issue(&self, ip: IpAddr, key: Key) -> Token {
        make(&self.current, ip, key)
    }

    /// Returns whether `token` lets `ip` store under `key`.
    #[must_use]
    pub fn accepts(&self, token: &Token, ip: IpAddr, key: Key) -> bool {
        let current = make(&self.current, ip, key);
        let previous = make(&self.previous, ip, key);
        // Both are compared, so that time does not tell which secret made the token.
        constant_time_eq(token.as_bytes(), current.as_bytes())
            | constant_time_eq(token.as_bytes(), previous.as_bytes())
    }
}

fn make(secret: &SipKey, ip: IpAddr, key: Key) -> Token {
    let hash = match ip.to_canonical() {
        IpAddr::V4(ip) => secret.hash(&[&[4], &ip.octets(), key.as_bytes()]),
        IpAddr::V6(ip) => secret.hash(&[&[6], &ip.octets(), key.as_bytes()]),
    };
    let bytes: [u8; TOKEN_LEN] = hash.to_be_bytes();
    Token::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    const KEY: Key = Key::new([1; 20]);
    const IP: IpAddr = IpAddr::V4(core::net::Ipv4Addr::new(8, 8, 8, 8));

    fn tokens() -> (Tokens, StdRng) {
        let mut rng = StdRng::seed_from_u64(1);
        (Tokens::new(Instant::ZERO, &mut rng), rng)
    }

    #[test]
    fn a_token_opens_its_own_address_and_key_only() {
        let (tokens, _) = tokens();
        let token = tokens.issue(IP, KEY);
        assert!(tokens.accepts(&token, IP, KEY));
        assert!(!tokens.accepts(&token, IpAddr::from([8, 8, 8, 9]), KEY));
        assert!(!tokens.accepts(&token, IP, Key::new([2; 20])));
    }

    #[test]
    fn a_forged_or_cut_token_is_refused() {
        let (tokens, _) = tokens();
        let token = tokens.issue(IP, KEY);
        for len in 0..TOKEN_LEN {
            let cut = Token::from_slice(&token.as_bytes()[..len]).unwrap();
            assert!(!tokens.accepts(&cut, IP, KEY), "{len} bytes");
        }
        assert!(!tokens.accepts(&Token::from_bytes([0; TOKEN_LEN]), IP, KEY));
    }

    #[test]
    fn a_token_outlives_one_change_of_secret_and_not_two() {
        let (mut tokens, mut rng) = tokens();
        let token = tokens.issue(IP, KEY);
        tokens.rotate(Instant::ZERO.saturating_add(ROTATION), &mut rng);
        assert!(tokens.accepts(&token, IP, KEY));
        tokens.rotate(Instant::ZERO.saturating_add(ROTATION * 2), &mut rng);
        assert!(!tokens.accepts(&token, IP, KEY));
    }

    #[test]
    fn no_token_of_before_a_long_pause_is_accepted() {
        let (mut tokens, mut rng) = tokens();
        let token = tokens.issue(IP, KEY);
        tokens.rotate(Instant::ZERO.saturating_add(ROTATION * 2), &mut rng);
        assert!(!tokens.accepts(&token, IP, KEY));
    }
}
