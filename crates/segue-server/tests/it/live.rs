//! `/api/live`: what happens arrives, in order, and can be taken up again.

use std::time::Duration;

use reqwest::Response;
use segue_core::{ActivationId, ProfileId};
use segue_delivery::{DeliveryEvent, DeliveryObserver};
use segue_server::LiveKind;
use serde_json::{Value, json};

use crate::support::{TestServer, page_view};

const TIME_MAX: Duration = Duration::from_secs(20);

/// The client's end of a feed.
struct Feed {
    response: Response,
    text: String,
}

impl Feed {
    async fn open(server: &TestServer, query: &str) -> Feed {
        let request = server.request(reqwest::Method::GET, &format!("/api/live{query}"));
        Feed::of(request.send().await.unwrap())
    }

    fn of(response: Response) -> Feed {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Feed { response, text: String::new() }
    }

    /// The next event: id, kind and data; `None` at the feed's end.
    async fn next(&mut self) -> Option<(String, String, Value)> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(|value| value.trim_start().to_owned()).unwrap_or_default()
                };
                let data = serde_json::from_str(&field("data:")).unwrap();
                let event = (field("id:"), field("event:"), data);
                self.text = rest.to_owned();
                return Some(event);
            }
            let chunk = tokio::time::timeout(TIME_MAX, self.response.chunk());
            let chunk = chunk.await.expect("an event arrives in time").unwrap()?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The next event of a kind.
    async fn next_of(&mut self, kind: &str) -> Value {
        loop {
            let (_, found, data) = self.next().await.expect("the feed goes on");
            if found == kind {
                return data;
            }
        }
    }
}

#[tokio::test]
async fn an_event_shows_as_input_change_and_activation() {
    let server = TestServer::start().await;
    server.apply_shop().await;
    let mut feed = Feed::open(&server, "").await;
    server.send_events(&page_view("the-cause", "Sports")).await;

    let input = feed.next_of("input").await;
    assert_eq!((&input["kind"], &input["id"]), (&json!("event"), &json!("the-cause")), "{input}");
    assert_eq!((&input["page"], &input["duplicate"]), (&json!("Sports"), &json!(false)));
    assert_eq!(input["identities"], json!(["ecid:1"]));
    let change = feed.next_of("change").await;
    assert_eq!((&change["audience"], &change["to"]), (&json!("sports-fan"), &json!("realized")));
    assert_eq!((&change["from"], &change["cause"]), (&Value::Null, &json!("the-cause")));
    let activation = feed.next_of("activation").await;
    assert_eq!(activation["reasons"], json!(["membership"]));
    assert_eq!(activation["profile"], change["profile"]);
    let expected = json!([{"audience": "sports-fan", "from": null, "to": "realized"}]);
    assert_eq!(activation["changes"], expected);
    let (_, profile) = server.get("/api/profiles/ecid/1").await;
    assert_eq!(profile["profileId"], change["profile"]);
}

#[tokio::test]
async fn deliveries_appear_with_what_became_of_them() {
    let server = TestServer::start().await;
    let mut feed = Feed::open(&server, "").await;
    let taken = DeliveryEvent {
        destination: "crm",
        activation: Some(ActivationId::from_u128(1)),
        profile: Some(ProfileId::from_u128(2)),
        error: None,
    };
    DeliveryObserver::observe(&server.feed, &taken);
    DeliveryObserver::observe(&server.feed, &DeliveryEvent { error: Some("no"), ..taken });
    let shown = |taken: bool, error: Value| {
        json!({
            "destination": "crm", "activation": "00000000-0000-0000-0000-000000000001",
            "profile": "00000000-0000-0000-0000-000000000002", "taken": taken, "error": error,
        })
    };
    assert_eq!(feed.next_of("delivery").await, shown(true, Value::Null));
    assert_eq!(feed.next_of("delivery").await, shown(false, json!("no")));
}

#[tokio::test]
async fn a_reader_goes_on_where_it_was() {
    let server = TestServer::start().await;
    for run in 1..=3 {
        server.feed.publish(LiveKind::FunctionRun, &json!({"run": run}));
    }
    let mut from_the_start = Feed::open(&server, "?after=0").await;
    let first = from_the_start.next().await.unwrap();
    assert_eq!(first, ("1".to_owned(), "function-run".to_owned(), json!({"run": 1})));

    let reconnecting = server.request(reqwest::Method::GET, "/api/live?after=0");
    let reconnecting = reconnecting.header("last-event-id", "2").send().await.unwrap();
    let (id, ..) = Feed::of(reconnecting).next().await.unwrap();
    assert_eq!(id, "3");
}

#[tokio::test]
async fn a_shutdown_ends_the_feed_and_the_server() {
    let server = TestServer::start().await;
    let mut feed = Feed::open(&server, "").await;
    server.stop.shutdown();
    assert_eq!(feed.next().await, None);
    tokio::time::timeout(TIME_MAX, server.serving).await.expect("it stops in time").unwrap();
}
