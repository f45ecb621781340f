//! Sending requests over some connections, at a rate or as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use reqwest::{Response, StatusCode, header};
use segue_xdm::Timestamp;
use tokio::task::JoinSet;

use super::latencies::Latencies;
use super::{Batches, SentTimes};

/// How long a request waits before it is sent again, where the server does not say.
const WAIT: Duration = Duration::from_secs(1);

/// How fast requests are sent.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// Each connection sends its next request when the last one was answered.
    AsAnswered,
    /// So many events a second, whatever the answers: what is late counts from when it was due.
    EventsPerSecond(f64),
}

/// What has been sent so far.
pub(crate) struct Sending {
    next_request: AtomicU64,
    acknowledged: AtomicU64,
    refused_busy: AtomicU64,
    latencies: Latencies,
}

impl Sending {
    pub(crate) fn new() -> Sending {
        Sending {
            next_request: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            refused_busy: AtomicU64::new(0),
            latencies: Latencies::new(),
        }
    }

    /// Events that were acknowledged.
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Requests that the server was too busy for, and that were sent again.
    pub(crate) fn refused_busy(&self) -> u64 {
        self.refused_busy.load(Ordering::Relaxed)
    }

    /// The latencies of answers since the last call.
    pub(crate) fn take_latencies(&self) -> Histogram<u64> {
        self.latencies.take()
    }
}

/// Sends the requests of a load to a server.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) batches: Arc<Batches>,
    pub(crate) sent: Arc<SentTimes>,
    pub(crate) sending: Arc<Sending>,
}

impl Sender {
    /// Sends until the deadline, over so many connections.
    ///
    /// # Errors
    /// The server refused a request, or cannot be reached.
    pub(crate) async fn run(
        &self,
        connections: usize,
        pace: Pace,
        until: Instant,
    ) -> anyhow::Result<()> {
        let first = self.sending.next_request.load(Ordering::Relaxed);
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let sender = self.clone();
            tasks.spawn(async move { sender.send(first, start, pace, until).await });
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        Ok(())
    }

    /// Sends the attributes of the persons.
    pub(crate) async fn send_records(&self) -> anyhow::Result<()> {
        for body in self.batches.records() {
            self.post("/api/records", body.into_bytes()).await?;
        }
        Ok(())
    }

    /// Sends an event of each of so many visitors who are not seen again.
    pub(crate) async fn send_visitors(&self, count: u64, bar: &ProgressBar) -> anyhow::Result<()> {
        bar.set_length(count);
        for (visitors, body) in Batches::visitors(count, now()) {
            self.post("/api/events", body.into_bytes()).await?;
            bar.inc(visitors);
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn send(
        &self,
        first: u64,
        start: Instant,
        pace: Pace,
        until: Instant,
    ) -> anyhow::Result<()> {
        let size = self.batches.size();
        loop {
            let request = self.sending.next_request.fetch_add(1, Ordering::Relaxed);
            let due = match pace {
                Pace::AsAnswered => Instant::now(),
                Pace::EventsPerSecond(rate) => {
                    let events = (request - first) as f64 * size as f64;
                    start + Duration::from_secs_f64(events / rate)
                }
            };
            if due >= until {
                return Ok(());
            }
            tokio::time::sleep_until(due.into()).await;
            let body = self.batches.body(request, now());
            let first_event = self.batches.first_event(request);
            for event in first_event..first_event + size as u64 {
                self.sent.note(event, due);
            }
            self.post("/api/events", body).await?;
            self.sending.acknowledged.fetch_add(size as u64, Ordering::Relaxed);
            self.sending.latencies.record(due.elapsed());
        }
    }

    /// Posts JSON lines, again for as long as the server is busy.
    async fn post(&self, path: &str, body: Vec<u8>) -> anyhow::Result<()> {
        let body = bytes::Bytes::from(body);
        loop {
            let request = self.http.post(format!("{}{path}", self.url));
            let request = request.header(header::CONTENT_TYPE, "application/x-ndjson");
            let response = request.body(body.clone()).send().await;
            let response = response.context("the server cannot be reached any more")?;
            let (status, wait) = (response.status(), wait_asked_for(&response));
            let answer = response.bytes().await?;
            match status {
                StatusCode::OK => return Ok(()),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    self.sending.refused_busy.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(wait).await;
                }
                status => {
                    bail!("the server answers {status}: {}", String::from_utf8_lossy(&answer))
                }
            }
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

fn wait_asked_for(response: &Response) -> Duration {
    let seconds = response.headers().get(header::RETRY_AFTER);
    let seconds = seconds.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
    seconds.map_or(WAIT, Duration::from_secs)
}
