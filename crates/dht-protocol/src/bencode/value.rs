//! Cursors over bytes that have been checked: nothing is copied, nothing can fail.

/// What sort of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `i…e`.
    Int,
    /// `n:…`.
    Bytes,
    /// `l…e`.
    List,
    /// `d…e`.
    Dict,
}

/// One value of a checked input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value<'a> {
    raw: &'a [u8],
}

impl<'a> Value<'a> {
    /// Wraps the bytes of one value that the scanner has accepted.
    pub(super) const fn new(raw: &'a [u8]) -> Self {
        Self { raw }
    }

    /// Returns the value's exact bytes, which is what hashes and signatures cover.
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        self.raw
    }

    /// Returns the sort of value.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.raw.first() {
            Some(b'i') => Kind::Int,
            Some(b'l') => Kind::List,
            Some(b'd') => Kind::Dict,
            _ => Kind::Bytes,
        }
    }

    /// Returns the number, if it is one.
    #[must_use]
    pub fn as_int(self) -> Option<i64> {
        let digits = self.raw.strip_prefix(b"i")?.strip_suffix(b"e")?;
        core::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Returns the string's bytes, if it is a string.
    #[must_use]
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        let (start, length) = string_at(self.raw)?;
        self.raw.get(start..start + length)
    }

    /// Returns the values, if it is a list.
    #[must_use]
    pub fn as_list(self) -> Option<List<'a>> {
        Some(List { rest: self.raw.strip_prefix(b"l")?.strip_suffix(b"e")? })
    }

    /// Returns the entries, if it is a dictionary.
    #[must_use]
    pub fn as_dict(self) -> Option<Dict<'a>> {
        Some(Dict { rest: self.raw.strip_prefix(b"d")?.strip_suffix(b"e")? })
    }
}

/// The values of a list, in order.
#[derive(Debug, Clone)]
pub struct List<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for List<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        take(&mut self.rest)
    }
}

/// The entries of a dictionary, in the order of the input.
#[derive(Debug, Clone)]
pub struct Dict<'a> {
    rest: &'a [u8],
}

impl<'a> Dict<'a> {
    /// Returns the value of the first entry with this key. Walks over the entries before it.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Value<'a>> {
        self.clone().find(|(name, _)| *name == key).map(|(_, value)| value)
    }
}

impl<'a> Iterator for Dict<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, length) = string_at(self.rest)?;
        let key = self.rest.get(start..start + length)?;
        self.rest = self.rest.get(start + length..)?;
        Some((key, take(&mut self.rest)?))
    }
}

/// Splits the first value off `rest`.
fn take<'a>(rest: &mut &'a [u8]) -> Option<Value<'a>> {
    let (raw, left) = rest.split_at_checked(length_of_first(rest)?)?;
    *rest = left;
    Some(Value::new(raw))
}

/// Returns how long the first value in `bytes` is. They have been checked, so depth is a count.
fn length_of_first(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    let mut depth = 0_usize;
    loop {
        let rest = bytes.get(at..)?;
        match *rest.first()? {
            b'i' => at += rest.iter().position(|byte| *byte == b'e')? + 1,
            b'l' | b'd' => {
                depth += 1;
                at += 1;
            }
            b'e' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ => {
                let (start, length) = string_at(rest)?;
                at += start + length;
            }
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Returns where the bytes of the string that begins here start, and how many there are.
fn string_at(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut length = 0_usize;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                length = length.checked_mul(10)?.checked_add(usize::from(byte - b'0'))?;
            }
            b':' => return Some((at + 1, length)),
            _ => return None,
        }
    }
    None
}
