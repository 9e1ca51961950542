//! Bencoding, strict: a dictionary whose keys are not in raw byte order is refused.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

/// Deepest nesting read.
const DEPTH_MAX: usize = 8;

/// A bencoded value.
#[derive(Clone, PartialEq, Eq)]
pub enum Bencode {
    /// A whole number.
    Int(i64),
    /// A byte string.
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Self>),
    /// A dictionary.
    Dict(BTreeMap<Vec<u8>, Self>),
}

impl Bencode {
    /// Reads exactly one value.
    ///
    /// # Errors
    ///
    /// If the bytes are not the one strict encoding of a value.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let mut reader = Reader { rest: bytes };
        let value = reader.value(DEPTH_MAX)?;
        ensure!(reader.rest.is_empty(), "expected the end, got {} more bytes", reader.rest.len());
        Ok(value)
    }

    /// Writes the value.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Int(number) => out.extend(format!("i{number}e").bytes()),
            Self::Bytes(bytes) => write_bytes(bytes, out),
            Self::List(values) => {
                out.push(b'l');
                values.iter().for_each(|value| value.write(out));
                out.push(b'e');
            }
            Self::Dict(entries) => {
                out.push(b'd');
                for (key, value) in entries {
                    write_bytes(key, out);
                    value.write(out);
                }
                out.push(b'e');
            }
        }
    }

    /// Returns the entry `key` of a dictionary.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Dict(entries) => entries.get(key.as_bytes()),
            Self::Int(_) | Self::Bytes(_) | Self::List(_) => None,
        }
    }

    /// Sets the entry `key` of a dictionary; other values stay as they are.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Self>) -> Self {
        if let Self::Dict(entries) = &mut self {
            entries.insert(key.as_bytes().to_vec(), value.into());
        }
        self
    }

    /// Returns the bytes of a byte string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Int(_) | Self::List(_) | Self::Dict(_) => None,
        }
    }

    /// Returns a number.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::Bytes(_) | Self::List(_) | Self::Dict(_) => None,
        }
    }

    /// Returns the elements of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            Self::Int(_) | Self::Bytes(_) | Self::Dict(_) => None,
        }
    }
}

fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend(format!("{}:", bytes.len()).bytes());
    out.extend(bytes);
}

/// Shows text as text and other bytes in hex.
impl std::fmt::Debug for Bencode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |bytes: &[u8]| {
            let readable = bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
            if readable {
                String::from_utf8_lossy(bytes).into_owned()
            } else {
                format!("0x{}", crate::hex::encode(bytes))
            }
        };
        match self {
            Self::Int(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => write!(f, "{:?}", text(bytes)),
            Self::List(values) => f.debug_list().entries(values).finish(),
            Self::Dict(entries) => f
                .debug_map()
                .entries(entries.iter().map(|(key, value)| (text(key), value)))
                .finish(),
        }
    }
}

impl From<i64> for Bencode {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<&[u8]> for Bencode {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<u8>> for Bencode {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<&str> for Bencode {
    fn from(text: &str) -> Self {
        Self::Bytes(text.into())
    }
}

impl<const N: usize> From<[u8; N]> for Bencode {
    fn from(bytes: [u8; N]) -> Self {
        Self::Bytes(bytes.to_vec())
    }
}

impl From<Vec<Self>> for Bencode {
    fn from(values: Vec<Self>) -> Self {
        Self::List(values)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Bencode> {
        let depth = depth.checked_sub(1).context("nested too deep")?;
        match self.rest.first() {
            Some(b'i') => {
                self.skip();
                Ok(Bencode::Int(self.number(b'e')?))
            }
            Some(b'0'..=b'9') => Ok(Bencode::Bytes(self.bytes()?.to_vec())),
            Some(b'l') => {
                self.skip();
                let mut values = Vec::new();
                while !self.at_end()? {
                    values.push(self.value(depth)?);
                }
                Ok(Bencode::List(values))
            }
            Some(b'd') => {
                self.skip();
                let mut entries = BTreeMap::<Vec<u8>, Bencode>::new();
                while !self.at_end()? {
                    let key = self.bytes()?.to_vec();
                    if let Some((last, _)) = entries.last_key_value() {
                        ensure!(*last < key, "keys out of order: {last:?}, then {key:?}");
                    }
                    entries.insert(key, self.value(depth)?);
                }
                Ok(Bencode::Dict(entries))
            }
            first => bail!("expected a bencoded value, got {first:?}"),
        }
    }

    fn skip(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }

    /// Steps over the `e` of a list or dictionary, if it is there.
    fn at_end(&mut self) -> Result<bool> {
        let end = *self.rest.first().context("cut short")? == b'e';
        if end {
            self.skip();
        }
        Ok(end)
    }

    fn number(&mut self, end: u8) -> Result<i64> {
        let length = self.rest.iter().position(|byte| *byte == end).context("cut short")?;
        let (digits, rest) = self.rest.split_at(length);
        let digits = std::str::from_utf8(digits)?;
        let number: i64 = digits.parse().with_context(|| format!("a number: {digits:?}"))?;
        ensure!(number.to_string() == digits, "expected {number}, got {digits}");
        self.rest = rest;
        self.skip();
        Ok(number)
    }

    fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = usize::try_from(self.number(b':')?)?;
        let (bytes, rest) = self.rest.split_at_checked(length).context("cut short")?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_of_bep_5_is_read_and_written_again() {
        let packet = b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe";
        let ping = Bencode::decode(packet).unwrap();
        assert_eq!(ping.get("q").and_then(Bencode::as_bytes), Some(b"ping".as_slice()));
        assert_eq!(ping.encode(), packet);
    }

    #[test]
    fn what_is_not_the_one_encoding_is_refused() {
        for bad in ["d1:bi1e1:ai1ee", "d1:ai1e1:ai1ee", "i01e", "i-0e", "3:ab", "le1", "d1:a"] {
            assert!(Bencode::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
