//! Requests over TLS, with certificates on both sides.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use crate::certificates::Certificates;
use crate::world::{World, destination, eventually, numbered};

/// A server that lets in only who has a certificate of the authority.
fn acceptor(certificates: &Certificates) -> TlsAcceptor {
    let mut roots = RootCertStore::empty();
    roots.add(certificates.authority.der().clone()).unwrap();
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let certificate = CertificateDer::from_pem_file(certificates.file("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(certificates.file("localhost.key")).unwrap();
    let config = ServerConfig::builder().with_client_cert_verifier(verifier);
    let config = config.with_single_cert(vec![certificate], key).unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Answers one request a connection; tells the body of each. Where the handshake fails, nothing.
async fn serve(acceptor: TlsAcceptor) -> (u16, mpsc::UnboundedReceiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let Ok(mut connection) = acceptor.accept(connection).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                let mut bytes = [0; 4096];
                match connection.read(&mut bytes).await {
                    Ok(count) if count > 0 => request.extend_from_slice(&bytes[..count]),
                    _ => break,
                }
            }
            let body = request.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            if let Ok(body) = serde_json::from_slice(body) {
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                connection.write_all(answer).await.unwrap();
                let _ = connection.shutdown().await;
                tell.send(body).unwrap();
            }
        }
    });
    (port, told)
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_shown_and_checked_on_both_sides() {
    let mut world = World::new();
    let certificates = Certificates::new(&world.path(""));
    certificates.sign("localhost");
    certificates.sign("client");
    let (port, mut told) = serve(acceptor(&certificates)).await;
    let url = format!("https://localhost:{port}/in");
    let file = |name: &str| certificates.file(name).display().to_string();
    let mtls = json!({"certificate_file": file("client.pem"), "key_file": file("client.key")});
    let missing = json!({"certificate_file": file("client.pem"), "key_file": file("none.key")});
    world.delivery.start();
    world.define([
        destination(
            "both",
            "http",
            json!({"url": url, "ca_file": file("ca.pem"), "auth": {"mtls": mtls}}),
        ),
        destination("no-certificate", "http", json!({"url": url, "ca_file": file("ca.pem")})),
        destination("no-authority", "http", json!({"url": url, "auth": {"mtls": mtls}})),
        destination("no-key", "http", json!({"url": url, "auth": {"mtls": missing}})),
    ]);
    world.append([numbered(1, 2)]);
    world.delivered("both").await;
    assert_eq!(told.recv().await.unwrap(), json!({"profile": 1, "number": 2}));
    let expected = [
        ("no-certificate", "no answer"),
        ("no-authority", "invalid peer certificate: UnknownIssuer"),
        ("no-key", "none.key: No such file"),
    ];
    for (id, error) in expected {
        let is_told = || world.status(id).trouble.is_some_and(|trouble| trouble.contains(error));
        eventually(is_told, || format!("{:?}", world.status(id))).await;
        assert_eq!(world.status(id).delivered, 0);
    }
    assert!(told.try_recv().is_err(), "only one got through");
}
