//! What is accepted, what is refused and where, and that reading and writing are inverse.

use proptest::prelude::*;

use super::*;

/// Writes `value` again from what the cursors say.
fn rewritten(value: Value<'_>) -> Vec<u8> {
    fn write(value: Value<'_>, writer: &mut Writer<'_>) {
        if let Some(number) = value.as_int() {
            writer.int(number);
        } else if let Some(list) = value.as_list() {
            writer.begin_list();
            list.for_each(|value| write(value, writer));
            writer.end();
        } else if let Some(dict) = value.as_dict() {
            writer.begin_dict();
            for (key, value) in dict {
                writer.key(key);
                write(value, writer);
            }
            writer.end();
        } else {
            writer.bytes(value.as_bytes().unwrap());
        }
    }
    let mut out = Vec::new();
    write(value, &mut Writer::new(&mut out));
    out
}

/// Any bencoded value, nested up to four deep.
pub(crate) fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| format!("i{number}e").into_bytes()),
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| string(&bytes)),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(|values| [
                b"l".to_vec(),
                values.concat(),
                b"e".to_vec()
            ]
            .concat()),
            proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 0..5),
                inner,
                0..6
            )
            .prop_map(|entries| {
                let entries: Vec<_> =
                    entries.iter().map(|(k, v)| [&string(k), &v[..]].concat()).collect();
                [b"d".to_vec(), entries.concat(), b"e".to_vec()].concat()
            }),
        ]
    })
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [bytes.len().to_string().as_bytes(), b":", bytes].concat()
}

fn refused(input: &[u8]) -> (usize, Expected) {
    let error = parse(input, KeyOrder::Sorted).expect_err("must be refused");
    (error.offset(), error.expected())
}

proptest! {
    #[test]
    fn a_value_is_read_as_it_was_written(input in any_value()) {
        let value = parse(&input, KeyOrder::Sorted).unwrap();
        prop_assert_eq!(rewritten(value), input);
    }

    #[test]
    fn a_value_cut_short_or_continued_is_refused(input in any_value(), tail: u8) {
        for end in 0..input.len() {
            prop_assert!(parse(&input[..end], KeyOrder::Any).is_err());
        }
        let longer = [&input[..], &[tail]].concat();
        let error = parse(&longer, KeyOrder::Any).unwrap_err();
        prop_assert_eq!((error.offset(), error.expected()), (input.len(), Expected::End));
    }

    #[test]
    fn any_bytes_are_read_or_refused(input in "[0-9:ilde-]{0,40}") {
        if let Ok(value) = parse(input.as_bytes(), KeyOrder::Sorted) {
            prop_assert_eq!(rewritten(value), input.as_bytes());
            prop_assert!(parse(input.as_bytes(), KeyOrder::Any).is_ok());
        }
    }
}

#[test]
fn an_error_names_what_was_expected_and_where() {
    let cases: [(&[u8], usize, Expected); 20] = [
        (b"", 0, Expected::Value),
        (b"e", 0, Expected::Value),
        (b"d1:ae", 4, Expected::Value),
        (b"di1e1:ae", 1, Expected::Key),
        (b"d1:bi1e1:ai1ee", 7, Expected::KeyInOrder),
        (b"d1:ai1e1:ai1ee", 7, Expected::KeyUnused),
        (b"ie", 1, Expected::Digit),
        (b"i-e", 2, Expected::Digit),
        (b"i1-2e", 2, Expected::DigitOrEnd),
        (b"i12", 3, Expected::DigitOrEnd),
        (b"i012e", 1, Expected::CanonicalInteger),
        (b"i-0e", 1, Expected::CanonicalInteger),
        (b"i9223372036854775808e", 20, Expected::IntegerInRange),
        (b"i-9223372036854775809e", 21, Expected::IntegerInRange),
        (b"12", 2, Expected::DigitOrColon),
        (b"03:abc", 0, Expected::CanonicalLength),
        (b"123456789:", 0, Expected::ShortLength),
        (b"18446744073709551615:", 19, Expected::LengthInRange),
        (b"4:abc", 1, Expected::StringBytes { length: 4, left: 3 }),
        (b"i1ei2e", 3, Expected::End),
    ];
    for (input, offset, expected) in cases {
        assert_eq!(refused(input), (offset, expected), "{}", String::from_utf8_lossy(input));
    }
    let error = parse(b"d1:ae", KeyOrder::Sorted).unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a value ('i', 'l', 'd' or a string's length) at byte 4, got 'e'"
    );
}

#[test]
fn integers_reach_from_the_least_to_the_greatest_of_64_bits() {
    for number in [i64::MIN, -1, 0, 1, i64::MAX] {
        let input = format!("i{number}e");
        assert_eq!(parse(input.as_bytes(), KeyOrder::Sorted).unwrap().as_int(), Some(number));
    }
}

#[test]
fn nesting_is_read_up_to_the_limit_and_no_deeper() {
    let nested = |depth: usize| [vec![b'l'; depth], vec![b'e'; depth]].concat();
    assert!(validate(&nested(DEPTH_MAX)).is_ok());
    assert_eq!(refused(&nested(DEPTH_MAX + 1)), (DEPTH_MAX, Expected::LessDepth));
    assert_eq!(refused(&vec![b'd'; 100_000]), (1, Expected::Key));
    assert_eq!(refused(&vec![b'l'; 100_000]), (DEPTH_MAX, Expected::LessDepth));
}

#[test]
fn values_are_read_up_to_the_limit_and_no_more() {
    let list = |items: usize| [b"l".to_vec(), b"0:".repeat(items), b"e".to_vec()].concat();
    assert!(validate(&list(ITEMS_MAX - 1)).is_ok());
    assert_eq!(refused(&list(ITEMS_MAX)).1, Expected::FewerItems { limit: ITEMS_MAX });
    assert!(parse_bounded(&list(3), KeyOrder::Sorted, 4).is_ok());
    assert!(parse_bounded(&list(4), KeyOrder::Sorted, 4).is_err());
}

#[test]
fn unsorted_and_repeated_keys_pass_only_where_any_order_is_accepted() {
    for input in [&b"d1:bi1e1:ai2ee"[..], b"d1:ai1e1:ai2ee"] {
        assert!(validate(input).is_err());
        assert!(parse(input, KeyOrder::Any).is_ok());
    }
    let repeated = parse(b"d1:ai1e1:ai2ee", KeyOrder::Any).unwrap().as_dict().unwrap();
    assert_eq!(repeated.get(b"a").unwrap().as_int(), Some(1));
}

#[test]
fn a_dictionary_gives_the_exact_bytes_of_a_value() {
    let input = b"d1:ai1e1:vd3:keyl2:aai-5eee1:z0:e";
    let dict = parse(input, KeyOrder::Sorted).unwrap().as_dict().unwrap();
    assert_eq!(dict.get(b"v").unwrap().raw(), b"d3:keyl2:aai-5eee");
    assert_eq!(dict.get(b"z").unwrap().as_bytes(), Some(&b""[..]));
    assert_eq!(dict.get(b"x"), None);
    assert_eq!(
        dict.map(|(key, value)| (key[0], value.kind())).collect::<Vec<_>>(),
        [(b'a', Kind::Int), (b'v', Kind::Dict), (b'z', Kind::Bytes),]
    );
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "keys must ascend")]
fn a_writer_notices_keys_out_of_order() {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    writer.begin_dict();
    for key in [b"b", b"a"] {
        writer.key(key);
        writer.int(1);
    }
}
