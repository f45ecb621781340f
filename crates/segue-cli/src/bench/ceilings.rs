//! What this machine can do at most: the same work without the server around it, in the same run.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use segue_log::{Log, LogOptions};
use segue_xdm::{Document, Event, Timestamp};
use serde_json::{Value, json};

use super::Batches;

/// How long each is measured.
const TIME: Duration = Duration::from_secs(2);

/// Events a second that each step alone could do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ceilings {
    /// Requests of the same size appended and synced, one thread waiting for each.
    append: f64,
    /// Events read and validated, by one thread.
    parse: f64,
    /// Requests that ask for nothing, over the same connections.
    http: f64,
}

impl Ceilings {
    /// Measures while nothing else goes on. The log lies beside the data of the server.
    pub(crate) async fn measure(
        batches: &Batches,
        data: &Path,
        http: &reqwest::Client,
        url: &str,
        connections: usize,
    ) -> anyhow::Result<Ceilings> {
        let (append, parse) =
            tokio::task::block_in_place(|| anyhow::Ok((append(batches, data)?, parse(batches))))?;
        let http = requests(http, url, connections).await? * batches.size() as f64;
        Ok(Ceilings { append, parse, http })
    }

    pub(crate) fn to_value(self) -> Value {
        json!({
            "appendEventsPerSecond": self.append.round(),
            "parseEventsPerSecond": self.parse.round(),
            "httpEventsPerSecond": self.http.round(),
        })
    }
}

fn append(batches: &Batches, data: &Path) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir_in(data)?;
    let log = Log::open(dir.path(), LogOptions::default())?;
    let partition = log.partition(0).context("a log has a partition")?;
    let payloads: Vec<&[u8]> = batches.sample().take(batches.size()).collect();
    let start = Instant::now();
    let mut events = 0;
    while start.elapsed() < TIME {
        partition.append(0, &payloads)?.wait()?;
        events += payloads.len();
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

async fn requests(http: &reqwest::Client, url: &str, connections: usize) -> anyhow::Result<f64> {
    let start = Instant::now();
    let tasks: Vec<_> = (0..connections)
        .map(|_| {
            let (http, url) = (http.clone(), format!("{url}/health"));
            tokio::spawn(async move {
                let mut requests = 0;
                while start.elapsed() < TIME {
                    http.get(&url).send().await?.bytes().await?;
                    requests += 1;
                }
                Ok::<u32, reqwest::Error>(requests)
            })
        })
        .collect();
    let mut requests = 0;
    for task in tasks {
        requests += task.await??;
    }
    Ok(f64::from(requests) / start.elapsed().as_secs_f64())
}
