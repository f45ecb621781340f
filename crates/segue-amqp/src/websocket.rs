//! AMQP inside a WebSocket: for networks that let nothing but HTTPS out.
//!
//! A stream of bytes, cut into binary messages anywhere; the cuts mean nothing. Clients ask for
//! [`PATH`] and a subprotocol: the standard's `amqp`, or `AMQPWSB10`, its draft's name, which most
//! of Microsoft's clients say. The service knows both.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{HOST, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async_with_config};

use crate::stream::ByteStream;

/// Where namespaces take WebSockets.
pub const PATH: &str = "/$servicebus/websocket";

/// Subprotocols that mean AMQP 1.0; clients of this crate say the first.
const SUBPROTOCOLS: [&str; 2] = ["amqp", "AMQPWSB10"];

/// Most bytes that one message carries out.
const MESSAGE_BYTES_OUT_MAX: usize = 64 << 10;

/// Largest message that is taken in.
const MESSAGE_BYTES_IN_MAX: usize = 4 << 20;

/// The bytes inside a WebSocket.
pub struct WebSocketBytes<S> {
    socket: WebSocketStream<S>,
    /// What is left of the last message.
    incoming: Bytes,
}

/// Asks the server at `host` to speak AMQP in a WebSocket. TLS, if any, is `stream`'s affair.
///
/// # Errors
/// When it does not agree.
pub async fn connect<S: ByteStream>(stream: S, host: &str) -> Result<WebSocketBytes<S>, Error> {
    let refused = |error| Error::new(ErrorKind::ConnectionRefused, error);
    let mut request = format!("wss://{host}{PATH}").into_client_request().map_err(refused)?;
    let [subprotocol, _] = SUBPROTOCOLS;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    let connected = client_async_with_config(request, stream, Some(config())).await;
    let (socket, _) = connected.map_err(broken)?;
    Ok(WebSocketBytes { socket, incoming: Bytes::new() })
}

/// Answers a client that asks to speak AMQP in a WebSocket; anything else is turned away.
///
/// # Errors
/// When the client asks for something else, or breaks off.
pub async fn accept<S: ByteStream>(stream: S) -> Result<WebSocketBytes<S>, Error> {
    let accepted = accept_hdr_async_with_config(stream, agree, Some(config())).await;
    Ok(WebSocketBytes { socket: accepted.map_err(broken)?, incoming: Bytes::new() })
}

/// Checks path, origin and subprotocol. Some clients put more behind the path; it means nothing.
#[expect(clippy::result_large_err, reason = "the signature is the library's")]
fn agree(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let refused = |status, text: &str| {
        let mut response = ErrorResponse::new(Some(text.to_owned()));
        *response.status_mut() = status;
        response
    };
    if !request.uri().path().starts_with(PATH) {
        return Err(refused(StatusCode::NOT_FOUND, "event hubs are at /$servicebus/websocket"));
    }
    if !is_own_page(request) {
        return Err(refused(StatusCode::FORBIDDEN, "a page from elsewhere may not connect"));
    }
    let offers = request.headers().get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut offers = offers.filter_map(|offer| offer.to_str().ok()).flat_map(|o| o.split(','));
    let known =
        offers.find_map(|offer| SUBPROTOCOLS.into_iter().find(|name| offer.trim() == *name));
    let Some(known) = known else {
        return Err(refused(StatusCode::BAD_REQUEST, "the subprotocol must be amqp"));
    };
    response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(known));
    Ok(response)
}

/// A browser says which page it connects for; any page of the web could try hubs on the visitor's
/// machine, whose key may be the emulator's. Programs say nothing, or the hub's own address.
fn is_own_page(request: &Request) -> bool {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(origin) = header(ORIGIN) else {
        return true;
    };
    origin.split_once("://").map(|(_, host)| host) == header(HOST)
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_IN_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_IN_MAX))
}

fn broken(error: WebSocketError) -> Error {
    match error {
        WebSocketError::Io(error) => error,
        WebSocketError::ConnectionClosed => ErrorKind::UnexpectedEof.into(),
        other => Error::new(ErrorKind::ConnectionAborted, other),
    }
}

impl<S: ByteStream> AsyncRead for WebSocketBytes<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        while self.incoming.is_empty() {
            match ready!(Pin::new(&mut self.socket).poll_next(context)) {
                Some(Ok(Message::Binary(bytes))) => self.incoming = bytes,
                Some(Ok(Message::Close(_))) | None => return Poll::Ready(Ok(())),
                // Pings are answered by the library; text has no place here.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(broken(error))),
            }
        }
        let taken = self.incoming.len().min(buffer.remaining());
        buffer.put_slice(self.incoming.get(..taken).unwrap_or_default());
        self.incoming.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: ByteStream> AsyncWrite for WebSocketBytes<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize, Error>> {
        ready!(Pin::new(&mut self.socket).poll_ready(context)).map_err(broken)?;
        let taken = bytes.len().min(MESSAGE_BYTES_OUT_MAX);
        let message = Bytes::copy_from_slice(bytes.get(..taken).unwrap_or_default());
        let sent = Pin::new(&mut self.socket).start_send(Message::Binary(message));
        Poll::Ready(sent.map(|()| taken).map_err(broken))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_flush(context).map_err(broken)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.socket).poll_close(context).map_err(broken)
    }
}
