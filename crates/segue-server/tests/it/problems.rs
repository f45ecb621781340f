//! Every refusal as its problem document, and every code with its page.

use std::fmt::Write;

use reqwest::Method;
use reqwest::header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{TestServer, audience, body};

/// What is sent: method, path, body.
type Refused = (Method, &'static str, String);

fn refused() -> Vec<Refused> {
    let post = |path, body: &str| (Method::POST, path, body.to_owned());
    let put = |path, body: Value| (Method::PUT, path, body.to_string());
    let members_of = |id: &str, other: &str| {
        let definition = format!("inSegment(\"{other}\")");
        json!({"kind": "Audience", "id": id, "definition": definition})
    };
    let pql = json!({"definition": "web.webPageDetails.name.equal(\"Sports\")"});
    vec![
        post("/api/events", "{\"_id\": \"a\",\n  \"timestamp\" \"2026\"}"),
        post("/api/events", ""),
        post("/api/events", "{}"),
        post(
            "/api/events",
            r#"{"_id": "a", "timestamp": "2026-01-03T10:00:00Z",
            "identityMap": {"ECID": [{"id": ""}]}}"#,
        ),
        post("/api/records", r#"[{"person": {}}, "text"]"#),
        put("/api/audiences/a", json!({"defintion": "person.age > 18"})),
        put("/api/audiences/a", json!({"id": "b", "kind": "Destination", "definition": "a > 1"})),
        put("/api/audiences/a", pql),
        put("/api/audiences/a", members_of("a", "unknown")),
        post("/api/definitions", &json!([members_of("a", "b"), members_of("b", "a")]).to_string()),
        post("/api/definitions?dryrun", &audience("a", "A").to_string()),
        (Method::GET, "/api/profiles/ecid/nobody", String::new()),
        (Method::GET, "/api/audiences/none", String::new()),
        (Method::GET, "/api/nothing/here", String::new()),
        (Method::GET, "/errors/SEG9999", String::new()),
        (Method::GET, "/shop/none.html", String::new()),
        (Method::GET, "/api/events", String::new()),
        (Method::GET, "/api/profiles/ecid/%FF", String::new()),
        (Method::GET, "/api/live?after=yesterday", String::new()),
    ]
}

#[tokio::test]
async fn every_refusal_names_the_place_and_the_fix() {
    let server = TestServer::start().await;
    let mut shown = String::new();
    for (method, path, sent) in refused() {
        writeln!(shown, "{method} {path}\n{sent}").unwrap();
        let response = server.request(method, path).body(sent).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let problem = body(response).await;
        writeln!(shown, "=> {status}\n{problem:#}\n").unwrap();
        assert_eq!(headers[CONTENT_TYPE], "application/problem+json");
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(headers.contains_key(ALLOW), status == 405);
    }
    insta::assert_snapshot!(shown);
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_page() {
    let server = TestServer::start().await;
    let (_, problem) = server.get("/api/nothing").await;
    let page = server.request(Method::GET, problem["type"].as_str().unwrap());
    let page = page.send().await.unwrap();
    assert_eq!(page.headers()[CONTENT_TYPE], "text/markdown; charset=utf-8");
    assert!(page.text().await.unwrap().starts_with("# SEG0321: Unknown path\n"));
}

#[tokio::test]
async fn a_body_that_cannot_be_unpacked_is_said() {
    let server = TestServer::start().await;
    for (encoding, status, code) in [("br", 415, "SEG0306"), ("gzip", 400, "SEG0305")] {
        let request = server.post("/api/events").header(CONTENT_ENCODING, encoding).body("plain");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(body(response).await["code"], code);
    }
}
