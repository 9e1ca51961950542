//! The backup file, byte by byte. `docs/formats/store.md` is the specification; this is its only implementation.
//!
//! # Invariants
//!
//! - A reader allocates no more than the file really holds, whatever its length fields claim.
//! - Tables ascend, keys ascend within a table, and the end frame's counts and checksum match, or the file is refused.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Read as _, Write as _},
    path::{Path, PathBuf},
};

use super::BackupSummary;
use crate::{
    batch::{KEY_BYTES_MAX, VALUE_BYTES_MAX},
    checksum::{self, Running},
    codec::{DecodeError, Reader},
    error::StoreError,
    schema::{FORMAT, SCHEMA_NAME_BYTES_MAX, SchemaHeader},
    table::{TABLE_NAME_BYTES_MAX, may_be_table},
};

const MAGIC: [u8; 8] = *b"QNTBACKU";

/// Version of the file layout.
const BACKUP_FORMAT: u32 = 1;

const TABLE_FRAME: u8 = 1;
const RECORD_FRAME: u8 = 2;
const END_FRAME: u8 = 3;

const KEY_LENGTH_BYTES: usize = 2;
const PAYLOAD_BYTES_MAX: usize = KEY_LENGTH_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX;

/// Writes a backup in order: header, then each table with its records, then the end.
pub(crate) struct BackupWriter {
    file: BufWriter<File>,
    path: PathBuf,
    /// Over every byte written so far.
    running: Running,
    summary: BackupSummary,
    payload: Vec<u8>,
}

impl BackupWriter {
    pub(crate) fn begin(
        file: File,
        path: &Path,
        schema: &SchemaHeader,
    ) -> Result<Self, StoreError> {
        let summary = BackupSummary { schema: schema.clone(), tables: 0, records: 0, bytes: 0 };
        let mut writer = Self {
            file: BufWriter::with_capacity(1 << 18, file),
            path: path.to_owned(),
            running: checksum::crc32c(),
            summary,
            payload: Vec::new(),
        };
        let mut header = MAGIC.to_vec();
        header.extend_from_slice(&BACKUP_FORMAT.to_be_bytes());
        header.extend_from_slice(&schema.format.to_be_bytes());
        header.extend_from_slice(&schema.version.to_be_bytes());
        header.extend_from_slice(&length16(schema.name.as_bytes()));
        header.extend_from_slice(schema.name.as_bytes());
        header.extend_from_slice(&checksum_of(&[&header]).to_be_bytes());
        writer.put(&header)?;
        Ok(writer)
    }

    /// Begins a table; the records that follow are its.
    pub(crate) fn table(&mut self, name: &str) -> Result<(), StoreError> {
        self.summary.tables += 1;
        self.frame(TABLE_FRAME, &[name.as_bytes()])
    }

    pub(crate) fn record(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.summary.records += 1;
        self.frame(RECORD_FRAME, &[&length16(key), key, value])
    }

    pub(crate) const fn records(&self) -> u64 {
        self.summary.records
    }

    pub(crate) fn finish(mut self) -> Result<(File, BackupSummary), StoreError> {
        let (tables, records) = (self.summary.tables, self.summary.records);
        let total = self.running.clone().finalize();
        self.frame(
            END_FRAME,
            &[&tables.to_be_bytes(), &records.to_be_bytes(), &total.to_be_bytes()],
        )?;
        let file = self
            .file
            .into_inner()
            .map_err(|error| StoreError::io("write", &self.path)(error.into_error()))?;
        Ok((file, self.summary))
    }

    fn frame(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), StoreError> {
        let mut frame = std::mem::take(&mut self.payload);
        frame.clear();
        let length: usize = parts.iter().map(|part| part.len()).sum();
        frame.push(kind);
        // Payloads are far below 4 GiB: table names, and records within the limits of a batch.
        frame.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
        parts.iter().for_each(|part| frame.extend_from_slice(part));
        frame.extend_from_slice(&checksum_of(&[&frame]).to_be_bytes());
        self.put(&frame)?;
        self.payload = frame;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.running.update(bytes);
        self.summary.bytes += bytes.len() as u64;
        self.file.write_all(bytes).map_err(StoreError::io("write", &self.path))
    }
}

/// Names and keys are bounded well below 64 KiB before they reach a backup.
fn length16(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes()
}

fn checksum_of(parts: &[&[u8]]) -> u32 {
    let mut digest = checksum::crc32c();
    parts.iter().for_each(|part| digest.update(part));
    digest.finalize()
}

/// One piece of a backup.
#[derive(Debug)]
pub(crate) enum Frame {
    /// A table begins.
    Table(String),
    /// A record of the table that began last.
    Record { key: Vec<u8>, value: Vec<u8> },
    /// Everything was there, and nothing follows.
    End(BackupSummary),
}

/// Reads a backup, verifying as it goes.
pub(crate) struct BackupReader {
    file: BufReader<File>,
    path: PathBuf,
    running: Running,
    summary: BackupSummary,
    table: Option<String>,
    last_key: Option<Vec<u8>>,
}

impl BackupReader {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let file = File::open(path).map_err(StoreError::io("open", path))?;
        let schema = SchemaHeader { format: 0, name: String::new(), version: 0 };
        let mut reader = Self {
            file: BufReader::with_capacity(1 << 18, file),
            path: path.to_owned(),
            running: checksum::crc32c(),
            summary: BackupSummary { schema, tables: 0, records: 0, bytes: 0 },
            table: None,
            last_key: None,
        };
        reader.header()?;
        Ok(reader)
    }

    fn header(&mut self) -> Result<(), StoreError> {
        let mut header = self.take(MAGIC.len() + 4 + 4 + 4 + 2)?;
        let mut fields = Reader::new(&header);
        let magic = fields.array().map_err(|error| self.bad(error))?;
        if magic != MAGIC {
            return Err(self.bad("expected the magic number of a backup"));
        }
        let layout = fields.u32().map_err(|error| self.bad(error))?;
        if layout != BACKUP_FORMAT {
            return Err(self.bad(format!("expected layout {BACKUP_FORMAT}, found {layout}")));
        }
        let format = fields.u32().map_err(|error| self.bad(error))?;
        let version = fields.u32().map_err(|error| self.bad(error))?;
        let name_bytes = usize::from(fields.u16().map_err(|error| self.bad(error))?);
        if format > FORMAT {
            return Err(StoreError::FormatNewer { expected: FORMAT, actual: format });
        }
        if name_bytes > SCHEMA_NAME_BYTES_MAX {
            return Err(self.bad(format!(
                "expected a schema name of at most {SCHEMA_NAME_BYTES_MAX} bytes, found {name_bytes}"
            )));
        }
        let name = self.take(name_bytes)?;
        header.extend_from_slice(&name);
        self.verify(&[&header])?;
        let name =
            String::from_utf8(name).map_err(|error| self.bad(format!("schema name: {error}")))?;
        self.summary.schema = SchemaHeader { format, name, version };
        Ok(())
    }

    /// Returns the next frame. After [`Frame::End`] there is none.
    pub(crate) fn next(&mut self) -> Result<Frame, StoreError> {
        // The end frame states the checksum of everything before itself.
        let before = self.running.clone().finalize();
        let head = self.take(1 + 4)?;
        let mut fields = Reader::new(&head);
        let kind = fields.u8().map_err(|error| self.bad(error))?;
        let length = fields.u32().map_err(|error| self.bad(error))?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if length > PAYLOAD_BYTES_MAX {
            return Err(self.bad(format!(
                "expected a frame of at most {PAYLOAD_BYTES_MAX} bytes, found {length}"
            )));
        }
        let payload = self.take(length)?;
        self.verify(&[&head, &payload])?;
        match kind {
            TABLE_FRAME => self.table_frame(payload),
            RECORD_FRAME => self.record_frame(&payload),
            END_FRAME => self.end_frame(&payload, before),
            other => Err(self.bad(format!("expected frame 1, 2 or 3, found {other}"))),
        }
    }

    fn table_frame(&mut self, payload: Vec<u8>) -> Result<Frame, StoreError> {
        let name =
            String::from_utf8(payload).map_err(|error| self.bad(format!("table name: {error}")))?;
        if !may_be_table(&name) {
            return Err(self.bad(format!(
                "expected a table name of at most {TABLE_NAME_BYTES_MAX} of a-z 0-9 - _, found {name:?}"
            )));
        }
        if self.table.as_ref().is_some_and(|previous| *previous >= name) {
            return Err(self.bad(format!("expected ascending table names, found {name:?}")));
        }
        self.summary.tables += 1;
        self.table = Some(name.clone());
        self.last_key = None;
        Ok(Frame::Table(name))
    }

    fn record_frame(&mut self, payload: &[u8]) -> Result<Frame, StoreError> {
        if self.table.is_none() {
            return Err(self.bad("expected a table before the first record"));
        }
        let mut fields = Reader::new(payload);
        let key = fields
            .u16()
            .and_then(|length| fields.bytes(usize::from(length)))
            .map_err(|error| self.bad(error))?;
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(self.bad(format!(
                "expected a key of 1 to {KEY_BYTES_MAX} bytes, found {}",
                key.len()
            )));
        }
        if self.last_key.as_deref().is_some_and(|previous| previous >= key) {
            return Err(self.bad("expected ascending keys, found a lower one"));
        }
        self.last_key = Some(key.to_vec());
        self.summary.records += 1;
        Ok(Frame::Record { key: key.to_vec(), value: fields.rest().to_vec() })
    }

    fn end_frame(&mut self, payload: &[u8], before: u32) -> Result<Frame, StoreError> {
        let mut fields = Reader::new(payload);
        let mut counts = || -> Result<_, DecodeError> {
            let found = (fields.u64()?, fields.u64()?, fields.u32()?);
            fields.clone().finish()?;
            Ok(found)
        };
        let stated = counts().map_err(|error| self.bad(error))?;
        let read = (self.summary.tables, self.summary.records, before);
        if stated != read {
            return Err(self.bad(format!(
                "expected {} tables, {} records and checksum {:08x}, found {}, {} and {:08x}",
                stated.0, stated.1, stated.2, read.0, read.1, read.2
            )));
        }
        let mut extra = [0];
        match self.file.read(&mut extra) {
            Ok(0) => Ok(Frame::End(self.summary.clone())),
            Ok(_) => Err(self.bad("expected the end of the file, found more bytes")),
            Err(error) => Err(StoreError::io("read", &self.path)(error)),
        }
    }

    /// Reads a checksum and compares it with that of `parts`.
    fn verify(&mut self, parts: &[&[u8]]) -> Result<(), StoreError> {
        let stored = self.take(4)?;
        let expected = Reader::new(&stored).u32().map_err(|error| self.bad(error))?;
        let actual = checksum_of(parts);
        if expected == actual {
            Ok(())
        } else {
            Err(self.bad(DecodeError::Checksum { expected, actual }))
        }
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        // `take` grows with what is really there, so a false length allocates nothing.
        io::Read::by_ref(&mut self.file)
            .take(count as u64)
            .read_to_end(&mut bytes)
            .map_err(StoreError::io("read", &self.path))?;
        if bytes.len() < count {
            let error = DecodeError::Truncated { expected: count, actual: bytes.len() };
            return Err(self.bad(error));
        }
        self.running.update(&bytes);
        self.summary.bytes += count as u64;
        Ok(bytes)
    }

    #[expect(clippy::needless_pass_by_value, reason = "an error or a literal, built for this call")]
    fn bad(&self, reason: impl ToString) -> StoreError {
        StoreError::Backup {
            path: self.path.clone(),
            offset: self.summary.bytes,
            reason: reason.to_string(),
        }
    }
}
