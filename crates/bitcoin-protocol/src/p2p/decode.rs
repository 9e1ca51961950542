//! Messages out of bytes.

use bitcoin::{BlockHash, hashes::Hash as _};
use bytes::Bytes;

use super::{
    ADDRESSES_MAX, Command, HEADERS_MAX, INVENTORY_MAX, Inventory, InventoryKind, Locator, Message,
    MessageError, PeerAddress, Services, USER_AGENT_BYTES_MAX, VersionMessage, address::read_plain,
};
use crate::{
    Block, DecodeError, Transaction, Transactions,
    block::decode_header,
    compact::{CompactBlock, TRANSACTIONS_MAX},
    encode::Reader,
};

/// A locator may hold more hashes than are looked at; this is what its bytes could hold, and who sends more than
/// [`LOCATOR_MAX`](super::LOCATOR_MAX) is disconnected by the node.
const LOCATOR_READ_MAX: usize = super::MESSAGE_BYTES_MAX / 32;

/// Bytes of a feature's name and of what it says.
const FEATURE_ID_BYTES: std::ops::RangeInclusive<usize> = 4..=80;
const FEATURE_DATA_BYTES_MAX: usize = 512;

impl Message {
    /// Reads the payload of a frame.
    ///
    /// # Errors
    ///
    /// [`MessageError`] says what is wrong; [`MessageError::is_misbehaviour`], what becomes of the sender.
    pub fn decode(command: Command, payload: &Bytes) -> Result<Self, MessageError> {
        let mut reader = Reader::new(payload)?;
        let reader = &mut reader;
        Ok(match command.as_str() {
            "version" => Self::Version(version(reader)?),
            "verack" => Self::Verack,
            "wtxidrelay" => Self::WtxidRelay,
            "sendaddrv2" => Self::SendAddrV2,
            "feature" => feature(reader, payload)?,
            "sendheaders" => Self::SendHeaders,
            "sendcmpct" => {
                let [announce] = reader.array()?;
                Self::SendCmpct { announce, version: reader.u64()? }
            }
            "feefilter" => Self::FeeFilter(reader.u64()?.cast_signed()),
            "ping" => Self::Ping((reader.left() >= 8).then(|| reader.u64()).transpose()?),
            "pong" => Self::Pong((reader.left() >= 8).then(|| reader.u64()).transpose()?),
            "getaddr" => Self::GetAddr,
            "addr" => Self::Addr(addresses(reader, "addr", PeerAddress::read_v1)?),
            "addrv2" => Self::AddrV2(addresses(reader, "addrv2", PeerAddress::read_v2)?),
            "inv" => Self::Inv(inventory(reader, "inv")?),
            "getdata" => Self::GetData(inventory(reader, "getdata")?),
            "notfound" => Self::NotFound(inventory(reader, "notfound")?),
            "getheaders" => Self::GetHeaders(locator(reader)?),
            "getblocks" => Self::GetBlocks(locator(reader)?),
            "headers" => headers(reader)?,
            "block" => Self::Block(block(payload)?),
            "tx" => Self::Tx(transaction(payload)?),
            "mempool" => Self::MemPool,
            "cmpctblock" => Self::CmpctBlock(CompactBlock::decode(payload.clone())?),
            "getblocktxn" => get_block_txn(reader)?,
            "blocktxn" => block_txn(reader, payload)?,
            _ => Self::Other { command, bytes: payload.len() },
        })
    }
}

fn version(reader: &mut Reader<'_>) -> Result<VersionMessage, MessageError> {
    let version = reader.u32()?;
    let services = Services::from_bits_retain(reader.u64()?);
    let time = reader.u64()?.cast_signed().max(0);
    let receiver = read_plain(reader)?;
    let mut read = VersionMessage {
        // A negative version is older than any.
        version: u32::try_from(version.cast_signed()).unwrap_or(0),
        services,
        time,
        receiver,
        nonce: 1,
        user_agent: String::new(),
        height: -1,
        relay: true,
    };
    if reader.left() > 0 {
        // How the sender sees itself; nobody looks at it.
        reader.take(26)?;
        read.nonce = reader.u64()?;
    }
    if reader.left() > 0 {
        let actual = reader.size()?;
        if actual > USER_AGENT_BYTES_MAX {
            let expected = USER_AGENT_BYTES_MAX;
            return Err(MessageError::UserAgent { expected, actual });
        }
        read.user_agent = sanitised(reader.take(actual)?);
    }
    if reader.left() > 0 {
        read.height = reader.u32()?.cast_signed();
    }
    if reader.left() > 0 {
        let [relay] = reader.array()?;
        read.relay = relay != 0;
    }
    Ok(read)
}

/// Keeps what is safe to print.
///
/// **Spec:** Bitcoin Core, `SanitizeString`.
fn sanitised(text: &[u8]) -> String {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b" .,;-_/:?@()".contains(byte);
    text.iter().filter(|byte| safe(byte)).map(|&byte| char::from(byte)).collect()
}

fn feature(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Message, MessageError> {
    let mut part = |max: usize| -> Result<Bytes, MessageError> {
        let len = reader.size().map_err(|_| MessageError::Feature)?;
        let at = reader.at();
        if len > max || reader.take(len).is_err() {
            return Err(MessageError::Feature);
        }
        Ok(payload.slice(at..at + len))
    };
    let id = part(*FEATURE_ID_BYTES.end())?;
    let data = part(FEATURE_DATA_BYTES_MAX)?;
    if !FEATURE_ID_BYTES.contains(&id.len()) || reader.left() > 0 {
        return Err(MessageError::Feature);
    }
    Ok(Message::Feature { id: sanitised(&id), data })
}

/// Reads how many entries follow: at most `expected`.
fn counted(
    reader: &mut Reader<'_>,
    command: &'static str,
    expected: usize,
    least_bytes: usize,
) -> Result<(usize, usize), MessageError> {
    let (actual, reserve) = reader.count(least_bytes)?;
    if actual > expected {
        return Err(MessageError::TooMany { command, expected, actual });
    }
    Ok((actual, reserve))
}

fn addresses(
    reader: &mut Reader<'_>,
    command: &'static str,
    read: impl Fn(&mut Reader<'_>) -> Result<Option<PeerAddress>, MessageError>,
) -> Result<Vec<PeerAddress>, MessageError> {
    let (count, reserve) = counted(reader, command, ADDRESSES_MAX, 9)?;
    let mut addresses = Vec::with_capacity(reserve);
    for _ in 0..count {
        addresses.extend(read(reader)?);
    }
    Ok(addresses)
}

fn inventory(
    reader: &mut Reader<'_>,
    command: &'static str,
) -> Result<Vec<Inventory>, MessageError> {
    let (count, reserve) = counted(reader, command, INVENTORY_MAX, 36)?;
    let mut entries = Vec::with_capacity(reserve);
    for _ in 0..count {
        let kind = InventoryKind::from_number(reader.u32()?);
        entries.push(Inventory { kind, hash: reader.array()? });
    }
    Ok(entries)
}

fn locator(reader: &mut Reader<'_>) -> Result<Locator, MessageError> {
    let _version = reader.u32()?;
    let (count, reserve) = counted(reader, "locator", LOCATOR_READ_MAX, 32)?;
    let mut hashes = Vec::with_capacity(reserve);
    for _ in 0..count {
        hashes.push(BlockHash::from_byte_array(reader.array()?));
    }
    Ok(Locator { hashes, stop: BlockHash::from_byte_array(reader.array()?) })
}

fn headers(reader: &mut Reader<'_>) -> Result<Message, MessageError> {
    let (count, reserve) = counted(reader, "headers", HEADERS_MAX, 81)?;
    let mut headers = Vec::with_capacity(reserve);
    for _ in 0..count {
        headers.push(decode_header(&reader.array()?));
        // A number of transactions that do not follow.
        reader.size()?;
    }
    Ok(Message::Headers(headers))
}

/// Cuts off what follows a block or a transaction.
fn cut<T>(
    payload: &Bytes,
    decode: impl Fn(Bytes) -> Result<T, DecodeError>,
) -> Result<T, DecodeError> {
    match decode(payload.clone()) {
        Err(DecodeError::Trailing { at, .. }) => decode(payload.slice(..at)),
        read => read,
    }
}

fn block(payload: &Bytes) -> Result<Block, DecodeError> {
    cut(payload, Block::decode)
}

fn transaction(payload: &Bytes) -> Result<Transaction, DecodeError> {
    cut(payload, Transaction::decode)
}

fn get_block_txn(reader: &mut Reader<'_>) -> Result<Message, MessageError> {
    let block = BlockHash::from_byte_array(reader.array()?);
    let (count, reserve) = reader.count(1)?;
    let mut places = Vec::with_capacity(reserve);
    let mut next = 0_usize;
    for _ in 0..count {
        let place = next + reader.size()?;
        if place > TRANSACTIONS_MAX {
            return Err(MessageError::Places);
        }
        places.push(place);
        next = place + 1;
    }
    Ok(Message::GetBlockTxn { block, places })
}

fn block_txn(reader: &mut Reader<'_>, payload: &Bytes) -> Result<Message, MessageError> {
    let block = BlockHash::from_byte_array(reader.array()?);
    let parsed = Transactions::decode_counted(payload, reader)?;
    let transactions = parsed.iter().map(|tx| payload.slice_ref(tx.bytes())).collect();
    Ok(Message::BlockTxn { block, transactions })
}
