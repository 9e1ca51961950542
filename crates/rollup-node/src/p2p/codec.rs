//! Requests for blocks on a stream: eight bytes there, everything up to the end back, as far as an answer may be long.
//!
//! **Spec:** `rollup-node-p2p.md`, "`payload_by_number`".

use std::io;

use futures_util::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use libp2p::{StreamProtocol, request_response::Codec};
use quintet_rollup_protocol::gossip::request::{ANSWER_BYTES_MAX, REQUEST_BYTES};

/// Reads and writes questions for a number, and their answers as they are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct BlocksCodec;

impl Codec for BlocksCodec {
    type Protocol = StreamProtocol;
    type Request = u64;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<u64>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut number = [0; REQUEST_BYTES];
        io.read_exact(&mut number).await?;
        Ok(u64::from_le_bytes(number))
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
        io.take(limit).read_to_end(&mut bytes).await?;
        if bytes.len() > ANSWER_BYTES_MAX {
            let text = format!("expected at most {ANSWER_BYTES_MAX} bytes, got more");
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        Ok(bytes)
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        number: u64,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&number.to_le_bytes()).await?;
        io.close().await
    }

    async fn write_response<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        answer: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&answer).await?;
        io.close().await
    }
}
