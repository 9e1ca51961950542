//! One commit as one record.
//!
//! ```text
//!   tables count varint · table …
//!   table    name length varint · name · rows count varint · row …
//!   row      key length varint · key · value length + 1 varint, or 0 to remove · value
//! ```
//!
//! Rows lie as the store hands them over: by table and key. Values carry the store's checksums, the record that of the journal.

use std::borrow::Cow;

use quintet_store::{DecodeError, Op, Reader, TABLE_NAME_BYTES_MAX, put_varint};

/// Writes a commit.
pub(super) fn encode(ops: &[Op]) -> Vec<u8> {
    let bytes = |op: &Op| op.key.len() + op.value.as_ref().map_or(0, Vec::len) + 8;
    let mut out = Vec::with_capacity(ops.iter().map(bytes).sum::<usize>() + 256);
    let tables = ops.chunk_by(|a, b| a.table == b.table);
    put_varint(tables.clone().count() as u64, &mut out);
    for rows in tables {
        let Some(first) = rows.first() else { continue };
        put_bytes(first.table.as_bytes(), &mut out);
        put_varint(rows.len() as u64, &mut out);
        for row in rows {
            put_bytes(&row.key, &mut out);
            match &row.value {
                None => put_varint(0, &mut out),
                Some(value) => {
                    put_varint(value.len() as u64 + 1, &mut out);
                    out.extend_from_slice(value);
                }
            }
        }
    }
    out
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Reads a commit.
pub(super) fn decode(record: &[u8]) -> Result<Vec<Op>, DecodeError> {
    let mut reader = Reader::new(record);
    let mut ops = Vec::new();
    for _ in 0..reader.varint()? {
        let name = reader.counted_bytes()?;
        let name = std::str::from_utf8(name)
            .ok()
            .filter(|name| (1..=TABLE_NAME_BYTES_MAX).contains(&name.len()))
            .ok_or_else(|| DecodeError::invalid("the name of a table", "other bytes"))?;
        let table: Cow<'static, str> = Cow::Owned(name.to_owned());
        for _ in 0..reader.varint()? {
            let key = reader.counted_bytes()?.to_vec();
            let value = match reader.varint()?.checked_sub(1) {
                None => None,
                Some(length) => {
                    let length = usize::try_from(length)
                        .map_err(|_| DecodeError::invalid("the length of a value", length))?;
                    Some(reader.bytes(length)?.to_vec())
                }
            };
            ops.push(Op { table: table.clone(), key, value });
        }
    }
    reader.finish()?;
    Ok(ops)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops() -> Vec<Op> {
        let op = |table: &'static str, key: &[u8], value: Option<&[u8]>| Op {
            table: Cow::Borrowed(table),
            key: key.to_vec(),
            value: value.map(<[u8]>::to_vec),
        };
        vec![
            op("a", b"1", Some(b"")),
            op("a", b"2", None),
            op("b", b"1", Some(&[7; 300])),
            op("c", b"9", Some(b"x")),
        ]
    }

    #[test]
    fn a_commit_is_read_as_it_was_written() {
        assert_eq!(decode(&encode(&ops())).unwrap(), ops());
        assert_eq!(decode(&encode(&[])).unwrap(), []);
    }

    #[test]
    fn a_commit_cut_anywhere_is_refused() {
        let whole = encode(&ops());
        for length in 0..whole.len() {
            assert!(decode(&whole[..length]).is_err(), "{length} of {} bytes", whole.len());
        }
        assert!(decode(&[whole, vec![0]].concat()).is_err());
    }
}
