//! Extended keys with Kaspa's version bytes: BIP32's keys by other names.
//!
//! | prefix | of | version bytes |
//! |---|---|---|
//! | `kprv`, `kpub` | the main network | `038f2ef4`, `038f332e` |
//! | `ktrv`, `ktub` | test networks | `03909e07`, `0390a241` |

use bitcoin::{
    base58,
    bip32::{Xpriv, Xpub},
    secp256k1::{All, Secp256k1},
};

use crate::suite::Mismatch;

/// Version bytes of one network.
#[derive(Debug, Clone, Copy)]
pub(super) struct Versions {
    secret: [u8; 4],
    public: [u8; 4],
}

const MAIN: Versions =
    Versions { secret: [0x03, 0x8f, 0x2e, 0xf4], public: [0x03, 0x8f, 0x33, 0x2e] };
const TEST: Versions =
    Versions { secret: [0x03, 0x90, 0x9e, 0x07], public: [0x03, 0x90, 0xa2, 0x41] };

/// Bitcoin's version of a secret extended key, which its reader wants to see.
const XPRV: [u8; 4] = [0x04, 0x88, 0xad, 0xe4];

/// Reads a secret extended key of either network.
pub(super) fn read(text: &str) -> Result<(Xpriv, Versions), Mismatch> {
    let bad = |error: &dyn core::fmt::Display| {
        Mismatch::new("extended key", "kprv… or ktrv…", error.to_string())
    };
    let mut bytes = base58::decode_check(text).map_err(|error| bad(&error))?;
    let known = [MAIN, TEST].into_iter().find(|known| bytes.starts_with(&known.secret));
    let versions = known.ok_or_else(|| bad(&"other version bytes"))?;
    bytes[..4].copy_from_slice(&XPRV);
    Ok((Xpriv::decode(&bytes).map_err(|error| bad(&error))?, versions))
}

impl Versions {
    /// Writes a secret extended key.
    pub(super) fn secret(self, key: &Xpriv) -> String {
        let mut bytes = key.encode();
        bytes[..4].copy_from_slice(&self.secret);
        base58::encode_check(&bytes)
    }

    /// Writes the public half of an extended key.
    pub(super) fn public(self, secp: &Secp256k1<All>, key: &Xpriv) -> String {
        let mut bytes = Xpub::from_priv(secp, key).encode();
        bytes[..4].copy_from_slice(&self.public);
        base58::encode_check(&bytes)
    }
}
