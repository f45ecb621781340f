//! Definitions: created, changed and removed one by one or together, on conditions.

use reqwest::Method;
use reqwest::header::{ETAG, IF_MATCH, IF_NONE_MATCH};
use serde_json::{Value, json};

use crate::support::{TestServer, answer, audience};

const PATH: &str = "/api/audiences/sports-fan";

fn results(answer: &Value) -> Vec<(&str, &str)> {
    let list = answer["definitions"].as_array().unwrap().iter();
    list.map(|item| (item["id"].as_str().unwrap(), item["result"].as_str().unwrap())).collect()
}

async fn etag(server: &TestServer) -> String {
    let response = server.request(Method::GET, PATH).send().await.unwrap();
    assert_eq!(response.status(), 200);
    response.headers()[ETAG].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_audience_is_created_read_changed_listed_and_deleted() {
    let server = TestServer::start().await;
    let mut without_id = audience("sports-fan", "Sports");
    without_id.as_object_mut().unwrap().retain(|key, _| key != "id" && key != "kind");
    let (status, created) = server.put(PATH, &without_id).await;
    assert_eq!((status, &created), (201, &audience("sports-fan", "Sports")));

    let first = etag(&server).await;
    let (status, _) = server.put(PATH, &audience("sports-fan", "Sports")).await;
    assert_eq!((status, etag(&server).await), (200, first.clone()), "the same changes nothing");
    let (status, _) = server.put(PATH, &audience("sports-fan", "Running")).await;
    assert_eq!(status, 200);
    assert_ne!(etag(&server).await, first);

    let (_, listed) = server.get("/api/audiences").await;
    assert_eq!(listed, json!([audience("sports-fan", "Running")]));
    let (status, body) = answer(server.request(Method::DELETE, PATH)).await;
    assert_eq!((status, body), (204, Value::Null));
    assert_eq!(server.get(PATH).await.0, 404);
    assert_eq!(answer(server.request(Method::DELETE, PATH)).await.0, 404);
}

#[tokio::test]
async fn a_change_can_depend_on_what_is_there() {
    let server = TestServer::start().await;
    let put = |header, value: String, page| {
        let request = server.request(Method::PUT, PATH).header(header, value);
        answer(request.json(&audience("sports-fan", page)))
    };
    assert_eq!(put(IF_MATCH, "\"1\"".to_owned(), "Sports").await.0, 412);
    assert_eq!(put(IF_NONE_MATCH, "*".to_owned(), "Sports").await.0, 201);
    assert_eq!(put(IF_NONE_MATCH, "*".to_owned(), "Running").await.0, 412);

    let seen = etag(&server).await;
    assert_eq!(put(IF_MATCH, seen.clone(), "Running").await.0, 200);
    let (status, problem) = put(IF_MATCH, seen.clone(), "Tennis").await;
    assert_eq!((status, &problem["code"]), (412, &json!("SEG0313")), "{problem}");
    assert_eq!(put(IF_MATCH, "*".to_owned(), "Tennis").await.0, 200);
    assert_eq!(put(IF_MATCH, "W/\"7\"".to_owned(), "Climbing").await.0, 400);

    let stale = server.request(Method::DELETE, PATH).header(IF_MATCH, seen);
    assert_eq!(answer(stale).await.0, 412);
    let fresh = server.request(Method::DELETE, PATH).header(IF_MATCH, etag(&server).await);
    assert_eq!(answer(fresh).await.0, 204);
}

#[tokio::test]
async fn what_the_client_knows_is_not_sent_again() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    let seen = etag(&server).await;
    let get = |tags: String| answer(server.request(Method::GET, PATH).header(IF_NONE_MATCH, tags));
    assert_eq!(get(seen.clone()).await, (304, Value::Null));
    assert_eq!(get(format!("\"99\", {seen}")).await, (304, Value::Null));
    assert_eq!(get("\"99\"".to_owned()).await.0, 200);
}

#[tokio::test]
async fn a_namespace_is_named_in_any_letter_case() {
    let server = TestServer::start().await;
    let email = json!({"code": "Email", "type": "person"});
    assert_eq!(server.put("/api/namespaces/EMAIL", &email).await.0, 201);
    assert_eq!(server.get("/api/namespaces/email").await.0, 200);
    assert_eq!(server.put("/api/namespaces/phone", &email).await.0, 422);
}

#[tokio::test]
async fn what_others_are_made_of_stays() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    let both =
        json!({"definition": "inSegment(\"sports-fan\") and inSegment(\"homepage-visitors\")"});
    assert_eq!(server.put("/api/audiences/keen", &both).await.0, 201);
    let (status, problem) = answer(server.request(Method::DELETE, PATH)).await;
    assert_eq!((status, &problem["code"]), (409, &json!("SEG0312")), "{problem}");
    let message = problem["violations"][0]["message"].as_str().unwrap();
    assert!(message.contains("`keen`"), "names what is made of it: {message}");
    assert_eq!(server.get(PATH).await.0, 200);
}

#[tokio::test]
async fn several_are_applied_together_or_not_at_all() {
    let server = TestServer::start().await;
    let post = |path: &str, body: Value| answer(server.post(path).json(&body));
    let broken = json!({"kind": "Audience", "id": "b", "defintion": "x.exists()"});
    let both = json!([audience("a", "A"), broken]);
    let (status, problem) = post("/api/definitions", both).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(problem["violations"][0]["pointer"], "/1/defintion");
    assert_eq!(server.get("/api/audiences/a").await.0, 404);

    let (status, answer) = post("/api/definitions?dry-run", audience("a", "A")).await;
    assert_eq!((status, &answer["dryRun"]), (200, &json!(true)), "{answer}");
    assert_eq!(results(&answer), [("a", "created")]);
    assert_eq!(server.get("/api/audiences/a").await.0, 404);

    server.apply_shop().await;
    let again = json!([audience("sports-fan", "Sports"), audience("homepage-visitors", "Start")]);
    let (_, answer) = post("/api/definitions", again).await;
    let expected = [("sports-fan", "unchanged"), ("homepage-visitors", "changed")];
    assert_eq!(results(&answer), expected);
}

#[tokio::test]
async fn a_misspelt_dry_run_is_no_real_run() {
    let server = TestServer::start().await;
    for query in ["?dryrun", "?dry-run=perhaps"] {
        let request = server.post(&format!("/api/definitions{query}"));
        let (status, problem) = answer(request.json(&audience("a", "A"))).await;
        assert_eq!((status, &problem["code"]), (400, &json!("SEG0307")), "{problem}");
    }
    assert_eq!(server.get("/api/audiences").await.1, json!([]));
}
