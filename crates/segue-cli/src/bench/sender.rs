//! Sending requests over some connections, at a rate or as fast as they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::Bytes;
use hdrhistogram::Histogram;
use hyper::StatusCode;
use indicatif::ProgressBar;
use segue_xdm::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::batches::Pen;
use super::connection::{Answer, Connection};
use super::latencies::Latencies;
use super::{Batches, SentTimes};

const EVENTS: &str = "/api/events";
const RECORDS: &str = "/api/records";

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
    /// When it was ended early, if it was.
    ended: watch::Sender<Option<Instant>>,
}

impl Sending {
    pub(crate) fn new() -> Sending {
        Sending {
            next_request: AtomicU64::new(0),
            acknowledged: AtomicU64::new(0),
            refused_busy: AtomicU64::new(0),
            latencies: Latencies::new(),
            ended: watch::Sender::new(None),
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

    /// Sends nothing more, before it is time.
    pub(crate) fn end_early(&self) {
        self.ended.send_replace(Some(Instant::now()));
    }
}

/// Sends the requests of a load to a server.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) url: String,
    pub(crate) batches: Arc<Batches>,
    pub(crate) sent: Arc<SentTimes>,
    pub(crate) sending: Arc<Sending>,
}

impl Sender {
    /// Sends from a moment until another, or until it is ended early, over so many connections.
    /// Returns how many events should have been acknowledged by then, and were not.
    ///
    /// # Errors
    /// The server refused a request, or cannot be reached.
    pub(crate) async fn run(
        self,
        connections: usize,
        pace: Pace,
        start: Instant,
        until: Instant,
    ) -> anyhow::Result<u64> {
        let before = self.sending.acknowledged();
        let schedule = Schedule {
            first: self.sending.next_request.load(Ordering::Relaxed),
            start,
            pace,
            size: self.batches.size(),
            until,
        };
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            tasks.spawn(self.clone().send(schedule));
        }
        while let Some(ended) = tasks.join_next().await {
            ended??;
        }
        let end = self.sending.ended.borrow().map_or(until, |ended| ended.min(until));
        let acknowledged = self.sending.acknowledged() - before;
        Ok(schedule.events_by(end).saturating_sub(acknowledged))
    }

    /// Sends the attributes of the persons.
    pub(crate) async fn send_records(self) -> anyhow::Result<()> {
        let mut connection = Connection::open(&self.url).await?;
        for body in self.batches.records() {
            self.post(&mut connection, RECORDS, body, None).await?;
        }
        Ok(())
    }

    /// Sends an event of each of so many visitors who are not seen again.
    pub(crate) async fn send_visitors(self, count: u64, bar: ProgressBar) -> anyhow::Result<()> {
        let mut connection = Connection::open(&self.url).await?;
        bar.set_length(count);
        for (visitors, body) in Batches::visitors(count, now()) {
            self.post(&mut connection, EVENTS, body, None).await?;
            bar.inc(visitors);
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// Sends over one connection.
    async fn send(self, schedule: Schedule) -> anyhow::Result<()> {
        let mut connection = Connection::open(&self.url).await?;
        let mut ended = self.sending.ended.subscribe();
        let mut pen = Pen::default();
        loop {
            let request = self.sending.next_request.fetch_add(1, Ordering::Relaxed);
            let due = schedule.due(request);
            if due >= schedule.until {
                return Ok(());
            }
            // A timer goes by whole milliseconds: what is due already must not wait for one.
            if due > Instant::now() {
                tokio::select! {
                    () = sleep_until(due.into()) => {}
                    _ = ended.wait_for(Option::is_some) => {}
                }
            }
            if self.is_over(schedule.until) {
                return Ok(());
            }
            let body = self.batches.body(request, now(), &mut pen);
            self.sent.note(request, due);
            if !self.post(&mut connection, EVENTS, body, Some(schedule.until)).await? {
                return Ok(());
            }
            self.sending.acknowledged.fetch_add(schedule.size as u64, Ordering::Relaxed);
            self.sending.latencies.record(due.elapsed());
        }
    }

    fn is_over(&self, until: Instant) -> bool {
        Instant::now() >= until || self.sending.ended.borrow().is_some()
    }

    /// Posts JSON lines, again for as long as the server is busy. False when that would be after
    /// the end.
    async fn post(
        &self,
        connection: &mut Connection,
        path: &'static str,
        body: Bytes,
        until: Option<Instant>,
    ) -> anyhow::Result<bool> {
        loop {
            let answer = connection.post(path, body.clone()).await;
            let Answer { status, wait, text } =
                answer.context("the server cannot be reached any more")?;
            match status {
                StatusCode::OK => return Ok(true),
                StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                    self.sending.refused_busy.fetch_add(1, Ordering::Relaxed);
                    let again = Instant::now() + wait;
                    if until.is_some_and(|until| again >= until || self.is_over(until)) {
                        return Ok(false);
                    }
                    sleep_until(again.into()).await;
                }
                status => bail!("the server answers {status}: {}", String::from_utf8_lossy(&text)),
            }
        }
    }
}

/// When each request is due.
#[derive(Clone, Copy)]
struct Schedule {
    /// The number of its first request.
    first: u64,
    start: Instant,
    pace: Pace,
    /// Events in a request.
    size: usize,
    until: Instant,
}

impl Schedule {
    fn due(&self, request: u64) -> Instant {
        match self.pace {
            Pace::AsAnswered => Instant::now(),
            Pace::EventsPerSecond(rate) => {
                let events = (request - self.first) as f64 * self.size as f64;
                self.start + Duration::from_secs_f64(events / rate)
            }
        }
    }

    /// Events that were due before a moment.
    fn events_by(&self, end: Instant) -> u64 {
        match self.pace {
            Pace::AsAnswered => 0,
            Pace::EventsPerSecond(rate) => {
                let seconds = end.saturating_duration_since(self.start).as_secs_f64();
                (seconds * rate / self.size as f64).ceil() as u64 * self.size as u64
            }
        }
    }
}

fn now() -> Timestamp {
    Timestamp::from_jiff(jiff::Timestamp::now())
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::post;
    use tokio::net::TcpListener;

    use super::*;
    use crate::bench::Load;

    /// A sender to a server that answers every request alike.
    async fn sender(status: StatusCode) -> Sender {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answer = move || async move { (status, [("retry-after", "3600")]) };
        let router = Router::new().route(EVENTS, post(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let load = Load { seed: 1, profiles: 10, batch: 10 };
        let batches = Arc::new(Batches::new(load, &ProgressBar::hidden()).unwrap());
        let (sent, sending) = (Arc::new(SentTimes::new(10)), Arc::new(Sending::new()));
        Sender { url, batches, sent, sending }
    }

    #[tokio::test]
    async fn what_was_due_was_sent_or_is_told() {
        let sender = sender(StatusCode::OK).await;
        let start = Instant::now();
        let pace = Pace::EventsPerSecond(200.0);
        let until = start + Duration::from_millis(100);
        let never_sent = sender.clone().run(2, pace, start, until).await.unwrap();
        assert_eq!(sender.sending.acknowledged() + never_sent, 20);
        assert!(Instant::now() >= start + Duration::from_millis(50), "the last request's time");
    }

    #[tokio::test]
    async fn it_can_be_ended_early_while_nothing_is_due() {
        let sender = sender(StatusCode::OK).await;
        let start = Instant::now();
        let pace = Pace::EventsPerSecond(1e-3);
        let until = start + Duration::from_secs(60);
        let sending = tokio::spawn(sender.clone().run(2, pace, start, until));
        while sender.sending.acknowledged() == 0 {
            tokio::task::yield_now().await;
        }
        sender.sending.end_early();
        assert_eq!(sending.await.unwrap().unwrap(), 0);
        assert!(start.elapsed() < Duration::from_secs(30));
    }

    #[tokio::test]
    async fn a_server_that_is_busy_to_the_end_is_not_waited_for() {
        let sender = sender(StatusCode::SERVICE_UNAVAILABLE).await;
        let start = Instant::now();
        let until = start + Duration::from_secs(60);
        let pace = Pace::EventsPerSecond(1_000.0);
        let never_sent = sender.clone().run(3, pace, start, until).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(30));
        assert_eq!((sender.sending.acknowledged(), sender.sending.refused_busy()), (0, 3));
        assert_eq!(never_sent, 60_000);
    }

    #[tokio::test]
    async fn a_refusal_for_good_ends_it() {
        let sender = sender(StatusCode::BAD_REQUEST).await;
        let until = Instant::now() + Duration::from_secs(60);
        let error = sender.run(1, Pace::AsAnswered, Instant::now(), until).await.unwrap_err();
        assert!(error.to_string().starts_with("the server answers 400"), "{error}");
    }
}
