//! From a stream of bytes to frames.

use bytes::{Buf, Bytes, BytesMut};

use super::performative::Performative;
use crate::codec::DecodeError;

/// The smallest max-frame-size that a peer may ask for (AMQP 1.0, part 2, section 2.4.1).
pub const MIN_MAX_FRAME_SIZE: u32 = 512;

/// A frame without performative, which only says that its sender is alive.
pub const HEARTBEAT: [u8; 8] = [0, 0, 0, 8, 2, 0, 0, 0];

const FRAME_HEADER_BYTES: usize = 8;

/// Room offered to each read: a usual maximal frame, so that busy peers need few system calls.
const READ_BYTES: usize = 64 << 10;

/// Below this much room the buffer is enlarged before a read.
const READ_BYTES_MIN: usize = 4 << 10;

/// The eight bytes that open a connection: `AMQP`, protocol id, version 1.0.0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolHeader {
    /// Plain AMQP frames follow.
    Amqp,
    /// SASL frames follow, then a header again.
    Sasl,
}

impl ProtocolHeader {
    /// The bytes on the wire.
    pub const fn bytes(self) -> [u8; 8] {
        match self {
            ProtocolHeader::Amqp => *b"AMQP\x00\x01\x00\x00",
            ProtocolHeader::Sasl => *b"AMQP\x03\x01\x00\x00",
        }
    }
}

/// Why a peer's bytes are no frames. The connection cannot go on after any of these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The connection does not open with an AMQP 1.0 header.
    #[error("the peer does not speak AMQP 1.0: its first bytes are {0:02x?}")]
    NotAmqp([u8; 8]),
    /// Larger than what was agreed.
    #[error("a frame of {size} bytes exceeds the agreed {limit} bytes")]
    TooLarge {
        /// Bytes that the frame says it has.
        size: usize,
        /// Bytes allowed.
        limit: u32,
    },
    /// Size, data offset or type make no sense.
    #[error("malformed frame header {0:02x?}")]
    Header([u8; FRAME_HEADER_BYTES]),
    /// A performative that this crate does not know, or not in this kind of frame.
    #[error("0x{code:02x} is no performative of a frame of type {frame_type}")]
    UnknownPerformative {
        /// Descriptor found.
        code: u64,
        /// 0 for AMQP, 1 for SASL.
        frame_type: u8,
    },
    /// A performative whose fields are malformed.
    #[error("malformed {performative}: {source}")]
    Malformed {
        /// Name of the performative.
        performative: &'static str,
        /// What is wrong with it.
        source: DecodeError,
    },
}

/// One frame as received.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// Channel, that is session, of the sender's numbering.
    pub channel: u16,
    /// What it says; none in a heartbeat.
    pub performative: Option<Performative>,
    /// What follows the performative: message bytes, in transfers. Shares the buffer.
    pub payload: Bytes,
}

/// Collects received bytes and cuts them into frames without copying them.
#[derive(Debug)]
pub struct FrameBuffer {
    bytes: BytesMut,
    max_frame_size: u32,
}

impl FrameBuffer {
    /// An empty buffer that refuses frames larger than `max_frame_size` bytes.
    pub fn new(max_frame_size: u32) -> FrameBuffer {
        FrameBuffer { bytes: BytesMut::new(), max_frame_size }
    }

    /// Where received bytes go, for `AsyncReadExt::read_buf`; always with room for some.
    pub fn input(&mut self) -> &mut BytesMut {
        if self.bytes.capacity() - self.bytes.len() < READ_BYTES_MIN {
            self.bytes.reserve(READ_BYTES);
        }
        &mut self.bytes
    }

    /// Takes the protocol header at the front, or none when more bytes are needed.
    ///
    /// # Errors
    /// When the bytes are no header of AMQP 1.0.
    pub fn next_header(&mut self) -> Result<Option<ProtocolHeader>, FrameError> {
        let Some(first) = self.bytes.first_chunk::<8>().copied() else {
            return Ok(None);
        };
        let headers = [ProtocolHeader::Amqp, ProtocolHeader::Sasl];
        let header = headers.into_iter().find(|header| header.bytes() == first);
        self.bytes.advance(first.len());
        header.map(Some).ok_or(FrameError::NotAmqp(first))
    }

    /// Takes the frame at the front, or none when more bytes are needed.
    ///
    /// # Errors
    /// When the frame is too large or malformed; the connection must then be closed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(header) = self.bytes.first_chunk::<FRAME_HEADER_BYTES>().copied() else {
            return Ok(None);
        };
        let [s0, s1, s2, s3, offset_words, frame_type, c0, c1] = header;
        let size = u32::from_be_bytes([s0, s1, s2, s3]);
        if size > self.max_frame_size {
            let size = usize::try_from(size).unwrap_or(usize::MAX);
            return Err(FrameError::TooLarge { size, limit: self.max_frame_size });
        }
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let offset = usize::from(offset_words) * 4;
        if offset < FRAME_HEADER_BYTES || size < offset || frame_type > 1 {
            return Err(FrameError::Header(header));
        }
        if self.bytes.len() < size {
            self.bytes.reserve(size - self.bytes.len());
            return Ok(None);
        }
        let mut payload = self.bytes.split_to(size).freeze();
        payload.advance(offset);
        let channel = u16::from_be_bytes([c0, c1]);
        if payload.is_empty() {
            return Ok(Some(Frame { channel, performative: None, payload }));
        }
        let (performative, len) = Performative::decode(frame_type, &payload)?;
        payload.advance(len);
        Ok(Some(Frame { channel, performative: Some(performative), payload }))
    }
}
