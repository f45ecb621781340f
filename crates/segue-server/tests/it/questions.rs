//! Questions that change nothing: explanations, dry runs, estimates, diffs.

use reqwest::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};

use crate::support::{NOW, TestServer, answer, audience, page_view};

const EXPLAIN: &str = "/api/profiles/ecid/1/explain/sports-fan";

#[tokio::test]
async fn a_membership_is_explained() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    server.send_events(&page_view("1", "Sports")).await;
    let (status, explained) = server.get(EXPLAIN).await;
    assert_eq!(status, 200, "{explained}");
    assert_eq!(explained["membership"]["status"], "realized");
    assert_eq!(explained["definition"]["events"][0]["id"], "1");
    let paragraph = explained["paragraph"].as_str().unwrap();
    let since = format!("Visits Sports: the profile is a member since {NOW}. `CHAIN(");
    assert!(paragraph.starts_with(&since), "{paragraph}");
    for (path, detail) in [
        ("/api/profiles/ecid/2/explain/sports-fan", "no profile holds the identity ecid:2"),
        ("/api/profiles/ecid/1/explain/none", "there is no audience `none`"),
    ] {
        let (status, problem) = server.get(path).await;
        assert_eq!((status, &problem["detail"]), (404, &json!(detail)), "{problem}");
    }
}

#[tokio::test]
async fn what_an_event_would_change_is_explained() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    server.send_events(&page_view("1", "Home")).await;
    let ask = |body: Value| answer(server.post(EXPLAIN).json(&body));
    let (status, explained) = ask(page_view("2", "Sports")).await;
    assert_eq!(status, 200, "{explained}");
    assert_eq!(explained["before"]["membership"], Value::Null);
    assert_eq!(explained["after"]["membership"]["status"], "realized");
    let mut of_somebody_else = page_view("2", "Sports");
    of_somebody_else["identityMap"]["ECID"][0]["id"] = json!("2");
    let (_, explained) = ask(of_somebody_else).await;
    assert_eq!(explained["after"], explained["before"]);
    let (status, problem) = ask(json!({"_id": "x"})).await;
    assert_eq!((status, &problem["code"]), (400, &json!("SEG0302")), "{problem}");
}

#[tokio::test]
async fn a_dry_run_tells_all_and_does_nothing() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    server.send_events(&page_view("1", "Home")).await;
    let events = json!([page_view("1", "Home"), page_view("2", "Sports")]);
    let (status, told) = answer(server.post("/api/dry-run").json(&events)).await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(told["inputs"][0]["duplicate"], true);
    assert_eq!(told["changes"].as_array().unwrap().len(), 1);
    assert_eq!(told["changes"][0]["to"], "realized");
    let message = &told["messages"][0];
    assert_eq!(message["destination"], "activations");
    assert_eq!(message["applicationProperties"]["segue-reason"], "membership");
    assert_eq!(message["applicationProperties"]["segue-cause"], "2");
    assert_eq!(message["body"]["identityMap"], json!({"ecid": [{"id": "1"}]}));
    assert_eq!(told["explanations"][0]["audience"], "sports-fan");
    let (_, profile) = server.get("/api/profiles/ecid/1").await;
    assert_eq!(profile["memberships"]["sports-fan"], Value::Null);

    let record = json!({"identityMap": {"ECID": [{"id": "9"}]}, "person": {"age": 3}});
    let (status, told) = answer(server.post("/api/dry-run?of=records").json(&record)).await;
    assert_eq!((status, &told["changes"]), (200, &json!([])), "{told}");
    assert_eq!(server.get("/api/profiles/ecid/9").await.0, 404);
    let (status, problem) = answer(server.post("/api/dry-run?of=guesses").json(&record)).await;
    assert_eq!((status, &problem["code"]), (400, &json!("SEG0307")));
    let broken = json!([page_view("3", "Home"), {"_id": "x"}]);
    let (status, problem) = answer(server.post("/api/dry-run").json(&broken)).await;
    assert_eq!((status, &problem["items"][0]["index"]), (400, &json!(1)), "{problem}");
}

#[tokio::test]
async fn an_audience_is_estimated_published_or_not() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    server.send_events(&page_view("1", "Sports")).await;
    let (status, estimate) = server.get("/api/audiences/sports-fan/estimate").await;
    assert_eq!(status, 200, "{estimate}");
    assert_eq!((&estimate["members"], &estimate["of"]), (&json!(1), &json!(1)));
    assert_eq!(estimate["sample"][0]["identities"], json!(["ecid:1"]));
    let ask = |body: Value| answer(server.post("/api/audiences/estimate").json(&body));
    let (_, estimate) = ask(audience("new", "Tennis")).await;
    assert_eq!(estimate["members"], 0);
    let (status, estimate) = ask(json!({"definition": "not inSegment(\"sports-fan\")"})).await;
    assert_eq!((status, &estimate["members"]), (200, &json!(0)), "{estimate}");
    let (status, problem) = ask(json!({"definition": "inSegment(\"none\")"})).await;
    assert_eq!((status, &problem["code"]), (422, &json!("SEG0311")), "{problem}");
    let (status, problem) = ask(json!({"definition": "page.equal(\"x\")"})).await;
    assert_eq!((status, &problem["diagnostics"][0]["code"]), (422, &json!("SEG0105")));
    assert_eq!(server.get("/api/audiences/none/estimate").await.0, 404);
}

#[tokio::test]
async fn an_audience_may_be_called_estimate() {
    let server = TestServer::start().await;
    let path = "/api/audiences/estimate";
    assert_eq!(server.put(path, &json!({"definition": "a.exists()"})).await.0, 201);
    assert_eq!(server.get(path).await.1["id"], "estimate");
    assert_eq!(server.get("/api/audiences/estimate/estimate").await.1["members"], 0);
    let delete = server.request(reqwest::Method::DELETE, path);
    assert_eq!(answer(delete).await.0, 204);
}

#[tokio::test]
async fn a_diff_tells_who_would_move_and_why() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    server.send_events(&page_view("1", "Home")).await;
    let edited = json!([audience("sports-fan", "Home"), audience("homepage-visitors", "Home")]);
    let (status, diff) = answer(server.post("/api/definitions?diff").json(&edited)).await;
    assert_eq!(status, 200, "{diff}");
    assert_eq!(diff["definitions"][0]["result"], "changed");
    assert_eq!(diff["definitions"][0]["before"], audience("sports-fan", "Sports"));
    assert_eq!(diff["definitions"][0]["after"], edited[0]);
    assert_eq!(diff["definitions"][1]["result"], "unchanged");
    let moves = diff["audiences"].as_array().unwrap();
    assert_eq!((moves.len(), &moves[0]["id"]), (1, &json!("sports-fan")));
    assert_eq!((&moves[0]["entering"], &moves[0]["leaving"]), (&json!(1), &json!(0)));
    assert_eq!(moves[0]["examples"][0]["change"], "enters");
    assert!(moves[0]["examples"][0]["reason"].as_str().unwrap().contains("is true"));
    assert_eq!(server.get("/api/audiences/sports-fan").await.1, audience("sports-fan", "Sports"));
    let unsound = json!({"kind": "Audience", "id": "x", "definition": "inSegment(\"none\")"});
    let (status, problem) = answer(server.post("/api/definitions?diff").json(&unsound)).await;
    assert_eq!((status, &problem["code"]), (422, &json!("SEG0311")), "{problem}");
    let (status, _) = answer(server.post("/api/definitions?diff=perhaps").json(&unsound)).await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn progress_comes_as_lines_and_a_problem_keeps_its_status() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    server.send_events(&page_view("1", "Sports")).await;
    let ask = |definition: Value| {
        let request = server.post("/api/audiences/estimate").json(&definition);
        request.header(ACCEPT, "application/x-ndjson").send()
    };
    let response = ask(audience("new", "Sports")).await.unwrap();
    assert_eq!(response.headers()[CONTENT_TYPE], "application/x-ndjson");
    let text = response.text().await.unwrap();
    let last: Value = serde_json::from_str(text.trim_end().lines().last().unwrap()).unwrap();
    assert_eq!(last["result"]["members"], 1);
    let unsound = json!({"definition": "inSegment(\"none\")"});
    assert_eq!(ask(unsound).await.unwrap().status(), 422);
}
