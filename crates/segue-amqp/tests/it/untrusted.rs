//! Bytes from outside: random ones, and what peers send with a byte or two damaged.

use proptest::collection::vec;
use proptest::prelude::*;
use segue_amqp::codec::put;
use segue_amqp::message::BatchBuilder;

use crate::{bytes_property, generators};

/// Places and bytes to write there.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8)>> {
    vec((any::<prop::sample::Index>(), any::<u8>()), 0..3)
}

fn check(mut bytes: Vec<u8>, damage: &[(prop::sample::Index, u8)]) {
    for (place, byte) in damage {
        let place = place.index(bytes.len());
        bytes[place] = *byte;
    }
    bytes_property::holds(&bytes);
}

proptest! {
    #[test]
    fn random_bytes(bytes in vec(any::<u8>(), 0..300)) {
        bytes_property::holds(&bytes);
    }

    #[test]
    fn values(value in generators::value(), damage in damage()) {
        let mut bytes = Vec::new();
        put::value(&mut bytes, &value);
        check(bytes, &damage);
    }

    #[test]
    fn frames(performatives in vec(generators::performative(), 1..3), damage in damage()) {
        let mut bytes = Vec::new();
        for performative in &performatives {
            bytes_property::encode(performative, 0, &mut bytes);
        }
        check(bytes, &damage);
    }

    #[test]
    fn messages(message in generators::message(), damage in damage()) {
        check(message.encode(), &damage);
    }

    #[test]
    fn batches(messages in vec(generators::message(), 1..3), damage in damage()) {
        let mut batch = BatchBuilder::new(Some("key"), 1 << 20);
        for message in &messages {
            assert!(batch.try_add(&message.encode()));
        }
        check(batch.finish(), &damage);
    }
}
