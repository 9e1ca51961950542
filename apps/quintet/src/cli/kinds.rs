//! The kinds whose nodes this version runs; of the others it has tools.

/// The kinds of which `quintet up` runs nodes.
pub(crate) const KINDS: [&str; 5] = ["dht", "bitcoin", "kaspa", "lux", "rollup"];
