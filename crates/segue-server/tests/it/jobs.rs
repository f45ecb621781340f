//! `/api/jobs`: profiles follow definitions that changed, and how far they are is shown.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{TestServer, audience, page_view};

const TIME_MAX: Duration = Duration::from_secs(20);

/// A job, once it is done.
async fn done(server: &TestServer, id: u64) -> Value {
    let started = Instant::now();
    loop {
        let (status, job) = server.get(&format!("/api/jobs/{id}")).await;
        assert_eq!(status, 200, "{job}");
        if job["state"] == "done" {
            return job;
        }
        assert!(started.elapsed() < TIME_MAX, "{job}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_job_shows_how_profiles_follow_a_definition() {
    let server = TestServer::start().await;
    let definition = json!([audience("sports-fan", "Sports")]);
    let apply = async || {
        let request = server.post("/api/definitions").json(&definition);
        crate::support::answer(request).await.1
    };
    assert_eq!(apply().await["definitions"][0]["job"], Value::Null, "nobody has to follow");
    server.send_events(&json!([page_view("1", "Plans"), page_view("2", "Sports")])).await;
    let (status, _) = server.put("/api/audiences/plans", &audience("plans", "Plans")).await;
    assert_eq!(status, 201);

    let (_, jobs) = server.get("/api/jobs").await;
    let mut job = done(&server, jobs[0]["id"].as_u64().unwrap()).await;
    let fields = job.as_object_mut().unwrap();
    let times = ["createdAt", "endedAt"].map(|key| fields.remove(key).unwrap());
    assert!(times.iter().all(Value::is_string), "{times:?}");
    let expected = json!({
        "id": 3, "kind": "publish", "definition": {"kind": "Audience", "id": "plans"},
        "state": "done", "visited": 1, "total": 1, "changed": 1,
    });
    assert_eq!(job, expected);
    assert_eq!(server.get("/api/jobs/99").await.0, 404);
    let metrics = server.request(reqwest::Method::GET, "/metrics").send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(metrics.contains("\nsegue_backfill_profiles_total 1\n"), "{metrics}");
    assert!(metrics.contains("\nsegue_jobs_running 0\n"), "{metrics}");
}
