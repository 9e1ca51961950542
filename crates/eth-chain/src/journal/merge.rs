//! A walk over the generations and the tables beneath as if they were one.

use std::sync::Arc;

use quintet_store::{Direction, KeyRange, RawScan, StoreError};

use super::generation::{Generation, Value};

/// Rows taken from a generation at a time.
const PAGE_ROWS: usize = 256;

type Row = Result<(Vec<u8>, Value), StoreError>;

/// One of what is walked over.
struct Source<'a> {
    rows: Box<dyn Iterator<Item = Row> + Send + 'a>,
    head: Option<Row>,
}

impl Source<'_> {
    fn key(&self) -> Option<&[u8]> {
        self.head.as_ref()?.as_ref().ok().map(|(key, _)| key.as_slice())
    }
}

/// The walk: the first source with a row tells its value.
pub(super) struct Merge<'a> {
    sources: Vec<Source<'a>>,
    direction: Direction,
}

impl<'a> Merge<'a> {
    /// Walks over `generations`, the newest first, and then `below`.
    pub(super) fn new(
        generations: impl Iterator<Item = &'a Arc<Generation>>,
        below: RawScan<'a>,
        table: &str,
        range: &KeyRange,
        direction: Direction,
        commit: u64,
    ) -> Self {
        let pages = generations.map(|generation| {
            let pages = Pages {
                generation,
                table: table.to_owned(),
                range: range.clone(),
                direction,
                commit,
                page: Vec::new().into_iter(),
                is_last: false,
            };
            Source { rows: Box::new(pages.map(Ok)), head: None }
        });
        let below = below.map(|row| row.map(|(key, value)| (key, Some(value))));
        let below = Source { rows: Box::new(below), head: None };
        Self { sources: pages.chain([below]).collect(), direction }
    }

    /// Returns the row that comes first, in its newest value.
    fn step(&mut self) -> Option<Row> {
        for source in &mut self.sources {
            if source.head.is_none() {
                source.head = source.rows.next();
            }
            if matches!(source.head, Some(Err(_))) {
                return source.head.take();
            }
        }
        let keys = self.sources.iter().filter_map(Source::key);
        let first = match self.direction {
            Direction::Forward => keys.min(),
            Direction::Reverse => keys.max(),
        };
        let first = first?.to_vec();
        let mut newest = None;
        for source in &mut self.sources {
            if source.key() == Some(&first) {
                let row = source.head.take();
                newest = newest.or(row);
            }
        }
        newest
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<(Vec<u8>, Vec<u8>), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.step()? {
                Ok((key, Some(value))) => return Some(Ok((key, value))),
                // Removed.
                Ok((_, None)) => {}
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

/// A generation's rows, page by page, so that no lock is held between two rows.
struct Pages<'a> {
    generation: &'a Arc<Generation>,
    table: String,
    range: KeyRange,
    direction: Direction,
    commit: u64,
    page: std::vec::IntoIter<(Vec<u8>, Value)>,
    is_last: bool,
}

impl Iterator for Pages<'_> {
    type Item = (Vec<u8>, Value);

    fn next(&mut self) -> Option<Self::Item> {
        use std::ops::Bound::Excluded;
        if self.page.len() == 0 && !self.is_last {
            let Self { generation, table, range, direction, commit, .. } = self;
            let page = generation.page(table, range, *direction, *commit, PAGE_ROWS);
            self.is_last = page.len() < PAGE_ROWS;
            if let Some((last, _)) = page.last() {
                match direction {
                    Direction::Forward => range.start = Excluded(last.clone()),
                    Direction::Reverse => range.end = Excluded(last.clone()),
                }
            }
            self.page = page.into_iter();
        }
        self.page.next()
    }
}
