//! A hub played by hand: what it says is written out in each test, frame by frame.

use std::time::Duration;

use bytes::Bytes;
use segue_amqp::client::{Authentication, ClientError, Connection, Credential, Namespace};
use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{Body, Message};
use segue_amqp::sas::ConnectionString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// No test waits longer for anything: a peer that hears nothing has found a bug.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const KEY: &str = "SAS_KEY_VALUE";

/// Settings of the peer.
pub(crate) struct Script {
    pub(crate) authentication: Authentication,
    /// What the client has instead of the usual key.
    pub(crate) credential: Option<Credential>,
    pub(crate) mechanisms: &'static [&'static str],
    pub(crate) sasl_code: SaslCode,
    pub(crate) open: Open,
    pub(crate) begin: Begin,
}

impl Default for Script {
    fn default() -> Script {
        Script {
            authentication: Authentication::Token,
            credential: None,
            mechanisms: &["MSSBCBS", "PLAIN", "ANONYMOUS"],
            sasl_code: SaslCode::Ok,
            open: Open { container_id: "peer".into(), ..Open::default() },
            begin: Begin {
                remote_channel: Some(0),
                next_outgoing_id: 1,
                incoming_window: 5000,
                outgoing_window: 5000,
                handle_max: 255,
                ..Begin::default()
            },
        }
    }
}

/// The connection string of a peer on `port`.
pub(crate) fn target(port: u16) -> ConnectionString {
    ConnectionString::parse(&format!(
        "Endpoint=sb://127.0.0.1:{port};SharedAccessKeyName=policy;SharedAccessKey={KEY};\
         UseDevelopmentEmulator=true"
    ))
    .unwrap()
}

/// Starts a peer and connects to it.
pub(crate) async fn connected(script: Script) -> (Connection, Peer) {
    let (connection, peer) = connecting(script).await;
    (connection.unwrap(), peer)
}

/// As [`connected`], for connections that may fail.
pub(crate) async fn connecting(script: Script) -> (Result<Connection, ClientError>, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let namespace = match &script.credential {
        Some(own) => Namespace::new("127.0.0.1", own.clone()).at_port(port).without_tls(),
        None => Namespace::from(&target(port)),
    };
    let connect = Connection::connect_with(namespace, script.authentication);
    tokio::join!(connect, Peer::accept(&listener, &script))
}

/// Moves the clock on by less than the client's patience with a silent peer; returns by how much.
pub(crate) async fn move_clock() -> Duration {
    let step = Duration::from_secs(50);
    tokio::time::pause();
    tokio::time::advance(step).await;
    tokio::time::resume();
    step
}

/// The hub's end of a connection.
pub(crate) struct Peer {
    stream: TcpStream,
    frames: FrameBuffer,
    /// What the client chose, once it has.
    pub(crate) sasl: Option<SaslInit>,
}

impl Peer {
    /// Takes the next connection.
    pub(crate) async fn accept(listener: &TcpListener, script: &Script) -> Peer {
        let (stream, _) = listener.accept().await.unwrap();
        let mut peer = Peer { stream, frames: FrameBuffer::new(1 << 20), sasl: None };
        peer.handshake(script).await;
        peer
    }

    async fn handshake(&mut self, script: &Script) {
        self.header(ProtocolHeader::Sasl).await;
        let mechanisms = script.mechanisms.iter().map(|name| (*name).to_owned()).collect();
        self.send(|out| SaslMechanisms { mechanisms }.encode(out)).await;
        let Some((Performative::SaslInit(init), _)) = self.next_or_end().await else {
            return;
        };
        self.sasl = Some(init);
        let outcome =
            SaslOutcome { code: script.sasl_code, additional_data: Some(b"Welcome!".to_vec()) };
        self.send(|out| outcome.encode(out)).await;
        if script.sasl_code != SaslCode::Ok {
            return;
        }
        self.header(ProtocolHeader::Amqp).await;
        assert!(matches!(self.next().await.0, Performative::Open(_)));
        assert!(matches!(self.next().await.0, Performative::Begin(_)));
        self.send(|out| {
            script.open.encode(0, out);
            script.begin.encode(0, out);
        })
        .await;
    }

    /// Exchanges protocol headers.
    async fn header(&mut self, expected: ProtocolHeader) {
        let header = loop {
            match self.frames.next_header().unwrap() {
                Some(header) => break header,
                None => assert!(self.read().await > 0),
            }
        };
        assert_eq!(header, expected);
        self.stream.write_all(&expected.bytes()).await.unwrap();
    }

    async fn read(&mut self) -> usize {
        let read = self.stream.read_buf(self.frames.input());
        tokio::time::timeout(PATIENCE, read).await.expect("the client says nothing").unwrap()
    }

    /// Sends the frames that `encode` writes.
    pub(crate) async fn send(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        encode(&mut out);
        self.stream.write_all(&out).await.unwrap();
    }

    /// The client's next frame, heartbeats left out; none at the end of the connection.
    pub(crate) async fn next_or_end(&mut self) -> Option<(Performative, Bytes)> {
        loop {
            match self.frames.next_frame().unwrap() {
                Some(Frame { performative: Some(performative), payload, .. }) => {
                    return Some((performative, payload));
                }
                Some(_) => {}
                None if self.read().await == 0 => return None,
                None => {}
            }
        }
    }

    /// The client's next frame.
    pub(crate) async fn next(&mut self) -> (Performative, Bytes) {
        self.next_or_end().await.expect("the client has closed the connection")
    }

    pub(crate) async fn next_attach(&mut self) -> Attach {
        let (Performative::Attach(attach), _) = self.next().await else { panic!("no attach") };
        *attach
    }

    pub(crate) async fn next_flow(&mut self) -> Flow {
        let (Performative::Flow(flow), _) = self.next().await else { panic!("no flow") };
        flow
    }

    pub(crate) async fn next_transfer(&mut self) -> (Transfer, Bytes) {
        let (Performative::Transfer(transfer), payload) = self.next().await else {
            panic!("no transfer")
        };
        (transfer, payload)
    }

    pub(crate) async fn next_detach(&mut self) -> Detach {
        let (Performative::Detach(detach), _) = self.next().await else { panic!("no detach") };
        detach
    }

    /// Answers the client's next attach, which must be of a sender, and grants credit.
    pub(crate) async fn accept_sender(&mut self, credit: u32) -> Attach {
        let attach = self.next_attach().await;
        assert_eq!(attach.role, Role::Sender);
        let handle = attach.handle;
        let answer = Attach {
            role: Role::Receiver,
            initial_delivery_count: None,
            max_message_size: Some(1 << 20),
            ..attach.clone()
        };
        self.send(|out| answer.encode(0, out)).await;
        self.grant(handle, 0, credit).await;
        attach
    }

    /// Lets the client send `credit` messages beyond `delivery_count`.
    pub(crate) async fn grant(&mut self, handle: u32, delivery_count: u32, credit: u32) {
        let flow = Flow {
            next_incoming_id: Some(0),
            incoming_window: 5000,
            next_outgoing_id: 1,
            outgoing_window: 5000,
            handle: Some(handle),
            delivery_count: Some(delivery_count),
            link_credit: Some(credit),
            ..Flow::default()
        };
        self.send(|out| flow.encode(0, out)).await;
    }

    /// Answers the client's next attach, which must be of a receiver, and takes its credit.
    pub(crate) async fn accept_receiver(&mut self) -> (Attach, u32) {
        let attach = self.next_attach().await;
        assert_eq!(attach.role, Role::Receiver);
        let answer =
            Attach { role: Role::Sender, initial_delivery_count: Some(0), ..attach.clone() };
        self.send(|out| answer.encode(0, out)).await;
        let flow = self.next_flow().await;
        assert_eq!(flow.handle, Some(attach.handle));
        (attach, flow.link_credit.unwrap())
    }

    /// Refuses the client's next attach, as Event Hubs does: an answer without terminus, a detach.
    pub(crate) async fn refuse(&mut self, error: AmqpError) {
        let attach = self.next_attach().await;
        let (handle, is_sender) = (attach.handle, attach.role == Role::Sender);
        let answer = Attach {
            role: if is_sender { Role::Receiver } else { Role::Sender },
            source: attach.source.clone().filter(|_| is_sender),
            target: attach.target.clone().filter(|_| !is_sender),
            ..attach
        };
        self.send(|out| {
            answer.encode(0, out);
            Detach { handle, closed: true, error: Some(error) }.encode(0, out);
        })
        .await;
        assert_eq!(self.next_detach().await.handle, handle);
    }

    /// Sends a whole message, settled, on a link.
    pub(crate) async fn deliver(&mut self, handle: u32, delivery_id: u32, message: &[u8]) {
        let transfer = Transfer {
            handle,
            delivery_id: Some(delivery_id),
            delivery_tag: Some(DeliveryTag::from(delivery_id)),
            message_format: Some(0),
            settled: Some(true),
            ..Transfer::default()
        };
        self.send(|out| transfer.encode(0, message, out)).await;
    }

    /// Tells the client what became of a delivery.
    pub(crate) async fn settle(&mut self, delivery_id: u32, state: DeliveryState) {
        let disposition = Disposition {
            role: Role::Receiver,
            first: delivery_id,
            last: Some(delivery_id),
            settled: true,
            state: Some(state),
            batchable: true,
        };
        self.send(|out| disposition.encode(0, out)).await;
    }

    /// Takes the client's next request on `handle`, and settles it.
    pub(crate) async fn request(&mut self) -> Message {
        let (transfer, payload) = self.next_transfer().await;
        self.settle(transfer.delivery_id.unwrap(), DeliveryState::Accepted).await;
        Message::decode(&payload).unwrap()
    }

    /// Answers a request on the link with `handle`.
    pub(crate) async fn answer(&mut self, handle: u32, request: &Message, status: i32, body: Body) {
        let mut reply = Message {
            application_properties: Map::new()
                .with_string("status-code", status)
                .with_string("status-description", "because"),
            body,
            ..Message::default()
        };
        reply.properties.correlation_id = request.properties.message_id.clone();
        self.deliver(handle, 0, &reply.encode()).await;
    }

    /// Plays `$cbs` for the first token; returns the request.
    pub(crate) async fn accept_token(&mut self, status: i32) -> Message {
        let sender = self.accept_sender(100).await;
        assert_eq!(sender.target.unwrap().address.as_deref(), Some("$cbs"));
        let (receiver, _) = self.accept_receiver().await;
        assert_eq!(receiver.source.unwrap().address.as_deref(), Some("$cbs"));
        let request = self.request().await;
        self.answer(receiver.handle, &request, status, Body::Value(Value::Null)).await;
        request
    }
}
