//! Byte sizes as people write them: `64MiB`, `1GB`, `4096`.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What a size looks like; completes "expected …".
const EXPECTED: &str = "a size such as 4096, 512KiB, 64MiB, 2GiB or 1GB";

/// Units, the ones used for printing first, from large to small.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
];

/// A number of bytes, written with a unit (`B`, `kB`, `KiB`, …) or plain.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteSize(u64);

impl ByteSize {
    /// From bytes.
    #[must_use]
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// From mebibytes (1024 × 1024 bytes), capped at the largest size.
    #[must_use]
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(1 << 20))
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

/// A text is not a size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {EXPECTED}; found {found:?}")]
pub struct SizeError {
    /// The text.
    pub found: String,
}

impl FromStr for ByteSize {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map(Self).ok_or_else(|| SizeError { found: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let count: u64 = digits.parse().ok()?;
    match unit.trim_start() {
        "" => Some(count),
        "KB" => count.checked_mul(1_000),
        unit => {
            let (_, bytes) = UNITS.iter().find(|(name, _)| *name == unit)?;
            count.checked_mul(*bytes)
        }
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.iter().find(|(_, bytes)| self.0 != 0 && self.0.is_multiple_of(*bytes));
        let (unit, bytes) = whole.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / bytes)
    }
}

impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = ByteSize;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(EXPECTED)
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                Ok(ByteSize(bytes))
            }
            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
                let unsigned = u64::try_from(bytes);
                unsigned
                    .map(ByteSize)
                    .map_err(|_| E::invalid_value(de::Unexpected::Signed(bytes), &self))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_binary_and_decimal_units() {
        for (text, bytes) in [
            ("4096", 4096),
            ("0", 0),
            ("100B", 100),
            ("64MiB", 64 << 20),
            ("2 GiB", 2 << 30),
            ("1GB", 1_000_000_000),
            ("5kB", 5_000),
            ("5KB", 5_000),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::from_bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn rejects_unknown_units_and_what_does_not_fit() {
        for text in ["", "MiB", "64M", "64mib", "1.5GiB", "-1", "99999999TiB"] {
            let error = text.parse::<ByteSize>().unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("expected a size such as 4096, 512KiB, 64MiB, 2GiB or 1GB; found {text:?}")
            );
        }
    }

    #[test]
    fn accepts_a_plain_number_of_bytes_in_a_file() {
        assert_eq!(serde_json::from_str::<ByteSize>("4096").unwrap(), ByteSize::from_bytes(4096));
        assert!(serde_json::from_str::<ByteSize>("-1").is_err());
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bytes: u64) {
            let size = ByteSize::from_bytes(bytes);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }
    }
}
