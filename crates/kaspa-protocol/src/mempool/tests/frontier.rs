//! Drawing by weight, the order of fee rates, and estimates.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn item(number: u64, fee: u64, mass: u64) -> Candidate {
    Candidate { id: coin(number).transaction_id, fee, mass, lane: SubnetworkId::NATIVE, gas: 0 }
}

proptest! {
    #[test]
    fn the_frontier_is_a_sorted_map_with_sums(
        steps in prop::collection::vec((0_u64..40, 1_u64..1_000_000, 1_u64..5000, any::<bool>()), 1..200),
    ) {
        let mut frontier = Frontier::new(7);
        let mut model: BTreeMap<Hash256, Candidate> = BTreeMap::new();
        for (number, fee, mass, comes) in steps {
            let item = item(number, fee, mass);
            if comes {
                let is_new = !model.contains_key(&item.id);
                model.entry(item.id).or_insert(item);
                prop_assert_eq!(frontier.insert(item), is_new);
            } else {
                prop_assert_eq!(frontier.remove(&item.id), model.remove(&item.id).is_some());
            }
            let mut sorted: Vec<Candidate> = model.values().copied().collect();
            sorted.sort_by(|a, b| a.cmp_feerate(b).then(a.id.cmp(&b.id)));
            let ascending: Vec<Candidate> = frontier.ascending().copied().collect();
            prop_assert_eq!(&ascending, &sorted);
            sorted.reverse();
            let descending: Vec<Candidate> = frontier.descending().copied().collect();
            prop_assert_eq!(&descending, &sorted);
            prop_assert_eq!(frontier.total_mass(), sorted.iter().map(|item| item.mass).sum::<u64>());
            let weight: f64 = sorted.iter().map(|item| item.feerate().powi(3)).sum();
            prop_assert!((frontier.total_weight() - weight).abs() <= weight * 1e-9);
        }
    }

    #[test]
    fn each_is_drawn_once_and_nothing_is_lost(count in 1_u64..60, seed in any::<u64>()) {
        let mut frontier = Frontier::new(seed);
        let mut dice = SplitMix::new(seed);
        for number in 0..count {
            // One pays a billion times what others do.
            let fee = if number == 0 { 1_000_000_000_000_000 } else { 1 + dice.next() % 9999 };
            frontier.insert(item(number, fee, 1650));
        }
        let before = frontier.total_weight();
        let mut drawn = Vec::new();
        while let Some(item) = frontier.draw(uniform(&mut dice)) {
            drawn.push(item);
        }
        prop_assert_eq!(drawn.len() as u64, count);
        let distinct: std::collections::BTreeSet<Hash256> = drawn.iter().map(|item| item.id).collect();
        prop_assert_eq!(distinct.len(), drawn.len());
        for item in &drawn {
            frontier.put_back(item);
        }
        prop_assert!((frontier.total_weight() - before).abs() <= before * 1e-9);
    }
}

#[test]
fn who_pays_twice_as_much_is_drawn_eight_times_as_often() {
    let mut frontier = Frontier::new(1);
    frontier.insert(item(1, 1000, 1000));
    frontier.insert(item(2, 2000, 1000));
    let mut dice = SplitMix::new(5);
    let mut second = 0_u32;
    for _ in 0..9000 {
        let drawn = frontier.draw(uniform(&mut dice)).unwrap();
        second += u32::from(drawn.fee == 2000);
        frontier.put_back(&drawn);
    }
    // Eight of nine, 30 being one standard deviation.
    assert!((7850..=8150).contains(&second), "{second}");
}

#[test]
fn a_block_is_filled_and_not_overfilled() {
    let policy = policy();
    let limit = policy.block_mass.compute;
    for count in [10, 400, 3000] {
        let mut frontier = Frontier::new(3);
        let mut dice = SplitMix::new(9);
        for number in 0..count {
            frontier.insert(item(number, 1 + dice.next() % 100_000, 1000 + dice.next() % 2000));
        }
        let masses: BTreeMap<Hash256, u64> =
            frontier.ascending().map(|item| (item.id, item.mass)).collect();
        let selected = frontier.select(BlockRoom::of(&policy), &mut || uniform(&mut dice));
        let mass: u64 = selected.iter().map(|id| masses[id]).sum();
        assert!(mass <= limit, "{mass}");
        assert!(mass == frontier.total_mass() || mass > limit / 100 * 98, "{mass}");
    }
}

#[test]
fn lanes_of_a_block_are_few() {
    let policy = policy();
    let mut frontier = Frontier::new(3);
    for number in 0..2000 {
        let mut lane = [0; 20];
        lane[..8].copy_from_slice(&(number % 200 + 1_u64).to_le_bytes());
        let mut item = item(number, 1000, 1000);
        item.lane = SubnetworkId::new(lane);
        item.gas = policy.lanes.gas_per_lane / 2;
        frontier.insert(item);
    }
    let mut dice = SplitMix::new(9);
    let selected = frontier.select(BlockRoom::of(&policy), &mut || uniform(&mut dice));
    // Fifty lanes, two transactions each by their gas.
    assert!(selected.len() <= 100, "{}", selected.len());
    assert!(selected.len() > 50, "{}", selected.len());
}

#[test]
fn estimates_fall_from_priority_to_low_and_waits_grow() {
    let mut frontier = Frontier::new(3);
    let mut dice = SplitMix::new(2);
    for number in 0..5000 {
        frontier.insert(item(number, 1 + dice.next() % 10_000_000, 2000));
    }
    let estimate = FeeEstimator::of(&frontier, 10, 500_000).estimate(100.0);
    let buckets = [estimate.priority, estimate.normal[0], estimate.normal[1], estimate.low];
    for pair in buckets.windows(2) {
        assert!(pair[0].feerate >= pair[1].feerate, "{buckets:?}");
        assert!(pair[0].seconds <= pair[1].seconds, "{buckets:?}");
    }
    assert!(estimate.low.feerate >= 100.0);
    let empty = FeeEstimator::of(&Frontier::new(1), 10, 500_000).estimate(100.0);
    assert!((empty.priority.feerate - 100.0).abs() < 1e-9, "{empty:?}");
}

#[test]
fn one_that_pays_absurdly_much_does_not_move_the_estimate() {
    let mut frontier = Frontier::new(3);
    for number in 1..3000 {
        frontier.insert(item(number, 400_000, 2000));
    }
    let before = FeeEstimator::of(&frontier, 10, 500_000).estimate(100.0);
    frontier.insert(item(0, 1_000_000_000_000_000, 2000));
    let after = FeeEstimator::of(&frontier, 10, 500_000).estimate(100.0);
    assert!(after.priority.feerate < before.priority.feerate * 1.1, "{before:?} {after:?}");
}
