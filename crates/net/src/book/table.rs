//! Buckets of places, and a draw that is fair to buckets.

use rand::{Rng, RngExt};

use super::{
    entry::Id,
    placement::{BUCKET_SIZE, Place},
};

#[derive(Debug)]
pub(super) struct Table {
    places: Box<[Option<Id>]>,
    /// Addresses in each bucket.
    used: Box<[u8]>,
    len: usize,
}

impl Table {
    pub(super) fn new(buckets: usize) -> Self {
        Self {
            places: vec![None; buckets * BUCKET_SIZE].into_boxed_slice(),
            used: vec![0; buckets].into_boxed_slice(),
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn get(&self, place: Place) -> Option<Id> {
        self.places.get(index(place)).copied().flatten()
    }

    /// Fills an empty place.
    pub(super) fn set(&mut self, place: Place, id: Id) {
        if let Some(slot @ None) = self.places.get_mut(index(place)) {
            *slot = Some(id);
            self.used[usize::from(place.bucket)] += 1;
            self.len += 1;
        }
    }

    pub(super) fn clear(&mut self, place: Place) {
        if let Some(slot @ Some(_)) = self.places.get_mut(index(place)) {
            *slot = None;
            self.used[usize::from(place.bucket)] -= 1;
            self.len -= 1;
        }
    }

    /// Draws a bucket from those that are not empty, and an address from it. An attacker that fills
    /// few buckets is drawn as seldom as those buckets are, however full they are.
    pub(super) fn draw(&self, rng: &mut impl Rng) -> Option<Id> {
        let filled = self.used.iter().filter(|used| **used > 0).count();
        if filled == 0 {
            return None;
        }
        let nth = rng.random_range(0..filled);
        let (bucket, used) =
            self.used.iter().enumerate().filter(|(_, used)| **used > 0).nth(nth)?;
        let nth = rng.random_range(0..usize::from(*used));
        let places = self.places.get(bucket * BUCKET_SIZE..(bucket + 1) * BUCKET_SIZE)?;
        places.iter().flatten().nth(nth).copied()
    }
}

fn index(place: Place) -> usize {
    usize::from(place.bucket) * BUCKET_SIZE + usize::from(place.position)
}
