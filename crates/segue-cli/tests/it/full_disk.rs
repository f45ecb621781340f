//! A real disk that gets full under `segue serve`: a small tmpfs with both logs and the checkpoint
//! on it. It is mounted in a user namespace, which `unshare` makes.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use reqwest::Client;
use reqwest::header::RETRY_AFTER;

use crate::running::Serving;

/// Room for the logs and the store, and quickly filled.
const SIZE: &str = "48m";

/// Longest time that it may take to get well.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn senders_are_turned_away_until_there_is_room() {
    let server = Serving::start_on_small_disk(SIZE);
    let http = Client::new();
    let mut answers = Vec::new();
    send(&http, &server, "before", 200, 20, &mut answers).await;

    let filler = server.folder_inside().join("filler");
    let mut file = File::create(&filler).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    send(&http, &server, "full", 503, 20, &mut answers).await;
    assert_eq!(ready(&http, &server).await, 503);

    drop(file);
    std::fs::remove_file(filler).unwrap();
    let begun = Instant::now();
    while ready(&http, &server).await != 200 {
        assert!(begun.elapsed() < PATIENCE, "it does not recover by itself");
        tokio::task::yield_now().await;
    }
    send(&http, &server, "after", 200, 20, &mut answers).await;
    for (id, status) in &answers {
        let url = format!("{}/api/profiles/ECID/{id}", server.url());
        let found = http.get(url).send().await.unwrap().status().as_u16();
        assert_eq!(found, if *status == 200 { 200 } else { 404 }, "{id} was answered {status}");
    }
}

async fn ready(http: &Client, server: &Serving) -> u16 {
    let answer = http.get(format!("{}/ready", server.url())).send().await.unwrap();
    answer.status().as_u16()
}

/// Sends events of new visitors until so many were answered with this status.
async fn send(
    http: &Client,
    server: &Serving,
    round: &str,
    status: u16,
    times: usize,
    answers: &mut Vec<(String, u16)>,
) {
    let (begun, mut count) = (Instant::now(), 0);
    for number in 0.. {
        let id = format!("{round}-{number}");
        let event = format!(
            r#"{{"_id":"{id}","timestamp":"2026-01-01T10:00:00Z","identityMap":{{"ECID":[{{"id":"{id}"}}]}}}}"#
        );
        let request = http.post(format!("{}/api/events", server.url())).body(event);
        let answer = request.send().await.unwrap();
        let found = answer.status().as_u16();
        if found == 503 {
            assert_eq!(answer.headers()[RETRY_AFTER], "1");
        }
        answers.push((id, found));
        count += usize::from(found == status);
        if count == times {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not answered with {status}: {answers:?}");
    }
}
