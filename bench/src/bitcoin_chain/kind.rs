//! Kinds of outputs, what each costs a block, and how often each comes.

use std::str::FromStr;

use anyhow::{Context as _, ensure};
use clap::ValueEnum;

use super::SplitMix;

/// What an output pays to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Kind {
    /// The hash of a key (legacy).
    P2pkh,
    /// The hash of a 2-of-3 script (legacy, BIP-0016).
    P2shMultisig,
    /// A witness program of a key behind a script hash (BIP-0016, BIP-0141).
    P2shP2wpkh,
    /// A witness program of a key (BIP-0141).
    P2wpkh,
    /// A witness program of a 2-of-3 script (BIP-0141).
    P2wshMultisig,
    /// A taproot output spent by its key (BIP-0341).
    TaprootKey,
    /// A taproot output spent by one of two leaves (BIP-0342).
    TaprootScript,
    /// A 2-of-3 script itself (legacy).
    BareMultisig,
    /// `OP_TRUE`, which anyone can spend: everything but scripts and signatures.
    Trivial,
}

/// Kinds in the order of [`Mix`]'s weights.
pub(super) const KINDS: [Kind; 9] = [
    Kind::P2pkh,
    Kind::P2shMultisig,
    Kind::P2shP2wpkh,
    Kind::P2wpkh,
    Kind::P2wshMultisig,
    Kind::TaprootKey,
    Kind::TaprootScript,
    Kind::BareMultisig,
    Kind::Trivial,
];

impl Kind {
    /// Returns a bound of the weight units of an input that spends it, signatures of 72 bytes with their type included.
    #[must_use]
    pub const fn input_weight(self) -> u64 {
        match self {
            Self::P2pkh => 593,
            Self::P2shMultisig => 1_189,
            Self::P2shP2wpkh => 365,
            Self::P2wpkh => 273,
            Self::P2wshMultisig => 420,
            Self::TaprootKey => 232,
            Self::TaprootScript => 334,
            Self::BareMultisig => 754,
            Self::Trivial => 166,
        }
    }

    /// Returns the weight units of an output.
    #[must_use]
    pub const fn output_weight(self) -> u64 {
        4 * match self {
            Self::P2pkh => 34,
            Self::P2shMultisig | Self::P2shP2wpkh => 32,
            Self::P2wpkh => 31,
            Self::P2wshMultisig | Self::TaprootKey | Self::TaprootScript => 43,
            Self::BareMultisig => 114,
            Self::Trivial => 10,
        }
    }

    /// Returns the signature operation cost of an input that spends it.
    #[must_use]
    pub const fn input_sigops(self) -> u64 {
        match self {
            Self::P2shMultisig => 12,
            Self::P2shP2wpkh | Self::P2wpkh => 1,
            Self::P2wshMultisig => 3,
            Self::P2pkh
            | Self::TaprootKey
            | Self::TaprootScript
            | Self::BareMultisig
            | Self::Trivial => 0,
        }
    }

    /// Returns the signature operation cost of an output: a bare multisig counts 20 keys however few it names.
    #[must_use]
    pub const fn output_sigops(self) -> u64 {
        match self {
            Self::P2pkh => 4,
            Self::BareMultisig => 80,
            Self::P2shMultisig
            | Self::P2shP2wpkh
            | Self::P2wpkh
            | Self::P2wshMultisig
            | Self::TaprootKey
            | Self::TaprootScript
            | Self::Trivial => 0,
        }
    }
}

/// A ready-made mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// All kinds, as blocks of recent years have them, with `OP_RETURN` outputs and rare signature types.
    Mixed,
    /// Inputs of one ECDSA signature each.
    Ecdsa,
    /// Taproot, by key and by script.
    Taproot,
    /// What there was before segwit.
    Legacy,
    /// Outputs anyone can spend: what a block costs beside its scripts.
    Trivial,
}

impl Mode {
    /// Returns the weights of the mode.
    #[must_use]
    pub const fn mix(self) -> Mix {
        Mix(match self {
            Self::Mixed => [20, 5, 8, 36, 4, 18, 6, 3, 0],
            Self::Ecdsa => [30, 0, 10, 60, 0, 0, 0, 0, 0],
            Self::Taproot => [0, 0, 0, 0, 0, 70, 30, 0, 0],
            Self::Legacy => [80, 17, 0, 0, 0, 0, 0, 3, 0],
            Self::Trivial => [0, 0, 0, 0, 0, 0, 0, 0, 1],
        })
    }
}

/// How often each kind of output comes: weights, in the order of the kinds.
///
/// As text: `p2wpkh=60,taproot-key=40`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mix([u32; KINDS.len()]);

impl Mix {
    pub(super) fn draw(self, random: &mut SplitMix) -> Kind {
        let total = self.0.iter().copied().map(u64::from).sum();
        let mut left = random.below(total);
        for (kind, weight) in KINDS.into_iter().zip(self.0) {
            match left.checked_sub(weight.into()) {
                None => return kind,
                Some(rest) => left = rest,
            }
        }
        Kind::Trivial
    }
}

impl FromStr for Mix {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut weights = [0; KINDS.len()];
        for part in text.split(',') {
            let (name, weight) = part.split_once('=').context("expected KIND=WEIGHT,…")?;
            let kind = Kind::from_str(name.trim(), true).map_err(anyhow::Error::msg)?;
            let weight: u16 = weight.trim().parse().context("a weight is 0 to 65535")?;
            for (slot, candidate) in weights.iter_mut().zip(KINDS) {
                if candidate == kind {
                    *slot = weight.into();
                }
            }
        }
        ensure!(weights.iter().any(|weight| *weight > 0), "expected a weight that is not 0");
        Ok(Self(weights))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_read_and_drawn_from() {
        let mix: Mix = "p2wpkh=3,taproot-key=1".parse().unwrap();
        let mut random = SplitMix::new(7);
        let drawn: Vec<Kind> = (0..400).map(|_| mix.draw(&mut random)).collect();
        let keys = drawn.iter().filter(|kind| **kind == Kind::TaprootKey).count();
        assert!((50..150).contains(&keys));
        assert!(drawn.iter().all(|kind| matches!(kind, Kind::P2wpkh | Kind::TaprootKey)));
    }

    #[test]
    fn a_mix_of_nothing_is_refused() {
        assert!("p2pkh=0".parse::<Mix>().is_err());
        assert!("p2pkh".parse::<Mix>().is_err());
        assert!("p2shh=1".parse::<Mix>().is_err());
    }
}
