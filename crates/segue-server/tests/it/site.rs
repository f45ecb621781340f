//! What is not the API: the shop's pages, health and metrics.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};

use crate::support::{Activations, TestServer, page_view};

#[tokio::test]
async fn the_shop_is_served() {
    let server = TestServer::start().await;
    let get = |path| server.request(Method::GET, path).send();
    assert_eq!(get("/").await.unwrap().headers()[LOCATION], "/shop/");
    assert_eq!(get("/shop").await.unwrap().headers()[LOCATION], "/shop/");
    for (path, content_type) in [
        ("/shop/", "text/html; charset=utf-8"),
        ("/shop/sports.html", "text/html; charset=utf-8"),
        ("/shop/shop.js", "text/javascript; charset=utf-8"),
        ("/shop/shop.css", "text/css; charset=utf-8"),
        ("/shop/icon.svg", "image/svg+xml"),
    ] {
        let response = get(path).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()[CONTENT_TYPE], content_type);
        assert!(response.headers().contains_key(CONTENT_SECURITY_POLICY));
    }
    assert_eq!(get("/shop/definitions.yaml").await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_page_that_the_browser_has_is_not_sent_again() {
    let server = TestServer::start().await;
    let first = server.request(Method::GET, "/shop/shop.css").send().await.unwrap();
    let again = server.request(Method::GET, "/shop/shop.css");
    let again = again.header(IF_NONE_MATCH, first.headers()[ETAG].clone()).send().await.unwrap();
    assert_eq!(again.status(), 304);
    assert_eq!(again.text().await.unwrap(), "");
}

#[tokio::test]
async fn the_server_says_how_it_is() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/health").await.0, 200);
    server.send_events(&serde_json::json!([page_view("a", "Home"), {}])).await;
    server.get("/api/profiles/ecid/1").await;
    let (status, ready) = server.get("/ready").await;
    assert_eq!((status, &ready["status"]), (200, &"ready".into()), "{ready}");

    let response = server.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; version=0.0.4; charset=utf-8");
    let page = response.text().await.unwrap();
    for line in [
        "segue_ingest_items_accepted_total 1",
        "segue_ingest_items_refused_total 1",
        "segue_inputs_accepted_total 1",
        "# TYPE segue_inputs_backlog gauge",
        "segue_ready 1",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in\n{page}");
    }
}

#[tokio::test]
async fn a_server_whose_disk_is_full_takes_events_and_says_that_it_is_behind() {
    let server = TestServer::start_over(Activations { disk_full: true }, |options| {
        options.read_timeout = Duration::from_millis(200);
    })
    .await;
    server.apply_shop().await;
    let (status, answer) = server.send_events(&page_view("a", "Sports")).await;
    assert_eq!(status, 200, "the event is durable: {answer}");

    let (status, problem) = server.get("/api/profiles/ecid/1").await;
    assert_eq!((status, &problem["code"]), (503, &"SEG0342".into()), "{problem}");
    let (status, problem) = loop {
        let answer = server.get("/ready").await;
        if answer.0 != 200 {
            break answer;
        }
    };
    assert_eq!((status, &problem["code"]), (503, &"SEG0342".into()), "{problem}");
    assert!(problem.to_string().contains("no space left on device"), "{problem}");
    assert_eq!(server.get("/health").await.0, 200);
}
