//! What must hold for any bytes whatever. The fuzzer includes this file, so it needs nothing but
//! the crate.

use bytes::Bytes;
use segue_amqp::codec::{Decoder, Value, put};
use segue_amqp::frame::{FrameBuffer, Performative};
use segue_amqp::message::{
    BATCH_FORMAT, EventNumber, MESSAGE_FORMAT, Message, Publication, Stamp, deliver,
};

/// Reads `input` as a value, as frames and as messages. Nothing panics, and whatever is accepted
/// keeps its meaning on the way out and in again.
pub(crate) fn holds(input: &[u8]) {
    value_holds(input);
    frames_hold(input);
    for format in [MESSAGE_FORMAT, BATCH_FORMAT] {
        publication_holds(format, input);
    }
}

fn value_holds(input: &[u8]) {
    let skipped = Decoder::new(input).skip();
    let mut decoder = Decoder::new(input);
    let Ok(value) = decoder.value() else { return };
    assert_eq!(skipped.map(<[u8]>::len), Ok(input.len() - decoder.rest().len()));
    // Compared as bytes: a float that is no number does not equal itself.
    let encoded = encode_value(&value);
    let again = Decoder::new(&encoded).value().map(|value| encode_value(&value));
    assert_eq!(again, Ok(encoded));
}

fn encode_value(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put::value(&mut out, value);
    out
}

fn frames_hold(input: &[u8]) {
    let mut buffer = FrameBuffer::new(1 << 20);
    buffer.input().extend_from_slice(input);
    while let Ok(Some(frame)) = buffer.next_frame() {
        let Some(performative) = frame.performative else {
            continue;
        };
        let mut encoded = Vec::new();
        encode(&performative, frame.channel, &mut encoded);
        let mut again = FrameBuffer::new(u32::MAX);
        again.input().extend_from_slice(&encoded);
        let frame = again.next_frame().ok().flatten().expect("our own frame");
        let mut twice = Vec::new();
        encode(&frame.performative.expect("our own performative"), frame.channel, &mut twice);
        assert_eq!(encoded, twice);
    }
}

/// What is taken in can be handed out: nothing else is checked when it is.
fn publication_holds(format: u32, input: &[u8]) {
    let Ok(publication) = Publication::open(format, input) else {
        return;
    };
    assert!(!publication.messages.is_empty());
    let stamp = Stamp { sequence_number: 7, enqueued_time_ms: 8 };
    for stored in publication.messages {
        let mut delivered = Vec::new();
        let bare = deliver(stored, &stamp, None, &mut delivered).expect("taken in before");
        assert!(stored.ends_with(bare));
        delivered.extend_from_slice(bare);
        Publication::open(MESSAGE_FORMAT, &delivered).expect("a message still");
        let _ = EventNumber::of_message(stored);
        assert_eq!(EventNumber::of_message(&delivered), Ok(None));
        let _ = Message::decode(&Bytes::from(delivered));
    }
}

/// Encodes a performative on `channel`, where it has one.
pub(crate) fn encode(performative: &Performative, channel: u16, out: &mut Vec<u8>) {
    match performative {
        Performative::Open(open) => open.encode(channel, out),
        Performative::Begin(begin) => begin.encode(channel, out),
        Performative::Attach(attach) => attach.encode(channel, out),
        Performative::Flow(flow) => flow.encode(channel, out),
        Performative::Transfer(transfer) => transfer.encode(channel, &[], out),
        Performative::Disposition(disposition) => disposition.encode(channel, out),
        Performative::Detach(detach) => detach.encode(channel, out),
        Performative::End(end) => end.encode(channel, out),
        Performative::Close(close) => close.encode(channel, out),
        Performative::SaslMechanisms(mechanisms) => mechanisms.encode(out),
        Performative::SaslInit(init) => init.encode(out),
        Performative::SaslOutcome(outcome) => outcome.encode(out),
    }
}
