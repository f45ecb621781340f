//! `GET /api/live`: the feed as server-sent events.
//!
//! ```text
//! id: 17
//! event: change
//! data: {"audience":"sports-fan","from":null,"to":"realized",…}
//!
//! : heartbeat                      every 15 s, so that proxies keep the connection
//! ```
//!
//! Starts with what comes next; `Last-Event-ID` (which browsers send when they reconnect) or
//! `?after=ID` continue after an entry, `?after=0` from the oldest one kept.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use serde::Deserialize;
use serde_json::json;

use super::{LiveFeed, Next, Subscription};
use crate::problem::Problem;

const HEARTBEAT: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub(crate) struct Start {
    after: Option<u64>,
}

/// The handler. Ends when the server shuts down.
pub(crate) async fn follow(
    State(feed): State<LiveFeed>,
    start: Result<Query<Start>, QueryRejection>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let Query(start) = start?;
    let seen = headers.get("last-event-id").and_then(|value| value.to_str().ok()?.parse().ok());
    let subscription = feed.subscribe(seen.or(start.after));
    let events = futures_util::stream::unfold(subscription, next_event);
    let heartbeat = KeepAlive::new().interval(HEARTBEAT).text("heartbeat");
    Ok(Sse::new(events).keep_alive(heartbeat))
}

async fn next_event(
    mut subscription: Subscription,
) -> Option<(Result<Event, Infallible>, Subscription)> {
    let event = match subscription.next().await? {
        Next::Entry(entry) => {
            Event::default().id(entry.id.to_string()).event(entry.kind.as_str()).data(entry.data)
        }
        Next::Lagged(missed) => {
            Event::default().event("lagged").data(json!({"missed": missed}).to_string())
        }
    };
    Some((Ok(event), subscription))
}
