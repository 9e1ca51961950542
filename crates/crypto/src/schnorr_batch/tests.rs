//! A batch says what single verification says of all its members.

use proptest::prelude::*;

use super::*;
use crate::secp::{ORDER, SecretKey, schnorr_verify_any, tweak_add, tweak_check};

/// Bytes that are special as a coordinate or number: the field's modulus, the order, their neighbours.
fn special() -> impl Strategy<Value = [u8; 32]> {
    let mut modulus = [0xff; 32];
    modulus[24..].copy_from_slice(&0xffff_fffe_ffff_fc2f_u64.to_be_bytes());
    let mut one = [0; 32];
    one[31] = 1;
    prop_oneof![
        Just(modulus),
        Just(ORDER),
        Just([0; 32]),
        Just([0xff; 32]),
        Just(one),
        any::<[u8; 32]>()
    ]
}

#[derive(Debug, Clone)]
enum Damage {
    None,
    Bit(usize),
    R([u8; 32]),
    S([u8; 32]),
    Key([u8; 32]),
    NegatedS,
    Message,
    Parity,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        12 => Just(Damage::None),
        1 => (0_usize..512).prop_map(Damage::Bit),
        1 => special().prop_map(Damage::R),
        1 => special().prop_map(Damage::S),
        1 => special().prop_map(Damage::Key),
        1 => Just(Damage::NegatedS),
        1 => Just(Damage::Message),
        1 => Just(Damage::Parity),
    ]
}

fn negated(number: &[u8; 32]) -> [u8; 32] {
    let key = secp256k1::SecretKey::from_slice(number).unwrap();
    key.negate().secret_bytes()
}

/// Adds a signature and a tweak, damaged or not, and returns whether both are valid singly.
fn add(batch: &mut Batch, seed: u8, damage: &Damage) -> bool {
    let secret = SecretKey::from_bytes(&[seed; 32]).unwrap();
    let mut message = vec![seed; usize::from(seed) % 50];
    let mut signature = secret.sign_schnorr(&message, &[seed; 32]);
    let (mut key, _) = secret.x_only_public_key();
    // Not of the secret key's form: the two must not cancel out.
    let mut tweak = [0; 32];
    tweak[9..].fill(seed);
    let (mut output, mut odd) = tweak_add(&key, &tweak).unwrap();
    match damage {
        Damage::None => {}
        Damage::Bit(bit) => {
            signature[bit / 8] ^= 1 << (bit % 8);
            output[bit / 8 % 32] ^= 1 << (bit % 8);
        }
        Damage::R(bytes) => {
            signature[..32].copy_from_slice(bytes);
            output = *bytes;
        }
        Damage::S(bytes) => {
            signature[32..].copy_from_slice(bytes);
            tweak = *bytes;
        }
        Damage::Key(bytes) => key = *bytes,
        Damage::NegatedS => {
            let s = negated(&halves(&signature).1);
            signature[32..].copy_from_slice(&s);
            tweak = negated(&tweak);
        }
        Damage::Message => message.push(0),
        Damage::Parity => odd = !odd,
    }
    batch.add_signature(&signature, &key, &message);
    batch.add_tweak(&output, odd, &key, &tweak);
    schnorr_verify_any(&signature, &key, &message) && tweak_check(&output, odd, &key, &tweak)
}

#[test]
fn an_empty_batch_is_valid() {
    assert!(Batch::new().verify());
    assert!(Batch::new().is_empty());
}

#[test]
fn the_same_signature_many_times_is_valid_and_one_bad_copy_is_not() {
    let mut batch = Batch::new();
    for _ in 0..40 {
        assert!(add(&mut batch, 7, &Damage::None));
    }
    assert!(batch.verify());
    assert!(!add(&mut batch, 7, &Damage::Message));
    assert!(!batch.verify());
    batch.clear();
    assert!(batch.verify());
}

#[test]
fn two_wrongs_that_cancel_out_without_coefficients_are_found() {
    let secrets = [3, 4].map(|seed| SecretKey::from_bytes(&[seed; 32]).unwrap());
    let mut batch = Batch::new();
    for (secret, up) in secrets.iter().zip([true, false]) {
        let mut signature = secret.sign_schnorr(b"message", &[0; 32]);
        // s + 1 and s - 1: the sum of both equations stays.
        signature[63] =
            if up { signature[63].wrapping_add(1) } else { signature[63].wrapping_sub(1) };
        batch.add_signature(&signature, &secret.x_only_public_key().0, b"message");
    }
    assert!(!batch.verify());
}

#[test]
fn tweaks_alone_and_signatures_alone_make_a_batch() {
    let secret = SecretKey::from_bytes(&[9; 32]).unwrap();
    let (key, _) = secret.x_only_public_key();
    let (output, odd) = tweak_add(&key, &[0; 32]).unwrap();
    let mut batch = Batch::new();
    batch.add_tweak(&output, odd, &key, &[0; 32]);
    assert!(batch.verify());
    batch.add_tweak(&output, odd, &key, &ORDER);
    assert!(!batch.verify(), "a tweak of the order is refused, not taken for zero");
    let mut batch = Batch::new();
    batch.add_signature(&secret.sign_schnorr(&[], &[0; 32]), &key, &[]);
    assert!(batch.verify());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn a_batch_is_valid_exactly_if_all_members_are(
        members in proptest::collection::vec((1_u8..250, damage()), 0..12),
    ) {
        let mut batch = Batch::new();
        let mut valid = true;
        for (seed, damage) in &members {
            valid &= add(&mut batch, *seed, damage);
        }
        prop_assert_eq!(batch.verify(), valid);
    }
}
