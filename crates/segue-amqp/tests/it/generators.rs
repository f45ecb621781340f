//! Random values and performatives for property tests.
//!
//! Every strategy is boxed: held by value, their nested unions overflow a test thread's stack.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use segue_amqp::codec::{Array, Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::{Body, Message, Properties};

/// Text without anything special about it; lengths on both sides of the narrow encodings' limit.
pub(crate) fn text() -> BoxedStrategy<String> {
    prop_oneof![9 => "[a-zé$:/-]{0,12}", 1 => "[a-z]{250,260}"].boxed()
}

fn scalar() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<u8>().prop_map(Value::Ubyte),
        any::<u16>().prop_map(Value::Ushort),
        any::<u32>().prop_map(Value::Uint),
        (0..300_u32).prop_map(Value::Uint),
        any::<u64>().prop_map(Value::Ulong),
        (0..300_u64).prop_map(Value::Ulong),
        any::<i8>().prop_map(Value::Byte),
        any::<i16>().prop_map(Value::Short),
        any::<i32>().prop_map(Value::Int),
        any::<i64>().prop_map(Value::Long),
        (-1e9_f32..1e9).prop_map(Value::Float),
        (-1e9_f64..1e9).prop_map(Value::Double),
        any::<[u8; 4]>().prop_map(Value::Decimal32),
        any::<[u8; 8]>().prop_map(Value::Decimal64),
        any::<[u8; 16]>().prop_map(Value::Decimal128),
        any::<u32>().prop_map(Value::Char),
        any::<i64>().prop_map(Value::Timestamp),
        any::<[u8; 16]>().prop_map(Value::Uuid),
        vec(any::<u8>(), 0..300).prop_map(Value::Binary),
        text().prop_map(Value::String),
        text().prop_map(Value::Symbol),
        vec(text(), 0..4).prop_map(|names| Value::Array(Array::symbols(names))),
        vec(text(), 0..4).prop_map(|texts| Value::Array(Array::strings(texts))),
    ]
    .boxed()
}

/// Any value that a program can build, nested three levels deep.
pub(crate) fn value() -> BoxedStrategy<Value> {
    scalar()
        .prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..4).prop_map(Value::List),
                vec((inner.clone(), inner.clone()), 0..4)
                    .prop_map(|entries| Value::Map(entries.into_iter().collect())),
                (inner.clone(), inner).prop_map(|pair| Value::Described(Box::new(pair))),
            ]
        })
        .boxed()
}

/// A map with text keys.
pub(crate) fn map() -> BoxedStrategy<Map> {
    vec((text().prop_map(Value::Symbol), value()), 0..4)
        .prop_map(|entries| entries.into_iter().collect())
        .boxed()
}

fn names() -> BoxedStrategy<Vec<String>> {
    vec(text(), 0..3).boxed()
}

fn error() -> BoxedStrategy<AmqpError> {
    (text(), option::of(text()), map())
        .prop_map(|(condition, description, info)| AmqpError { condition, description, info })
        .boxed()
}

fn role() -> BoxedStrategy<Role> {
    prop_oneof![Just(Role::Sender), Just(Role::Receiver)].boxed()
}

fn open() -> BoxedStrategy<Open> {
    (
        (text(), option::of(text()), any::<u32>(), any::<u16>(), option::of(any::<u32>())),
        (names(), names(), map()),
    )
        .prop_map(|(limits, (offered, desired, properties))| Open {
            container_id: limits.0,
            hostname: limits.1,
            max_frame_size: limits.2,
            channel_max: limits.3,
            idle_timeout_ms: limits.4,
            offered_capabilities: offered,
            desired_capabilities: desired,
            properties,
        })
        .boxed()
}

fn begin() -> BoxedStrategy<Begin> {
    (option::of(any::<u16>()), any::<[u32; 4]>(), names(), names(), map())
        .prop_map(|(remote_channel, numbers, offered, desired, properties)| Begin {
            remote_channel,
            next_outgoing_id: numbers[0],
            incoming_window: numbers[1],
            outgoing_window: numbers[2],
            handle_max: numbers[3],
            offered_capabilities: offered,
            desired_capabilities: desired,
            properties,
        })
        .boxed()
}

fn source() -> BoxedStrategy<Source> {
    (
        (
            option::of(text()),
            option::of(any::<u32>()),
            option::of(text()),
            option::of(any::<u32>()),
        ),
        (option::of(any::<bool>()), map(), option::of(text()), map()),
        (value(), names(), names()),
    )
        .prop_map(|(first, second, third)| Source {
            address: first.0,
            durable: first.1,
            expiry_policy: first.2,
            timeout_s: first.3,
            dynamic: second.0,
            dynamic_node_properties: second.1,
            distribution_mode: second.2,
            filter: second.3,
            default_outcome: third.0,
            outcomes: third.1,
            capabilities: third.2,
        })
        .boxed()
}

fn target() -> BoxedStrategy<Target> {
    (
        (
            option::of(text()),
            option::of(any::<u32>()),
            option::of(text()),
            option::of(any::<u32>()),
        ),
        (option::of(any::<bool>()), map(), names()),
    )
        .prop_map(|(first, second)| Target {
            address: first.0,
            durable: first.1,
            expiry_policy: first.2,
            timeout_s: first.3,
            dynamic: second.0,
            dynamic_node_properties: second.1,
            capabilities: second.2,
        })
        .boxed()
}

fn attach() -> BoxedStrategy<Attach> {
    let settle_mode = prop_oneof![
        Just(SettleMode::Unsettled),
        Just(SettleMode::Settled),
        Just(SettleMode::Mixed)
    ];
    (
        (text(), any::<u32>(), role(), settle_mode, any::<bool>()),
        (option::of(source()), option::of(target())),
        (option::of(any::<u32>()), option::of(any::<u64>()), names(), names(), map()),
    )
        .prop_map(|(first, ends, last)| Attach {
            name: first.0,
            handle: first.1,
            role: first.2,
            settle_mode: first.3,
            receiver_settles_second: first.4,
            source: ends.0,
            target: ends.1,
            initial_delivery_count: last.0,
            max_message_size: last.1,
            offered_capabilities: last.2,
            desired_capabilities: last.3,
            properties: last.4,
        })
        .boxed()
}

fn flow() -> BoxedStrategy<Flow> {
    (option::of(any::<u32>()), any::<[u32; 3]>(), any::<[Option<u32>; 4]>(), any::<[bool; 2]>())
        .prop_flat_map(|head| (Just(head), map()))
        .prop_map(|((next_incoming_id, session, link, flags), properties)| Flow {
            next_incoming_id,
            incoming_window: session[0],
            next_outgoing_id: session[1],
            outgoing_window: session[2],
            handle: link[0],
            delivery_count: link[1],
            link_credit: link[2],
            available: link[3],
            drain: flags[0],
            echo: flags[1],
            properties,
        })
        .boxed()
}

fn state() -> BoxedStrategy<DeliveryState> {
    prop_oneof![
        (any::<u32>(), any::<u64>()).prop_map(|(section_number, section_offset)| {
            DeliveryState::Received { section_number, section_offset }
        }),
        Just(DeliveryState::Accepted),
        option::of(error()).prop_map(DeliveryState::Rejected),
        Just(DeliveryState::Released),
        (any::<bool>(), any::<bool>(), map()).prop_map(
            |(delivery_failed, undeliverable_here, message_annotations)| {
                DeliveryState::Modified { delivery_failed, undeliverable_here, message_annotations }
            }
        ),
        value().prop_map(|value| DeliveryState::Other(Value::described(0x34, value))),
    ]
    .boxed()
}

fn transfer() -> BoxedStrategy<Transfer> {
    (
        (any::<u32>(), any::<[Option<u32>; 2]>(), option::of(vec(any::<u8>(), 0..=32))),
        (any::<[Option<bool>; 2]>(), option::of(state()), any::<[bool; 4]>()),
    )
        .prop_map(|((handle, numbers, tag), (options, state, flags))| Transfer {
            handle,
            delivery_id: numbers[0],
            delivery_tag: tag.and_then(|tag| DeliveryTag::new(&tag)),
            message_format: numbers[1],
            settled: options[0],
            more: flags[0],
            receiver_settles_second: options[1],
            state,
            resume: flags[1],
            aborted: flags[2],
            batchable: flags[3],
        })
        .boxed()
}

fn disposition() -> BoxedStrategy<Disposition> {
    let numbers = (any::<u32>(), option::of(any::<u32>()));
    (role(), numbers, any::<bool>(), option::of(state()), any::<bool>())
        .prop_map(|(role, (first, last), settled, state, batchable)| Disposition {
            role,
            first,
            last,
            settled,
            state,
            batchable,
        })
        .boxed()
}

fn sasl() -> BoxedStrategy<Performative> {
    let bytes = || option::of(vec(any::<u8>(), 0..20));
    let code =
        prop_oneof![Just(SaslCode::Ok), Just(SaslCode::Auth), (2..5_u8).prop_map(SaslCode::System)];
    prop_oneof![
        names()
            .prop_map(|mechanisms| { Performative::SaslMechanisms(SaslMechanisms { mechanisms }) }),
        (text(), bytes(), option::of(text())).prop_map(
            |(mechanism, initial_response, hostname)| {
                Performative::SaslInit(SaslInit { mechanism, initial_response, hostname })
            }
        ),
        (code, bytes()).prop_map(|(code, additional_data)| {
            Performative::SaslOutcome(SaslOutcome { code, additional_data })
        }),
    ]
    .boxed()
}

/// Any performative.
pub(crate) fn performative() -> BoxedStrategy<Performative> {
    prop_oneof![
        open().prop_map(|open| Performative::Open(Box::new(open))),
        begin().prop_map(|begin| Performative::Begin(Box::new(begin))),
        attach().prop_map(|attach| Performative::Attach(Box::new(attach))),
        flow().prop_map(Performative::Flow),
        transfer().prop_map(Performative::Transfer),
        disposition().prop_map(Performative::Disposition),
        (any::<u32>(), any::<bool>(), option::of(error())).prop_map(|(handle, closed, error)| {
            Performative::Detach(Detach { handle, closed, error })
        }),
        option::of(error()).prop_map(|error| Performative::End(End { error })),
        option::of(error()).prop_map(|error| Performative::Close(Close { error })),
        sasl(),
    ]
    .boxed()
}

fn properties() -> BoxedStrategy<Properties> {
    (value(), value(), option::of(text()))
        .prop_map(|(message_id, correlation_id, content_type)| Properties {
            message_id,
            correlation_id,
            content_type,
            ..Properties::default()
        })
        .boxed()
}

/// Any message but one without sections, which is none.
pub(crate) fn message() -> BoxedStrategy<Message> {
    let body = prop_oneof![
        Just(Body::Empty),
        vec(any::<u8>(), 0..300).prop_map(|data| Body::Data(data.into())),
        value().prop_map(Body::Value),
        vec(value(), 1..3).prop_map(Body::Sequence),
    ];
    (map(), properties(), map(), body)
        .prop_map(|(message_annotations, properties, application_properties, body)| Message {
            message_annotations,
            properties,
            application_properties,
            body,
        })
        .prop_filter("has sections", |message| *message != Message::default())
        .boxed()
}
