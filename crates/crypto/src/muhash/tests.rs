//! MuHash against Bitcoin Core's values, and its numbers against a plain big integer.

use num_bigint::BigUint;
use proptest::prelude::*;
use quintet_primitives::hex;

use super::*;

type Set = MuHash<Sha256ChaCha20>;

fn modulus() -> BigUint {
    (BigUint::from(1_u8) << 3072) - BigUint::from(num::GAP)
}

fn big(number: &Num3072) -> BigUint {
    BigUint::from_bytes_le(&number.to_bytes())
}

fn element(byte: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    bytes
}

fn reversed(hash: Hash256) -> String {
    let mut bytes = hash.into_bytes();
    bytes.reverse();
    hex::encode(&bytes)
}

/// Numbers of every shape: random, near zero, near the modulus and above it, with runs of ones.
fn number() -> impl Strategy<Value = Num3072> {
    let random = proptest::collection::vec(any::<u64>(), 48);
    let sparse = proptest::collection::vec(prop_oneof![Just(0), Just(u64::MAX), any::<u64>()], 48);
    let words = prop_oneof![random, sparse].prop_map(|words| words.try_into().unwrap());
    let near = (any::<bool>(), 0_u64..4_000_000).prop_map(|(top, by)| {
        let mut words = [if top { u64::MAX } else { 0 }; 48];
        words[0] = if top { u64::MAX - by } else { by };
        words
    });
    let power = (0_u32..3072).prop_map(|bit| {
        let mut words = [0; 48];
        words[bit as usize / 64] = 1 << (bit % 64);
        words
    });
    prop_oneof![4 => words, 1 => near, 1 => power].prop_map(Num3072)
}

#[test]
fn agrees_with_core_on_a_set_with_an_element_removed() {
    const EXPECTED: &str = "10d312b100cbd32ada024a6646e40d3482fcff103668d2625f10002a607d5863";
    let mut set = Set::new();
    set.insert(&[&element(0)]);
    set.insert(&[&element(1)[..7], &element(1)[7..]]);
    set.remove(&[&element(2)]);
    assert_eq!(reversed(set.finalise()), EXPECTED);
    assert_eq!(set.normalised().finalise(), set.finalise());
    assert_eq!(Set::from_bytes(&set.to_bytes()), set);
}

#[test]
fn agrees_with_core_on_the_form_of_the_state() {
    let mut set = Set::new();
    set.insert(&[&element(1)]);
    set.insert(&[&element(2)]);
    let text = hex::encode(&set.to_bytes());
    assert!(text.starts_with("1fa093295ea30a6a3acdc7b3f770fa538eff537528e990e2910e40bbcfd7f669"));
    assert_eq!(text[704..768], *"16bb6d1c700bafabc8bd86fac8df24be519a2f2836b16392e18036cb13e48c5c");
    assert_eq!(text[768..770], *"01");
    assert!(text[770..].bytes().all(|digit| digit == b'0'));
}

#[test]
fn a_state_above_the_modulus_stands_for_its_remainder() {
    let mut bytes = [0xff; 768];
    bytes[384..].fill(0);
    bytes[384] = 1;
    let set = Set::from_bytes(&bytes);
    let expected = "3a31e6903aff0de9f62f9a9f7f8b861de76ce2cda09822b90014319ae5dc2271";
    assert_eq!(hex::encode(set.finalise().as_bytes()), expected);
}

#[test]
fn a_denominator_of_zero_makes_zero() {
    let set = Set::from_bytes(&[0; 768]);
    assert_eq!(set.finalise(), Sha256ChaCha20::finish(&[0; 384]));
}

#[test]
fn shares_combine_to_the_whole_and_separate_again() {
    let (mut whole, mut left, mut right) = (Set::new(), Set::new(), Set::new());
    for byte in 0..20 {
        whole.insert(&[&[byte]]);
        if byte % 3 == 0 { left.insert(&[&[byte]]) } else { right.insert(&[&[byte]]) }
    }
    let alone = left.finalise();
    left.combine(&right);
    assert_eq!(left.finalise(), whole.finalise());
    left.separate(&right);
    assert_eq!(left.finalise(), alone);
}

#[test]
fn small_numbers_and_huge_quotients_are_inverted() {
    for (value, shift) in
        [(1_u64, 0), (2, 0), (3, 64), (1, 100), (u64::MAX, 1000), (5, 3000), (1, 3071)]
    {
        let shifted: BigUint = BigUint::from(value) << shift;
        let mut bytes = shifted.to_bytes_le();
        bytes.resize(384, 0);
        let number = Num3072::from_bytes(&bytes.try_into().unwrap());
        assert_eq!(number.multiply(&number.invert()), Num3072::ONE, "{shifted}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn products_agree_with_a_plain_big_integer(a in number(), b in number()) {
        let expected = big(&a) * big(&b) % modulus();
        prop_assert_eq!(&big(&a.multiply(&b)), &expected);
        prop_assert_eq!(big(&a.multiply_portable(&b)), expected);
    }

    #[test]
    fn an_inverse_times_its_number_is_one(a in number()) {
        let expected = u8::from(big(&a) != BigUint::from(0_u8));
        prop_assert_eq!(big(&a.multiply(&a.invert())), BigUint::from(expected));
    }

    #[test]
    fn the_order_of_insertions_does_not_matter(mut parts: Vec<[u8; 4]>) {
        let hash = |parts: &[[u8; 4]]| {
            let mut set = Set::new();
            parts.iter().for_each(|part| set.insert(&[part]));
            set.finalise()
        };
        let forwards = hash(&parts);
        parts.reverse();
        prop_assert_eq!(hash(&parts), forwards);
    }
}
