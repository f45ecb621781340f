//! What this machine can do at most: the same work without the server around it, in the same run.

use std::collections::VecDeque;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use segue_log::{Log, LogOptions};
use segue_xdm::{Document, Event, Timestamp};
use serde_json::{Value, json};

use super::thin_server::ThinServer;
use super::{Batches, Pace, Sender, Sending, SentTimes, Worker};

/// How long each is measured.
const TIME: Duration = Duration::from_secs(2);

/// Events a second that each step alone could do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceilings {
    /// Requests of the same size appended and synced, with as many under way as there are
    /// connections.
    append: f64,
    /// Events read and validated, by one thread.
    parse: f64,
    /// The same requests over as many connections to a [`ThinServer`], made and sent meanwhile by
    /// what sends to the real one.
    http: f64,
}

impl Ceilings {
    /// Measures while nothing else goes on. The log lies beside the data of the server.
    ///
    /// # Errors
    /// The log cannot be written, or there is no port for a server.
    pub(crate) async fn measure(
        batches: &Arc<Batches>,
        data: &Path,
        sender: &Worker,
        connections: usize,
    ) -> anyhow::Result<Ceilings> {
        let (append, parse) = tokio::task::block_in_place(|| {
            anyhow::Ok((append(batches, data, connections)?, parse(batches)))
        })?;
        let http = http(sender, batches, connections).await?;
        Ok(Ceilings { append, parse, http })
    }

    /// In a line, for people.
    pub(super) fn in_words(self) -> String {
        format!(
            "at most {:.0} by syncing each request, {:.0} by reading on one CPU, \
             {:.0} by HTTP alone",
            self.append, self.parse, self.http
        )
    }

    pub(crate) fn to_value(self) -> Value {
        json!({
            "appendEventsPerSecond": self.append.round(),
            "parseEventsPerSecond": self.parse.round(),
            "httpEventsPerSecond": self.http.round(),
        })
    }
}

fn append(batches: &Batches, data: &Path, connections: usize) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(data)?;
    let log = Log::open(dir.path(), LogOptions::default())?;
    let partition = log.partition(0).context("a log has a partition")?;
    let payloads: Vec<&[u8]> = batches.sample().take(batches.size()).collect();
    let mut under_way = VecDeque::new();
    let start = Instant::now();
    let mut events = 0;
    while start.elapsed() < TIME {
        under_way.push_back(partition.append(0, &payloads)?);
        if under_way.len() == connections
            && let Some(oldest) = under_way.pop_front()
        {
            oldest.wait()?;
            events += payloads.len();
        }
    }
    Ok(events as f64 / start.elapsed().as_secs_f64())
}

fn parse(batches: &Batches) -> f64 {
    let start = Instant::now();
    let mut events = 0;
    for json in batches.sample().cycle() {
        if start.elapsed() > TIME {
            break;
        }
        let event = Document::from_json(json).map(|body| Event::new(body, Timestamp::MAX));
        drop(black_box(event));
        events += 1;
    }
    f64::from(events) / start.elapsed().as_secs_f64()
}

/// Events a second that arrive at a server that does nothing with them.
async fn http(sender: &Worker, batches: &Arc<Batches>, connections: usize) -> anyhow::Result<f64> {
    let server = ThinServer::start().await?;
    let sending = Arc::new(Sending::new());
    let sent = Arc::new(SentTimes::new(batches.size()));
    let (url, batches, start) = (server.url.clone(), Arc::clone(batches), Instant::now());
    let requests = Sender { url, batches, sent, sending: Arc::clone(&sending) };
    sender.run(requests.run(connections, Pace::AsAnswered, start, start + TIME)).await?;
    Ok(sending.acknowledged() as f64 / start.elapsed().as_secs_f64())
}
