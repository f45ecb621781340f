//! A client made of bare frames, so that tests can be as well or as badly behaved as they like.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{Body, Message, Properties};
use segue_hub::{AuthorizationRule, EventHubConfig, Hub, HubConfig, Right, ServerHandle, bind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const CHANNEL: u16 = 0;

/// A broker with the hub `eh` (two partitions, consumer group `cg`), serving.
pub(crate) struct Broker {
    pub(crate) hub: Hub,
    pub(crate) server: ServerHandle,
    _directory: Option<tempfile::TempDir>,
}

impl Broker {
    pub(crate) async fn start() -> Broker {
        let directory = tempfile::tempdir().unwrap();
        let broker = Broker::start_in(config(directory.path())).await;
        Broker { _directory: Some(directory), ..broker }
    }

    pub(crate) async fn start_in(config: HubConfig) -> Broker {
        let listener = bind(([127, 0, 0, 1], 0).into(), &config).unwrap();
        let hub = Hub::open(config).unwrap();
        let server = hub.serve(listener).await.unwrap();
        Broker { hub, server, _directory: None }
    }

    /// The end of a partition of `eh`: how many events are durable there.
    pub(crate) fn end(&self, partition: u16) -> u64 {
        self.hub.event_hub("eh").unwrap().log().partition(partition).unwrap().end_offset()
    }

    /// Appends events to a partition of `eh` and waits until they are durable.
    pub(crate) async fn publish(&self, partition: u16, bodies: &[&[u8]]) {
        let messages: Vec<Vec<u8>> = bodies.iter().map(|body| event(body)).collect();
        self.hub.event_hub("eh").unwrap().publish(partition, &messages).unwrap().await.unwrap();
    }
}

pub(crate) fn config(data_dir: &Path) -> HubConfig {
    let rule = |name: &str, right| AuthorizationRule {
        name: name.into(),
        key: format!("{name}-key"),
        rights: vec![right],
    };
    HubConfig {
        data_dir: data_dir.to_owned(),
        event_hubs: vec![EventHubConfig {
            partitions: 2,
            consumer_groups: vec!["cg".into()],
            ..EventHubConfig::new("eh")
        }],
        authorization_rules: vec![
            rule("all", Right::Manage),
            rule("writer", Right::Send),
            rule("reader", Right::Listen),
        ],
        auto_create: None,
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// An encoded message.
pub(crate) fn event(body: &[u8]) -> Vec<u8> {
    Message { body: Body::Data(body.to_vec().into()), ..Message::default() }.encode()
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    frames: FrameBuffer,
}

impl Client {
    /// Connects without a word.
    pub(crate) async fn dial(broker: &Broker) -> Client {
        let stream = TcpStream::connect(broker.server.local_addr()).await.unwrap();
        Client { stream, frames: FrameBuffer::new(1 << 20) }
    }

    /// Opens a connection without rights, and a session.
    pub(crate) async fn open(broker: &Broker) -> Client {
        let begin = Begin { incoming_window: 5000, ..Begin::default() };
        Client::open_with(broker, &Open::default(), &begin).await
    }

    pub(crate) async fn open_with(broker: &Broker, open: &Open, begin: &Begin) -> Client {
        let mut client = Client::dial(broker).await;
        client.send_bytes(&ProtocolHeader::Amqp.bytes()).await;
        client.send(|out| open.encode(0, out)).await;
        client.send(|out| begin.encode(CHANNEL, out)).await;
        assert_eq!(client.header().await, ProtocolHeader::Amqp);
        assert!(matches!(client.next().await, Performative::Open(_)));
        assert!(matches!(client.next().await, Performative::Begin(_)));
        client
    }

    /// Opens a connection with all rights over everything.
    pub(crate) async fn authorized(broker: &Broker) -> Client {
        let mut client = Client::open(broker).await;
        client.authorize("all", "sb://localhost/", now_s() + 600).await;
        client
    }

    /// Puts a token; the response's status.
    pub(crate) async fn authorize(&mut self, policy: &str, audience: &str, until_s: u64) -> i64 {
        let key = format!("{policy}-key");
        let token = segue_amqp::sas::sign(audience, policy, &key, until_s);
        self.put_token(audience, &token).await.0
    }

    /// Puts any token; the response's status and description.
    pub(crate) async fn put_token(&mut self, audience: &str, token: &str) -> (i64, String) {
        let properties = Map::new()
            .with_string("operation", "put-token")
            .with_string("type", "servicebus.windows.net:sastoken")
            .with_string("name", audience);
        let response = self.request("$cbs", properties, Value::from(token)).await;
        assert!(response.application_properties.get("error-condition").is_none());
        status(&response)
    }

    /// Sends a request to a control node over links of its own; the response.
    pub(crate) async fn request(&mut self, node: &str, properties: Map, body: Value) -> Message {
        let (requests, responses) = (200, 201);
        self.attach(&sender(requests, node)).await.unwrap();
        self.attach(&receiver(responses, node)).await.unwrap();
        self.credit(responses, 1).await;
        let request = Message {
            properties: Properties { message_id: Value::Ulong(7), ..Properties::default() },
            application_properties: properties,
            body: Body::Value(body),
            ..Message::default()
        };
        self.transfer(requests, 0, &request.encode()).await;
        assert_eq!(self.outcome(0).await, DeliveryState::Accepted);
        let (_, response) = self.delivery().await;
        assert_eq!(response.properties.correlation_id, Value::Ulong(7), "same type and value");
        for handle in [requests, responses] {
            self.detach(handle).await;
        }
        response
    }

    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    pub(crate) async fn send(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        encode(&mut out);
        self.send_bytes(&out).await;
    }

    /// Attaches a link: the broker's part of it, or the error of its refusal.
    pub(crate) async fn attach(&mut self, attach: &Attach) -> Result<Attach, AmqpError> {
        self.send(|out| attach.encode(CHANNEL, out)).await;
        let Performative::Attach(reply) = self.next().await else { panic!("no attach") };
        assert_eq!((&reply.name, reply.role), (&attach.name, opposite(attach.role)));
        let is_refused = match attach.role {
            Role::Sender => reply.target.is_none(),
            Role::Receiver => reply.source.is_none(),
        };
        if is_refused {
            return Err(self.detached().await);
        }
        if attach.role == Role::Sender {
            let Performative::Flow(flow) = self.next().await else { panic!("no credit") };
            assert_eq!((flow.handle, flow.link_credit), (Some(reply.handle), Some(1000)));
        }
        Ok(*reply)
    }

    pub(crate) async fn detach(&mut self, handle: u32) {
        let detach = Detach { handle, closed: true, error: None };
        self.send(|out| detach.encode(CHANNEL, out)).await;
        let Performative::Detach(reply) = self.next().await else { panic!("no detach") };
        assert_eq!(reply.error, None);
    }

    /// The error of the detach that comes next.
    pub(crate) async fn detached(&mut self) -> AmqpError {
        match self.next().await {
            Performative::Detach(Detach { closed: true, error: Some(error), .. }) => error,
            other => panic!("no detach with an error: {other:?}"),
        }
    }

    /// Sends a message in one frame.
    pub(crate) async fn transfer(&mut self, handle: u32, delivery_id: u32, message: &[u8]) {
        self.transfer_as(0, handle, delivery_id, message).await;
    }

    pub(crate) async fn transfer_as(
        &mut self,
        format: u32,
        handle: u32,
        delivery_id: u32,
        message: &[u8],
    ) {
        let transfer = Transfer {
            handle,
            delivery_id: Some(delivery_id),
            delivery_tag: Some(delivery_id.into()),
            message_format: Some(format),
            settled: Some(false),
            ..Transfer::default()
        };
        self.send(|out| {
            let mut sent = 0;
            while sent < message.len() {
                sent = transfer.encode_chunk(CHANNEL, 65_536, &[message], sent, out);
            }
        })
        .await;
    }

    /// Waits until a delivery is settled; what became of it.
    pub(crate) async fn outcome(&mut self, delivery_id: u32) -> DeliveryState {
        loop {
            if let Performative::Disposition(disposition) = self.next().await {
                assert!(disposition.settled && disposition.role == Role::Receiver);
                let last = disposition.last.unwrap_or(disposition.first);
                if (disposition.first..=last).contains(&delivery_id) {
                    return disposition.state.unwrap();
                }
            }
        }
    }

    /// The error with which a delivery is rejected.
    pub(crate) async fn rejection(&mut self, delivery_id: u32) -> AmqpError {
        match self.outcome(delivery_id).await {
            DeliveryState::Rejected(Some(error)) => error,
            other => panic!("not rejected: {other:?}"),
        }
    }

    /// Gives a link that has received nothing so much credit.
    pub(crate) async fn credit(&mut self, handle: u32, credit: u32) {
        self.flow(Flow { handle: Some(handle), link_credit: Some(credit), ..flow() }).await;
    }

    pub(crate) async fn flow(&mut self, flow: Flow) {
        self.send(|out| flow.encode(CHANNEL, out)).await;
    }

    /// The next complete delivery: its first transfer and its message.
    pub(crate) async fn delivery(&mut self) -> (Transfer, Message) {
        let (first, mut payload) = self.transfer_frame().await;
        let mut more = first.more;
        while more {
            let (next, bytes) = self.transfer_frame().await;
            assert_eq!((next.delivery_id, next.delivery_tag), (None, None));
            payload.extend(bytes);
            more = next.more;
        }
        (first, Message::decode(&payload.into()).unwrap())
    }

    /// The next frame, which must be a transfer.
    pub(crate) async fn transfer_frame(&mut self) -> (Transfer, Vec<u8>) {
        match self.next_frame().await {
            Frame { performative: Some(Performative::Transfer(transfer)), payload, .. } => {
                (transfer, payload.to_vec())
            }
            other => panic!("no transfer: {other:?}"),
        }
    }

    /// The next performative; heartbeats are passed over.
    pub(crate) async fn next(&mut self) -> Performative {
        loop {
            if let Some(performative) = self.next_frame().await.performative {
                return performative;
            }
        }
    }

    pub(crate) async fn next_frame(&mut self) -> Frame {
        loop {
            if let Some(frame) = self.frames.next_frame().unwrap() {
                return frame;
            }
            assert!(self.read().await > 0, "the broker hung up");
        }
    }

    pub(crate) async fn header(&mut self) -> ProtocolHeader {
        loop {
            if let Some(header) = self.frames.next_header().unwrap() {
                return header;
            }
            assert!(self.read().await > 0, "the broker hung up");
        }
    }

    /// Exactly the next bytes.
    pub(crate) async fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.frames.input().len() < count {
            assert!(self.read().await > 0, "the broker hung up");
        }
        self.frames.input().split_to(count).to_vec()
    }

    /// Reads until the broker hangs up; the error of its close.
    pub(crate) async fn closed(&mut self) -> Option<AmqpError> {
        let error = loop {
            match self.next().await {
                Performative::Close(close) => break close.error,
                _ => continue,
            }
        };
        assert_eq!(self.read().await, 0, "nothing comes after a close");
        error
    }

    /// Waits until the broker hangs up.
    pub(crate) async fn hung_up(&mut self) {
        while self.read().await > 0 {}
    }

    async fn read(&mut self) -> usize {
        let read = self.stream.read_buf(self.frames.input());
        tokio::time::timeout(PATIENCE, read).await.expect("the broker says nothing").unwrap()
    }
}

/// Status and description of a control node's response.
pub(crate) fn status(response: &Message) -> (i64, String) {
    let properties = &response.application_properties;
    let code = properties.get("status-code").unwrap();
    assert!(matches!(code, Value::Int(_)), "an int: {code:?}");
    let description = properties.get("status-description").and_then(Value::as_str).unwrap();
    (code.as_i64().unwrap(), description.to_owned())
}

/// A session's part of a flow, with a wide window.
pub(crate) fn flow() -> Flow {
    Flow {
        next_incoming_id: Some(1),
        incoming_window: 5000,
        next_outgoing_id: 0,
        outgoing_window: 5000,
        delivery_count: Some(0),
        ..Flow::default()
    }
}

pub(crate) fn sender(handle: u32, node: &str) -> Attach {
    Attach {
        source: Some(Source::at("client")),
        target: Some(Target::at(node)),
        ..Attach::new(format!("sender {handle}"), handle, Role::Sender)
    }
}

pub(crate) fn receiver(handle: u32, node: &str) -> Attach {
    Attach {
        source: Some(Source::at(node)),
        target: Some(Target::at("client")),
        ..Attach::new(format!("receiver {handle}"), handle, Role::Receiver)
    }
}

/// A receiver of a partition of `eh` that starts where `selector` says.
pub(crate) fn receiver_from(handle: u32, partition: u16, selector: &str) -> Attach {
    let mut attach =
        receiver(handle, &format!("eh/ConsumerGroups/$Default/Partitions/{partition}"));
    let filter = Value::described(0x0000_468c_0000_0004, Value::from(selector));
    let source = attach.source.as_mut().unwrap();
    source.filter = Map::new().with_symbol("apache.org:selector-filter:string", filter);
    attach
}

pub(crate) fn body(message: &Message) -> &[u8] {
    match &message.body {
        Body::Data(bytes) => bytes,
        other => panic!("no data: {other:?}"),
    }
}

fn opposite(role: Role) -> Role {
    match role {
        Role::Sender => Role::Receiver,
        Role::Receiver => Role::Sender,
    }
}
