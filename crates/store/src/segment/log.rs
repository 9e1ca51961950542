//! The log itself: one writer at a time, any number of readers.
//!
//! Locks, always taken in this order: `writer` (held across disk writes and syncs), `tail` (held for moments: what is gathered and
//! where it goes), `handles`. A reader takes `tail` and `handles` only.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use super::{
    Position, SegmentOptions,
    file::{Place, PositionedFile},
    header::{self, SEGMENT_HEADER_BYTES},
    record::{self, HEAD_LEN, RECORD_HEAD_BYTES, SegmentReader},
    recover::{Recovered, recover},
    scan::Scan,
};
use crate::{directory::Directory, error::StoreError};

/// Open files kept for readers, files. A log may have thousands of segments; the system allows fewer open files.
const HANDLES_MAX: usize = 32;

const HEADER_END: u64 = SEGMENT_HEADER_BYTES as u64;

/// What [`StoreError::Poisoned`] says after a panic inside a write.
const PANICKED: &str = "a write panicked";

/// A handle on an open log; cheap to clone, safe to share. The directory is released when the last handle is gone, and what was appended
/// but not synced is written then, as far as the disk takes it.
///
/// Calls block on the disk: an async caller wraps them in `spawn_blocking`.
#[derive(Clone)]
pub struct SegmentLog {
    inner: Arc<Inner>,
}

struct Inner {
    place: Arc<Place>,
    writer: Mutex<Writer>,
    tail: RwLock<Tail>,
    handles: Mutex<VecDeque<(u32, Arc<PositionedFile>)>>,
    _directory: Directory,
}

struct Writer {
    file: Arc<PositionedFile>,
    /// Which durable mark is written next.
    mark: usize,
    /// Bytes of the last segment known to be durable.
    durable: u64,
    /// Why no more writes are taken.
    failed: Option<String>,
}

/// What readers need to know of the last segment. Changed only by who holds the writer.
struct Tail {
    /// Lengths of the segments before.
    sealed: BTreeMap<u32, u64>,
    segment: u32,
    /// Bytes of the file.
    written: u64,
    /// What comes behind them and is not written yet.
    buffer: Vec<u8>,
}

impl Tail {
    fn end(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    fn first(&self) -> u32 {
        self.sealed.first_key_value().map_or(self.segment, |(&first, _)| first)
    }
}

impl fmt::Debug for SegmentLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SegmentLog")
            .field("place", &self.inner.place)
            .field("end", &self.end())
            .finish_non_exhaustive()
    }
}

impl SegmentLog {
    /// Opens the log in `directory`, creating it if the directory is empty or absent. A torn tail is cut. Cost: reads the last segment.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the directory is in use, holds something else, another log, a newer format, is damaged or cannot be read.
    pub fn open(directory: &Path, options: SegmentOptions) -> Result<Self, StoreError> {
        let held = Directory::hold(directory)?;
        let options = options.clamped();
        let place = Arc::new(Place { directory: directory.to_owned(), options });
        let Recovered { sealed, segment, end, file } = recover(&place)?;
        let mut writer = Writer { file: Arc::new(file), mark: 0, durable: end, failed: None };
        // Recovery synced what it kept.
        write_mark(&place, segment, &mut writer)?;
        let tail = Tail { sealed, segment, written: end, buffer: Vec::new() };
        let inner = Inner {
            place,
            writer: Mutex::new(writer),
            tail: RwLock::new(tail),
            handles: Mutex::default(),
            _directory: held,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Appends one record and returns where it lies. Readers see it when this returns; it is durable after the next [`SegmentLog::sync`].
    ///
    /// # Errors
    ///
    /// [`StoreError::RecordBytes`]: nothing was written, the log goes on. Any other: every later write is [`StoreError::Poisoned`].
    pub fn append(&self, bytes: &[u8]) -> Result<Position, StoreError> {
        self.append_vectored(&[bytes])
    }

    /// Appends one record made of `parts`, one after the other.
    ///
    /// # Errors
    ///
    /// As for [`SegmentLog::append`].
    pub fn append_vectored(&self, parts: &[&[u8]]) -> Result<Position, StoreError> {
        let SegmentOptions { name, record_bytes_max, .. } = self.inner.place.options;
        let actual = parts.iter().fold(0, |sum: usize, part| sum.saturating_add(part.len()));
        let len = u32::try_from(actual)
            .ok()
            .filter(|&len| len <= record_bytes_max)
            .ok_or(StoreError::RecordBytes { log: name, expected: record_bytes_max, actual })?;
        self.write(|inner, writer| inner.append(writer, parts, len))
    }

    /// Hands everything appended to the system: it outlives this process, though not a power cut.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it cannot be written: every later write is [`StoreError::Poisoned`].
    pub fn write_out(&self) -> Result<(), StoreError> {
        self.write(|inner, writer| inner.flush(writer))
    }

    /// Makes everything appended so far durable. Appends wait meanwhile; reads do not.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it could not be written: every later write is [`StoreError::Poisoned`].
    pub fn sync(&self) -> Result<(), StoreError> {
        self.write(Inner::sync)
    }

    /// Returns the bytes of the record at `position`.
    ///
    /// # Errors
    ///
    /// [`StoreError::SegmentDamaged`] if it is not what was written there; [`StoreError::SegmentPruned`],
    /// [`StoreError::SegmentPosition`] if there is none; [`StoreError::Io`].
    pub fn read(&self, position: Position) -> Result<Vec<u8>, StoreError> {
        self.inner.read(position)
    }

    /// Walks the records from `position` (one of a record, [`SegmentLog::first`] or an end) to the end as it is now.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the position is not in the log, or what is gathered cannot be written.
    pub fn iter_from(&self, position: Position) -> Result<Scan, StoreError> {
        let inner = &self.inner;
        if !inner.tail().buffer.is_empty() {
            self.write(Inner::flush)?;
        }
        let tail = inner.tail();
        inner.check_within(&tail, Position { len: 0, ..position }, u64::from(position.offset))?;
        let mut ahead = tail.sealed.clone();
        ahead.insert(tail.segment, tail.written);
        drop(tail);
        Ok(Scan::new(Arc::clone(&inner.place), ahead.split_off(&position.segment), position))
    }

    /// Returns where the first record still there begins.
    #[must_use]
    pub fn first(&self) -> Position {
        let segment = self.inner.tail().first();
        Position { segment, offset: SEGMENT_HEADER_BYTES, len: 0 }
    }

    /// Returns where the next record would begin, unless it begins a new segment.
    #[must_use]
    pub fn end(&self) -> Position {
        let tail = self.inner.tail();
        let offset = u32::try_from(tail.end()).unwrap_or(u32::MAX);
        Position { segment: tail.segment, offset, len: 0 }
    }

    /// Returns the bytes of all segments, gathered ones among them.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        let tail = self.inner.tail();
        tail.sealed.values().sum::<u64>() + tail.end()
    }

    /// Returns the segments there are with their lengths in bytes, ascending.
    #[must_use]
    pub fn segments(&self) -> Vec<(u32, u64)> {
        let tail = self.inner.tail();
        let sealed = tail.sealed.iter().map(|(&segment, &bytes)| (segment, bytes));
        sealed.chain([(tail.segment, tail.end())]).collect()
    }

    /// Cuts off every record from `position` on (one of a record, or an end). It is durable when this returns. Positions behind it must not
    /// be used again: later records will lie there. Cost: reads the segment up to `position`.
    ///
    /// # Errors
    ///
    /// [`StoreError::SegmentPosition`] if no record begins there: nothing was cut. Any other: every later write is
    /// [`StoreError::Poisoned`].
    pub fn truncate(&self, position: Position) -> Result<(), StoreError> {
        self.write(|inner, writer| inner.truncate(writer, position))
    }

    /// Removes the segments in front of `segment`, whole files, never the last one; returns the bytes freed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if a file cannot be removed: every later write is [`StoreError::Poisoned`].
    pub fn remove_segments_before(&self, segment: u32) -> Result<u64, StoreError> {
        self.write(|inner, _| inner.remove_before(segment))
    }

    /// Returns why the log takes no more writes, if so. Reads go on; a health check reports this.
    #[must_use]
    pub fn poisoned(&self) -> Option<String> {
        match self.inner.writer.lock() {
            Ok(writer) => writer.failed.clone(),
            Err(_) => Some(PANICKED.to_owned()),
        }
    }

    /// Runs the one write that is under way, and remembers if it was not carried out.
    fn write<T>(
        &self,
        change: impl FnOnce(&Inner, &mut Writer) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let poisoned = |reason: &str| StoreError::Poisoned { reason: reason.to_owned() };
        let mut writer = self.inner.writer.lock().map_err(|_| poisoned(PANICKED))?;
        if let Some(reason) = &writer.failed {
            return Err(poisoned(reason));
        }
        let outcome = change(&self.inner, &mut writer);
        if let Err(error) = &outcome
            && !is_refusal(error)
        {
            let log = self.inner.place.options.name;
            tracing::error!(log, %error, "log takes no more writes");
            writer.failed = Some(error.to_string());
        }
        outcome
    }
}

/// Returns whether an error says that nothing was done.
const fn is_refusal(error: &StoreError) -> bool {
    matches!(error, StoreError::SegmentPosition { .. } | StoreError::SegmentPruned { .. })
}

impl Drop for Inner {
    /// Writes what is gathered, as closing a file would. Nothing of it was promised, so an error is only told.
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        if writer.failed.is_some() {
            return;
        }
        let tail = self.tail.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = writer.file.write_all_at(&tail.buffer, tail.written) {
            tracing::warn!(log = self.place.options.name, %error, "unsynced records were not written");
        }
    }
}

/// Writes how far the last segment is durable.
fn write_mark(place: &Place, segment: u32, writer: &mut Writer) -> Result<(), StoreError> {
    let mark = header::encode_mark(segment, writer.mark, writer.durable);
    writer
        .file
        .write_all_at(&mark, header::mark_offset(writer.mark))
        .map_err(StoreError::io("write", place.path(segment)))?;
    writer.mark = (writer.mark + 1) % header::MARKS;
    Ok(())
}

impl Inner {
    fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.tail.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail_mut(&self) -> RwLockWriteGuard<'_, Tail> {
        self.tail.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn handles(&self) -> MutexGuard<'_, VecDeque<(u32, Arc<PositionedFile>)>> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(
        &self,
        writer: &mut Writer,
        parts: &[&[u8]],
        len: u32,
    ) -> Result<Position, StoreError> {
        let options = &self.place.options;
        let end = self.tail().end();
        let whole = u64::from(RECORD_HEAD_BYTES) + u64::from(len);
        if end > HEADER_END && end + whole > u64::from(options.segment_bytes_max) {
            self.roll(writer)?;
        }
        let (segment, end) = {
            let tail = self.tail();
            (tail.segment, tail.end())
        };
        let offset =
            u32::try_from(end).map_err(|_| self.place.damaged(segment, end, "over 4 GiB"))?;
        let position = Position { segment, offset, len };
        let head = record::head(position, parts);
        let gathered = {
            let mut tail = self.tail_mut();
            tail.buffer.reserve(HEAD_LEN + usize::try_from(len).unwrap_or_default());
            tail.buffer.extend_from_slice(&head);
            for part in parts {
                tail.buffer.extend_from_slice(part);
            }
            tail.buffer.len()
        };
        if gathered >= options.buffer_bytes {
            self.flush(writer)?;
        }
        Ok(position)
    }

    /// Writes what is gathered.
    fn flush(&self, writer: &mut Writer) -> Result<(), StoreError> {
        {
            let tail = self.tail();
            if tail.buffer.is_empty() {
                return Ok(());
            }
            writer
                .file
                .write_all_at(&tail.buffer, tail.written)
                .map_err(StoreError::io("write", self.place.path(tail.segment)))?;
        }
        let mut tail = self.tail_mut();
        tail.written = tail.end();
        tail.buffer.clear();
        // After a record far above the usual its memory goes back.
        tail.buffer.shrink_to(self.place.options.buffer_bytes.saturating_mul(2));
        Ok(())
    }

    fn sync(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.flush(writer)?;
        let (segment, written) = {
            let tail = self.tail();
            (tail.segment, tail.written)
        };
        if writer.durable == written {
            return Ok(());
        }
        writer.file.sync().map_err(StoreError::io("sync", self.place.path(segment)))?;
        writer.durable = written;
        write_mark(&self.place, segment, writer)
    }

    /// Completes the last segment and begins the next.
    fn roll(&self, writer: &mut Writer) -> Result<(), StoreError> {
        self.sync(writer)?;
        let (segment, written) = {
            let tail = self.tail();
            (tail.segment, tail.written)
        };
        let next = segment
            .checked_add(1)
            .ok_or_else(|| self.place.damaged(segment, written, "there are no more numbers"))?;
        writer.file = Arc::new(self.place.create(next, written)?);
        writer.mark = 0;
        writer.durable = HEADER_END;
        let mut tail = self.tail_mut();
        tail.sealed.insert(segment, written);
        tail.segment = next;
        tail.written = HEADER_END;
        Ok(())
    }

    fn read(&self, position: Position) -> Result<Vec<u8>, StoreError> {
        let Position { segment, offset, len } = position;
        let offset = u64::from(offset);
        let mut head = [0; HEAD_LEN];
        let payload = {
            let tail = self.tail();
            let whole = u64::from(RECORD_HEAD_BYTES) + u64::from(len);
            self.check_within(&tail, position, offset.saturating_add(whole))?;
            (segment == tail.segment)
                .then(|| offset.checked_sub(tail.written))
                .flatten()
                .map(|start| gathered(&tail.buffer, start, &mut head, len))
        };
        let payload = match payload {
            Some(payload) => payload,
            None => {
                let reading = || StoreError::io("read", self.place.path(segment));
                let file = self.handle(segment)?;
                file.read_exact_at(&mut head, offset).map_err(reading())?;
                let mut payload = vec![0; usize::try_from(len).unwrap_or_default()];
                file.read_exact_at(&mut payload, offset + u64::from(RECORD_HEAD_BYTES))
                    .map_err(reading())?;
                payload
            }
        };
        record::check(position, head, &payload)
            .map_err(|error| self.place.damaged(segment, offset, error.to_string()))?;
        Ok(payload)
    }

    /// Refuses what begins in front of the log, or ends (at `end` of its segment) behind it.
    fn check_within(&self, tail: &Tail, position: Position, end: u64) -> Result<(), StoreError> {
        let Position { segment, offset, .. } = position;
        let log = self.place.options.name;
        if segment < tail.first() {
            return Err(StoreError::SegmentPruned { log, expected: tail.first(), actual: segment });
        }
        let length = if segment == tail.segment {
            tail.end()
        } else {
            tail.sealed.get(&segment).copied().unwrap_or_default()
        };
        if offset < SEGMENT_HEADER_BYTES || end > length {
            let reason = format!("that segment has {length} bytes");
            return Err(StoreError::SegmentPosition { log, segment, offset, reason });
        }
        Ok(())
    }

    fn handle(&self, segment: u32) -> Result<Arc<PositionedFile>, StoreError> {
        let mut handles = self.handles();
        let known = handles.iter().position(|&(number, _)| number == segment);
        let entry = match known.and_then(|at| handles.remove(at)) {
            Some(entry) => entry,
            None => (segment, Arc::new(self.place.open(segment)?)),
        };
        let file = Arc::clone(&entry.1);
        handles.push_front(entry);
        handles.truncate(HANDLES_MAX);
        Ok(file)
    }

    fn truncate(&self, writer: &mut Writer, position: Position) -> Result<(), StoreError> {
        let Position { segment, offset, .. } = position;
        self.flush(writer)?;
        let (last, length) = {
            let tail = self.tail();
            self.check_within(&tail, position, u64::from(offset))?;
            let sealed = tail.sealed.get(&segment).copied();
            (tail.segment, sealed.unwrap_or(tail.written))
        };
        self.check_begins_record(position, length)?;
        // From the end, so that a crash in between leaves no gap.
        for later in (segment + 1..=last).rev() {
            self.place.remove(later)?;
        }
        self.place.sync_directory()?;
        self.handles().retain(|&(number, _)| number <= segment);

        let writing = || StoreError::io("cut", self.place.path(segment));
        writer.file = Arc::new(self.place.open(segment)?);
        writer.durable = u64::from(offset);
        // The marks first: they may say less than there is, never more.
        for _ in 0..header::MARKS {
            write_mark(&self.place, segment, writer)?;
        }
        writer.file.sync().map_err(writing())?;
        {
            let mut tail = self.tail_mut();
            tail.sealed.split_off(&segment);
            tail.segment = segment;
            tail.written = u64::from(offset);
        }
        writer.file.set_length(u64::from(offset)).map_err(writing())?;
        writer.file.sync().map_err(writing())
    }

    /// Walks a segment of `length` bytes to see that a record begins (or the segment ends) at `position`.
    fn check_begins_record(&self, position: Position, length: u64) -> Result<(), StoreError> {
        let Position { segment, offset, .. } = position;
        let path = self.place.path(segment);
        let max = self.place.options.record_bytes_max;
        let mut reader = SegmentReader::open(&path, segment, SEGMENT_HEADER_BYTES, length, max)?;
        let mut payload = Vec::new();
        while reader.offset() < offset {
            let at = u64::from(reader.offset());
            match reader.next(&mut payload) {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(record::Fault::Damaged(error)) => {
                    return Err(self.place.damaged(segment, at, error.to_string()));
                }
                Err(record::Fault::Io(error)) => return Err(StoreError::io("read", path)(error)),
            }
        }
        if reader.offset() == offset {
            return Ok(());
        }
        let log = self.place.options.name;
        let reason = format!("the next record begins at {}", reader.offset());
        Err(StoreError::SegmentPosition { log, segment, offset, reason })
    }

    fn remove_before(&self, segment: u32) -> Result<u64, StoreError> {
        let doomed = {
            let mut tail = self.tail_mut();
            let kept = tail.sealed.split_off(&segment);
            std::mem::replace(&mut tail.sealed, kept)
        };
        if doomed.is_empty() {
            return Ok(0);
        }
        self.handles().retain(|(number, _)| !doomed.contains_key(number));
        // From the start, so that a crash in between leaves no gap.
        for &number in doomed.keys() {
            match self.place.remove(number) {
                Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                outcome => outcome?,
            }
        }
        self.place.sync_directory()?;
        Ok(doomed.values().sum())
    }
}

/// Copies a record out of what is gathered. `start` counts from the front of `buffer`; the caller checked that the record ends within.
fn gathered(buffer: &[u8], start: u64, head: &mut [u8; HEAD_LEN], len: u32) -> Vec<u8> {
    let from = usize::try_from(start).unwrap_or(usize::MAX);
    let rest = buffer.get(from..).unwrap_or_default();
    let Some((found, rest)) = rest.split_first_chunk() else { return Vec::new() };
    *head = *found;
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    rest.get(..len).unwrap_or(rest).to_vec()
}
