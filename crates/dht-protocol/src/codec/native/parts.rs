//! The tagged parts after the fixed fields, and the fixed fields' reader.

use crate::codec::DecodeErrorKind;

/// Tags from here on may be skipped by who does not know them.
pub const TAG_OPTIONAL: u8 = 128;

/// Bytes before a part's content: tag and length.
const PART_HEADER_LEN: usize = 3;

/// What a part holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Tag {
    Padding = 0,
    Observed = 1,
    Version = 3,
    Token = 4,
    Salt = 5,
    Value = 6,
    Cas = 7,
    NewerThan = 8,
    Scrape = 9,
    Seed = 10,
    Nodes = 11,
    Nodes6 = 12,
    Peers = 13,
    Seq = 14,
    Samples = 15,
    Interval = 16,
    Total = 17,
    Filters = 18,
    Text = 19,
}

/// Tags below this one are known or reserved.
const TAGS: usize = 20;

impl Tag {
    pub(super) const fn name(self) -> &'static str {
        NAMES[self as usize]
    }
}

/// The names of the tags, in their order; an empty one is reserved.
const NAMES: [&str; TAGS] = [
    "padding",
    "observed",
    "",
    "version",
    "token",
    "salt",
    "value",
    "cas",
    "newer_than",
    "scrape",
    "seed",
    "nodes",
    "nodes6",
    "peers",
    "seq",
    "samples",
    "interval",
    "total",
    "filters",
    "text",
];

/// The parts of a packet, taken one by one; what is left in the end did not belong there.
pub(super) struct Parts<'a> {
    found: [Option<&'a [u8]>; TAGS],
}

impl<'a> Parts<'a> {
    /// Reads `count` parts, which must fill `bytes`.
    pub(super) fn read(mut bytes: Fixed<'a>, count: u8) -> Result<Self, DecodeErrorKind> {
        let mut found = [None; TAGS];
        let mut last = None;
        for _ in 0..count {
            let [tag, high, low] = bytes.array::<PART_HEADER_LEN>()?;
            if last.is_some_and(|last| tag <= last) {
                return Err(DecodeErrorKind::Malformed {
                    field: "parts",
                    expected: "ascending tags",
                });
            }
            last = Some(tag);
            let content = bytes.slice(u16::from_be_bytes([high, low]).into())?;
            match found.get_mut(usize::from(tag)) {
                Some(slot) if !NAMES[usize::from(tag)].is_empty() => *slot = Some(content),
                _ if tag >= TAG_OPTIONAL => {}
                _ => return Err(DecodeErrorKind::UnknownPart { tag }),
            }
        }
        if !bytes.rest.is_empty() {
            return Err(DecodeErrorKind::Trailing { actual: bytes.rest.len() });
        }
        let mut parts = Self { found };
        if parts.take(Tag::Padding).unwrap_or_default().iter().any(|byte| *byte != 0) {
            return Err(DecodeErrorKind::Malformed { field: "padding", expected: "zeros" });
        }
        Ok(parts)
    }

    pub(super) const fn take(&mut self, tag: Tag) -> Option<&'a [u8]> {
        self.found[tag as usize].take()
    }

    pub(super) fn need(&mut self, tag: Tag) -> Result<&'a [u8], DecodeErrorKind> {
        self.take(tag).ok_or(DecodeErrorKind::Missing { field: tag.name() })
    }

    /// Takes a part of exactly `N` bytes; `expected` says `N` in words.
    pub(super) fn array<const N: usize>(
        &mut self,
        tag: Tag,
        expected: &'static str,
    ) -> Result<Option<[u8; N]>, DecodeErrorKind> {
        let Some(bytes) = self.take(tag) else { return Ok(None) };
        match bytes.try_into() {
            Ok(array) => Ok(Some(array)),
            Err(_) => Err(wrong_length(tag, expected, bytes)),
        }
    }

    pub(super) fn number(&mut self, tag: Tag) -> Result<Option<i64>, DecodeErrorKind> {
        Ok(self.array(tag, "8")?.map(i64::from_be_bytes))
    }

    /// Takes a part that says all by being there.
    pub(super) fn flag(&mut self, tag: Tag) -> Result<bool, DecodeErrorKind> {
        Ok(self.array::<0>(tag, "0")?.is_some())
    }

    /// Refuses parts nobody has taken.
    pub(super) fn finish(self) -> Result<(), DecodeErrorKind> {
        match self.found.iter().zip(NAMES).find(|(part, _)| part.is_some()) {
            Some((_, name)) => Err(DecodeErrorKind::Unexpected { field: name.into() }),
            None => Ok(()),
        }
    }
}

pub(super) const fn wrong_length(
    tag: Tag,
    expected: &'static str,
    bytes: &[u8],
) -> DecodeErrorKind {
    DecodeErrorKind::Length { field: tag.name(), expected, actual: bytes.len() }
}

/// Takes fields of fixed length off the front of a packet.
pub(super) struct Fixed<'a> {
    packet_len: usize,
    rest: &'a [u8],
}

impl<'a> Fixed<'a> {
    pub(super) const fn new(packet: &'a [u8]) -> Self {
        Self { packet_len: packet.len(), rest: packet }
    }

    pub(super) fn slice(&mut self, length: usize) -> Result<&'a [u8], DecodeErrorKind> {
        let Some((taken, rest)) = self.rest.split_at_checked(length) else {
            let expected = self.packet_len - self.rest.len() + length;
            return Err(DecodeErrorKind::Truncated { expected, actual: self.packet_len });
        };
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeErrorKind> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(N)?);
        Ok(array)
    }
}

/// Appends parts in the order of their tags and counts them.
pub(super) struct PartWriter<'a> {
    pub(super) out: &'a mut Vec<u8>,
    pub(super) count: u8,
    last: Option<Tag>,
}

impl<'a> PartWriter<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out, count: 0, last: None }
    }

    /// Writes a part whose content is what `content` appends.
    pub(super) fn part(&mut self, tag: Tag, content: impl FnOnce(&mut Vec<u8>)) {
        debug_assert!(self.last.is_none_or(|last| (last as u8) < tag as u8), "tags ascend");
        self.last = Some(tag);
        self.count += 1;
        self.out.extend_from_slice(&[tag as u8, 0, 0]);
        let start = self.out.len();
        content(self.out);
        // A longer part makes the packet too long, and it is refused as a whole.
        let length = u16::try_from(self.out.len() - start).unwrap_or(u16::MAX);
        self.out[start - 2..start].copy_from_slice(&length.to_be_bytes());
    }

    pub(super) fn bytes(&mut self, tag: Tag, bytes: &[u8]) {
        self.part(tag, |out| out.extend_from_slice(bytes));
    }

    pub(super) fn number(&mut self, tag: Tag, number: Option<i64>) {
        if let Some(number) = number {
            self.bytes(tag, &number.to_be_bytes());
        }
    }

    pub(super) fn flag(&mut self, tag: Tag, is_set: bool) {
        if is_set {
            self.bytes(tag, &[]);
        }
    }
}
