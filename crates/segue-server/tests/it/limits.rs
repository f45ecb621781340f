//! A megabyte is the limit: on the wire, unpacked, with and without a declared length.

use reqwest::Body;
use reqwest::header::CONTENT_ENCODING;
use segue_server::BODY_BYTES_MAX;

use crate::support::{TestServer, answer, page_view};

#[track_caller]
fn assert_too_large((status, problem): (u16, serde_json::Value)) {
    assert_eq!((status, &problem["code"]), (413, &"SEG0303".into()), "{problem}");
}

/// One valid event, padded with spaces.
fn event_of_bytes(bytes: usize) -> Vec<u8> {
    let mut event = page_view("padded", "Home").to_string().into_bytes();
    event.resize(bytes, b' ');
    event
}

#[tokio::test]
async fn a_body_up_to_the_limit_is_taken_and_a_byte_more_is_not() {
    let server = TestServer::start().await;
    let post = |bytes| answer(server.post("/api/events").body(event_of_bytes(bytes)));
    let (status, body) = post(BODY_BYTES_MAX).await;
    assert_eq!(status, 200, "{body}");
    assert_too_large(post(BODY_BYTES_MAX + 1).await);
    assert_too_large(post(2 * BODY_BYTES_MAX).await);
}

#[tokio::test]
async fn a_body_without_a_declared_length_is_cut_off_too() {
    let server = TestServer::start().await;
    let chunks = (0..48).map(|_| Ok::<_, std::io::Error>(vec![b' '; 65_536]));
    let body = Body::wrap_stream(futures_util::stream::iter(chunks));
    assert_too_large(answer(server.post("/api/events").body(body)).await);
}

#[tokio::test]
async fn a_small_body_that_unpacks_to_a_hundred_megabytes_is_cut_off() {
    use std::io::Write;

    let server = TestServer::start().await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let megabyte = vec![b' '; 1 << 20];
    (0..100).for_each(|_| gzip.write_all(&megabyte).unwrap());
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < BODY_BYTES_MAX, "{} bytes", bomb.len());
    let request = server.post("/api/events").header(CONTENT_ENCODING, "gzip").body(bomb);
    assert_too_large(answer(request).await);
}

#[tokio::test]
async fn definitions_are_held_to_the_limit_as_well() {
    let server = TestServer::start().await;
    let request = server.request(reqwest::Method::PUT, "/api/audiences/a");
    assert_too_large(answer(request.body(event_of_bytes(BODY_BYTES_MAX + 1))).await);
}
