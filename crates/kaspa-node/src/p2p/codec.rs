//! Frames in gRPC messages.
//!
//! What is sent was encoded when it entered the outbox, so that the outbox can be bounded by bytes; here it is copied only. What comes is
//! checked and decoded in one go ([`Frame::decode`]).

use bytes::{Buf, BufMut};
use quintet_kaspa_protocol::wire::Frame;
use tokio::sync::OwnedSemaphorePermit;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// An encoded frame on its way out, and the room it takes in the outbox until it is gone.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) bytes: Vec<u8>,
    pub(super) room: OwnedSemaphorePermit,
}

/// Encodes nothing and decodes frames.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = Outgoing;
    type Decode = Frame;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for FrameCodec {
    type Item = Outgoing;
    type Error = Status;

    fn encode(&mut self, item: Outgoing, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.bytes.len());
        buffer.put_slice(&item.bytes);
        drop(item.room);
        Ok(())
    }
}

impl Decoder for FrameCodec {
    type Item = Frame;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Frame>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        let frame = Frame::decode(&bytes);
        frame.map(Some).map_err(|error| Status::invalid_argument(error.to_string()))
    }
}
