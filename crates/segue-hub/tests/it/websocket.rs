//! AMQP in WebSockets over TLS, directly and through a proxy that the test plays.

use segue_amqp::client::{ClientError, Connection};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::tls::{SecureHub, round_trip};

#[tokio::test]
async fn events_travel_in_a_websocket() {
    let secure = SecureHub::start().await;
    round_trip(secure.namespace().over_websocket()).await;
}

#[tokio::test]
async fn a_proxy_is_asked_with_its_password() {
    let secure = SecureHub::start().await;
    let port = secure.server.local_addr().port();
    let (proxy, asked) = proxy("HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").await;
    let namespace = secure.namespace().over_websocket();
    round_trip(namespace.through(&format!("http://user:pass%20word@{proxy}"))).await;
    let asked = asked.await.unwrap();
    assert!(asked.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{asked}");
    // base64 of "user:pass word"
    assert!(asked.contains("Proxy-Authorization: Basic dXNlcjpwYXNzIHdvcmQ=\r\n"), "{asked}");
}

#[tokio::test]
async fn a_proxy_that_refuses_is_quoted() {
    let secure = SecureHub::start().await;
    let (proxy, _) = proxy("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").await;
    let namespace =
        secure.namespace().over_websocket().through(&format!("http://u:secret@{proxy}"));
    let error = Connection::connect(namespace).await.err().unwrap();
    assert!(matches!(error, ClientError::Proxy { .. }), "{error}");
    let shown = error.to_string();
    assert!(shown.contains("407 Proxy") && shown.contains(&proxy), "{shown}");
    assert!(!shown.contains("secret"), "{shown}");
}

#[tokio::test]
async fn any_other_path_protocol_or_page_is_turned_away() {
    let broker = crate::client::Broker::start().await;
    let amqp = "Sec-WebSocket-Protocol: amqp\r\n";
    let path = "/$servicebus/websocket";
    for (request, expected) in [
        (format!("GET / HTTP/1.1\r\n{amqp}"), "404"),
        (format!("GET {path} HTTP/1.1\r\nSec-WebSocket-Protocol: mqtt\r\n"), "400"),
        (format!("GET {path} HTTP/1.1\r\n{amqp}Origin: https://evil.example\r\n"), "403"),
        (format!("GET {path} HTTP/1.1\r\n{amqp}Origin: http://h\r\n"), "101"),
        (format!("GET {path}/ HTTP/1.1\r\nSec-WebSocket-Protocol: mqtt, AMQPWSB10\r\n"), "101"),
    ] {
        let mut stream = TcpStream::connect(broker.server.local_addr()).await.unwrap();
        let handshake = "Host: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        stream.write_all(format!("{request}{handshake}").as_bytes()).await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&status), format!("HTTP/1.1 {expected}"));
    }
}

/// A proxy that takes one request, answers it as told, and passes on what follows. Its address,
/// and what it was asked.
async fn proxy(answer: &'static str) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let asked = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(client.read_u8().await.unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        client.write_all(answer.as_bytes()).await.unwrap();
        let host = request.split(' ').nth(1).unwrap().to_owned();
        tokio::spawn(async move {
            let mut server = TcpStream::connect(host).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
        request
    });
    (address, asked)
}
