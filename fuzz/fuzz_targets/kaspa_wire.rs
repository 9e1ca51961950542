#![no_main]
//! Any bytes are a frame or are refused, without a panic; a frame comes back from what it is written as.

use libfuzzer_sys::fuzz_target;
use quintet_kaspa_protocol::wire::Frame;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(frame) = Frame::decode(bytes) {
        assert_eq!(Frame::decode(&frame.encode()).as_ref(), Ok(&frame));
    }
});
