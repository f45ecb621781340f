//! An HTTP server that does what a test says, and remembers what it was sent.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::world::{PATIENCE, destination};

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
    /// What it was answered with.
    pub(crate) status: u16,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Profile and number of the messages in it.
    pub(crate) fn numbers(&self) -> Vec<(u64, u64)> {
        let items = match self.json() {
            Value::Array(items) => items.into_iter().map(|item| item["body"].clone()).collect(),
            one => vec![one],
        };
        let number = |item: &Value, key: &str| item[key].as_u64().unwrap();
        items.iter().map(|item| (number(item, "profile"), number(item, "number"))).collect()
    }
}

/// What to answer.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Status(u16),
    /// With this `Retry-After`.
    After(u16, &'static str),
    /// Elsewhere, with this `Location`.
    To(u16, &'static str),
    /// With this body.
    Json(u16, Value),
    /// Never.
    Stall,
}

/// What to answer to the request of this index.
type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

#[derive(Clone)]
pub(crate) struct Receiver {
    port: u16,
    script: Arc<watch::Sender<Arc<Script>>>,
    received: Arc<watch::Sender<Vec<Received>>>,
}

impl Receiver {
    /// Takes everything, until told otherwise.
    pub(crate) async fn start() -> Receiver {
        Receiver::at(([127, 0, 0, 1], 0).into()).await
    }

    /// The same, at this address.
    pub(crate) async fn at(address: SocketAddr) -> Receiver {
        let listener = TcpListener::bind(address).await.unwrap();
        let receiver = Receiver {
            port: listener.local_addr().unwrap().port(),
            script: Arc::new(watch::Sender::new(Arc::new(|_, _| Reply::Status(204)))),
            received: Arc::default(),
        };
        let router = Router::new().fallback(answer).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        receiver
    }

    /// From now on it answers so.
    pub(crate) fn reply(&self, script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static) {
        self.script.send_replace(Arc::new(script));
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/in", self.port)
    }

    /// A destination that sends here.
    pub(crate) fn destination(&self, id: &str, more: Value) -> Value {
        let mut connection = json!({"url": self.url()});
        for (key, value) in more.as_object().unwrap() {
            connection[key] = value.clone();
        }
        destination(id, "http", connection)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.borrow().clone()
    }

    /// Profile and number of everything that was taken, in order.
    pub(crate) fn taken(&self) -> Vec<(u64, u64)> {
        let received = self.received();
        let taken = received.iter().filter(|one| one.status < 300);
        taken.flat_map(Received::numbers).collect()
    }

    /// Waits until so many requests have come.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        let mut received = self.received.subscribe();
        let wait = received.wait_for(|received| received.len() >= count);
        tokio::time::timeout(PATIENCE, wait).await.expect("too few requests").unwrap().clone()
    }
}

async fn answer(
    State(receiver): State<Receiver>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let script = receiver.script.borrow().clone();
    let mut reply = Reply::Stall;
    receiver.received.send_modify(|received| {
        let path = uri.path().to_owned();
        let mut one = Received { path, headers, body, at: Instant::now(), status: 0 };
        reply = script(received.len(), &one);
        one.status = match reply {
            Reply::Status(status)
            | Reply::After(status, _)
            | Reply::To(status, _)
            | Reply::Json(status, _) => status,
            Reply::Stall => 999,
        };
        received.push(one);
    });
    match reply {
        Reply::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
        Reply::After(status, after) => {
            let status = StatusCode::from_u16(status).unwrap();
            (status, [("retry-after", after)]).into_response()
        }
        Reply::To(status, location) => {
            (StatusCode::from_u16(status).unwrap(), [("location", location)]).into_response()
        }
        Reply::Json(status, body) => {
            (StatusCode::from_u16(status).unwrap(), Json(body)).into_response()
        }
        Reply::Stall => std::future::pending().await,
    }
}
