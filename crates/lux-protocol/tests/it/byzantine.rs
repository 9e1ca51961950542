//! Agreement at every tick and progress once messages arrive, with up to a third of the stake faulty in every named manner.

use quintet_lux_protocol::evidence::Offence;

use crate::network::{Manner, Network};

/// Slots after which what was said before a heal has arrived and been acted on.
const SETTLED: u64 = 24;

fn manners(count: usize, faulty: &[Manner]) -> Vec<Manner> {
    let mut manners = vec![Manner::Honest; count];
    for (index, manner) in faulty.iter().enumerate() {
        manners[index * 3 + 1] = *manner;
    }
    manners
}

fn progressed(network: &Network) {
    let slot = network.slot();
    for index in network.honest() {
        let finalised = network.finalised(index).slot;
        assert!(finalised + SETTLED > slot, "validator {index}: {finalised} final in slot {slot}");
    }
}

#[test]
fn honest_validators_make_every_block_final_two_slots_later() {
    let mut network = Network::new(&[Manner::Honest; 4], 1, 1);
    network.run(40);
    for index in 0..4 {
        let finalised = network.finalised(index).slot;
        assert!(finalised + 2 >= network.slot(), "{finalised} final in slot {}", network.slot());
        assert!(network.consensus(index).unfinal_blocks() <= 3);
    }
}

#[test]
fn two_of_seven_faulty_in_any_manner_break_neither_agreement_nor_progress() {
    let faulty = [
        Manner::Silent,
        Manner::DoubleVoter,
        Manner::DoubleProposer,
        Manner::Surrounder,
        Manner::Withholder,
    ];
    for (first, one) in faulty.into_iter().enumerate() {
        for other in faulty.into_iter().skip(first) {
            let seed = u64::try_from(first).unwrap() + 7;
            let mut network = Network::new(&manners(7, &[one, other]), 2, seed);
            network.run(60);
            progressed(&network);
        }
    }
}

#[test]
fn partitions_stop_finality_and_never_split_it() {
    for seed in 0..8 {
        let faulty = [Manner::DoubleVoter, Manner::DoubleProposer];
        let mut network = Network::new(&manners(7, &faulty), 2, seed);
        network.run(10);
        // Faulty validators, 1 and 4, talk to the smaller side; neither side has two thirds.
        let sides = (0..7).map(|index| index == 1 || index % 3 == usize::from(seed % 3 == 0));
        network.partition(sides.collect(), 90);
        network.run(90);
        network.run(SETTLED);
        progressed(&network);
    }
}

#[test]
fn messages_that_take_longer_than_a_slot_cost_progress_and_never_agreement() {
    for seed in 0..4 {
        let faulty = [Manner::DoubleVoter, Manner::Surrounder];
        let mut network = Network::new(&manners(7, &faulty), 12, seed);
        // Agreement is asserted at every tick.
        network.run(80);
        assert!(network.honest().iter().all(|index| network.finalised(*index).slot < 80));
    }
}

#[test]
fn whoever_says_two_things_is_found_out_by_every_honest_validator() {
    let expected = [
        (Manner::DoubleVoter, vec![Offence::DoubleVote]),
        (Manner::DoubleProposer, vec![Offence::DoubleBlock]),
    ];
    for (manner, offences) in expected {
        let mut network = Network::new(&manners(7, &[manner]), 2, 3);
        network.run(60);
        for index in network.honest() {
            let found: Vec<_> = network.consensus(index).evidence().collect();
            assert_eq!(found.len(), 1, "validator {index} against {manner:?}");
            assert_eq!(found[0].validator(), 1);
            assert!(offences.contains(&found[0].offence()), "{:?}", found[0].offence());
        }
    }
    // A vote from the genesis spans over honest votes of its own earlier ones only if it made any: it is no offence by itself.
    let mut network = Network::new(&manners(7, &[Manner::Surrounder]), 2, 3);
    network.run(30);
    progressed(&network);
}

#[test]
fn many_validators_with_a_fifth_faulty_agree_and_go_on() {
    for count in [50, 64] {
        let mut all = vec![Manner::Honest; count];
        for (index, manner) in all.iter_mut().enumerate().filter(|(index, _)| index % 5 == 2) {
            *manner = match index % 4 {
                0 => Manner::Silent,
                1 => Manner::DoubleVoter,
                2 => Manner::DoubleProposer,
                _ => Manner::Withholder,
            };
        }
        let mut network = Network::new(&all, 1, 11);
        network.run(16);
        let finalised: Vec<_> =
            network.honest().iter().map(|index| network.finalised(*index).slot).collect();
        assert!(finalised.iter().all(|slot| *slot > 4), "{count}: {finalised:?}");
    }
}
