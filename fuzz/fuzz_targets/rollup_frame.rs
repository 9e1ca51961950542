#![no_main]
//! Any data of a batcher transaction is read or refused; what is read is what was written, and the queue keeps frames in order.

use alloy_primitives::Bytes;
use libfuzzer_sys::fuzz_target;
use quintet_rollup_protocol::{
    encode::transaction_of,
    frame::{ChannelId, FrameQueue, parse_frames},
    inbox::{blob, scan::scan},
};

fuzz_target!(|bytes: &[u8]| {
    let data = Bytes::copy_from_slice(bytes);
    if let Ok(frames) = parse_frames(&data) {
        assert_eq!(transaction_of(&frames), data, "written again");
        let mut queue = FrameQueue::default();
        let count = frames.len();
        queue.fill(frames, true);
        let mut last: Option<(ChannelId, u16, bool)> = None;
        let mut kept = 0;
        while let Some(frame) = queue.pop() {
            if let Some((id, number, is_last)) = last
                && id == frame.id
            {
                let next = if is_last { 0 } else { number.wrapping_add(1) };
                assert_eq!(frame.number, next, "order");
            }
            last = Some((frame.id, frame.number, frame.is_last));
            kept += 1;
        }
        assert!(kept <= count);
    }
    let _ = scan([&data], [0xff; 20].into());
    let mut padded = bytes.to_vec();
    padded.resize(blob::BLOB_LEN, 0);
    if let Ok(content) = blob::decode(&padded) {
        let again = blob::encode(&content).map(|blob| blob::decode(&blob));
        assert_eq!(again, Ok(Ok(content)), "blob");
    }
});
