//! The forks of Ethereum, from the oldest to the newest.

use alloy_eips::eip7840::BlobParams;
use revm::primitives::hardfork::SpecId;

/// A set of rules: that of one fork and of all before it.
///
/// Forks that only move the difficulty bomb are among them, since a header is checked against its bomb. Forks that
/// only change how many blobs a block may hold are not: see [`Schedule::blobs_at`](super::Schedule::blobs_at).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fork {
    /// The first rules of all.
    Frontier,
    /// EIP-2, 7, 8.
    Homestead,
    /// EIP-150, also called Tangerine Whistle.
    Tangerine,
    /// EIP-155, 160, 161, 170.
    SpuriousDragon,
    /// EIP-100, 140, 196, 197, 198, 211, 214, 649, 658.
    Byzantium,
    /// EIP-145, 1014, 1052, 1234, 1283.
    Constantinople,
    /// Constantinople without EIP-1283.
    Petersburg,
    /// EIP-152, 1108, 1344, 1884, 2028, 2200.
    Istanbul,
    /// EIP-2384: the bomb.
    MuirGlacier,
    /// EIP-2565, 2718, 2929, 2930.
    Berlin,
    /// EIP-1559, 3198, 3529, 3541, 3554.
    London,
    /// EIP-4345: the bomb.
    ArrowGlacier,
    /// EIP-5133: the bomb.
    GrayGlacier,
    /// EIP-3675, 4399: proof of stake.
    Paris,
    /// EIP-3651, 3855, 3860, 4895.
    Shanghai,
    /// EIP-1153, 4788, 4844, 5656, 6780, 7516.
    Cancun,
    /// EIP-2537, 2935, 6110, 7002, 7251, 7623, 7685, 7691, 7702.
    Prague,
    /// EIP-7594, 7823, 7825, 7883, 7918, 7934, 7939, 7951.
    Osaka,
}

impl Fork {
    /// All forks, the oldest first.
    pub const ALL: [Self; 18] = [
        Self::Frontier,
        Self::Homestead,
        Self::Tangerine,
        Self::SpuriousDragon,
        Self::Byzantium,
        Self::Constantinople,
        Self::Petersburg,
        Self::Istanbul,
        Self::MuirGlacier,
        Self::Berlin,
        Self::London,
        Self::ArrowGlacier,
        Self::GrayGlacier,
        Self::Paris,
        Self::Shanghai,
        Self::Cancun,
        Self::Prague,
        Self::Osaka,
    ];

    /// Returns the interpreter's name of these rules.
    ///
    /// The interpreter takes Constantinople for what it was before `CREATE2`; its successor with one instruction
    /// changed is what Constantinople was.
    #[must_use]
    pub const fn spec_id(self) -> SpecId {
        match self {
            Self::Frontier => SpecId::FRONTIER,
            Self::Homestead => SpecId::HOMESTEAD,
            Self::Tangerine => SpecId::TANGERINE,
            Self::SpuriousDragon => SpecId::SPURIOUS_DRAGON,
            Self::Byzantium => SpecId::BYZANTIUM,
            Self::Constantinople | Self::Petersburg => SpecId::PETERSBURG,
            Self::Istanbul => SpecId::ISTANBUL,
            Self::MuirGlacier => SpecId::MUIR_GLACIER,
            Self::Berlin => SpecId::BERLIN,
            Self::London => SpecId::LONDON,
            Self::ArrowGlacier => SpecId::ARROW_GLACIER,
            Self::GrayGlacier => SpecId::GRAY_GLACIER,
            Self::Paris => SpecId::MERGE,
            Self::Shanghai => SpecId::SHANGHAI,
            Self::Cancun => SpecId::CANCUN,
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
        }
    }

    /// Returns the fork by the name that the test suites use, or `None` for a name not known.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "Frontier" => Self::Frontier,
            "Homestead" | "Dao" => Self::Homestead,
            "EIP150" | "TangerineWhistle" => Self::Tangerine,
            "EIP158" | "SpuriousDragon" => Self::SpuriousDragon,
            "Byzantium" => Self::Byzantium,
            "Constantinople" => Self::Constantinople,
            "ConstantinopleFix" | "Petersburg" => Self::Petersburg,
            "Istanbul" => Self::Istanbul,
            "MuirGlacier" => Self::MuirGlacier,
            "Berlin" => Self::Berlin,
            "London" => Self::London,
            "ArrowGlacier" => Self::ArrowGlacier,
            "GrayGlacier" => Self::GrayGlacier,
            "Merge" | "Paris" => Self::Paris,
            "Shanghai" => Self::Shanghai,
            "Cancun" => Self::Cancun,
            "Prague" => Self::Prague,
            "Osaka" => Self::Osaka,
            _ => return None,
        })
    }

    /// Returns how many blobs a block may hold from this fork on, if it changes that.
    ///
    /// **Spec:** EIP-4844, EIP-7691, EIP-7594.
    #[must_use]
    pub const fn blobs(self) -> Option<BlobParams> {
        match self {
            Self::Cancun => Some(BlobParams::cancun()),
            Self::Prague => Some(BlobParams::prague()),
            Self::Osaka => Some(BlobParams::osaka()),
            Self::Frontier
            | Self::Homestead
            | Self::Tangerine
            | Self::SpuriousDragon
            | Self::Byzantium
            | Self::Constantinople
            | Self::Petersburg
            | Self::Istanbul
            | Self::MuirGlacier
            | Self::Berlin
            | Self::London
            | Self::ArrowGlacier
            | Self::GrayGlacier
            | Self::Paris
            | Self::Shanghai => None,
        }
    }
}
