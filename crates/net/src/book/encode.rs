//! The bytes a book is kept in between runs.
//!
//! ```text
//!   key [16] │ last good u64 │ count u32 │ entry …
//!
//!   entry:  addr │ source ip │ seen u64 │ attempted u64 │ reached u64 │ attempts u32
//!           │ places u8: 0 = tried, otherwise that many buckets of the new table, u16 each
//! ```
//!
//! Within the frame of this crate: magic `QPBK`, version 1, checksum. A time of zero means never.
//! Positions follow from the key and are not written. An entry that no longer fits (its place is
//! taken, or the configuration excludes it) is left out; contests are not kept.

use quintet_primitives::time::UnixTime;

use super::{
    BUCKET_SIZE, Book, BookConfig, NEW_BUCKETS, NEW_PLACES_PER_ADDRESS, TRIED_BUCKETS, canonical,
    entry::{Entry, Home},
    placement::Place,
};
use crate::{
    DecodeError,
    frame::{Format, Reader, Writer},
};

const FORMAT: Format = Format { magic: *b"QPBK", version: 1 };

const ENTRIES_MAX: usize = (NEW_BUCKETS + TRIED_BUCKETS) * BUCKET_SIZE;

impl Book {
    /// Returns the bytes to keep the book in. They hold the secret key.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(FORMAT);
        writer.bytes(self.placement.key());
        writer.u64(seconds(self.last_good));
        writer.count(self.entries.len());
        for (_, entry) in self.entries.iter() {
            writer.addr(entry.addr);
            writer.ip(entry.source);
            writer.u64(entry.last_seen.as_secs());
            writer.u64(seconds(entry.last_attempt));
            writer.u64(seconds(entry.last_success));
            writer.u32(entry.attempts);
            match &entry.home {
                Home::Tried(_) => writer.u8(0),
                Home::New(places) => {
                    writer.u8(u8::try_from(places.len()).unwrap_or(u8::MAX));
                    places.iter().for_each(|place| writer.u16(place.bucket));
                }
            }
        }
        writer.seal()
    }

    /// Reads what [`Book::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] names what is wrong with the bytes.
    pub fn from_bytes(config: BookConfig, bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(FORMAT, bytes)?;
        let mut book = Self::new(config, reader.array()?);
        book.last_good = time(reader.u64()?);
        for _ in 0..reader.count("addresses", ENTRIES_MAX)? {
            let entry = book.read_entry(&mut reader)?;
            if book.entries.find(entry.addr).is_some() {
                let actual = entry.addr.to_string();
                return Err(DecodeError::Duplicate { what: "address", actual });
            }
            book.restore(entry);
        }
        reader.finish()?;
        Ok(book)
    }

    fn read_entry(&self, reader: &mut Reader<'_>) -> Result<Entry, DecodeError> {
        let (addr, source) = (canonical(reader.addr()?), reader.ip()?);
        let last_seen = UnixTime::from_secs(reader.u64()?);
        let (last_attempt, last_success) = (time(reader.u64()?), time(reader.u64()?));
        let attempts = reader.u32()?;
        let places = usize::from(reader.u8()?);
        if places > NEW_PLACES_PER_ADDRESS {
            return Err(too_large("places of an address", NEW_PLACES_PER_ADDRESS, places));
        }
        let home = if places == 0 {
            Home::Tried(self.placement.tried_place(addr))
        } else {
            let mut held: Vec<Place> = Vec::with_capacity(places);
            for _ in 0..places {
                let bucket = reader.u16()?;
                if usize::from(bucket) >= NEW_BUCKETS {
                    return Err(too_large("bucket number", NEW_BUCKETS - 1, bucket.into()));
                }
                held.push(self.placement.new_place_in(bucket, addr));
            }
            Home::New(held)
        };
        let last_counted = None;
        Ok(Entry {
            addr,
            source,
            last_seen,
            last_attempt,
            last_success,
            last_counted,
            attempts,
            home,
        })
    }

    /// Puts an entry where it was, as far as there is room.
    fn restore(&mut self, mut entry: Entry) {
        if !self.is_usable(entry.addr) {
            return;
        }
        match &mut entry.home {
            Home::Tried(place) => {
                let place = *place;
                if self.tried.get(place).is_none() {
                    let id = self.entries.insert(entry);
                    self.tried.set(place, id);
                }
            }
            Home::New(places) => {
                let free =
                    std::mem::take(places).into_iter().filter(|p| self.new.get(*p).is_none());
                for place in free {
                    if !places.contains(&place) {
                        places.push(place);
                    }
                }
                let places = places.clone();
                if !places.is_empty() {
                    let id = self.entries.insert(entry);
                    places.into_iter().for_each(|place| self.new.set(place, id));
                }
            }
        }
    }
}

fn seconds(time: Option<UnixTime>) -> u64 {
    time.map_or(0, UnixTime::as_secs)
}

fn time(seconds: u64) -> Option<UnixTime> {
    (seconds > 0).then(|| UnixTime::from_secs(seconds))
}

fn too_large(what: &'static str, expected: usize, actual: usize) -> DecodeError {
    let count = |count| u64::try_from(count).unwrap_or(u64::MAX);
    DecodeError::TooLarge { what, expected: count(expected), actual: count(actual) }
}
