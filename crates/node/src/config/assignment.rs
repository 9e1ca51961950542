//! One value given to one key by one layer.

use serde_json::Value;

use super::{
    origin::{Origin, Position},
    section::{Leaf, SectionType},
};

/// Parts of one value whose places are kept; parts beyond are reported at the value's own place.
const PLACES_MAX: usize = 1024;

/// A value for a key that exists, not yet known to be acceptable.
pub(super) struct Assignment<'a> {
    pub(super) section: &'a SectionType,
    pub(super) leaf: &'a Leaf,
    /// What the value may mean, best reading first; never empty. Text (environment, flags) has
    /// several readings where the default does not tell the type.
    pub(super) readings: Vec<Value>,
    pub(super) origin: Origin,
    pub(super) places: Places,
    /// Order within the layer: a later flag overrides an earlier one.
    pub(super) order: usize,
}

/// Where the parts of a value stand in the file, by path below the key (`[2].host`).
#[derive(Clone, Default)]
pub(super) struct Places(Vec<(String, Position)>);

impl Places {
    pub(super) fn push(&mut self, path: String, position: Position) {
        self.0.push((path, position));
    }

    pub(super) const fn is_full(&self) -> bool {
        self.0.len() >= PLACES_MAX
    }

    /// `origin`, narrowed to the part of the value at `path` if its place is known.
    pub(super) fn narrow(&self, origin: &Origin, path: &str) -> Origin {
        let place = self.0.iter().find(|(known, _)| known == path).map(|(_, place)| *place);
        match (origin, place) {
            (Origin::File { path, .. }, Some(place)) => {
                Origin::File { path: path.clone(), position: Some(place) }
            }
            _ => origin.clone(),
        }
    }
}
