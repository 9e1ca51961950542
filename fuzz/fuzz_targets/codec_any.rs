#![no_main]
//! A message read in one codec and said in another is the same message.

use libfuzzer_sys::fuzz_target;
use quintet_dht_protocol::codec::{self, Codec};

fuzz_target!(|packet: &[u8]| {
    let Ok((from, message)) = codec::decode(packet) else { return };
    assert_eq!(Some(from), Codec::of_first_byte(packet[0]));
    for to in Codec::ALL {
        let mut out = Vec::new();
        match codec::encode(to, &message, &mut out) {
            Ok(()) => assert_eq!(codec::decode(&out), Ok((to, message.clone()))),
            Err(_) => assert!(out.is_empty(), "a refused message leaves nothing behind"),
        }
    }
});
