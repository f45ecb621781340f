//! From a fresh stream to an open connection with one session.
//!
//! ```text
//!  client                               server
//!  AMQP 3 1.0.0  ───────────────────▶
//!                ◀───────────────────  AMQP 3 1.0.0, sasl-mechanisms
//!  sasl-init     ───────────────────▶
//!                ◀───────────────────  sasl-outcome
//!  AMQP 0 1.0.0, open, begin ───────▶
//!                ◀───────────────────  AMQP 0 1.0.0, open, begin
//! ```

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connection::Authentication;
use super::credential::Credential;
use super::error::ClientError;
use super::namespace::Namespace;
use crate::codec::Map;
use crate::frame::{
    Begin, Frame, FrameBuffer, Open, Performative, ProtocolHeader, SaslCode, SaslInit,
};
use crate::stream::ByteStream;

/// Largest frame that this client takes; the size that Event Hubs uses, too.
const MAX_FRAME_BYTES: u32 = 64 << 10;

/// Silence, in milliseconds, that this client tells the peer to avoid.
pub(super) const IDLE_TIMEOUT_MS: u32 = 60_000;

/// Transfer frames that the peer may send before it must be told to go on.
pub(super) const INCOMING_WINDOW: u32 = 5_000;

/// The only session's channel.
pub(super) const CHANNEL: u16 = 0;

/// What both sides have told each other.
pub(super) struct Opened {
    pub(super) open: Open,
    pub(super) begin: Begin,
    /// Frames that came along with the last one read.
    pub(super) frames: FrameBuffer,
}

/// Opens connection and session over a fresh stream.
pub(super) async fn open(
    stream: &mut impl ByteStream,
    namespace: &Namespace,
    authentication: Authentication,
) -> Result<Opened, ClientError> {
    let mut peer = Peer { stream, frames: FrameBuffer::new(MAX_FRAME_BYTES) };
    peer.send(&ProtocolHeader::Sasl.bytes()).await?;
    peer.header(ProtocolHeader::Sasl).await?;
    let init = sasl_init(&mut peer, namespace, authentication).await?;
    let mut out = Vec::new();
    init.encode(&mut out);
    peer.send(&out).await?;
    sasl_outcome(&mut peer, namespace).await?;

    out.clear();
    out.extend(ProtocolHeader::Amqp.bytes());
    own_open(namespace).encode(CHANNEL, &mut out);
    own_begin().encode(CHANNEL, &mut out);
    peer.send(&out).await?;
    peer.header(ProtocolHeader::Amqp).await?;
    let Performative::Open(open) = peer.performative().await? else {
        return Err(ClientError::Protocol("the first frame is no open".to_owned()));
    };
    let begin = match peer.performative().await? {
        Performative::Begin(begin) => begin,
        Performative::Close(close) => {
            return Err(ClientError::closed_by_peer("connection", close.error));
        }
        _ => {
            return Err(ClientError::Protocol("no begin follows the open".to_owned()));
        }
    };
    Ok(Opened { open: *open, begin: *begin, frames: peer.frames })
}

/// The server, one piece at a time.
struct Peer<'a, S> {
    stream: &'a mut S,
    frames: FrameBuffer,
}

impl<S: ByteStream> Peer<'_, S> {
    async fn send(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn read(&mut self) -> Result<(), ClientError> {
        match self.stream.read_buf(self.frames.input()).await? {
            0 => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
            _ => Ok(()),
        }
    }

    async fn header(&mut self, expected: ProtocolHeader) -> Result<(), ClientError> {
        loop {
            match self.frames.next_header()? {
                Some(header) if header == expected => return Ok(()),
                Some(header) => {
                    let message = format!("it answered {expected:?} with {header:?}");
                    return Err(ClientError::Protocol(message));
                }
                None => self.read().await?,
            }
        }
    }

    /// The next performative that is no heartbeat.
    async fn performative(&mut self) -> Result<Performative, ClientError> {
        loop {
            match self.frames.next_frame()? {
                Some(Frame { performative: Some(performative), .. }) => return Ok(performative),
                Some(_) => {}
                None => self.read().await?,
            }
        }
    }
}

/// The answer to the server's mechanisms.
async fn sasl_init(
    peer: &mut Peer<'_, impl ByteStream>,
    namespace: &Namespace,
    authentication: Authentication,
) -> Result<SaslInit, ClientError> {
    let Performative::SaslMechanisms(offer) = peer.performative().await? else {
        return Err(ClientError::Protocol("it offers no SASL mechanisms".to_owned()));
    };
    let (mechanism, response) = match authentication {
        Authentication::Token => ("ANONYMOUS", Vec::new()),
        Authentication::Plain => ("PLAIN", password(namespace)?),
    };
    if !offer.mechanisms.iter().any(|offered| offered == mechanism) {
        return Err(ClientError::Unauthorized {
            who: namespace.credential().to_string(),
            description: format!("SASL {mechanism} is not among {:?}", offer.mechanisms),
        });
    }
    Ok(SaslInit {
        mechanism: mechanism.to_owned(),
        initial_response: Some(response),
        hostname: Some(namespace.host().to_owned()),
    })
}

/// `NUL policy NUL key`
fn password(namespace: &Namespace) -> Result<Vec<u8>, ClientError> {
    match namespace.credential() {
        Credential::SharedKey(key) => Ok(format!("\0{}\0{}", key.policy(), key.key()).into_bytes()),
        Credential::Entra(_) => Err(ClientError::Unauthorized {
            who: namespace.credential().to_string(),
            description: "SASL PLAIN needs a shared access policy and its key".to_owned(),
        }),
    }
}

async fn sasl_outcome(
    peer: &mut Peer<'_, impl ByteStream>,
    namespace: &Namespace,
) -> Result<(), ClientError> {
    match peer.performative().await? {
        Performative::SaslOutcome(outcome) if outcome.code == SaslCode::Ok => Ok(()),
        Performative::SaslOutcome(outcome) => Err(ClientError::Unauthorized {
            who: namespace.credential().to_string(),
            description: format!("SASL ended with {:?}", outcome.code),
        }),
        _ => Err(ClientError::Protocol("no SASL outcome follows the init".to_owned())),
    }
}

fn own_open(namespace: &Namespace) -> Open {
    Open {
        container_id: container_id(),
        hostname: Some(namespace.host().to_owned()),
        max_frame_size: MAX_FRAME_BYTES,
        channel_max: CHANNEL,
        idle_timeout_ms: Some(IDLE_TIMEOUT_MS),
        properties: Map::new()
            .with_symbol("product", env!("CARGO_PKG_NAME"))
            .with_symbol("version", env!("CARGO_PKG_VERSION")),
        ..Open::default()
    }
}

fn own_begin() -> Begin {
    Begin {
        next_outgoing_id: 0,
        incoming_window: INCOMING_WINDOW,
        outgoing_window: INCOMING_WINDOW,
        ..Begin::default()
    }
}

/// A name that no other connection of this machine has at the same time.
fn container_id() -> String {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    format!("segue-{}-{number}", std::process::id())
}
