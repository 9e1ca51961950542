//! Events: what happened to blocks after their headers were accepted, in the order in which it happened.

use quintet_store::{DecodeError, Reader, ValueCodec as _, put_varint, segment::Position};

use super::{Serial, len, put_len};

const BODY: u8 = 1;
const INVALID: u8 = 2;
const STEP: u8 = 3;
const PRUNED: u8 = 4;

const POSITION_BYTES: usize = 12;

/// A record of the event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Event {
    /// A body was found valid, and lies there.
    Body {
        /// Whose.
        serial: Serial,
        /// Where, in `bodies/`.
        position: Position,
    },
    /// A body was found invalid.
    Invalid {
        /// Whose.
        serial: Serial,
    },
    /// The virtual block was resolved.
    Step(Step),
    /// The pruning point moved.
    Pruned(Pruned),
}

/// A resolution of the virtual block.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Step {
    pub(in super::super) sink: Serial,
    pub(in super::super) removed: Vec<Serial>,
    pub(in super::super) added: Vec<Serial>,
    /// With where their chain records lie, in `records/`.
    pub(in super::super) validated: Vec<(Serial, Position)>,
    pub(in super::super) disqualified: Vec<Serial>,
}

/// A move of the pruning point.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Pruned {
    pub(in super::super) points: Vec<Serial>,
    pub(in super::super) bodies: Vec<Serial>,
    pub(in super::super) blocks: Vec<Serial>,
    /// Blocks whose selected parent went, with the last block of their chain that did not; 0 for none.
    pub(in super::super) adopted: Vec<(Serial, Serial)>,
    /// Where the changes of the pruning point's set lie, in `records/`.
    pub(in super::super) diff: Vec<Position>,
}

impl Event {
    /// Appends the event.
    pub(in super::super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Body { serial, position } => {
                out.push(BODY);
                put_varint(*serial, out);
                position.encode_value(out);
            }
            Self::Invalid { serial } => {
                out.push(INVALID);
                put_varint(*serial, out);
            }
            Self::Step(step) => {
                out.push(STEP);
                put_varint(step.sink, out);
                put_serials(&step.removed, out);
                put_serials(&step.added, out);
                put_len(step.validated.len(), out);
                for (serial, position) in &step.validated {
                    put_varint(*serial, out);
                    position.encode_value(out);
                }
                put_serials(&step.disqualified, out);
            }
            Self::Pruned(pruned) => {
                out.push(PRUNED);
                put_serials(&pruned.points, out);
                put_serials(&pruned.bodies, out);
                put_serials(&pruned.blocks, out);
                put_len(pruned.adopted.len(), out);
                for (serial, parent) in &pruned.adopted {
                    put_varint(*serial, out);
                    put_varint(*parent, out);
                }
                put_len(pruned.diff.len(), out);
                pruned.diff.iter().for_each(|position| position.encode_value(out));
            }
        }
    }

    /// Takes an event.
    pub(in super::super) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let event = match reader.u8()? {
            BODY => Self::Body {
                serial: reader.varint()?,
                position: Position::decode_value(&mut reader)?,
            },
            INVALID => Self::Invalid { serial: reader.varint()? },
            STEP => Self::Step(Step {
                sink: reader.varint()?,
                removed: serials(&mut reader)?,
                added: serials(&mut reader)?,
                validated: list(&mut reader, 1 + POSITION_BYTES, |reader| {
                    Ok((reader.varint()?, Position::decode_value(reader)?))
                })?,
                disqualified: serials(&mut reader)?,
            }),
            PRUNED => Self::Pruned(Pruned {
                points: serials(&mut reader)?,
                bodies: serials(&mut reader)?,
                blocks: serials(&mut reader)?,
                adopted: list(&mut reader, 2, |reader| Ok((reader.varint()?, reader.varint()?)))?,
                diff: list(&mut reader, POSITION_BYTES, Position::decode_value)?,
            }),
            other => return Err(DecodeError::invalid("an event, 1 to 4", other)),
        };
        reader.finish()?;
        Ok(event)
    }
}

/// Writes numbers as differences, which may be negative: bit 0 says so.
fn put_serials(serials: &[Serial], out: &mut Vec<u8>) {
    put_len(serials.len(), out);
    let mut last = 0;
    for &serial in serials {
        let (distance, sign) = if serial >= last { (serial - last, 0) } else { (last - serial, 1) };
        put_varint(distance << 1 | sign, out);
        last = serial;
    }
}

fn serials(reader: &mut Reader<'_>) -> Result<Vec<Serial>, DecodeError> {
    let mut last: Serial = 0;
    list(reader, 1, |reader| {
        let step = reader.varint()?;
        let moved = match step & 1 {
            0 => last.checked_add(step >> 1),
            _ => last.checked_sub(step >> 1),
        };
        last = moved.ok_or_else(|| DecodeError::invalid("numbers of blocks", step))?;
        Ok(last)
    })
}

fn list<T>(
    reader: &mut Reader<'_>,
    least: usize,
    mut item: impl FnMut(&mut Reader<'_>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = len(reader, least)?;
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(item(reader)?);
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_of_an_event_is_pinned() {
        let position = Position { segment: 2, offset: 96, len: 285 };
        let mut bytes = Vec::new();
        Event::Body { serial: 300, position }.encode(&mut bytes);
        let expected = [1, 0xac, 0x02, 0, 0, 0, 2, 0, 0, 0, 96, 0, 0, 1, 29];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn events_are_read_back_and_cut_short_they_are_none() {
        let position = Position { segment: 1, offset: 2, len: 3 };
        let step = Step {
            sink: 9,
            removed: vec![8, 7, 5],
            added: vec![6, 9],
            validated: vec![(6, position)],
            disqualified: vec![1 << 40],
        };
        let pruned = Pruned {
            points: vec![4],
            bodies: vec![1, 2],
            blocks: vec![3],
            adopted: vec![(9, 1), (8, 0)],
            diff: vec![position],
        };
        for event in [Event::Invalid { serial: 7 }, Event::Step(step), Event::Pruned(pruned)] {
            let mut bytes = Vec::new();
            event.encode(&mut bytes);
            assert_eq!(Event::decode(&bytes), Ok(event));
            for cut in 0..bytes.len() {
                assert!(Event::decode(&bytes[..cut]).is_err());
            }
            bytes.push(0);
            assert!(Event::decode(&bytes).is_err());
        }
    }
}
