//! A destination that is dead while the rest is measured, and comes to life afterwards: what has
//! waited for it must arrive, all of it and in order.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpSocket;

use super::Arrivals;
use super::arrivals::Difference;
use crate::terminal;

/// Messages in one request.
const BATCH_MESSAGES: usize = 100;
/// Connections that may wait until they are taken.
const CONNECTIONS_WAITING_MAX: u32 = 1024;
/// How often is looked at what has arrived.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// How long nothing must arrive for the rest to count as lost. Longer than a destination that was
/// dead for long is left alone: two minutes, and as long again for a partition that failed since.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

/// A destination whose connections are refused.
pub(crate) struct DeadDestination {
    /// Keeps the port, so that nobody else comes to listen there. Nor does it listen itself.
    socket: TcpSocket,
    url: String,
}

/// How the backlog of a dead destination arrived when it came to life.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Revival {
    /// Messages that waited for it, by the server's count.
    backlog: u64,
    /// Messages that came, those of windows that closed meanwhile included.
    messages: u64,
    /// Different activations among these.
    arrived: u64,
    difference: Difference,
    /// Until the first one came: for so long it was left alone.
    to_first: Option<Duration>,
    /// Until all that waited had come.
    to_all: Duration,
}

impl DeadDestination {
    /// Its id.
    pub(crate) const ID: &str = "dead";

    /// A dead destination on a port of its own.
    ///
    /// # Errors
    /// There is no port to be had.
    pub(crate) fn new() -> std::io::Result<DeadDestination> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let url = format!("http://{}/", socket.local_addr()?);
        Ok(DeadDestination { socket, url })
    }

    pub(super) fn definition(&self, audiences: &[&str]) -> Value {
        json!({
            "kind": "Destination", "id": DeadDestination::ID, "type": "http",
            "connection": {"url": self.url, "batch_size": BATCH_MESSAGES},
            "audiences": audiences,
        })
    }

    /// Comes to life, and waits until the backlog has arrived or nothing more comes. What is
    /// expected is what another destination with the same audiences has got.
    ///
    /// # Errors
    /// It cannot listen.
    pub(crate) async fn revive(
        self,
        backlog: u64,
        expected: &Arrivals,
    ) -> std::io::Result<Revival> {
        let arrivals = Arc::new(Mutex::new(Arrivals::default()));
        let listener = self.socket.listen(CONNECTIONS_WAITING_MAX)?;
        let router = Router::new().route("/", post(take)).with_state(Arc::clone(&arrivals));
        // For as long as the program runs.
        tokio::spawn(async move { axum::serve(listener, router).await });
        let wanted = backlog.max(expected.activations());
        let bar = terminal::count_progress("messages of the dead destination's backlog arrived");
        bar.set_length(wanted);
        let start = Instant::now();
        let (mut newest, mut to_first) = (start, None);
        loop {
            let arrived = arrivals.lock().activations();
            if arrived > 0 {
                to_first.get_or_insert_with(|| start.elapsed());
            }
            if arrived.min(wanted) > bar.position() {
                newest = Instant::now();
                bar.set_position(arrived.min(wanted));
            }
            let (is_due, is_over) = (arrived >= wanted, newest.elapsed() > PATIENCE);
            if is_due || is_over {
                let to_all = start.elapsed();
                let arrived = arrivals.lock().clone();
                let revival = Revival::new(backlog, &arrived, expected, to_first, to_all);
                if is_over || revival.difference.missing == 0 {
                    bar.finish_and_clear();
                    return Ok(revival);
                }
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}

impl Revival {
    fn new(
        backlog: u64,
        arrivals: &Arrivals,
        expected: &Arrivals,
        to_first: Option<Duration>,
        to_all: Duration,
    ) -> Revival {
        let (messages, arrived) = (arrivals.messages(), arrivals.activations());
        let mut difference = arrivals.difference(expected);
        difference.missing = difference.missing.max(backlog.saturating_sub(arrived));
        Revival { backlog, messages, arrived, difference, to_first, to_all }
    }

    /// Whether nothing was lost, and each profile's messages came in order.
    pub(crate) fn is_complete(self) -> bool {
        self.difference == Difference::default()
    }

    pub(super) fn to_value(self) -> Value {
        let seconds = |time: Duration| (time.as_secs_f64() * 1000.0).round() / 1000.0;
        json!({
            "backlog": self.backlog,
            "secondsToFirst": self.to_first.map(seconds),
            "secondsToArrive": seconds(self.to_all),
            "messages": self.messages,
            "arrived": self.arrived,
            "missing": self.difference.missing,
            "outOfOrder": self.difference.out_of_order,
        })
    }
}

/// A message as it is in a request of several.
#[derive(Deserialize)]
struct Received {
    properties: HashMap<String, String>,
}

/// Takes a request of messages.
async fn take(
    State(arrivals): State<Arc<Mutex<Arrivals>>>,
    Json(messages): Json<Vec<Received>>,
) -> StatusCode {
    let mut arrivals = arrivals.lock();
    for Received { properties } in &messages {
        arrivals.add(|name| properties.get(name).map(String::as_str));
    }
    StatusCode::NO_CONTENT
}
