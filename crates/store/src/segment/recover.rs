//! What opening a log finds: which segments there are, and where the last one ends.
//!
//! ```text
//!   for each segment:  header ok? number follows? length as the next header says?      ──no──► an error, nothing is changed
//!   last segment:      walk the records ──first that is not whole──► in front of the durable mark? ──yes──► an error
//!                                                                              └──no──► a torn tail: cut
//! ```

use std::collections::BTreeMap;

use super::{
    file::{Place, PositionedFile},
    header::{self, Header, SEGMENT_HEADER_BYTES},
    record::{Fault, SegmentReader},
};
use crate::error::StoreError;

/// A log as it was found.
#[derive(Debug)]
pub(super) struct Recovered {
    /// Lengths of the segments before the last.
    pub(super) sealed: BTreeMap<u32, u64>,
    /// Number of the last segment.
    pub(super) segment: u32,
    /// Its length, whole records only.
    pub(super) end: u64,
    pub(super) file: PositionedFile,
}

/// Opens the last segment, creating the first one of a new log.
pub(super) fn recover(place: &Place) -> Result<Recovered, StoreError> {
    let numbers = place.segments()?;
    let Some((&last, before)) = numbers.split_last() else {
        let file = place.create(0, 0)?;
        let end = u64::from(SEGMENT_HEADER_BYTES);
        return Ok(Recovered { sealed: BTreeMap::new(), segment: 0, end, file });
    };
    let mut sealed = BTreeMap::new();
    let mut previous = None;
    for &segment in before {
        let (file, header) = open_checked(place, segment)?;
        check_order(place, previous, segment, header)?;
        let length = file.length().map_err(StoreError::io("measure", place.path(segment)))?;
        sealed.insert(segment, length);
        previous = Some((segment, length));
    }
    let (file, header) = open_checked(place, last)?;
    check_order(place, previous, last, header)?;
    let end = cut_tail(place, last, &file, header)?;
    Ok(Recovered { sealed, segment: last, end, file })
}

fn open_checked(place: &Place, segment: u32) -> Result<(PositionedFile, Header), StoreError> {
    let path = place.path(segment);
    let file = place.open(segment)?;
    let length = file.length().map_err(StoreError::io("measure", &path))?;
    if length < u64::from(SEGMENT_HEADER_BYTES) {
        return Err(place.damaged(segment, length, "the file ends inside its header"));
    }
    let mut bytes = [0; SEGMENT_HEADER_BYTES as usize];
    file.read_exact_at(&mut bytes, 0).map_err(StoreError::io("read", &path))?;
    let header = header::decode(&bytes, place.options.name, segment)
        .map_err(|error| place.damaged(segment, 0, error.to_string()))?;
    Ok((file, header))
}

/// Checks a segment's header against the segment in front of it.
fn check_order(
    place: &Place,
    previous: Option<(u32, u64)>,
    segment: u32,
    header: Header,
) -> Result<(), StoreError> {
    let Some((before, length)) = previous else {
        return Ok(()); // the first, or what is in front of it was pruned
    };
    if segment - before != 1 {
        return Err(StoreError::SegmentMissing { path: place.path(before + 1) });
    }
    if length != header.previous_bytes {
        let expected = header.previous_bytes;
        let reason = format!("the next file says it has {expected} bytes, found {length}");
        return Err(place.damaged(before, length.min(expected), reason));
    }
    Ok(())
}

/// Walks the last segment and cuts off what is behind its last whole record, unless that was durable.
fn cut_tail(
    place: &Place,
    segment: u32,
    file: &PositionedFile,
    header: Header,
) -> Result<u64, StoreError> {
    let path = place.path(segment);
    let length = file.length().map_err(StoreError::io("measure", &path))?;
    let max = place.options.record_bytes_max;
    let mut reader = SegmentReader::open(&path, segment, SEGMENT_HEADER_BYTES, length, max)?;
    let mut payload = Vec::new();
    let fault = loop {
        match reader.next(&mut payload) {
            Ok(Some(_)) => {}
            Ok(None) => break None,
            Err(Fault::Damaged(error)) => break Some(error),
            Err(Fault::Io(error)) => return Err(StoreError::io("read", &path)(error)),
        }
    };
    let end = u64::from(reader.offset());
    if end < header.durable_bytes {
        let found = fault.map_or_else(|| "the file ends".to_owned(), |error| error.to_string());
        let reason = format!("{found}, and {} bytes had been synced", header.durable_bytes);
        return Err(place.damaged(segment, end, reason));
    }
    if let Some(error) = fault {
        let cut = length - end;
        tracing::warn!(path = %path.display(), end, cut, %error, "cutting a torn tail");
        file.set_length(end).map_err(StoreError::io("cut", &path))?;
    }
    // The kept tail is about to be shown to readers, so it must not go in a later crash.
    file.sync().map_err(StoreError::io("sync", &path))?;
    Ok(end)
}
