#![no_main]
//! Any bytes inflate to something within the cap, however they are cut into pieces; frames in any order never make bank or assembler grow
//! beyond their bounds.
//!
//! The input: a mode (1 byte), then a channel, or frames of five bytes each.

use alloy_primitives::Bytes;
use libfuzzer_sys::fuzz_target;
use quintet_rollup_protocol::{
    channel::{ChannelAssembler, ChannelBank, ChannelLimits, inflate::inflate},
    frame::{ChannelId, Frame},
};

/// Most bytes a channel may inflate to here.
const CAP: usize = 1 << 18;
/// Most bytes of the bank.
const BANK_MAX: u64 = 4_000;

fuzz_target!(|bytes: &[u8]| {
    let Some((&mode, rest)) = bytes.split_first() else { return };
    if mode % 2 == 0 {
        let whole = [Bytes::copy_from_slice(rest)];
        let pieces: Vec<_> = rest.chunks(7).map(Bytes::copy_from_slice).collect();
        let at_once = inflate(&whole, CAP, mode % 4 == 0);
        if !rest.is_empty() {
            assert_eq!(at_once, inflate(&pieces, CAP, mode % 4 == 0), "in pieces");
        }
        if let Ok(content) = at_once {
            assert!(content.len() <= CAP);
            let Ok(half) = inflate(&whole, content.len() / 2, true) else {
                panic!("a smaller cap is no error")
            };
            assert!(content.starts_with(&half), "a smaller cap gives a prefix");
            // Of brotli whole items are read.
            let is_zlib = rest.first().is_some_and(|first| first & 0x0f == 8);
            assert!(!is_zlib || half.len() == content.len() / 2, "a smaller cap is used up");
        }
        return;
    }
    let (mut bank, mut assembler) = (ChannelBank::default(), ChannelAssembler::default());
    let mut l1_number = 0;
    for chunk in rest.chunks_exact(5) {
        l1_number += u64::from(chunk[0] >> 6);
        let limits = ChannelLimits {
            l1_number,
            timeout: 4,
            bank_max: BANK_MAX,
            channel_max: 2_000,
            out_of_order: mode & 4 != 0,
        };
        let frame = Frame {
            id: ChannelId([chunk[0] & 0xf; 16]),
            number: u16::from(chunk[1]),
            data: vec![chunk[2]; chunk[3].into()].into(),
            is_last: chunk[4] & 1 == 1,
        };
        while bank.read(&limits).is_some() {}
        let _ = bank.ingest(frame.clone(), &limits);
        assert!(bank.weight() <= BANK_MAX && bank.len() <= 16);
        assembler.expire(&limits);
        if let Ok(Some(pieces)) = assembler.ingest(frame, &limits) {
            assert!(pieces.iter().map(|piece| piece.len() as u64 + 200).sum::<u64>() <= 2_000);
        }
    }
});
