//! What AMQP costs over the log below it: events through a socket against the same events
//! appended and read directly.
//!
//! `cargo bench -p segue-hub` — both ways run in turn on the same disk, in the same run, several
//! times; the median ratio is what to look at. At 1 the protocol would cost nothing.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that reports")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use segue_amqp::frame::*;
use segue_amqp::message::{BATCH_FORMAT, BatchBuilder, Body, MESSAGE_FORMAT, Message};
use segue_hub::{EMULATOR_RULE_KEY, EMULATOR_RULE_NAME, EventHub, Hub, HubConfig, bind};

/// Body of an event, as in the figures of the protocol's reference.
const BODY_BYTES: usize = 200;
const REPEATS: usize = 5;
/// Deliveries that the client sends before it looks for answers.
const BURST: u32 = 250;
/// Credit that the client gives; more is given at half.
const CREDIT: u32 = 4_000;

struct Case {
    name: &'static str,
    /// Events in each delivery.
    batch: u32,
    deliveries: u32,
}

const SENDING: [Case; 3] = [
    Case { name: "send one by one, pipelined", batch: 1, deliveries: 100_000 },
    Case { name: "send in batches of 100", batch: 100, deliveries: 4_000 },
    Case { name: "send in batches of 1000", batch: 1_000, deliveries: 400 },
];
const EVENTS_RECEIVED: u32 = 400_000;

fn main() {
    let directory = tempfile::tempdir().unwrap();
    let config = HubConfig { data_dir: directory.path().to_owned(), ..HubConfig::default() };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = bind(([127, 0, 0, 1], 0).into(), &config).unwrap();
    let hub = Hub::open(config).unwrap();
    let server = runtime.block_on(hub.serve(listener)).unwrap();
    let event_hub = hub.event_hub("activations").unwrap();
    let connect = || Client::connect(TcpStream::connect(server.local_addr()).unwrap());

    println!("{:<28} {:>12} {:>12} {:>7}", "events/s of 200 bytes", "log", "amqp", "ratio");
    for case in &SENDING {
        let events = case.batch * case.deliveries;
        report(case.name, events, || [append(&event_hub, case), connect().send(case)]);
    }
    report("receive", EVENTS_RECEIVED, || [read(&event_hub), connect().receive()]);
    runtime.block_on(server.shutdown());
}

/// Runs both ways several times and prints the run with the median ratio.
fn report(name: &str, events: u32, mut both: impl FnMut() -> [Duration; 2]) {
    let mut runs: Vec<[f64; 2]> =
        (0..REPEATS).map(|_| both().map(|took| f64::from(events) / took.as_secs_f64())).collect();
    runs.sort_by(|[log_a, amqp_a], [log_b, amqp_b]| (amqp_a / log_a).total_cmp(&(amqp_b / log_b)));
    if let Some([log, amqp]) = runs.get(REPEATS / 2) {
        println!("{name:<28} {log:>12.0} {amqp:>12.0} {:>7.2}", amqp / log);
    }
}

fn event() -> Vec<u8> {
    Message { body: Body::Data(vec![b'x'; BODY_BYTES].into()), ..Message::default() }.encode()
}

/// Appends the case's events in the same bursts, and waits for each.
fn append(hub: &EventHub, case: &Case) -> Duration {
    let batch = vec![event(); case.batch as usize];
    let start = Instant::now();
    let mut left = case.deliveries;
    while left > 0 {
        let burst = BURST.min(left);
        let appends: Vec<_> = (0..burst).map(|_| hub.publish(0, &batch).unwrap()).collect();
        appends.into_iter().for_each(|append| append.wait().unwrap());
        left -= burst;
    }
    start.elapsed()
}

fn read(hub: &EventHub) -> Duration {
    let start = Instant::now();
    let mut reader = hub.log().partition(0).unwrap().reader(0);
    let mut left = EVENTS_RECEIVED as usize;
    while left > 0 {
        left = left.saturating_sub(reader.read(128 << 10).unwrap().len());
    }
    start.elapsed()
}

/// A blocking client that does nothing but keep the broker busy.
struct Client {
    stream: TcpStream,
    frames: FrameBuffer,
    buffer: Vec<u8>,
}

impl Client {
    /// Opens a connection and a session.
    fn connect(stream: TcpStream) -> Client {
        stream.set_nodelay(true).unwrap();
        let mut client =
            Client { stream, frames: FrameBuffer::new(1 << 20), buffer: vec![0; 256 << 10] };
        let mut hello = ProtocolHeader::Sasl.bytes().to_vec();
        let response = format!("\0{EMULATOR_RULE_NAME}\0{EMULATOR_RULE_KEY}");
        SaslInit {
            mechanism: "PLAIN".into(),
            initial_response: Some(response.into()),
            hostname: None,
        }
        .encode(&mut hello);
        hello.extend(ProtocolHeader::Amqp.bytes());
        Open::default().encode(0, &mut hello);
        Begin { incoming_window: u32::MAX, ..Begin::default() }.encode(0, &mut hello);
        client.stream.write_all(&hello).unwrap();
        while client.frames.next_header().unwrap().is_none() {
            client.read();
        }
        assert!(matches!(client.next(), Performative::SaslMechanisms(_)));
        assert!(matches!(client.next(), Performative::SaslOutcome(_)));
        while client.frames.next_header().unwrap().is_none() {
            client.read();
        }
        client
    }

    /// Sends the case's deliveries to one partition; until the last is accepted.
    fn send(mut self, case: &Case) -> Duration {
        let attach = Attach {
            target: Some(Target::at("activations/Partitions/0")),
            ..Attach::new("s", 0, Role::Sender)
        };
        self.write(|out| attach.encode(0, out));
        let (format, message) = delivery(case.batch);
        let (mut sent, mut accepted) = (0, 0);
        let start = Instant::now();
        while accepted < case.deliveries {
            if sent < case.deliveries && sent - accepted <= BURST {
                let burst = BURST.min(case.deliveries - sent);
                self.write(|out| {
                    for id in sent..sent + burst {
                        encode(id, format, &message, out);
                    }
                });
                sent += burst;
            }
            if let Performative::Disposition(disposition) = self.next() {
                assert_eq!(disposition.state, Some(DeliveryState::Accepted));
                accepted = disposition.last.unwrap() + 1;
            }
        }
        start.elapsed()
    }

    /// Receives a partition's first events.
    fn receive(mut self) -> Duration {
        let node = "activations/ConsumerGroups/$Default/Partitions/0";
        let attach =
            Attach { source: Some(Source::at(node)), ..Attach::new("r", 0, Role::Receiver) };
        let credit = |delivery_count| Flow {
            next_incoming_id: Some(1 + delivery_count),
            incoming_window: u32::MAX,
            handle: Some(0),
            delivery_count: Some(delivery_count),
            link_credit: Some(CREDIT),
            ..Flow::default()
        };
        let start = Instant::now();
        self.write(|out| {
            attach.encode(0, out);
            credit(0).encode(0, out);
        });
        let mut received = 0;
        while received < EVENTS_RECEIVED {
            if let Performative::Transfer(_) = self.next() {
                received += 1;
                if received % (CREDIT / 2) == 0 {
                    self.write(|out| credit(received).encode(0, out));
                }
            }
        }
        start.elapsed()
    }

    fn write(&mut self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut out = Vec::new();
        encode(&mut out);
        self.stream.write_all(&out).unwrap();
    }

    fn next(&mut self) -> Performative {
        loop {
            match self.frames.next_frame().unwrap() {
                Some(Frame { performative: Some(performative), .. }) => return performative,
                Some(_) => {}
                None => self.read(),
            }
        }
    }

    fn read(&mut self) {
        let count = self.stream.read(&mut self.buffer).unwrap();
        assert!(count > 0, "the broker hung up");
        self.frames.input().extend_from_slice(self.buffer.get(..count).unwrap());
    }
}

fn delivery(batch: u32) -> (u32, Vec<u8>) {
    if batch == 1 {
        return (MESSAGE_FORMAT, event());
    }
    let mut envelope = BatchBuilder::new(None, 1 << 20);
    for _ in 0..batch {
        assert!(envelope.try_add(&event()));
    }
    (BATCH_FORMAT, envelope.finish())
}

fn encode(id: u32, format: u32, message: &[u8], out: &mut Vec<u8>) {
    let transfer = Transfer {
        delivery_id: Some(id),
        delivery_tag: Some(id.into()),
        message_format: Some(format),
        settled: Some(false),
        ..Transfer::default()
    };
    let mut sent = 0;
    while sent < message.len() {
        sent = transfer.encode_chunk(0, 65_536, &[message], sent, out);
    }
}
