//! Paths in a trie: half bytes, and their compact ("hex-prefix") encoding.

use std::fmt;

/// Longest key, bytes: that of a hash.
pub const KEY_BYTES_MAX: usize = 32;

const NIBBLES_MAX: usize = KEY_BYTES_MAX * 2;

/// At most 64 half bytes, kept inline.
#[derive(Clone, Copy)]
pub struct Nibbles {
    len: u8,
    nibbles: [u8; NIBBLES_MAX],
}

impl Nibbles {
    /// No half bytes: the path of the root.
    pub const EMPTY: Self = Self { len: 0, nibbles: [0; NIBBLES_MAX] };

    /// Splits a key into half bytes. What is beyond [`KEY_BYTES_MAX`] is left out.
    #[must_use]
    pub fn unpack(key: &[u8]) -> Self {
        let mut path = Self::EMPTY;
        for byte in key.iter().take(KEY_BYTES_MAX) {
            path.push(byte >> 4);
            path.push(byte & 15);
        }
        path
    }

    /// Takes half bytes as they are; `None` if there are more than 64 or one is above 15.
    #[must_use]
    pub fn from_slice(nibbles: &[u8]) -> Option<Self> {
        if nibbles.iter().any(|nibble| *nibble > 15) {
            return None;
        }
        let mut path = Self::EMPTY;
        path.nibbles.get_mut(..nibbles.len())?.copy_from_slice(nibbles);
        path.len = u8::try_from(nibbles.len()).ok()?;
        Some(path)
    }

    /// The half bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.nibbles.get(..self.len()).unwrap_or_default()
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends one, if there is room.
    pub(crate) fn push(&mut self, nibble: u8) {
        if let Some(place) = self.nibbles.get_mut(usize::from(self.len)) {
            *place = nibble & 15;
            self.len += 1;
        }
    }

    /// Returns these followed by others, as far as there is room.
    #[must_use]
    pub fn join(&self, more: &[u8]) -> Self {
        let mut path = *self;
        for nibble in more {
            path.push(*nibble);
        }
        path
    }

    /// Returns the bytes of a path that is a whole key.
    pub(crate) fn pack(&self) -> ([u8; KEY_BYTES_MAX], usize) {
        let mut key = [0; KEY_BYTES_MAX];
        for (byte, pair) in key.iter_mut().zip(self.as_slice().chunks_exact(2)) {
            *byte = pair.iter().fold(0, |byte, nibble| (byte << 4) | nibble);
        }
        (key, self.len() / 2)
    }

    /// Reads a compact encoding; the flag says whether it ends at a value.
    ///
    /// **Spec:** Yellow Paper, appendix C.
    #[must_use]
    pub fn from_compact(bytes: &[u8]) -> Option<(Self, bool)> {
        let (first, rest) = bytes.split_first()?;
        let (flags, odd) = (first >> 4, first & 15);
        let mut path = Self::EMPTY;
        match flags {
            0 | 2 if odd == 0 => {}
            1 | 3 => path.push(odd),
            _ => return None,
        }
        if path.len() + 2 * rest.len() > NIBBLES_MAX {
            return None;
        }
        for byte in rest {
            path.push(byte >> 4);
            path.push(byte & 15);
        }
        Some((path, flags >= 2))
    }

    /// Returns the compact encoding of half bytes; `leaf` says whether they end at a value.
    ///
    /// **Spec:** Yellow Paper, appendix C.
    #[must_use]
    pub fn to_compact(nibbles: &[u8], leaf: bool) -> Compact {
        let mut bytes = [0; KEY_BYTES_MAX + 1];
        let odd = nibbles.len() % 2;
        let (head, pairs) = nibbles.split_at(odd);
        bytes[0] =
            (if leaf { 32 } else { 0 }) | head.first().map_or(0, |nibble| 16 | (nibble & 15));
        for (byte, pair) in bytes[1..].iter_mut().zip(pairs.chunks_exact(2)) {
            *byte = pair.iter().fold(0, |byte, nibble| (byte << 4) | (nibble & 15));
        }
        Compact { bytes, len: (1 + nibbles.len() / 2).min(KEY_BYTES_MAX + 1) }
    }
}

/// A path in its compact encoding.
#[derive(Debug, Clone, Copy)]
pub struct Compact {
    bytes: [u8; KEY_BYTES_MAX + 1],
    len: usize,
}

impl Compact {
    /// Returns the compact encoding of a key's half bytes from `depth` on, as a leaf has them.
    pub(crate) fn of_key(key: &[u8], depth: usize) -> Self {
        let mut bytes = [0; KEY_BYTES_MAX + 1];
        let rest = key.get(depth.div_ceil(2)..).unwrap_or_default();
        bytes[0] = if depth % 2 == 1 { 48 | nibble(key, depth) } else { 32 };
        for (place, byte) in bytes[1..].iter_mut().zip(rest) {
            *place = *byte;
        }
        Self { bytes, len: (1 + rest.len()).min(KEY_BYTES_MAX + 1) }
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

/// Returns the half byte of a key at `depth`; 0 beyond its end.
pub(crate) fn nibble(key: &[u8], depth: usize) -> u8 {
    let byte = key.get(depth / 2).copied().unwrap_or_default();
    if depth.is_multiple_of(2) { byte >> 4 } else { byte & 15 }
}

/// Returns how many half bytes two keys share from `depth` on.
pub(crate) fn shared(a: &[u8], b: &[u8], depth: usize) -> usize {
    let end = 2 * a.len().min(b.len());
    let mut at = depth;
    if at % 2 == 1 && at < end {
        if nibble(a, at) != nibble(b, at) {
            return 0;
        }
        at += 1;
    }
    let (a, b) = (a.get(at / 2..).unwrap_or_default(), b.get(at / 2..).unwrap_or_default());
    let whole = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let half = a.get(whole).zip(b.get(whole)).is_some_and(|(a, b)| a >> 4 == b >> 4);
    (at + 2 * whole + usize::from(half)).saturating_sub(depth)
}

/// Returns how many half bytes a key shares with `path` from `depth` on.
pub(crate) fn shared_with(key: &[u8], depth: usize, path: &[u8]) -> usize {
    let there = (2 * key.len()).saturating_sub(depth);
    path.iter()
        .take(there)
        .enumerate()
        .take_while(|(at, part)| nibble(key, depth + at) == **part)
        .count()
}

impl PartialEq for Nibbles {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Nibbles {}

impl PartialOrd for Nibbles {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Nibbles {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl std::hash::Hash for Nibbles {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}

impl fmt::Display for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("(root)");
        }
        self.as_slice().iter().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl fmt::Debug for Nibbles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_compact_path_with_wrong_flags_or_padding_is_refused() {
        for bytes in [&[][..], &[0x01], &[0x21], &[0x40], &[0xf0], &[0x00; 34], &[0x1f; 34]] {
            assert_eq!(Nibbles::from_compact(bytes), None, "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn a_compact_path_comes_back(nibbles in proptest::collection::vec(0_u8..16, 0..=64), leaf: bool) {
            let compact = Nibbles::to_compact(&nibbles, leaf);
            let path = Nibbles::from_slice(&nibbles).unwrap();
            prop_assert_eq!(Nibbles::from_compact(compact.as_slice()), Some((path, leaf)));
        }

        #[test]
        fn the_end_of_a_key_is_encoded_as_its_half_bytes_are(key in proptest::collection::vec(any::<u8>(), 0..=32), depth in 0_usize..64) {
            let path = Nibbles::unpack(&key);
            prop_assume!(depth <= path.len());
            let by_nibbles = Nibbles::to_compact(&path.as_slice()[depth..], true);
            let by_key = Compact::of_key(&key, depth);
            prop_assert_eq!(by_key.as_slice(), by_nibbles.as_slice());
        }

        #[test]
        fn shared_half_bytes_are_counted_alike(a in proptest::collection::vec(any::<u8>(), 0..6), b in proptest::collection::vec(any::<u8>(), 0..6), depth in 0_usize..8) {
            let mut b = b;
            for (to, from) in b.iter_mut().zip(&a).take(depth) { *to = *from; }
            let (x, y) = (Nibbles::unpack(&a), Nibbles::unpack(&b));
            let rest = |path: &Nibbles| path.as_slice().get(depth..).unwrap_or_default().to_vec();
            let expected = rest(&x).iter().zip(&rest(&y)).take_while(|(a, b)| a == b).count();
            prop_assert_eq!(shared(&a, &b, depth), expected);
            prop_assert_eq!(shared_with(&a, depth, &rest(&y)), expected);
        }
    }
}
