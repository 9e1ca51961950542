//! Rules that came later: those whose height is fixed by now, and those that blocks vote for.
//!
//! The votes are counted in `header::versionbits`; here is what is voted on.
//!
//! **Spec:** BIP-0009 (votes), BIP-0090 (fixed heights), BIP-0323 (which bits votes may use).

/// Version of a block that takes part in votes, without a vote.
pub const VERSION_TOP_BITS: u32 = 0x2000_0000;

/// The bits of a version that say whether it takes part in votes.
pub const VERSION_TOP_MASK: u32 = 0xe000_0000;

/// Bits that rules may be voted for with (BIP-0323 left the others to miners as a nonce).
///
/// What this bounds is which votes for unknown rules are warned of; a deployment may use any bit below 29.
pub const VERSION_BITS: u8 = 5;

/// A timeout that never comes.
pub const NO_TIMEOUT: i64 = i64::MAX;

/// A rule that holds from a height on, agreed on long ago.
///
/// **Spec:** Core's `Consensus::BuriedDeployment`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BuriedDeployment {
    /// A coinbase begins with its height (BIP-0034).
    Bip34,
    /// `CHECKLOCKTIMEVERIFY` (BIP-0065).
    Bip65,
    /// Strict DER signatures (BIP-0066).
    Bip66,
    /// Relative locks and median time past (BIP-0068, BIP-0112, BIP-0113).
    Csv,
    /// Witness commitments and empty dummies (BIP-0141, BIP-0147).
    Segwit,
}

impl BuriedDeployment {
    /// All of them, in the order Core reports them.
    pub const ALL: [Self; 5] = [Self::Bip34, Self::Bip66, Self::Bip65, Self::Csv, Self::Segwit];

    /// Returns the name answers carry (Core's `DeploymentName`).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bip34 => "bip34",
            Self::Bip65 => "bip65",
            Self::Bip66 => "bip66",
            Self::Csv => "csv",
            Self::Segwit => "segwit",
        }
    }

    /// Returns the rule with the name that options use, which is not always [`Self::name`] (Core's `GetBuriedDeployment`).
    #[must_use]
    pub fn by_option_name(name: &str) -> Option<Self> {
        match name {
            "bip34" => Some(Self::Bip34),
            "cltv" => Some(Self::Bip65),
            "dersig" => Some(Self::Bip66),
            "csv" => Some(Self::Csv),
            "segwit" => Some(Self::Segwit),
            _ => None,
        }
    }
}

/// When blocks may begin to vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentStart {
    /// There is no vote: the rule holds from genesis.
    Always,
    /// There is no vote: the rule never holds.
    Never,
    /// In the first period whose parent's median time past has reached this, Unix seconds.
    At(i64),
}

impl DeploymentStart {
    /// Reads Core's number: -1 is always, -2 is never, else Unix seconds.
    #[must_use]
    pub const fn from_core(time: i64) -> Self {
        match time {
            -1 => Self::Always,
            -2 => Self::Never,
            time => Self::At(time),
        }
    }

    /// Returns Core's number, the inverse of [`Self::from_core`].
    #[must_use]
    pub const fn to_core(self) -> i64 {
        match self {
            Self::Always => -1,
            Self::Never => -2,
            Self::At(time) => time,
        }
    }
}

/// A rule that blocks vote for with a bit of their version.
///
/// **Spec:** BIP-0009; Core's `Consensus::BIP9Deployment` and `VBDeploymentInfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// Its name in answers and options.
    pub name: String,
    /// The bit, below 29.
    pub bit: u8,
    /// When votes begin to count.
    pub start: DeploymentStart,
    /// Median time past from which a vote that was not won is lost, Unix seconds.
    pub timeout: i64,
    /// Height before which a vote that was won takes no effect.
    pub min_activation_height: u32,
    /// Blocks votes are counted over; at least 1.
    pub period: u32,
    /// Votes of a period that win; at most `period`.
    pub threshold: u32,
    /// Whether a miner that does not know the rule may build blocks under it.
    pub gbt_optional: bool,
}

impl Deployment {
    /// Returns a rule that exists to test votes with, never in force unless options say so.
    pub(super) fn test_dummy(start: DeploymentStart, threshold: u32, period: u32) -> Self {
        Self {
            name: "testdummy".to_owned(),
            bit: 28,
            start,
            timeout: NO_TIMEOUT,
            min_activation_height: 0,
            period,
            threshold,
            gbt_optional: true,
        }
    }

    /// Returns the version with only this rule's bit set.
    #[must_use]
    pub const fn mask(&self) -> u32 {
        1 << (self.bit & 31)
    }

    /// Returns whether a block of this version votes for it.
    #[must_use]
    pub const fn is_signalled_by(&self, version: i32) -> bool {
        let version = version.cast_unsigned();
        version & VERSION_TOP_MASK == VERSION_TOP_BITS && version & self.mask() != 0
    }
}
