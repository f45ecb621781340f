//! Messages: slicing, delivering, batching, building and reading.

use bytes::Bytes;
use proptest::prelude::*;
use segue_amqp::codec::{Decoder, Map, Value, put};
use segue_amqp::message::*;

use crate::generators;

fn event(body: &str) -> Message {
    Message { body: Body::Data(Bytes::copy_from_slice(body.as_bytes())), ..Message::default() }
}

fn annotated(annotations: Map) -> Vec<u8> {
    Message { message_annotations: annotations, ..event("body") }.encode()
}

fn section(code: u8, value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put::descriptor(&mut out, code);
    put::value(&mut out, value);
    out
}

/// Delivers `stored` and decodes what a receiver gets.
fn delivered(stored: &[u8], stamp: &Stamp) -> (Vec<u8>, Message) {
    let mut whole = Vec::new();
    let bare = deliver(stored, stamp, None, &mut whole).unwrap();
    whole.extend_from_slice(bare);
    let message = Message::decode(&Bytes::copy_from_slice(&whole)).unwrap();
    (whole, message)
}

const STAMP: Stamp = Stamp { sequence_number: 42, enqueued_time_ms: 1_700_000_000_000 };

#[test]
fn sections_are_cut_in_order() {
    let list = Value::List(vec![]);
    let map = Value::Map(Map::new());
    let data = Value::Binary(b"x".to_vec());
    let parts = [
        section(0x70, &list),
        section(0x71, &map),
        section(0x72, &map),
        section(0x73, &list),
        section(0x74, &map),
        [section(0x75, &data), section(0x75, &data)].concat(),
        section(0x78, &map),
    ];
    let whole = parts.concat();
    let sections = Sections::slice(&whole).unwrap();
    assert_eq!(
        [
            sections.header,
            sections.delivery_annotations,
            sections.message_annotations,
            sections.properties,
            sections.application_properties,
            sections.body,
            sections.footer,
        ],
        parts.each_ref().map(Vec::as_slice)
    );
    assert_eq!(sections.bare(), parts[3..].concat());
}

#[test]
fn delivery_annotations_may_come_last_as_python_writes_them() {
    let map = Value::Map(Map::new());
    let behind = [section(0x77, &Value::Null), section(0x78, &map), section(0x71, &map)].concat();
    let whole = [section(0x72, &map), behind.clone()].concat();
    let sections = Sections::slice(&whole).unwrap();
    assert_eq!(sections.delivery_annotations, section(0x71, &map));
    assert_eq!(sections.bare(), behind);
    for more in [section(0x71, &map), section(0x78, &map)] {
        let refused = Sections::slice(&[whole.clone(), more].concat()).map(|_| ());
        assert!(matches!(refused, Err(MessageError::SectionOrder(_))));
    }
}

#[test]
fn a_property_is_found_without_reading_the_others() {
    let properties = Map::new()
        .with_string("size", Value::Uint(7))
        .with_string("color", "red")
        .with_string("no", Value::Null);
    let encoded = Message { application_properties: properties, ..event("body") }.encode();
    let sections = Sections::slice(&encoded).unwrap();
    assert_eq!(sections.application_property("color"), Ok(Some("red")));
    assert_eq!(sections.application_property("no"), Ok(None));
    assert_eq!(sections.application_property("shape"), Ok(None));
    assert!(sections.application_property("size").is_err(), "it is no text");
    let bare = event("body").encode();
    assert_eq!(Sections::slice(&bare).unwrap().application_property("color"), Ok(None));
}

#[test]
fn what_is_no_message_is_refused() {
    let data = section(0x75, &Value::Binary(vec![]));
    let properties = section(0x73, &Value::List(vec![]));
    assert_eq!(Sections::slice(b""), Err(MessageError::Empty));
    let unknown = section(0x79, &Value::Null);
    assert_eq!(Sections::slice(&unknown), Err(MessageError::UnknownSection(0x79)));
    let order = [data.clone(), properties.clone()].concat();
    assert_eq!(Sections::slice(&order), Err(MessageError::SectionOrder(0x73)));
    let twice = [properties.clone(), properties].concat();
    assert_eq!(Sections::slice(&twice), Err(MessageError::SectionOrder(0x73)));
    let cut = &data[..data.len() - 1];
    assert!(matches!(Sections::slice(cut), Err(MessageError::Malformed(_))));
}

#[test]
fn delivery_adds_the_hubs_annotations_and_keeps_the_senders() {
    let annotations =
        Map::new().with_symbol(PARTITION_KEY, "key").with_symbol("x-mine", Value::Uuid([7; 16]));
    let stored = [section(0x70, &Value::List(vec![Value::Bool(true)])), annotated(annotations)];
    let (whole, message) = delivered(&stored.concat(), &STAMP);
    assert_eq!(Sections::slice(&whole).unwrap().header, stored[0]);
    let expected = Map::new()
        .with_symbol(PARTITION_KEY, "key")
        .with_symbol("x-mine", Value::Uuid([7; 16]))
        .with_symbol(SEQUENCE_NUMBER, 42_i64)
        .with_symbol(OFFSET, "42")
        .with_symbol(ENQUEUED_TIME, Value::Timestamp(1_700_000_000_000));
    assert_eq!(message.message_annotations, expected);
    assert_eq!(message.body, Body::Data("body".into()));
}

#[test]
fn senders_cannot_say_where_their_event_lies() {
    let forged = Map::new().with_symbol(OFFSET, "7").with_symbol(SEQUENCE_NUMBER, 7_i64);
    let (_, message) = delivered(&annotated(forged), &STAMP);
    assert_eq!(message.message_annotations.len(), 3);
    assert_eq!(message.message_annotations.get(OFFSET), Some(&Value::from("42")));
}

#[test]
fn null_annotations_are_none() {
    let stored = [section(0x72, &Value::Null), event("body").encode()].concat();
    let (_, message) = delivered(&stored, &STAMP);
    assert_eq!(message.message_annotations.len(), 3);
}

#[test]
fn runtime_metrics_replace_the_senders_delivery_annotations() {
    let annotation = Map::new().with_symbol("hop", true);
    let stored = [section(0x71, &Value::Map(annotation)), event("body").encode()].concat();
    let metrics =
        RuntimeMetrics { last_sequence_number: 99, last_enqueued_time_ms: 1, retrieved_time_ms: 2 };
    let mut prefix = Vec::new();
    deliver(&stored, &STAMP, Some(&metrics), &mut prefix).unwrap();
    let sections = Sections::slice(&prefix).unwrap();
    let mut decoder = Decoder::new(sections.delivery_annotations);
    decoder.descriptor().unwrap();
    let expected = Map::new()
        .with_symbol("last_enqueued_sequence_number", 99_i64)
        .with_symbol("last_enqueued_offset", "99")
        .with_symbol("last_enqueued_time_utc", Value::Timestamp(1))
        .with_symbol("runtime_info_retrieval_time_utc", Value::Timestamp(2));
    assert_eq!(decoder.entries(), Ok(expected));

    let mut plain = Vec::new();
    deliver(&stored, &STAMP, None, &mut plain).unwrap();
    assert_eq!(Sections::slice(&plain).unwrap().delivery_annotations, b"");
}

#[test]
fn batches_open_to_the_messages_that_went_in() {
    let messages = [event("one").encode(), event("two").encode()];
    let mut batch = BatchBuilder::new(Some("key"), 1024);
    assert!(messages.iter().all(|message| batch.try_add(message)));
    assert_eq!(batch.len(), 2);
    let envelope = batch.finish();
    let publication = Publication::open(BATCH_FORMAT, &envelope).unwrap();
    assert_eq!(publication.partition_key, Some("key"));
    assert_eq!(publication.messages, messages);
}

#[test]
fn batches_do_not_outgrow_their_limit() {
    let message = event("0123456789").encode();
    let mut batch = BatchBuilder::new(None, 200);
    while batch.try_add(&message) {}
    assert!(!batch.is_empty());
    assert!(batch.finish().len() <= 200);
}

#[test]
fn malformed_publications_are_refused_as_a_whole() {
    let open = |format, bytes: &[u8]| Publication::open(format, bytes).unwrap_err();
    let empty = BatchBuilder::new(None, 1024).finish();
    assert_eq!(open(BATCH_FORMAT, &empty), MessageError::EmptyBatch);
    let value = section(0x77, &Value::Null);
    assert_eq!(open(BATCH_FORMAT, &value), MessageError::BatchBody);
    assert_eq!(open(7, &value), MessageError::UnknownFormat(7));
    let mut batch = BatchBuilder::new(None, 1024);
    batch.try_add(&event("good").encode());
    batch.try_add(b"bad");
    assert!(matches!(open(BATCH_FORMAT, &batch.finish()), MessageError::Malformed(_)));
    let annotations_no_map = [section(0x72, &Value::Bool(true)), event("x").encode()].concat();
    assert!(matches!(open(MESSAGE_FORMAT, &annotations_no_map), MessageError::Malformed(_)));
}

#[test]
fn one_data_section_is_read_without_copying() {
    let encoded = Bytes::from(event("payload").encode());
    let Body::Data(body) = Message::decode(&encoded).unwrap().body else { panic!("no data") };
    assert!(encoded.as_ptr_range().contains(&body.as_ptr()));
}

#[test]
fn several_data_sections_are_joined() {
    let encoded = [event("pay").encode(), event("load").encode()].concat();
    let message = Message::decode(&Bytes::from(encoded)).unwrap();
    assert_eq!(message.body, Body::Data("payload".into()));
}

#[test]
fn a_body_of_two_kinds_is_refused() {
    let encoded = [event("pay").encode(), section(0x77, &Value::Null)].concat();
    assert!(Message::decode(&Bytes::from(encoded)).is_err());
}

proptest! {
    #[test]
    fn messages_are_read_as_they_were_built(message in generators::message()) {
        let encoded = Bytes::from(message.encode());
        prop_assert_eq!(Message::decode(&encoded), Ok(message));
    }

    #[test]
    fn slices_are_the_message(message in generators::message()) {
        let encoded = message.encode();
        let sections = Sections::slice(&encoded).unwrap();
        let joined = [
            sections.header,
            sections.delivery_annotations,
            sections.message_annotations,
            sections.properties,
            sections.application_properties,
            sections.body,
            sections.footer,
        ]
        .concat();
        prop_assert_eq!(joined, encoded);
    }

    #[test]
    fn delivery_leaves_the_bare_message_alone(message in generators::message()) {
        let stored = message.encode();
        let mut prefix = Vec::new();
        let bare = deliver(&stored, &STAMP, None, &mut prefix).unwrap();
        prop_assert_eq!(bare, Sections::slice(&stored).unwrap().bare());
        let received = Bytes::from([&prefix, bare].concat());
        let received = Message::decode(&received).unwrap();
        prop_assert_eq!(received.body, message.body);
        prop_assert_eq!(received.properties, message.properties);
    }
}
