//! Frames and performatives.

use bytes::Bytes;
use proptest::prelude::*;
use segue_amqp::codec::{DecodeError, Decoder, Map, Value};
use segue_amqp::frame::*;

use crate::{bytes_property, generators};

const NO_LIMIT: u32 = u32::MAX;

fn frames(bytes: &[u8]) -> Vec<Frame> {
    let mut buffer = FrameBuffer::new(NO_LIMIT);
    buffer.input().extend_from_slice(bytes);
    std::iter::from_fn(|| buffer.next_frame().unwrap()).collect()
}

fn only_performative(bytes: &[u8]) -> Performative {
    let [frame] = frames(bytes).try_into().unwrap();
    frame.performative.unwrap()
}

/// A frame of a performative with these fields, which are encoded already.
fn handmade(frame_type: u8, code: u8, count: u8, fields: &[u8]) -> Vec<u8> {
    let list = u8::try_from(fields.len() + 1).unwrap();
    let body = [&[0, 0x53, code, 0xc0, list, count][..], fields].concat();
    let size = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    [&size[..], &[2, frame_type, 0, 0], &body].concat()
}

/// Number of fields of the performative in this frame, which must use the forms that every
/// client can read.
fn field_count(frame: &[u8]) -> usize {
    assert_eq!(frame[8..10], [0, 0x53], "descriptor is a smallulong");
    Decoder::new(&frame[11..]).list().unwrap().1
}

#[test]
fn trailing_nulls_are_never_elided() {
    let encoded = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        field_count(&out)
    };
    assert_eq!(encoded(&|out| Open::default().encode(0, out)), 10);
    assert_eq!(encoded(&|out| Begin::default().encode(0, out)), 8);
    assert_eq!(encoded(&|out| Attach::new("l", 0, Role::Receiver).encode(0, out)), 14);
    assert_eq!(encoded(&|out| Flow::default().encode(0, out)), 11);
    assert_eq!(encoded(&|out| Transfer::default().encode(0, b"", out)), 11);
    let accepted = Disposition {
        role: Role::Receiver,
        first: 1,
        last: None,
        settled: true,
        state: Some(DeliveryState::Accepted),
        batchable: false,
    };
    assert_eq!(encoded(&|out| accepted.encode(0, out)), 6);
    assert_eq!(encoded(&|out| Detach::default().encode(0, out)), 3);
    assert_eq!(encoded(&|out| End::default().encode(0, out)), 1);
    assert_eq!(encoded(&|out| Close::default().encode(0, out)), 1);
}

#[test]
fn missing_fields_are_null_and_additional_ones_ignored() {
    let open = only_performative(&handmade(0, 0x10, 1, &[0xa1, 1, b'c']));
    let expected = Open { container_id: "c".into(), ..Open::default() };
    assert_eq!(open, Performative::Open(Box::new(expected)));

    let close = only_performative(&handmade(0, 0x18, 0, &[]));
    assert_eq!(close, Performative::Close(Close::default()));

    let end = only_performative(&handmade(0, 0x17, 3, &[0x40, 0x41, 0x43]));
    assert_eq!(end, Performative::End(End::default()));
}

#[test]
fn integers_may_have_any_width() {
    let handle_as_long = [0x55, 7, 0x41];
    let detach = only_performative(&handmade(0, 0x16, 2, &handle_as_long));
    assert_eq!(detach, Performative::Detach(Detach { handle: 7, closed: true, error: None }));
}

#[test]
fn a_source_may_be_an_empty_list() {
    let fields = [&[0xa1, 1, b'l', 0x43, 0x41, 0x40, 0x40][..], &[0, 0x53, 0x28, 0x45]].concat();
    let Performative::Attach(attach) = only_performative(&handmade(0, 0x12, 6, &fields)) else {
        panic!("no attach");
    };
    assert_eq!(attach.source, Some(Source::default()));
    assert_eq!(attach.target, None);
}

#[test]
fn a_transaction_coordinator_is_a_target_without_address() {
    let coordinator = [0, 0x53, 0x30, 0xc0, 5, 1, 0xa3, 2, b't', b'x'];
    let fields = [&[0xa1, 1, b'l', 0x43, 0x42, 0x40, 0x40, 0x40][..], &coordinator].concat();
    let Performative::Attach(attach) = only_performative(&handmade(0, 0x12, 7, &fields)) else {
        panic!("no attach");
    };
    assert_eq!(attach.target, Some(Target::default()));
}

#[test]
fn one_capability_may_come_without_its_array() {
    let fields = [0xa1, 1, b'c', 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0x40, 0xa3, 1, b'x'];
    let Performative::Open(open) = only_performative(&handmade(0, 0x10, 9, &fields)) else {
        panic!("no open");
    };
    assert_eq!(open.desired_capabilities, ["x"]);
}

#[test]
fn filters_are_found_whatever_their_descriptor() {
    let name = "apache.org:selector-filter:string";
    let text = Value::from("amqp.annotation.x-opt-offset > '-1'");
    let described = |descriptor| Value::Described(Box::new((descriptor, text.clone())));
    for filter in [
        described(Value::symbol(name)),
        described(Value::Ulong(0x0000_468c_0000_0004)),
        described(Value::Ulong(0x0001_3700_000a)),
        text.clone(),
    ] {
        let source = Source { filter: Map::new().with_symbol(name, filter), ..Source::default() };
        let found = source.filter_text("apache.org:selector-filter");
        assert_eq!(found, Some("amqp.annotation.x-opt-offset > '-1'"));
    }
}

#[test]
fn headers_and_frames_come_in_pieces() {
    let mut bytes = ProtocolHeader::Sasl.bytes().to_vec();
    SaslMechanisms { mechanisms: vec!["ANONYMOUS".into()] }.encode(&mut bytes);
    bytes.extend(HEARTBEAT);
    let mut buffer = FrameBuffer::new(NO_LIMIT);
    let (mut header, mut seen) = (None, Vec::new());
    for byte in bytes {
        buffer.input().extend_from_slice(&[byte]);
        if header.is_none() {
            header = buffer.next_header().unwrap();
        } else {
            seen.extend(buffer.next_frame().unwrap());
        }
    }
    assert_eq!(header, Some(ProtocolHeader::Sasl));
    assert_eq!(seen.len(), 2);
    assert!(matches!(seen[0].performative, Some(Performative::SaslMechanisms(_))));
    assert_eq!(seen[1].performative, None);
}

#[test]
fn what_is_no_amqp_is_refused() {
    let refused = |bytes: &[u8]| {
        let mut buffer = FrameBuffer::new(1024);
        buffer.input().extend_from_slice(bytes);
        buffer.next_frame().unwrap_err()
    };
    let mut buffer = FrameBuffer::new(1024);
    buffer.input().extend_from_slice(b"GET / HTTP/1.1");
    assert_eq!(buffer.next_header(), Err(FrameError::NotAmqp(*b"GET / HT")));

    let too_large = FrameError::TooLarge { size: 1025, limit: 1024 };
    assert_eq!(refused(&[0, 0, 4, 1, 2, 0, 0, 0]), too_large);
    assert!(matches!(refused(&[0, 0, 0, 7, 2, 0, 0, 0]), FrameError::Header(_)));
    assert!(matches!(refused(&[0, 0, 0, 8, 1, 0, 0, 0]), FrameError::Header(_)));
    assert!(matches!(refused(&[0, 0, 0, 8, 3, 0, 0, 0]), FrameError::Header(_)));
    assert!(matches!(refused(&[0, 0, 0, 8, 2, 2, 0, 0]), FrameError::Header(_)));
    let unknown = FrameError::UnknownPerformative { code: 0x19, frame_type: 0 };
    assert_eq!(refused(&handmade(0, 0x19, 0, &[])), unknown);
    let unknown = FrameError::UnknownPerformative { code: 0x10, frame_type: 1 };
    assert_eq!(refused(&handmade(1, 0x10, 0, &[])), unknown);
    let missing =
        FrameError::Malformed { performative: "attach", source: DecodeError::Missing("name") };
    assert_eq!(refused(&handmade(0, 0x12, 0, &[])), missing);
    let long_tag = [&[0x43, 0x43, 0xa0, 33][..], &[0; 33]].concat();
    assert!(matches!(
        refused(&handmade(0, 0x14, 3, &long_tag)),
        FrameError::Malformed {
            performative: "transfer",
            source: DecodeError::TooLong { len: 33, .. },
        }
    ));
}

#[test]
fn credentials_stay_out_of_debug_output() {
    let init = SaslInit { initial_response: Some(b"secret".to_vec()), ..SaslInit::default() };
    let shown = format!("{init:?}");
    assert!(!shown.contains("115, 101") && !shown.contains("secret"), "{shown}");
}

/// Sends `parts` in chunks and returns the frames, which it has checked against the frame size.
fn chunked(transfer: &Transfer, max_frame_size: u32, parts: &[&[u8]]) -> Vec<Frame> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let (mut out, mut sent) = (Vec::new(), 0);
    loop {
        let start = out.len();
        sent = transfer.encode_chunk(3, max_frame_size, parts, sent, &mut out);
        assert!(out.len() - start <= max_frame_size as usize);
        if sent == total {
            return frames(&out);
        }
    }
}

#[test]
fn the_largest_head_of_a_transfer_leaves_room_for_a_byte() {
    let transfer = Transfer {
        handle: u32::MAX,
        delivery_id: Some(u32::MAX),
        delivery_tag: DeliveryTag::new(&[7; MAX_DELIVERY_TAG_BYTES]),
        message_format: Some(u32::MAX),
        settled: Some(true),
        receiver_settles_second: Some(true),
        ..Transfer::default()
    };
    let mut out = Vec::new();
    transfer.encode(u16::MAX, b"", &mut out);
    assert!(out.len() < TRANSFER_OVERHEAD_BYTES);
}

proptest! {
    #[test]
    fn performatives_survive_the_wire(
        performative in generators::performative(), channel in any::<u16>()
    ) {
        let mut bytes = Vec::new();
        bytes_property::encode(&performative, channel, &mut bytes);
        let [frame] = frames(&bytes).try_into().unwrap();
        prop_assert_eq!(frame.performative, Some(performative));
        prop_assert_eq!(frame.payload, Bytes::new());
    }

    #[test]
    fn deliveries_in_chunks_are_whole_again(
        first in proptest::collection::vec(any::<u8>(), 0..700),
        second in proptest::collection::vec(any::<u8>(), 0..1500),
    ) {
        let transfer = Transfer {
            handle: 1,
            delivery_id: Some(9),
            delivery_tag: Some(DeliveryTag::from(9)),
            message_format: Some(0),
            settled: Some(true),
            ..Transfer::default()
        };
        let chunks = chunked(&transfer, MIN_MAX_FRAME_SIZE, &[&first, &second]);
        let last = chunks.len() - 1;
        let mut joined = Vec::new();
        for (index, frame) in chunks.iter().enumerate() {
            let Some(Performative::Transfer(chunk)) = &frame.performative else {
                panic!("no transfer");
            };
            prop_assert_eq!(frame.channel, 3);
            prop_assert_eq!(chunk.more, index < last);
            prop_assert_eq!(chunk.delivery_id, (index == 0).then_some(9));
            joined.extend_from_slice(&frame.payload);
        }
        prop_assert_eq!(joined, [first, second].concat());
    }
}
