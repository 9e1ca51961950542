//! Encodings: order, round trips, and bytes that are none.

use proptest::prelude::*;
use quintet_store::{DecodeError, KeyCodec, Reader, ValueCodec, put_varint};

fn key_bytes(key: &impl KeyCodec) -> Vec<u8> {
    let mut bytes = Vec::new();
    key.encode_key(&mut bytes);
    bytes
}

fn value_bytes(value: &impl ValueCodec) -> Vec<u8> {
    let mut bytes = Vec::new();
    value.encode_value(&mut bytes);
    bytes
}

/// Comparing encodings compares keys, no encoding begins another, and each decodes to its key.
fn assert_keys<K: KeyCodec + Ord + std::fmt::Debug>(a: &K, b: &K) {
    let (left, right) = (key_bytes(a), key_bytes(b));
    assert_eq!(left.cmp(&right), a.cmp(b), "{a:?} and {b:?}");
    assert!(a == b || !right.starts_with(&left), "{a:?} begins {b:?}");
    for (key, bytes) in [(a, &left), (b, &right)] {
        let mut reader = Reader::new(bytes);
        assert_eq!(&K::decode_key(&mut reader).expect("its own encoding"), key);
        reader.finish().expect("nothing left over");
        for cut in 0..bytes.len() {
            let short = bytes.get(..cut).expect("a shorter slice");
            assert!(K::decode_key(&mut Reader::new(short)).is_err(), "{key:?} cut at {cut}");
        }
    }
}

fn assert_value<V: ValueCodec + PartialEq + std::fmt::Debug>(value: &V) {
    let bytes = value_bytes(value);
    let mut reader = Reader::new(&bytes);
    assert_eq!(&V::decode_value(&mut reader).expect("its own encoding"), value);
    reader.finish().expect("nothing left over");
    for cut in 0..bytes.len() {
        let short = bytes.get(..cut).expect("a shorter slice");
        assert!(V::decode_value(&mut Reader::new(short)).is_err(), "{value:?} cut at {cut}");
    }
}

/// Strings over few bytes, so that zeros and shared beginnings are common.
fn awkward() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(vec![0, 1, 0x61, 0xff]), 0..6)
}

proptest! {
    #[test]
    fn integer_keys_keep_their_order(a: u64, b: u64, c: i64, d: i64, e: u128, f: u128) {
        assert_keys(&a, &b);
        assert_keys(&c, &d);
        assert_keys(&e, &f);
    }

    #[test]
    fn byte_string_keys_keep_their_order(a in awkward(), b in awkward()) {
        assert_keys(&a, &b);
    }

    #[test]
    fn tuple_keys_keep_their_order(
        a in (awkward(), any::<u8>(), awkward()),
        b in (awkward(), any::<u8>(), awkward()),
    ) {
        assert_keys(&a, &b);
    }

    #[test]
    fn string_keys_keep_their_order(a: String, b: String, c: bool) {
        assert_keys(&(a, c), &(b, true));
    }

    #[test]
    fn values_survive_a_round_trip(a: Vec<u8>, b: String, c: Option<u64>, d: [u8; 20], e: i64) {
        assert_value(&a);
        assert_value(&(b, c));
        assert_value(&(d, e, false, ()));
    }

    #[test]
    fn varints_survive_a_round_trip(number: u64, shift in 0..64_u32) {
        let number = number >> shift;
        let mut bytes = Vec::new();
        put_varint(number, &mut bytes);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.varint(), Ok(number));
        prop_assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn decoders_answer_any_bytes_without_a_panic(bytes: Vec<u8>) {
        let mut answers = 0;
        answers += usize::from(Vec::<u8>::decode_key(&mut Reader::new(&bytes)).is_ok());
        answers += usize::from(String::decode_key(&mut Reader::new(&bytes)).is_ok());
        answers += usize::from(Vec::<u8>::decode_value(&mut Reader::new(&bytes)).is_ok());
        answers += usize::from(<Option<String>>::decode_value(&mut Reader::new(&bytes)).is_ok());
        prop_assert!(answers <= 4);
    }
}

#[test]
fn refuses_varints_that_are_padded_or_too_long() {
    assert_eq!(
        Reader::new(&[0x80, 0x00]).varint(),
        Err(DecodeError::invalid("the shortest varint", "one padded with zeros"))
    );
    let too_long = [0xff; 9].iter().chain(&[0x02]).copied().collect::<Vec<u8>>();
    assert!(matches!(Reader::new(&too_long).varint(), Err(DecodeError::Invalid { .. })));
    assert!(matches!(Reader::new(&[0x80; 11]).varint(), Err(DecodeError::Invalid { .. })));
}

#[test]
fn a_false_length_is_an_error_before_anything_is_allocated() {
    let mut bytes = Vec::new();
    put_varint(u64::MAX, &mut bytes);
    let error = Vec::<u8>::decode_value(&mut Reader::new(&bytes)).expect_err("no such bytes");
    assert_eq!(error, DecodeError::Truncated { expected: usize::MAX, actual: 0 });
}

#[test]
fn the_encodings_are_pinned() {
    let key = (7_u16, "a\0".to_owned(), -1_i64, [9_u8; 2]);
    assert_eq!(
        key_bytes(&key),
        [0, 7, b'a', 0, 0xff, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255, 9, 9]
    );
    let value = (1_u32, vec![5_u8; 2], Some(true), "é".to_owned());
    assert_eq!(value_bytes(&value), [0, 0, 0, 1, 2, 5, 5, 1, 1, 2, 0xc3, 0xa9]);
}
