//! The model of a disk behind a cache.
//!
//! # Invariants
//!
//! - What was written before the last completed sync is there after a restart.
//! - What was written after it is there, or not, or in part, each write on its own, as [`Survival`] says. Parts begin and end at
//!   any byte, which is harsher than a disk that writes whole sectors.
//! - From the cut on every operation fails and changes nothing.

use std::{
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The disk has no power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the simulated disk lost power")]
pub struct PowerLost;

impl From<PowerLost> for io::Error {
    fn from(lost: PowerLost) -> Self {
        Self::other(lost)
    }
}

/// What becomes of writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Survival {
    /// All are lost.
    Nothing,
    /// All are there, as after a killed process.
    Everything,
    /// Those up to some point are there, the one at that point in part. The seed chooses the point.
    Prefix(u64),
    /// Each is there, lost, or there in part, as a disk that reorders may leave them. The seed chooses.
    Any(u64),
}

/// One file on a disk that can lose power; clones share it.
#[derive(Clone, Default)]
pub struct CrashDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// What a restart finds at least.
    synced: Vec<u8>,
    /// What a reader sees.
    current: Vec<u8>,
    unsynced: Vec<Change>,
    operations: u64,
    cut_at: Option<u64>,
    off: bool,
}

enum Change {
    Write { offset: usize, data: Vec<u8> },
    SetLength(usize),
}

impl fmt::Debug for CrashDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("CrashDisk")
            .field("bytes", &state.current.len())
            .field("operations", &state.operations)
            .field("off", &state.off)
            .finish_non_exhaustive()
    }
}

impl CrashDisk {
    /// Starts with an empty file and power.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cuts the power during the `operation`-th write, resize or sync from the start of the disk's life, counted from 0.
    pub fn cut_power_at(&self, operation: u64) {
        self.state().cut_at = Some(operation);
    }

    /// Returns the writes, resizes and syncs so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Returns whether the power is gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.state().off
    }

    /// Returns the disk after a restart: a new one that holds what survived. This one stays without power.
    #[must_use]
    pub fn restart(&self, survival: Survival) -> Self {
        let mut state = self.state();
        state.off = true;
        let mut bytes = state.synced.clone();
        let mut draw = Draw::new(survival);
        let point = draw.below(state.unsynced.len() + 1);
        for (at, change) in state.unsynced.iter().enumerate() {
            let fate = match survival {
                Survival::Nothing => Fate::Lost,
                Survival::Everything => Fate::Kept,
                Survival::Prefix(_) if at < point => Fate::Kept,
                Survival::Prefix(_) if at == point => Fate::Torn,
                Survival::Prefix(_) => Fate::Lost,
                Survival::Any(_) => draw.fate(),
            };
            change.apply(fate, &mut draw, &mut bytes);
        }
        let survived = State { synced: bytes.clone(), current: bytes, ..State::default() };
        Self { state: Arc::new(Mutex::new(survived)) }
    }

    /// Returns the length of the file, bytes.
    ///
    /// # Errors
    ///
    /// [`PowerLost`].
    pub fn length(&self) -> Result<u64, PowerLost> {
        let state = self.powered()?;
        Ok(state.current.len() as u64)
    }

    /// Fills `out` from `offset`.
    ///
    /// # Errors
    ///
    /// An I/O error without power or beyond the end.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.powered()?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let found = start
            .checked_add(out.len())
            .and_then(|end| state.current.get(start..end))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    /// Writes `data` at `offset`; the file grows as needed.
    ///
    /// # Errors
    ///
    /// [`PowerLost`], also if the power goes during this write; part of it may then survive.
    pub fn write(&self, offset: u64, data: &[u8]) -> Result<(), PowerLost> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        self.change(Change::Write { offset, data: data.to_vec() })
    }

    /// Cuts the file or extends it with zeros.
    ///
    /// # Errors
    ///
    /// [`PowerLost`], as for a write.
    pub fn set_length(&self, length: u64) -> Result<(), PowerLost> {
        self.change(Change::SetLength(usize::try_from(length).unwrap_or(usize::MAX)))
    }

    /// Makes everything written so far survive.
    ///
    /// # Errors
    ///
    /// [`PowerLost`], also if the power goes during this sync; nothing is promised then.
    pub fn sync(&self) -> Result<(), PowerLost> {
        let mut state = self.powered()?;
        if state.count_operation() {
            return Err(PowerLost);
        }
        let State { synced, unsynced, .. } = &mut *state;
        for change in unsynced.drain(..) {
            change.apply(Fate::Kept, &mut Draw(0), synced);
        }
        Ok(())
    }

    fn change(&self, change: Change) -> Result<(), PowerLost> {
        let mut state = self.powered()?;
        let cut = state.count_operation();
        change.apply(Fate::Kept, &mut Draw(0), &mut state.current);
        state.unsynced.push(change);
        if cut { Err(PowerLost) } else { Ok(()) }
    }

    fn powered(&self) -> Result<MutexGuard<'_, State>, PowerLost> {
        let state = self.state();
        if state.off { Err(PowerLost) } else { Ok(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts one operation; returns whether the power goes during it.
    fn count_operation(&mut self) -> bool {
        self.off = self.cut_at == Some(self.operations);
        self.operations += 1;
        self.off
    }
}

/// What becomes of one unsynced change.
enum Fate {
    Lost,
    Torn,
    Kept,
}

impl Change {
    fn apply(&self, fate: Fate, draw: &mut Draw, bytes: &mut Vec<u8>) {
        match (self, fate) {
            (_, Fate::Lost) => {}
            (Self::SetLength(length), Fate::Kept | Fate::Torn) => bytes.resize(*length, 0),
            (Self::Write { offset, data }, Fate::Kept) => put(bytes, *offset, data),
            (Self::Write { offset, data }, Fate::Torn) => {
                let cut = draw.below(data.len() + 1);
                let (head, tail) = data.split_at(cut);
                if draw.below(2) == 0 {
                    put(bytes, *offset, head);
                } else {
                    put(bytes, offset + cut, tail);
                }
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let end = offset + data.len();
    if bytes.len() < end {
        bytes.resize(end, 0);
    }
    if let Some(place) = bytes.get_mut(offset..end) {
        place.copy_from_slice(data);
    }
}

/// SplitMix64: enough to choose what survives, the same on every machine.
struct Draw(u64);

impl Draw {
    const fn new(survival: Survival) -> Self {
        match survival {
            Survival::Prefix(seed) | Survival::Any(seed) => Self(seed),
            Survival::Nothing | Survival::Everything => Self(0),
        }
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    fn fate(&mut self) -> Fate {
        match self.below(3) {
            0 => Fate::Lost,
            1 => Fate::Torn,
            _ => Fate::Kept,
        }
    }
}
