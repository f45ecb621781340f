//! Senders that number their events, and hubs that offer that or not.

use segue_amqp::client::{Authentication, EventData};
use segue_amqp::codec::Map;
use segue_amqp::frame::*;
use segue_amqp::message::{
    BATCH_FORMAT, EventNumber, IDEMPOTENT_PRODUCER, Numbering, ProducerIdentity, Publication,
    Sections,
};

use super::peer::{Peer, Script, connected};

const PRODUCER: ProducerIdentity = ProducerIdentity { id: 7, epoch: 3 };

fn plain() -> Script {
    Script { authentication: Authentication::Plain, ..Script::default() }
}

/// Answers the client's attach with these capabilities and properties.
async fn accept(peer: &mut Peer, offered: &[&str], properties: Map) -> Attach {
    let attach = peer.next_attach().await;
    let answer = Attach {
        role: Role::Receiver,
        initial_delivery_count: None,
        offered_capabilities: offered.iter().map(|name| (*name).to_owned()).collect(),
        properties,
        ..attach.clone()
    };
    peer.send(|out| answer.encode(0, out)).await;
    peer.grant(attach.handle, 0, 10).await;
    attach
}

#[tokio::test]
async fn events_get_the_numbers_after_the_last_one_and_each_its_key() {
    let (connection, mut peer) = connected(plain()).await;
    let last = EventNumber { producer: PRODUCER, sequence: 41 };
    let client = tokio::spawn(async move {
        let sender = connection.numbered_sender("hub", "2", None).await.unwrap().unwrap();
        assert_eq!(sender.last(), last);
        let mut batch = sender.batch(sender.last().after(1).sequence);
        assert!(batch.try_add(&EventData::new("a"), Some("x")));
        assert!(!batch.try_add(&EventData::new(vec![0; 2 << 20]), None), "too large");
        assert!(batch.try_add(&EventData::new("b"), Some("y")));
        sender.send(batch).await
    });
    let attach =
        accept(&mut peer, &[IDEMPOTENT_PRODUCER], Numbering::from(last).properties()).await;
    assert_eq!(attach.target.unwrap().address.as_deref(), Some("hub/Partitions/2"));
    assert_eq!(attach.desired_capabilities, [IDEMPOTENT_PRODUCER]);
    assert_eq!(attach.properties, Map::new());
    let (transfer, payload) = peer.next_transfer().await;
    let batch = Publication::open(BATCH_FORMAT, &payload).unwrap();
    assert_eq!((batch.partition_key, batch.messages.len()), (None, 2));
    for (place, key) in ["x", "y"].into_iter().enumerate() {
        let message = batch.messages[place];
        assert_eq!(EventNumber::of_message(message), Ok(Some(last.after(1 + place))));
        assert_eq!(Sections::slice(message).unwrap().partition_key(), Ok(Some(key)));
    }
    peer.settle(transfer.delivery_id.unwrap(), DeliveryState::Accepted).await;
    client.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_producer_goes_on_without_saying_where_it_stands() {
    let (connection, mut peer) = connected(plain()).await;
    let client =
        tokio::spawn(async move { connection.numbered_sender("hub", "0", Some(PRODUCER)).await });
    let last = EventNumber { producer: PRODUCER, sequence: 9 };
    let attach =
        accept(&mut peer, &[IDEMPOTENT_PRODUCER], Numbering::from(last).properties()).await;
    assert_eq!(attach.properties, Numbering::of(PRODUCER).properties());
    assert_eq!(client.await.unwrap().unwrap().unwrap().last(), last);
}

#[tokio::test]
async fn there_is_no_such_sender_where_the_hub_does_not_offer_it() {
    let last = EventNumber { producer: PRODUCER, sequence: 0 };
    let properties = Numbering::from(last).properties();
    for (offered, properties) in [
        ([].as_slice(), Map::new()),
        // It sends back what it was sent.
        (&[], properties),
        (&["com.microsoft:georeplication"], Map::new()),
        // It forgets to say who the producer is.
        (&[IDEMPOTENT_PRODUCER], Map::new()),
    ] {
        let (connection, mut peer) = connected(plain()).await;
        let client =
            tokio::spawn(async move { connection.numbered_sender("hub", "0", None).await });
        let attach = accept(&mut peer, offered, properties).await;
        assert!(client.await.unwrap().unwrap().is_none(), "{offered:?}");
        assert_eq!(peer.next_detach().await.handle, attach.handle);
    }
}

#[tokio::test]
async fn a_hub_may_refuse_it() {
    let (connection, mut peer) = connected(plain()).await;
    let client =
        tokio::spawn(async move { connection.numbered_sender("hub", "0", Some(PRODUCER)).await });
    peer.refuse(AmqpError::new(condition::PRODUCER_EPOCH_STOLEN, "another one")).await;
    let error = client.await.unwrap().err().unwrap();
    assert_eq!(error.condition(), Some(condition::PRODUCER_EPOCH_STOLEN));
}
