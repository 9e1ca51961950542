//! Lanes say what libsecp256k1 says of each item alone.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{
    digest::sha256,
    secp::{ORDER, SecretKey, ecdsa_recover, ecdsa_verify_compact_any_s},
};

/// An item that owns its bytes.
#[derive(Debug, Clone)]
struct Case {
    signature: [u8; 64],
    odd: bool,
    key: Vec<u8>,
    message: [u8; 32],
}

impl Case {
    /// Signs a message; `form` says how the key is written.
    fn signed(secret: &SecretKey, message: [u8; 32], form: u8) -> Self {
        let (signature, odd) = secret.sign_ecdsa_recoverable(&message).unwrap();
        let mut key = secret.public_key_uncompressed().to_vec();
        match form % 3 {
            0 => key = secret.public_key().to_vec(),
            1 => key[0] = 6 + (key[64] & 1),
            _ => {}
        }
        Self { signature, odd, key, message }
    }

    fn damaged(mut self, damage: &Damage) -> Self {
        match *damage {
            Damage::None => {}
            Damage::Signature(bit) => self.signature[bit / 8] ^= 1 << (bit % 8),
            Damage::Key(bit) => {
                let at = bit / 8 % self.key.len();
                self.key[at] ^= 1 << (bit % 8);
            }
            Damage::Message(bit) => self.message[bit / 8 % 32] ^= 1 << (bit % 8),
            Damage::R(bytes) => self.signature[..32].copy_from_slice(&bytes),
            Damage::S(bytes) => self.signature[32..].copy_from_slice(&bytes),
            Damage::X(bytes) => self.key[1..33].copy_from_slice(&bytes),
            Damage::To(bytes) => self.message = bytes,
            Damage::Cut(len) => self.key.truncate(len),
            // Still valid, but its point is the other one of that X.
            Damage::HighS => {
                let s = negated(self.signature.last_chunk().unwrap());
                self.signature[32..].copy_from_slice(&s);
            }
        }
        self
    }

    fn item(&self) -> EcdsaItem<'_> {
        EcdsaItem::new(self.signature, &self.key, &self.message)
    }

    fn recover_item(&self) -> RecoverItem {
        RecoverItem { signature: self.signature, odd: self.odd, message: self.message }
    }
}

#[derive(Debug, Clone)]
enum Damage {
    None,
    Signature(usize),
    Key(usize),
    Message(usize),
    R([u8; 32]),
    S([u8; 32]),
    X([u8; 32]),
    To([u8; 32]),
    Cut(usize),
    HighS,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        8 => Just(Damage::None),
        3 => Just(Damage::HighS),
        2 => (0_usize..512).prop_map(Damage::Signature),
        2 => (0_usize..512).prop_map(Damage::Key),
        1 => (0_usize..256).prop_map(Damage::Message),
        1 => special().prop_map(Damage::R),
        1 => special().prop_map(Damage::S),
        1 => special().prop_map(Damage::X),
        2 => special().prop_map(Damage::To),
        1 => (0_usize..66).prop_map(Damage::Cut),
    ]
}

/// Numbers where something ends: the field's modulus, the order, what lies between, and their neighbours.
fn special() -> impl Strategy<Value = [u8; 32]> {
    let mut modulus = [0xff; 32];
    modulus[24..].copy_from_slice(&0xffff_fffe_ffff_fc2f_u64.to_be_bytes());
    let near = |bytes: [u8; 32]| {
        (-3_i8..=3).prop_map(move |by| {
            let mut bytes = bytes;
            bytes[31] = bytes[31].wrapping_add_signed(by);
            bytes
        })
    };
    prop_oneof![
        near(modulus),
        near(ORDER),
        near([0; 32]),
        near([0xff; 32]),
        near(negated(&number(2))),
        any::<[u8; 32]>(),
    ]
}

fn number(small: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = small;
    bytes
}

fn negated(number: &[u8; 32]) -> [u8; 32] {
    secp256k1::SecretKey::from_slice(number).map_or(*number, |key| key.negate().secret_bytes())
}

/// Keys whose multiples meet the generator's: it itself, its negation, small multiples, halves; and others.
fn secret() -> impl Strategy<Value = SecretKey> {
    let small = (1_u8..40, any::<bool>()).prop_map(|(small, negative)| {
        let bytes = if negative { negated(&number(small)) } else { number(small) };
        SecretKey::from_bytes(&bytes).unwrap()
    });
    let power = (0_usize..255).prop_map(|bit| {
        let mut bytes = [0; 32];
        bytes[31 - bit / 8] = 1 << (bit % 8);
        SecretKey::from_bytes(&bytes).unwrap()
    });
    let any = any::<u64>().prop_map(|seed| SecretKey::from_bytes(&hash(seed)).unwrap());
    prop_oneof![2 => small, 1 => power, 3 => any]
}

fn hash(seed: u64) -> [u8; 32] {
    sha256(&[&seed.to_le_bytes()]).into_bytes()
}

fn case() -> impl Strategy<Value = Case> {
    let message = prop_oneof![special(), any::<[u8; 32]>()];
    (secret(), message, any::<u8>(), damage()).prop_map(|(secret, message, form, damage)| {
        Case::signed(&secret, message, form).damaged(&damage)
    })
}

/// Compares all answers of lanes with those of libsecp256k1.
fn compare(cases: &[Case]) {
    let items: Vec<_> = cases.iter().map(Case::item).collect();
    let alone: Vec<_> = cases
        .iter()
        .map(|case| ecdsa_verify_compact_any_s(&case.signature, &case.key, &case.message))
        .collect();
    assert_eq!(verify_ecdsa_many(&items), alone, "{cases:?}");
    assert_eq!(are_all_valid(&items), alone.iter().all(|valid| *valid), "{cases:?}");
    let recoveries: Vec<_> = cases.iter().map(Case::recover_item).collect();
    let recovered: Vec<_> =
        cases.iter().map(|case| ecdsa_recover(&case.signature, case.odd, &case.message)).collect();
    assert_eq!(recover_many(&recoveries), recovered, "{cases:?}");
    #[cfg(target_arch = "x86_64")]
    if let Some(lanes) = Lanes::for_items(usize::MAX) {
        // Without libsecp256k1 behind them: no yes that is not its yes.
        let mut valid = vec![false; items.len()];
        lanes.verify(&items, &mut valid);
        assert!(valid.iter().zip(&alone).all(|(lane, alone)| *alone || !lane), "{cases:?}");
        let mut keys = vec![None; items.len()];
        lanes.recover(&recoveries, &mut keys);
        assert!(
            keys.iter().zip(&recovered).all(|(lane, alone)| lane.is_none() || lane == alone),
            "{cases:?}"
        );
    }
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    (0..40_u8)
        .map(|seed| {
            let secret = SecretKey::from_bytes(&hash(u64::from(seed))).unwrap();
            Case::signed(&secret, hash(u64::from(seed) << 32), seed)
        })
        .collect()
});

#[cfg(target_arch = "x86_64")]
#[test]
fn lanes_alone_prove_what_is_valid_and_nothing_else() {
    let Some(lanes) = Lanes::for_items(usize::MAX) else { return };
    for len in [1, 4, 7, 8, 9, 15, 16, 17, CASES.len()] {
        let items: Vec<_> = CASES[..len].iter().map(Case::item).collect();
        let mut valid = vec![false; len];
        lanes.verify(&items, &mut valid);
        assert_eq!(valid, vec![true; len]);
        let recoveries: Vec<_> = CASES[..len].iter().map(Case::recover_item).collect();
        let mut keys = vec![None; len];
        lanes.recover(&recoveries, &mut keys);
        for (case, key) in CASES.iter().zip(keys) {
            assert_eq!(key, ecdsa_recover(&case.signature, case.odd, &case.message));
            assert_eq!(key.unwrap()[..32], case.key[1..33]);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_bad_item_is_found_in_every_lane_and_spoils_no_other() {
    let Some(lanes) = Lanes::for_items(usize::MAX) else { return };
    let len = 19;
    for bad in 0..len {
        let damages = [
            Damage::Message(9),
            Damage::Signature(3),
            Damage::Signature(400),
            Damage::Key(100),
            Damage::R([0; 32]),
            Damage::R(ORDER),
            Damage::S([0; 32]),
            Damage::X([0xff; 32]),
            Damage::Cut(20),
        ];
        for damage in damages.iter().cycle().skip(bad).take(2) {
            let mut cases = CASES[..len].to_vec();
            cases[bad] = cases[bad].clone().damaged(damage);
            let items: Vec<_> = cases.iter().map(Case::item).collect();
            let mut expected = vec![true; len];
            expected[bad] = false;
            let mut valid = vec![false; len];
            lanes.verify(&items, &mut valid);
            assert_eq!(valid, expected, "{damage:?}");
        }
        compare(&CASES[bad..bad + len]);
    }
}

#[test]
fn a_sum_that_meets_the_neutral_point_or_equal_points_gets_its_answer_all_the_same() {
    // With Q = ±dG every addition of a digit may meet its like; u1 and u2 small, equal or opposite make sure.
    let numbers = [1, 2, 3, 5, 16, 31, 33].map(number);
    let numbers: Vec<_> = numbers.iter().flat_map(|number| [*number, negated(number)]).collect();
    let mut cases = Vec::new();
    for key in &numbers {
        let key = SecretKey::from_bytes(key).unwrap();
        for message in numbers.iter().step_by(3).chain([&[0; 32]]) {
            let signed = Case::signed(&key, *message, message[31]);
            let r: [u8; 32] = signed.signature[..32].try_into().unwrap();
            cases.push(signed.clone());
            // u1 = m/s and u2 = r/s: with m = ±r they are equal or opposite, with s = r they are small.
            cases.push(signed.clone().damaged(&Damage::To(r)));
            cases.push(signed.clone().damaged(&Damage::To(negated(&r))));
            cases.push(signed.clone().damaged(&Damage::S(r)));
            cases.push(signed.clone().damaged(&Damage::S(r)).damaged(&Damage::To(r)));
            cases.push(signed.clone().damaged(&Damage::S(r)).damaged(&Damage::To(negated(&r))));
            for s in numbers.iter().skip(1).step_by(5) {
                cases.push(signed.clone().damaged(&Damage::R(*s)));
                cases.push(signed.clone().damaged(&Damage::R(*s)).damaged(&Damage::S(*s)));
            }
        }
    }
    compare(&cases);
    // The X of G as r, s = r and a message of zero: R = Q, for Q = ±G a valid signature nobody made.
    let generator = SecretKey::from_bytes(&number(1)).unwrap();
    let x = generator.x_only_public_key().0;
    for (key, message, expected) in [(1, 0, true), (1, 1, false), (2, 0, false)] {
        let key = SecretKey::from_bytes(&number(key)).unwrap();
        let case = Case::signed(&key, number(7), 0)
            .damaged(&Damage::R(x))
            .damaged(&Damage::S(x))
            .damaged(&Damage::To(number(message)));
        let cases = vec![case; 11];
        compare(&cases);
        let items: Vec<_> = cases.iter().map(Case::item).collect();
        assert_eq!(verify_ecdsa_many(&items), [expected; 11]);
    }
}

#[test]
fn der_is_read_as_laxly_as_one_by_one() {
    let secret = SecretKey::from_bytes(&[7; 32]).unwrap();
    let (key, message) = (secret.public_key(), [9; 32]);
    let mut der = secret.sign_ecdsa(&message);
    der.push(0);
    let item = EcdsaItem::from_der_lax(&der, &key, &message).unwrap();
    assert_eq!(verify_ecdsa_many(&[item; 9]), [true; 9]);
    assert!(EcdsaItem::from_der_lax(&[0x31], &key, &message).is_none());
    assert_eq!(verify_ecdsa_many(&[]), [] as [bool; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 15 } else { 300 }))]

    #[test]
    fn answers_are_those_of_libsecp256k1(cases in proptest::collection::vec(case(), 1..40)) {
        compare(&cases);
    }
}

/// Rounds of 500 comparisons: 2,000 of them, optimised, take some minutes.
fn rounds() -> u64 {
    let rounds = std::env::var("QUINTET_LANE_ROUNDS");
    rounds.ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

#[test]
fn random_answers_are_those_of_libsecp256k1_however_many() {
    use proptest::{strategy::ValueTree as _, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let damage = damage();
    let mut seed = 0_u64;
    for _ in 0..rounds() {
        let cases: Vec<_> = (0..500)
            .map(|_| {
                seed += 1;
                let secret = SecretKey::from_bytes(&hash(seed)).unwrap();
                let damage = damage.new_tree(&mut runner).unwrap().current();
                Case::signed(&secret, hash(seed << 32), seed.to_le_bytes()[0]).damaged(&damage)
            })
            .collect();
        compare(&cases);
    }
}
