//! Frames in gRPC messages. What comes is checked and decoded in one go ([`Frame::decode`]); what goes was encoded before.

use bytes::Buf as _;
use quintet_kaspa_protocol::wire::Frame;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};

use crate::grpc::{CopyOut, Outgoing};

/// Encodes nothing and decodes frames.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct FrameCodec;

impl Codec for FrameCodec {
    type Encode = Outgoing;
    type Decode = Frame;
    type Encoder = CopyOut;
    type Decoder = Self;

    fn encoder(&mut self) -> CopyOut {
        CopyOut
    }

    fn decoder(&mut self) -> Self {
        Self
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
