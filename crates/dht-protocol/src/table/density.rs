//! How many nodes the network has, read from how close the closest ones are.
//!
//! Seen from a target, random ids are a Poisson process: with `n` in the network, the `m`-th closest
//! lies at about `m / n` of the key space. All that the `m` closest tell is told by the farthest of
//! them, at the share `d` of the key space, and `(m - 1) / d` is the unbiased estimate of `n`. Its
//! standard deviation is `n / sqrt(m - 2)`, 41 % for 8 nodes: average the estimates of many targets.

use crate::key::{Distance, Key};

/// Distances used for an estimate, at most; a named end for a loop over what others sent.
pub const ESTIMATE_NODES_MAX: usize = 20;

/// Estimates the number of nodes from the ones closest to `target`, in any order. `closest` must be
/// complete out to its farthest member, such as the result of a lookup. None if it is empty.
#[must_use]
pub fn network_size(target: Key, closest: impl IntoIterator<Item = Key>) -> Option<f64> {
    let distances = closest.into_iter().take(ESTIMATE_NODES_MAX).map(|id| target.distance(id));
    let (count, farthest) = distances.fold((0_u32, None), |(count, farthest), distance| {
        (count + 1, farthest.max(Some(distance)))
    });
    let (count, share) = (f64::from(count), fraction(farthest?));
    // There are at least those that were found.
    Some(if share > 0.0 { ((count - 1.0) / share).max(count) } else { count })
}

/// The distance as a share of the key space, 0.0 to 1.0, from its first 64 bits.
fn fraction(distance: Distance) -> f64 {
    let bytes = distance.as_bytes();
    let half = |at: usize| {
        f64::from(u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]))
    };
    let unit = f64::from(u32::MAX) + 1.0;
    half(0) / unit + half(4) / (unit * unit)
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_mean_of_many_estimates_is_near_the_truth() {
        let rng = &mut StdRng::seed_from_u64(7);
        let ids: Vec<Key> = (0..1_000).map(|_| Key::random(rng)).collect();
        let estimates = (0..200).filter_map(|_| {
            let target = Key::random(rng);
            let mut sorted = ids.clone();
            sorted.sort_unstable_by_key(|id| target.distance(*id));
            network_size(target, sorted.into_iter().take(8))
        });
        let mean = estimates.sum::<f64>() / 200.0;
        assert!((850.0..1_150.0).contains(&mean), "{mean}");
    }

    #[test]
    fn nobody_gives_no_estimate() {
        assert_eq!(network_size(Key::default(), []), None);
        assert_eq!(network_size(Key::default(), [Key::default()]), Some(1.0));
    }
}
