//! Reading a packet of the native codec.

use core::net::SocketAddr;

use super::{
    HEADER_LEN, MAGIC, PACKET_MAX, VERSION, flag, kind, op,
    parts::{Fixed, Parts, Tag, wrong_length},
};
use crate::{
    bencode,
    codec::{Codec, DecodeError, DecodeErrorKind, bounds, compact},
    contact::{Contact, Family},
    key::Key,
    message::{
        BLOOM_LEN, Body, CONTACTS_MAX, FoundValue, Item, Message, MutableItem, NetworkId,
        PEERS_MAX, Query, Request, Response, RpcError, SALT_MAX, SAMPLES_MAX, Samples, Scrape,
        StoreValue, Token, TransactionId, VALUE_MAX, ValueKind, Want,
    },
};

/// Reads a native packet.
///
/// # Errors
///
/// [`DecodeError`] says what was expected and whether an answer is due.
pub fn decode(packet: &[u8]) -> Result<Message, DecodeError> {
    let refuse = |kind| DecodeError {
        codec: Some(Codec::Native),
        tid: None,
        network: NetworkId::BITTORRENT,
        is_query: false,
        kind,
    };
    let mut fixed = Fixed::new(packet);
    let header = Header::read(&mut fixed, packet.len()).map_err(refuse)?;
    header.message(fixed).map_err(|kind| DecodeError {
        tid: Some(header.tid.into()),
        network: header.network,
        is_query: !matches!(header.op, op::RESPONSE | op::ERROR),
        ..refuse(kind)
    })
}

struct Header {
    flags: u8,
    op: u8,
    kind: u8,
    parts: u8,
    tid: u32,
    network: NetworkId,
    sender: Key,
}

impl Header {
    fn read(fixed: &mut Fixed<'_>, actual: usize) -> Result<Self, DecodeErrorKind> {
        if actual > PACKET_MAX {
            return Err(DecodeErrorKind::TooLong { limit: PACKET_MAX, actual });
        }
        if actual < HEADER_LEN {
            return Err(DecodeErrorKind::Truncated { expected: HEADER_LEN, actual });
        }
        let [magic, version_flags, op_kind, parts] = fixed.array()?;
        if magic != MAGIC {
            return Err(DecodeErrorKind::UnknownCodec { first: Some(magic) });
        }
        let version = version_flags >> 4;
        if version != VERSION {
            return Err(DecodeErrorKind::Version { expected: VERSION, actual: version });
        }
        Ok(Self {
            flags: version_flags & 0x0f,
            op: op_kind >> 3,
            kind: op_kind & 0x07,
            parts,
            tid: u32::from_be_bytes(fixed.array()?),
            network: NetworkId(u32::from_be_bytes(fixed.array()?)),
            sender: Key::new(fixed.array()?),
        })
    }

    fn message(&self, fixed: Fixed<'_>) -> Result<Message, DecodeErrorKind> {
        if self.flags & flag::SIGNED != 0 {
            return Err(DecodeErrorKind::Unexpected { field: "signature".into() });
        }
        let (body, mut parts) = match self.op {
            op::RESPONSE => self.response(fixed)?,
            op::ERROR => self.error(fixed)?,
            _ => self.query(fixed)?,
        };
        let is_query = matches!(body, Body::Query(_));
        if !is_query && self.flags != 0 {
            return Err(DecodeErrorKind::Unexpected { field: "flags of a query".into() });
        }
        let version = parts.array(Tag::Version, "4")?;
        let observed = if is_query { None } else { observed(&mut parts)? };
        parts.finish()?;
        Ok(Message {
            tid: TransactionId::from(self.tid),
            network: self.network,
            version,
            read_only: self.flags & flag::READ_ONLY != 0,
            observed,
            body,
        })
    }

    fn query<'a>(&self, mut fixed: Fixed<'a>) -> Result<(Body, Parts<'a>), DecodeErrorKind> {
        let has_kind = matches!(self.op, op::FIND_VALUE | op::STORE);
        if !has_kind && self.kind != kind::NONE {
            return Err(DecodeErrorKind::Malformed { field: "kind", expected: "0" });
        }
        let (request, parts) = match self.op {
            op::PING => (Request::Ping, Parts::read(fixed, self.parts)?),
            op::FIND_NODE => {
                let target = Key::new(fixed.array()?);
                (Request::FindNode { target }, Parts::read(fixed, self.parts)?)
            }
            op::SAMPLE => {
                let target = Key::new(fixed.array()?);
                (Request::Sample { target }, Parts::read(fixed, self.parts)?)
            }
            op::FIND_VALUE => self.find_value(fixed)?,
            op::STORE => self.store(fixed)?,
            op => return Err(DecodeErrorKind::UnknownOp { op }),
        };
        let want = match (self.flags & flag::WANT_V4 != 0, self.flags & flag::WANT_V6 != 0) {
            (false, false) => Want::Unsaid,
            (true, false) => Want::V4,
            (false, true) => Want::V6,
            (true, true) => Want::Both,
        };
        Ok((Body::Query(Query { sender: self.sender, want, request }), parts))
    }

    fn find_value<'a>(
        &self,
        mut fixed: Fixed<'a>,
    ) -> Result<(Request, Parts<'a>), DecodeErrorKind> {
        let key = Key::new(fixed.array()?);
        let mut parts = Parts::read(fixed, self.parts)?;
        let (kind, newer_than, scrape) = match self.kind {
            kind::PEER => (ValueKind::Peers, None, parts.flag(Tag::Scrape)?),
            kind::IMMUTABLE => (ValueKind::Item, parts.number(Tag::NewerThan)?, false),
            kind::RAW => (ValueKind::Raw, None, false),
            _ => return Err(DecodeErrorKind::Malformed { field: "kind", expected: "0, 1 or 3" }),
        };
        Ok((Request::FindValue { key, kind, newer_than, scrape }, parts))
    }

    fn store<'a>(&self, mut fixed: Fixed<'a>) -> Result<(Request, Parts<'a>), DecodeErrorKind> {
        let key = Key::new(fixed.array()?);
        let (value, mut parts) = match self.kind {
            kind::PEER => {
                let port = u16::from_be_bytes(fixed.array()?);
                let mut parts = Parts::read(fixed, self.parts)?;
                let seed = parts.flag(Tag::Seed)?;
                (StoreValue::Peer { port: (port != 0).then_some(port), seed }, parts)
            }
            kind::IMMUTABLE => {
                let mut parts = Parts::read(fixed, self.parts)?;
                let item = Item::Immutable { value: item_value(&mut parts)? };
                (StoreValue::Item { item, cas: None }, parts)
            }
            kind::MUTABLE => {
                let signed = Signed::read(&mut fixed)?;
                let mut parts = Parts::read(fixed, self.parts)?;
                let salt = salt(&mut parts)?;
                let item = signed.item(salt, item_value(&mut parts)?);
                (StoreValue::Item { item, cas: parts.number(Tag::Cas)? }, parts)
            }
            kind::RAW => {
                let mut parts = Parts::read(fixed, self.parts)?;
                (StoreValue::Raw { value: raw_value(&mut parts)?.to_vec() }, parts)
            }
            _ => return Err(DecodeErrorKind::Malformed { field: "kind", expected: "0 to 3" }),
        };
        let token = token(&mut parts)?.ok_or(DecodeErrorKind::Missing { field: "token" })?;
        Ok((Request::Store { key, token, value }, parts))
    }

    fn response<'a>(&self, mut fixed: Fixed<'a>) -> Result<(Body, Parts<'a>), DecodeErrorKind> {
        let signed =
            if self.kind == kind::MUTABLE { Some(Signed::read(&mut fixed)?) } else { None };
        let mut parts = Parts::read(fixed, self.parts)?;
        let value = match (self.kind, signed) {
            (kind::NONE, _) => None,
            (kind::IMMUTABLE, _) => {
                let value = item_value(&mut parts)?;
                Some(FoundValue::Item(Item::Immutable { value }))
            }
            (kind::RAW, _) => Some(FoundValue::Raw(raw_value(&mut parts)?.to_vec())),
            (_, Some(signed)) => {
                let value = item_value(&mut parts)?;
                Some(FoundValue::Item(signed.item(Vec::new(), value)))
            }
            _ => return Err(DecodeErrorKind::Malformed { field: "kind", expected: "0 to 3" }),
        };
        let seq = if self.kind == kind::MUTABLE { None } else { parts.number(Tag::Seq)? };
        let response = Response {
            sender: self.sender,
            nodes: contacts(&mut parts, Tag::Nodes, Family::V4)?,
            nodes6: contacts(&mut parts, Tag::Nodes6, Family::V6)?,
            token: token(&mut parts)?,
            peers: peers(&mut parts)?,
            value,
            seq,
            samples: samples(&mut parts)?,
            scrape: scrape(&mut parts)?,
        };
        Ok((Body::Response(response), parts))
    }

    fn error<'a>(&self, mut fixed: Fixed<'a>) -> Result<(Body, Parts<'a>), DecodeErrorKind> {
        if self.kind != kind::NONE {
            return Err(DecodeErrorKind::Malformed { field: "kind", expected: "0" });
        }
        if self.sender != Key::default() {
            return Err(DecodeErrorKind::Malformed { field: "sender", expected: "zeros" });
        }
        let code = i64::from_be_bytes(fixed.array()?);
        let mut parts = Parts::read(fixed, self.parts)?;
        let text = parts.take(Tag::Text).unwrap_or_default();
        if text.len() > bounds::ERROR_TEXT_MAX {
            return Err(wrong_length(Tag::Text, "at most 256", text));
        }
        let message = core::str::from_utf8(text)
            .map_err(|_| DecodeErrorKind::Malformed { field: "text", expected: "UTF-8" })?;
        Ok((Body::Error(RpcError { code, message: message.to_owned() }), parts))
    }
}

/// What signs a mutable item.
struct Signed {
    public_key: [u8; 32],
    seq: i64,
    signature: [u8; 64],
}

impl Signed {
    fn read(fixed: &mut Fixed<'_>) -> Result<Self, DecodeErrorKind> {
        Ok(Self {
            public_key: fixed.array()?,
            seq: i64::from_be_bytes(fixed.array()?),
            signature: fixed.array()?,
        })
    }

    const fn item(self, salt: Vec<u8>, value: Vec<u8>) -> Item {
        let Self { public_key, seq, signature } = self;
        Item::Mutable(MutableItem { public_key, salt, seq, signature, value })
    }
}

fn observed(parts: &mut Parts<'_>) -> Result<Option<SocketAddr>, DecodeErrorKind> {
    let Some(bytes) = parts.take(Tag::Observed) else { return Ok(None) };
    match compact::read_addr(bytes) {
        Some(addr) => Ok(Some(addr)),
        None => Err(wrong_length(Tag::Observed, "6 or 18", bytes)),
    }
}

fn salt(parts: &mut Parts<'_>) -> Result<Vec<u8>, DecodeErrorKind> {
    let salt = parts.take(Tag::Salt).unwrap_or_default();
    if salt.len() > SALT_MAX {
        return Err(DecodeErrorKind::SaltTooBig { actual: salt.len() });
    }
    Ok(salt.to_vec())
}

fn raw_value<'a>(parts: &mut Parts<'a>) -> Result<&'a [u8], DecodeErrorKind> {
    let value = parts.need(Tag::Value)?;
    if value.len() > VALUE_MAX {
        return Err(DecodeErrorKind::ValueTooBig { actual: value.len() });
    }
    Ok(value)
}

fn item_value(parts: &mut Parts<'_>) -> Result<Vec<u8>, DecodeErrorKind> {
    let value = raw_value(parts)?;
    bencode::validate(value).map_err(DecodeErrorKind::Value)?;
    Ok(value.to_vec())
}

fn token(parts: &mut Parts<'_>) -> Result<Option<Token>, DecodeErrorKind> {
    let Some(bytes) = parts.take(Tag::Token) else { return Ok(None) };
    match Token::from_slice(bytes) {
        Some(token) => Ok(Some(token)),
        None => Err(wrong_length(Tag::Token, "at most 64", bytes)),
    }
}

fn contacts(
    parts: &mut Parts<'_>,
    tag: Tag,
    family: Family,
) -> Result<Option<Vec<Contact>>, DecodeErrorKind> {
    let Some(bytes) = parts.take(tag) else { return Ok(None) };
    let fits = bytes.len() <= CONTACTS_MAX * compact::contact_len(family);
    match compact::read_contacts(bytes, family, CONTACTS_MAX).filter(|_| fits) {
        Some(contacts) => Ok(Some(contacts)),
        None => Err(wrong_length(tag, "up to 64 times 26 or 38", bytes)),
    }
}

/// Each peer is preceded by the length of its address and port, 6 or 18.
fn peers(parts: &mut Parts<'_>) -> Result<Vec<SocketAddr>, DecodeErrorKind> {
    let Some(mut rest) = parts.take(Tag::Peers) else { return Ok(Vec::new()) };
    let malformed = DecodeErrorKind::Malformed {
        field: Tag::Peers.name(),
        expected: "1 to 256 addresses, each after its length of 6 or 18",
    };
    let mut peers = Vec::new();
    while let Some((length, after)) = rest.split_first() {
        let split = after.split_at_checked(usize::from(*length));
        let peer = split.and_then(|(addr, left)| Some((compact::read_addr(addr)?, left)));
        let Some((peer, left)) = peer.filter(|_| peers.len() < PEERS_MAX) else {
            return Err(malformed);
        };
        peers.push(peer);
        rest = left;
    }
    if peers.is_empty() { Err(malformed) } else { Ok(peers) }
}

fn samples(parts: &mut Parts<'_>) -> Result<Option<Samples>, DecodeErrorKind> {
    let Some(bytes) = parts.take(Tag::Samples) else { return Ok(None) };
    let fits = bytes.len() <= SAMPLES_MAX * Key::LEN;
    let hashes = compact::read_keys(bytes, SAMPLES_MAX)
        .filter(|_| fits)
        .ok_or_else(|| wrong_length(Tag::Samples, "up to 64 times 20", bytes))?;
    let interval = parts.array(Tag::Interval, "4")?.map(u32::from_be_bytes);
    if interval.is_some_and(|seconds| seconds > bounds::INTERVAL_MAX) {
        let expected = "0 to 21600 seconds";
        return Err(DecodeErrorKind::Malformed { field: Tag::Interval.name(), expected });
    }
    let total = parts.number(Tag::Total)?.map(u64::try_from).transpose().map_err(|_| {
        DecodeErrorKind::Malformed { field: Tag::Total.name(), expected: "at most 63 bits" }
    })?;
    Ok(Some(Samples { interval, total, hashes }))
}

fn scrape(parts: &mut Parts<'_>) -> Result<Option<Box<Scrape>>, DecodeErrorKind> {
    let Some(filters) = parts.array::<{ 2 * BLOOM_LEN }>(Tag::Filters, "512")? else {
        return Ok(None);
    };
    let mut scrape = Scrape { seeds: [0; BLOOM_LEN], downloaders: [0; BLOOM_LEN] };
    scrape.seeds.copy_from_slice(&filters[..BLOOM_LEN]);
    scrape.downloaders.copy_from_slice(&filters[BLOOM_LEN..]);
    Ok(Some(Box::new(scrape)))
}
