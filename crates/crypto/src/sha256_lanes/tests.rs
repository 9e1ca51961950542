//! All ways to hash agree, whatever the processor has.

use proptest::prelude::*;

use super::*;

/// This machine, and what it would be with less.
fn machines() -> [Machine; 4] {
    let whole = Machine::detect();
    [
        whole,
        Machine { two: None, ..whole },
        Machine { sixteen: None, ..whole },
        Machine { sixteen: None, two: None },
    ]
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| seed.wrapping_mul(31) ^ at.to_le_bytes()[0].wrapping_mul(7)).collect()
}

#[test]
fn messages_of_every_length_around_a_block_hash_as_one_by_one() {
    let all: Vec<Vec<u8>> = (0..300).map(|length| bytes(length, 3)).collect();
    for cut in [0, 1, 55, 56, 63, 64, 65, 119, 128] {
        let messages: Vec<[&[u8]; 3]> = all
            .iter()
            .map(|bytes| {
                let (head, tail) = bytes.split_at(cut.min(bytes.len()));
                let (middle, tail) = tail.split_at(tail.len().saturating_sub(4));
                [head, middle, tail]
            })
            .collect();
        let expected: Vec<_> = all.iter().map(|bytes| sha256d(&[bytes]).into_bytes()).collect();
        for machine in machines() {
            assert_eq!(machine.many(&messages), expected, "{machine:?}");
        }
    }
}

#[test]
fn few_messages_and_none_are_hashed() {
    let long = bytes(20_000, 9);
    for machine in machines() {
        assert_eq!(machine.many::<1>(&[]), Vec::<[u8; 32]>::new());
        for count in 1..20 {
            let messages = vec![[&long[..]]; count];
            let expected = vec![sha256d(&[&long]).into_bytes(); count];
            assert_eq!(machine.many(&messages), expected, "{machine:?}");
        }
        assert_eq!(machine.many::<0>(&[[], [], []]), vec![sha256d(&[]).into_bytes(); 3]);
    }
}

proptest! {
    #[test]
    fn messages_of_any_lengths_hash_as_one_by_one(
        shapes in proptest::collection::vec(([0_usize..90, 0..700, 0..90], any::<u8>()), 0..70),
        giant in 0_usize..12_000,
    ) {
        let mut parts: Vec<[Vec<u8>; 3]> = shapes
            .into_iter()
            .map(|(lengths, seed)| lengths.map(|length| bytes(length, seed)))
            .collect();
        if let Some([_, middle, _]) = parts.last_mut() {
            *middle = bytes(giant, 1);
        }
        let messages: Vec<[&[u8]; 3]> =
            parts.iter().map(|parts| parts.each_ref().map(Vec::as_slice)).collect();
        let expected: Vec<_> = messages.iter().map(|parts| sha256d(parts).into_bytes()).collect();
        for machine in machines() {
            prop_assert_eq!(machine.many(&messages), expected.clone());
        }
    }

    #[test]
    fn blocks_side_by_side_and_one_by_one_agree(
        seeds in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let blocks: Vec<[u8; 64]> = seeds
            .iter()
            .map(|seed| core::array::from_fn(|at| seed[at % 32] ^ u8::from(at > 31)))
            .collect();
        let expected: Vec<_> = blocks.iter().map(|block| sha256d(&[block]).into_bytes()).collect();
        for machine in machines() {
            let mut digests = vec![[0; 32]; blocks.len()];
            machine.blocks(&blocks, &mut digests);
            prop_assert_eq!(digests, expected.clone());
        }
        prop_assert_eq!(sha256d_64_many(&blocks), expected);
    }
}
