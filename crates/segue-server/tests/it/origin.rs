//! Pages from elsewhere reach nothing: DNS rebinding and cross-site requests over a real socket.

use reqwest::Method;
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, HOST, ORIGIN};

use crate::support::{TestServer, answer, page_view};

#[tokio::test]
async fn a_host_name_from_elsewhere_is_refused() {
    let server = TestServer::start().await;
    let request = server.request(Method::GET, "/api/audiences").header(HOST, "evil.example");
    let (status, problem) = answer(request).await;
    assert_eq!((status, &problem["code"]), (403, &"SEG0331".into()), "{problem}");
}

#[tokio::test]
async fn a_page_from_elsewhere_changes_nothing() {
    let server = TestServer::start().await;
    let event = page_view("a", "Home");
    let foreign = server.post("/api/events").header(ORIGIN, "https://evil.example").json(&event);
    let (status, problem) = answer(foreign).await;
    assert_eq!((status, &problem["code"]), (403, &"SEG0332".into()), "{problem}");
    assert_eq!(server.get("/api/profiles/ecid/1").await.0, 404);

    let own = server.post("/api/events").header(ORIGIN, "http://localhost:3000").json(&event);
    assert_eq!(answer(own).await.0, 200);
}

#[tokio::test]
async fn no_answer_can_be_read_by_other_sites() {
    let server = TestServer::start().await;
    let request = server.request(Method::GET, "/api/audiences");
    let response = request.header(ORIGIN, "http://localhost:3000").send().await.unwrap();
    assert!(!response.headers().contains_key(ACCESS_CONTROL_ALLOW_ORIGIN));
}
