//! One input to be verified, and what is said of it.

use std::fmt::{self, Write as _};

use anyhow::{Context as _, ensure};
use bitcoin::{
    Amount, ScriptBuf, Transaction, TxOut,
    consensus::{deserialize, serialize},
    hex::{DisplayHex as _, FromHex as _},
};

/// The flags of consensus, which judges know, by Bitcoin Core's bits: P2SH, DERSIG, NULLDUMMY, CHECKLOCKTIMEVERIFY,
/// CHECKSEQUENCEVERIFY, WITNESS, TAPROOT.
pub const FLAGS: [(&str, u32); 7] = [
    ("P2SH", 1),
    ("DERSIG", 1 << 2),
    ("NULLDUMMY", 1 << 4),
    ("CHECKLOCKTIMEVERIFY", 1 << 9),
    ("CHECKSEQUENCEVERIFY", 1 << 10),
    ("WITNESS", 1 << 11),
    ("TAPROOT", 1 << 17),
];

/// Returns flags with those they need: Bitcoin Core asserts that TAPROOT comes with WITNESS and that with P2SH.
pub fn closed(flags: u32) -> u32 {
    let mut all = flags & FLAGS.iter().fold(0, |all, (_, bit)| all | bit);
    if all & (1 << 17) != 0 {
        all |= 1 << 11;
    }
    if all & (1 << 11) != 0 {
        all |= 1;
    }
    all
}

/// One input to be verified.
#[derive(Debug, Clone)]
pub struct Case {
    /// Where it comes from and what was done to it.
    pub category: &'static str,
    /// The spending transaction.
    pub tx: Transaction,
    /// What each of its inputs spends.
    pub prevouts: Vec<TxOut>,
    /// Which input.
    pub input: usize,
    /// Under which flags, Bitcoin Core's bits.
    pub flags: u32,
}

impl Case {
    /// Returns the serialised transaction.
    pub fn bytes(&self) -> Vec<u8> {
        serialize(&self.tx)
    }

    /// Reads what `Display` writes.
    ///
    /// # Errors
    ///
    /// If it is something else.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let mut parts = text.trim().split(';');
        let mut next = || parts.next().context("expected TX;INPUT;FLAGS;AMOUNT:SCRIPT,…");
        let tx: Transaction = deserialize(&Vec::from_hex(next()?)?)?;
        let input = next()?.parse()?;
        let flags = closed(next()?.parse()?);
        let prevouts = next()?
            .split(',')
            .map(|prevout| {
                let (value, script) = prevout.split_once(':').context("expected AMOUNT:SCRIPT")?;
                let script_pubkey = ScriptBuf::from_bytes(Vec::from_hex(script)?);
                Ok(TxOut { value: Amount::from_sat(value.parse()?), script_pubkey })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        ensure!(prevouts.len() == tx.input.len(), "expected an output spent for each input");
        ensure!(input < tx.input.len(), "expected an input below {}", tx.input.len());
        Ok(Self { category: "given", tx, prevouts, input, flags })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut prevouts = String::new();
        for TxOut { value, script_pubkey } in &self.prevouts {
            let separator = if prevouts.is_empty() { "" } else { "," };
            let script = script_pubkey.as_bytes().as_hex();
            write!(prevouts, "{separator}{}:{script}", value.to_sat())?;
        }
        write!(f, "{};{};{};{prevouts}", self.bytes().as_hex(), self.input, self.flags)
    }
}

/// What an engine says of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The input may spend what it spends.
    Valid,
    /// It may not; why, where the engine tells.
    Invalid(Option<String>),
    /// The engine takes no such case.
    Unable(String),
    /// The engine is broken: it panicked, or contradicts itself.
    Broken(String),
}

impl Verdict {
    /// Returns whether two engines contradict each other.
    pub const fn contradicts(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Broken(_), _) | (_, Self::Broken(_)) => true,
            (Self::Unable(_), _) | (_, Self::Unable(_)) => false,
            (Self::Valid, other) => !matches!(other, Self::Valid),
            (Self::Invalid(_), other) => !matches!(other, Self::Invalid(_)),
        }
    }
}

/// Somebody else's engine.
pub trait Judge: Sync {
    /// Returns its name and version.
    fn name(&self) -> &'static str;

    /// Returns its verdict.
    fn verdict(&self, case: &Case, bytes: &[u8]) -> Verdict;

    /// Returns whether it reads these bytes as a transaction; `None` if it cannot tell.
    fn decodes(&self, bytes: &[u8]) -> Option<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_bring_those_they_need() {
        assert_eq!(closed(1 << 17), 1 << 17 | 1 << 11 | 1);
        assert_eq!(closed(1 << 3), 0);
    }

    #[test]
    fn a_case_is_read_back_from_what_was_printed() {
        let text = "01000000010000000000000000000000000000000000000000000000000000000000000000\
                    00000000015100000000010100000000000000015100000000;0;1;5:51";
        let case = Case::parse(text).unwrap();
        assert_eq!(case.to_string(), text);
        assert!(Case::parse("00").is_err());
    }
}
