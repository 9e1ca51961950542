//! Drawing addresses: one to dial, some to tell others.

use std::net::SocketAddr;

use quintet_primitives::time::UnixTime;
use rand::{Rng, RngExt, seq::SliceRandom};

use super::{Book, PeerInfo, Table, entry::CHANCE_ONE};

/// Draws for one selection. Each is 1.2 times as likely to stand as the one before; the least likely
/// address stands for certain after 44.
const DRAWS_MAX: u32 = 64;

/// Which table to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pick {
    /// Either with the same probability: half the connections then go to peers that have proved
    /// themselves, however many others an attacker names.
    #[default]
    Any,
    /// Addresses heard of and not reached: to find out whether they are any good.
    New,
    /// Addresses reached before: after a start, or when new ones are suspect.
    Tried,
}

impl Book {
    /// Draws an address to dial; one that failed or was dialled a moment ago is less likely. The
    /// caller leaves out whom it is connected to, has banned, or has too many of.
    #[must_use]
    pub fn select(&self, pick: Pick, now: UnixTime, rng: &mut impl Rng) -> Option<PeerInfo> {
        let table = self.table(pick, rng);
        let mut boost = 1_000; // per mille
        let mut last = None;
        for _ in 0..DRAWS_MAX {
            let entry = self.entries.get(table.draw(rng)?)?;
            if rng.random_range(0..CHANCE_ONE) < entry.chance(now) * boost / 1_000 {
                return Some(entry.info());
            }
            last = Some(entry.info());
            boost = boost * 12 / 10;
        }
        last
    }

    /// Draws addresses to tell another node: at most `count_max`, and at most `percent_max` of every
    /// hundred, so that nobody copies the book by asking a few times. Hopeless ones are left out.
    #[must_use]
    pub fn sample(
        &self,
        count_max: usize,
        percent_max: u8,
        now: UnixTime,
        rng: &mut impl Rng,
    ) -> Vec<(SocketAddr, UnixTime)> {
        let share = self.len() * usize::from(percent_max.min(100)) / 100;
        let good = self.entries.iter().filter(|(_, entry)| !entry.is_terrible(now));
        let mut good: Vec<_> = good.map(|(_, entry)| (entry.addr, entry.last_seen)).collect();
        let (drawn, _) = good.partial_shuffle(rng, count_max.min(share));
        drawn.to_vec()
    }

    fn table(&self, pick: Pick, rng: &mut impl Rng) -> &Table {
        match pick {
            Pick::New => &self.new,
            Pick::Tried => &self.tried,
            Pick::Any if self.tried.len() == 0 => &self.new,
            Pick::Any if self.new.len() == 0 => &self.tried,
            Pick::Any => {
                if rng.random::<bool>() {
                    &self.new
                } else {
                    &self.tried
                }
            }
        }
    }
}
