#![no_main]
//! A stream of bytes is cut into frames or refused; every message that is read comes back from what it is written as, and no order of
//! messages brings the handshake out of step.

use std::net::SocketAddr;

use libfuzzer_sys::fuzz_target;
use quintet_bitcoin_protocol::p2p::{
    Frame, Framer, Handshake, Message, PROTOCOL_VERSION, Services, VersionMessage,
};

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];

fn ours() -> VersionMessage {
    VersionMessage {
        version: PROTOCOL_VERSION,
        services: Services::NETWORK,
        time: 0,
        receiver: (Services::empty(), SocketAddr::from(([0, 0, 0, 0], 0))),
        nonce: 1,
        user_agent: String::new(),
        height: 0,
        relay: true,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut framer = Framer::new(MAGIC);
    let mut handshake = Handshake::inbound(ours());
    framer.push(bytes);
    while let Ok(Some(frame)) = framer.next_frame() {
        let Frame::Whole { command, payload } = frame else { continue };
        let Ok(message) = Message::decode(command, &payload) else { continue };
        // Of a message nobody knows only its length is kept.
        if !matches!(message, Message::Other { .. }) {
            let again = Message::decode(command, &message.payload().into()).expect("written by us");
            assert_eq!(format!("{again:?}"), format!("{message:?}"));
        }
        let mut replies = Vec::new();
        let was_open = handshake.is_open();
        if handshake.receive(message, |_| false, &mut replies).is_err() {
            return;
        }
        assert!(replies.is_empty() || !was_open, "an open connection is not shaken again");
        assert!(!handshake.is_open() || handshake.theirs().is_some());
    }
});
