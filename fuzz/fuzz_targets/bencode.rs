#![no_main]
//! What the strict decoder accepts is exactly what the writer writes; the lenient one accepts no less.

use libfuzzer_sys::fuzz_target;
use quintet_dht_protocol::bencode::{self, KeyOrder, Value, Writer};

fuzz_target!(|input: &[u8]| {
    let lenient = bencode::parse(input, KeyOrder::Any);
    match bencode::parse(input, KeyOrder::Sorted) {
        Ok(value) => {
            assert!(lenient.is_ok(), "strict accepts what lenient refuses");
            let mut out = Vec::with_capacity(input.len());
            write(value, &mut Writer::new(&mut out));
            assert_eq!(out, input, "written otherwise than read");
        }
        Err(error) => {
            assert!(error.offset() <= input.len());
            assert_eq!(error.found(), input.get(error.offset()).copied());
            let _ = error.to_string();
            if let Ok(value) = lenient {
                walk(value);
            }
        }
    }
});

fn write(value: Value<'_>, writer: &mut Writer<'_>) {
    if let Some(number) = value.as_int() {
        writer.int(number);
    } else if let Some(bytes) = value.as_bytes() {
        writer.bytes(bytes);
    } else if let Some(list) = value.as_list() {
        writer.begin_list();
        list.for_each(|value| write(value, writer));
        writer.end();
    } else {
        writer.begin_dict();
        for (key, value) in value.as_dict().expect("the fourth kind") {
            writer.key(key);
            write(value, writer);
        }
        writer.end();
    }
}

/// Reads everything there is and checks that a key finds its first value.
fn walk(value: Value<'_>) {
    if let Some(list) = value.as_list() {
        list.for_each(walk);
    } else if let Some(dict) = value.as_dict() {
        for (key, value) in dict.clone() {
            assert!(dict.get(key).is_some());
            walk(value);
        }
    } else {
        assert!(value.as_int().is_some() != value.as_bytes().is_some());
    }
}
