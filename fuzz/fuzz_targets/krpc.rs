#![no_main]
//! A packet of the krpc codec is refused, or it is a message that survives being written and read.

use libfuzzer_sys::fuzz_target;
use quintet_dht_protocol::codec::{self, Codec, EncodeError, krpc};

fuzz_target!(|packet: &[u8]| {
    let message = match krpc::decode(packet) {
        Ok(message) => message,
        Err(error) => {
            if let Some((codec, reply)) = error.reply() {
                let mut out = Vec::new();
                codec::encode(codec, &reply, &mut out).expect("an error can always be said");
            }
            return;
        }
    };
    let mut out = Vec::new();
    match codec::encode(Codec::Krpc, &message, &mut out) {
        Ok(()) => assert_eq!(krpc::decode(&out), Ok(message)),
        // What others write may be longer than what we would.
        Err(EncodeError::TooLong { .. }) => {}
        Err(error) => panic!("read and not writable: {error}"),
    }
});
