//! The tables of a ledger's store, and what their rows hold.

use quintet_store::{
    DecodeError, Reader, Schema, Table, ValueCodec, put_varint, segment::Position,
};
use quintet_utxo::Tables;

use super::{
    codec::{EntryBytes, OutpointKey, Serial},
    index::{Known, Place, status_code, status_of},
    logs::Ends,
};

/// The schema of a ledger's store.
pub const LEDGER_SCHEMA: Schema = Schema { name: "kaspa-dag", version: 1, migrations: &[] };

/// Unspent outputs at the sink, and which step they are of.
pub const COIN_TABLES: Tables =
    Tables { coins: Table::new("coins"), head: Table::new("coins-head") };

/// Unspent outputs at the pruning point.
pub(super) const PRUNING_COINS: Table<OutpointKey, EntryBytes> = Table::new("pruning-coins");

/// Blocks that outlived the files they were in.
pub(super) const KEPT: Table<Serial, Kept> = Table::new("kept");

/// Which network's DAG this is.
pub(super) const GENESIS: Table<u8, [u8; 32]> = Table::new("meta");
pub(super) const GENESIS_KEY: u8 = 0;

/// Where the coins stand.
pub(super) const CHECKPOINT: Table<u8, Checkpoint> = Table::new("meta");
pub(super) const CHECKPOINT_KEY: u8 = 1;

/// End of the last event whose changes are in [`PRUNING_COINS`].
pub(super) const PRUNED: Table<u8, Position> = Table::new("meta");
pub(super) const PRUNED_KEY: u8 = 2;

/// Up to which number everything is in [`KEPT`], or gone.
pub(super) const CARRIED: Table<u8, Serial> = Table::new("meta");
pub(super) const CARRIED_KEY: u8 = 3;

/// What was durable, and what it amounted to, when the coins were written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Ends of the logs. The coins are those after the last step in front of the end of the events.
    pub(super) ends: Ends,
    /// Number of the last block whose row is in front of its end.
    pub(super) last: Serial,
    pub(super) sink: Serial,
    pub(super) pruning_points: Vec<Serial>,
}

impl ValueCodec for Checkpoint {
    fn encode_value(&self, out: &mut Vec<u8>) {
        let Ends { headers, rows, bodies, records, events } = self.ends;
        for end in [headers, rows, bodies, records, events] {
            end.encode_value(out);
        }
        put_varint(self.last, out);
        put_varint(self.sink, out);
        put_varint(self.pruning_points.len() as u64, out);
        self.pruning_points.iter().for_each(|&point| put_varint(point, out));
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut end = || Position::decode_value(reader);
        let ends =
            Ends { headers: end()?, rows: end()?, bodies: end()?, records: end()?, events: end()? };
        let last = reader.varint()?;
        let sink = reader.varint()?;
        let count = reader.varint()?;
        let mut pruning_points = Vec::new();
        for _ in 0..count {
            pruning_points.push(reader.varint()?);
        }
        Ok(Self { ends, last, sink, pruning_points })
    }
}

/// A block that outlived the files it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) known: Known,
    /// The last block of its chain that is still there, if its selected parent is not.
    pub(super) adopted: Option<Serial>,
    /// As in `rows/`.
    pub(super) row: Vec<u8>,
    /// As in `headers/`.
    pub(super) header: Vec<u8>,
}

impl ValueCodec for Kept {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.push(status_code(self.known.status));
        self.known.body.position().encode_value(out);
        self.known.record.position().encode_value(out);
        self.adopted.encode_value(out);
        put_varint(self.row.len() as u64, out);
        out.extend_from_slice(&self.row);
        put_varint(self.header.len() as u64, out);
        out.extend_from_slice(&self.header);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let code = reader.u8()?;
        let status = status_of(code)
            .ok_or_else(|| DecodeError::invalid("a status of a block, 0 to 5", code))?;
        let body = Option::decode_value(reader)?.map_or(Place::NONE, Place::at);
        let record = Option::decode_value(reader)?.map_or(Place::NONE, Place::at);
        Ok(Self {
            known: Known { status, body, record },
            adopted: Option::decode_value(reader)?,
            row: reader.counted_bytes()?.to_vec(),
            header: reader.counted_bytes()?.to_vec(),
        })
    }
}
