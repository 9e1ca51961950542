//! LuxTensor's messages: whatever is read is written again as the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use quintet_lux_protocol::{
    seal::Seal,
    wire::{Request, Response, VoteMessage, decode_transactions, encode_transactions},
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = VoteMessage::decode(bytes) {
        assert_eq!(message.encode(), bytes);
    }
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes);
    }
    if let Ok(response) = Response::decode(bytes) {
        assert_eq!(response.encode(), bytes);
    }
    if let Ok(transactions) = decode_transactions(bytes) {
        assert_eq!(encode_transactions(&transactions), bytes);
    }
    if let Ok(seal) = Seal::decode(bytes) {
        assert_eq!(&seal.encode()[..], bytes);
    }
});
