//! Events and records: shapes, verdicts, duplicates, and reading one's own writes.

use reqwest::Method;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{TestServer, answer, page_view};

fn statuses(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|item| item["status"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_event_is_in_the_profile_once_it_is_acknowledged() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    let (status, answer) = server.send_events(&page_view("a", "Sports")).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(1), &json!(0)));
    assert!(answer["items"][0]["position"].is_u64(), "{answer}");

    let (status, profile) = server.get("/api/profiles/ECID/1").await;
    assert_eq!(status, 200, "{profile}");
    assert_eq!(profile["identityMap"], json!({"ecid": [{"id": "1"}]}));
    let expected = json!({"sports-fan": {
        "name": "Visits Sports", "status": "realized",
        "lastQualificationTime": "2026-01-01T10:00:00Z",
    }});
    assert_eq!(profile["memberships"], expected);
    assert!(profile["profileId"].is_string(), "{profile}");
}

#[tokio::test]
async fn a_record_sets_attributes() {
    let server = TestServer::start().await;
    let record = json!({
        "identityMap": {"Email": [{"id": "a/b@example.com"}]},
        "person": {"name": {"firstName": "Ada"}},
    });
    let (status, answer) = answer(server.post("/api/records").json(&record)).await;
    assert_eq!(status, 200, "{answer}");
    let (_, profile) = server.get("/api/profiles/email/a%2Fb@example.com").await;
    assert_eq!(profile["attributes"], json!({"person": {"name": {"firstName": "Ada"}}}));
}

#[tokio::test]
async fn a_name_that_the_json_library_uses_itself_poisons_nothing() {
    let server = TestServer::start().await;
    let odd = json!({"$serde_json::private::RawValue": 2});
    let record = json!({"identityMap": {"Email": [{"id": "a"}]}, "odd": odd}).to_string();
    let request = server.post("/api/records").header(CONTENT_TYPE, "application/json");
    assert_eq!(request.body(record).send().await.unwrap().status(), 200);
    let mut view = page_view("a", "Home");
    view["odd"] = odd.clone();
    let request = server.post("/api/events").header(CONTENT_TYPE, "application/json");
    assert_eq!(request.body(view.to_string()).send().await.unwrap().status(), 200);
    let profile = server.request(Method::GET, "/api/profiles/email/a").send().await.unwrap();
    let profile = profile.text().await.unwrap();
    assert!(profile.contains(&format!("\"odd\":{odd}")), "{profile}");
}

#[tokio::test]
async fn one_bad_item_never_rejects_its_neighbours() {
    let server = TestServer::start().await;
    let items = json!([page_view("a", "Home"), {"_id": 7}, page_view("b", "Home"), "text"]);
    let (status, answer) = server.send_events(&items).await;
    assert_eq!(status, 207, "{answer}");
    assert_eq!((&answer["accepted"], &answer["refused"]), (&json!(2), &json!(2)));
    assert_eq!(statuses(&answer), ["accepted", "refused", "accepted", "refused"]);
    let pointers: Vec<&str> = answer["items"][1]["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|violation| violation["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/_id", "/timestamp", "/identityMap"]);
    let position = |index: usize| answer["items"][index]["position"].as_u64().unwrap();
    assert_eq!(position(2), position(0) + 1);
}

#[tokio::test]
async fn a_bad_line_of_ndjson_is_one_refused_item() {
    let server = TestServer::start().await;
    let lines =
        format!("{}\n\n{{\"_id\": oops}}\r\n{}\n", page_view("a", "x"), page_view("b", "x"));
    for content_type in ["application/x-ndjson", "application/json"] {
        let request = server.post("/api/events").header(CONTENT_TYPE, content_type);
        let (status, answer) = answer(request.body(lines.clone())).await;
        assert_eq!(status, 207, "{answer}");
        assert_eq!(statuses(&answer), ["accepted", "refused", "accepted"]);
        let violation = &answer["items"][1]["violations"][0];
        assert_eq!(violation["rule"], "syntax");
        let message = violation["message"].as_str().unwrap();
        assert!(message.starts_with("line 3, column 9: expected value"), "{message}");
    }
}

#[tokio::test]
async fn a_duplicate_still_succeeds() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    for _ in 0..2 {
        let (status, answer) = server.send_events(&page_view("same", "Sports")).await;
        assert_eq!((status, &answer["accepted"]), (200, &json!(1)), "{answer}");
    }
    let (_, profile) = server.get("/api/profiles/ecid/1").await;
    assert_eq!(profile["memberships"]["sports-fan"]["status"], "realized");
}

#[tokio::test]
async fn packed_bodies_are_unpacked() {
    use std::io::Write;

    let server = TestServer::start().await;
    let plain = page_view("packed", "Home").to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain.as_bytes()).unwrap();
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(plain.as_bytes()).unwrap();
    let packed = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", deflate.finish().unwrap()),
        ("zstd", zstd::encode_all(plain.as_bytes(), 1).unwrap()),
        ("identity", plain.into_bytes()),
    ];
    for (encoding, bytes) in packed {
        let request = server.post("/api/events").header(CONTENT_ENCODING, encoding).body(bytes);
        let (status, answer) = answer(request).await;
        assert_eq!(status, 200, "{encoding}: {answer}");
    }
}

#[tokio::test]
async fn a_profile_can_be_forgotten() {
    let server = TestServer::start().await;
    server.send_events(&page_view("a", "Home")).await;
    let request = server.request(reqwest::Method::DELETE, "/api/profiles/ecid/1");
    let (status, receipt) = answer(request).await;
    assert_eq!((status, &receipt["found"]), (202, &json!(true)), "{receipt}");
    let (status, _) = server.get("/api/profiles/ecid/1").await;
    assert_eq!(status, 404);
    let (_, again) = server.get(&format!("/api/erasures/{}", receipt["id"])).await;
    assert_eq!((&again["id"], &again["subject"]), (&receipt["id"], &receipt["subject"]));
    let request = server.request(reqwest::Method::DELETE, "/api/profiles/ecid/nobody");
    let (status, nobody) = answer(request).await;
    assert_eq!((status, &nobody["found"]), (202, &json!(false)), "{nobody}");
    let (_, list) = server.get("/api/erasures?limit=1").await;
    assert_eq!(list["erasures"][0]["id"], nobody["id"], "the newest first");
    let (_, rest) = server.get(&format!("/api/erasures?before={}", list["next"])).await;
    assert_eq!(rest["erasures"][0]["id"], receipt["id"]);
    assert_eq!((rest["erasures"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    assert_eq!(server.get("/api/erasures/0").await.0, 404);
}

#[tokio::test]
async fn the_graph_shows_what_holds_identities_together() {
    let server = TestServer::start().await;
    let event = json!({
        "_id": "a", "timestamp": "2026-01-01T10:00:00Z",
        "identityMap": {"ECID": [{"id": "1"}], "Email": [{"id": "a@x"}]},
    });
    server.send_events(&event).await;
    let (status, graph) = server.get("/api/identities/Email/a@x/graph").await;
    assert_eq!(status, 200, "{graph}");
    let seen = "2026-01-01T10:00:00Z";
    let (_, profile) = server.get("/api/profiles/ECID/1").await;
    let expected = json!({
        "profileId": profile["profileId"],
        "identities": [
            {"namespace": "ecid", "id": "1", "lastSeen": seen},
            {"namespace": "email", "id": "a@x", "lastSeen": seen},
        ],
        "links": [{"identities": ["ecid:1", "email:a@x"], "lastSeen": seen}],
    });
    assert_eq!(graph, expected);
    assert_eq!(server.get("/api/identities/Email/b@x/graph").await.0, 404);
}
