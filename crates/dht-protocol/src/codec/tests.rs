//! What holds for all codecs at once.

use proptest::prelude::*;

use super::{
    strategy::{any_message, common_message},
    *,
};
use crate::{
    contact::Contact,
    key::Key,
    message::{Body, Query, Request, Response, SAMPLES_MAX, Samples, TransactionId, Want},
};

fn encoded(codec: Codec, message: &Message) -> Result<Vec<u8>, EncodeError> {
    let mut out = b"before".to_vec();
    let result = encode(codec, message, &mut out);
    let packet = out.split_off(6);
    assert!(result.is_ok() || packet.is_empty(), "a refused message leaves nothing behind");
    result.map(|()| packet)
}

proptest! {
    #[test]
    fn decoding_after_encoding_gives_the_message_back(message in any_message()) {
        for codec in Codec::ALL {
            match encoded(codec, &message) {
                Ok(packet) => prop_assert_eq!(decode(&packet), Ok((codec, message.clone()))),
                Err(EncodeError::NotExpressible { .. } | EncodeError::TooLong { .. }) => {}
                Err(other) => prop_assert!(false, "{codec}: {other}"),
            }
        }
    }

    #[test]
    fn a_message_of_the_common_kind_is_said_by_all_codecs(message in common_message()) {
        for codec in Codec::ALL {
            let packet = encoded(codec, &message);
            prop_assert_eq!(packet.map(|packet| decode(&packet)), Ok(Ok((codec, message.clone()))));
        }
    }

    #[test]
    fn no_proper_beginning_of_a_message_is_a_message(message in any_message()) {
        for packet in Codec::ALL.into_iter().filter_map(|codec| encoded(codec, &message).ok()) {
            for end in 0..packet.len() {
                prop_assert!(decode(&packet[..end]).is_err(), "cut at {end} of {}", packet.len());
            }
        }
    }

    #[test]
    fn something_after_a_message_is_refused(message in any_message(), tail: u8) {
        prop_assume!(!tail.is_ascii_whitespace());
        for mut packet in Codec::ALL.into_iter().filter_map(|codec| encoded(codec, &message).ok()) {
            packet.push(tail);
            prop_assert!(decode(&packet).is_err());
        }
    }

    /// A changed packet is refused, or it is a message that is written and read like any other.
    #[test]
    fn a_flipped_byte_never_breaks_the_decoder(message in any_message(), at: prop::sample::Index, bits in 1_u8..) {
        for mut packet in Codec::ALL.into_iter().filter_map(|codec| encoded(codec, &message).ok()) {
            let at = at.index(packet.len());
            packet[at] ^= bits;
            if let Ok((codec, changed)) = decode(&packet)
                && let Ok(again) = encoded(codec, &changed)
            {
                prop_assert_eq!(decode(&again), Ok((codec, changed)));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(first in prop::sample::select(&b"d{\xf5x"[..]), rest: Vec<u8>) {
        let packet = [&[first], &rest[..]].concat();
        let _ = decode(&packet);
    }
}

#[test]
fn the_first_byte_names_the_codec() {
    assert_eq!(Codec::of_first_byte(b'd'), Some(Codec::Krpc));
    assert_eq!(Codec::of_first_byte(b'{'), Some(Codec::Json));
    assert_eq!(Codec::of_first_byte(0xf5), Some(Codec::Native));
    // uTP, STUN, DTLS and QUIC must not be taken for ours.
    for other in (0..=0x41).chain(0x80..=0x8f).chain(0xc0..=0xf4) {
        assert_eq!(Codec::of_first_byte(other), None, "0x{other:02x}");
    }
    assert_eq!(
        decode(b"").unwrap_err().to_string(),
        "expected a packet that begins with 'd' (KRPC), '{' (JSON) or 0xf5 (native), got no byte"
    );
}

/// The lengths the native codec exists for.
#[test]
fn messages_have_the_lengths_the_specification_says() {
    let query = |request| {
        let query = Query { sender: Key::default(), want: Want::Unsaid, request };
        message(Body::Query(query))
    };
    let contact = Contact::new(Key::default(), "192.0.2.1:6881".parse().unwrap());
    let response = |count| {
        let nodes = Some(vec![contact; count]);
        message(Body::Response(Response { nodes, ..Response::default() }))
    };
    let lengths = |message: &Message| {
        Codec::ALL.map(|codec| encoded(codec, message).map_or(0, |packet| packet.len()))
    };
    assert_eq!(lengths(&query(Request::Ping)), [58, 97, 32]);
    assert_eq!(lengths(&query(Request::FindNode { target: Key::default() })), [94, 154, 52]);
    assert_eq!(lengths(&response(8)), [268, 690, 243]);
    // JSON stops at eight contacts.
    assert_eq!(lengths(&response(20)), [580, 0, 555]);
}

#[test]
fn what_no_receiver_would_accept_is_not_written() {
    let v6 = Contact::new(Key::default(), "[2001:db8::1]:1".parse().unwrap());
    let samples = |interval, total, count| {
        let hashes = vec![Key::default(); count];
        Response { samples: Some(Samples { interval, total, hashes }), ..Response::default() }
    };
    let responses = [
        Response { nodes: Some(vec![v6]), ..Response::default() },
        Response { nodes6: Some(vec![v6; 65]), ..Response::default() },
        Response { peers: vec![v6.addr; 257], ..Response::default() },
        samples(Some(21_601), None, 0),
        samples(None, Some(1 << 63), 0),
        samples(None, None, SAMPLES_MAX + 1),
    ];
    for response in responses {
        let message = message(Body::Response(response));
        for codec in Codec::ALL {
            let refused = encoded(codec, &message).unwrap_err();
            assert!(
                !matches!(
                    refused,
                    EncodeError::NotExpressible { .. } | EncodeError::TooLong { .. }
                ),
                "{refused}"
            );
        }
    }
}

fn message(body: Body) -> Message {
    Message {
        tid: TransactionId::from(0x0102_0304),
        network: NetworkId::BITTORRENT,
        version: None,
        read_only: false,
        observed: None,
        body,
    }
}

/// Every block of the specification marked `native` or `json` is one packet; comments follow `#`.
#[test]
fn the_examples_of_the_specification_are_read_and_written_as_they_stand() {
    let text = include_str!("../../../../docs/protocols/dht-wire.md");
    let mut counts = [0, 0];
    for block in text.split("\n```").skip(1).step_by(2) {
        let (language, body) = block.split_once('\n').unwrap();
        let (codec, packet) = match language {
            "native" => {
                let digits = body.lines().map(|line| line.split('#').next().unwrap());
                let digits: String = digits.flat_map(str::split_whitespace).collect();
                counts[0] += 1;
                (Codec::Native, quintet_primitives::hex::decode(&digits).unwrap())
            }
            "json" => {
                counts[1] += 1;
                (Codec::Json, body.as_bytes().to_vec())
            }
            _ => continue,
        };
        let (read, message) = decode(&packet).unwrap_or_else(|error| panic!("{error}: {body}"));
        assert_eq!(read, codec);
        assert_eq!(encoded(codec, &message), Ok(packet), "{body}");
    }
    assert_eq!(counts, [9, 9], "an example of each message, in each codec");
}
