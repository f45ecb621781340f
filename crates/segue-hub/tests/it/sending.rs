//! Links on which the client sends events.

use segue_amqp::frame::*;
use segue_amqp::message::{BATCH_FORMAT, BatchBuilder};
use segue_hub::MESSAGE_BYTES_MAX;

use crate::client::*;

fn batch(key: Option<&str>, messages: &[Vec<u8>]) -> Vec<u8> {
    let mut batch = BatchBuilder::new(key, MESSAGE_BYTES_MAX);
    for message in messages {
        assert!(batch.try_add(message));
    }
    batch.finish()
}

#[tokio::test]
async fn what_is_accepted_is_durable() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh/Partitions/0")).await.unwrap();
    for id in 0..5 {
        client.transfer(0, id, &event(b"x")).await;
        assert_eq!(client.outcome(id).await, DeliveryState::Accepted);
        assert_eq!(broker.end(0), u64::from(id) + 1);
    }
}

#[tokio::test]
async fn pipelined_sends_keep_their_order_and_get_more_credit_at_half() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "amqps://localhost:5672/eh/Partitions/1")).await.unwrap();
    for id in 0..600_u32 {
        client.transfer(0, id, &event(&id.to_be_bytes())).await;
    }
    let (mut settled, mut credit) = (0, None);
    while settled < 600 || credit.is_none() {
        match client.next().await {
            Performative::Disposition(disposition) => {
                assert_eq!(disposition.first, settled, "in order");
                assert_eq!(disposition.state, Some(DeliveryState::Accepted));
                settled = disposition.last.unwrap() + 1;
            }
            Performative::Flow(flow) => credit = credit.or(flow.delivery_count),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((settled, credit), (600, Some(500)));
    let log = broker.hub.event_hub("EH").unwrap().log().partition(1).unwrap().reader(0);
    let mut log = log;
    let mut stored = Vec::new();
    while stored.len() < 600 {
        stored.extend(log.read(1 << 20).unwrap());
    }
    for (id, record) in (0_u32..).zip(stored) {
        assert_eq!(record.payload, event(&id.to_be_bytes()), "byte for byte");
    }
}

#[tokio::test]
async fn a_batch_goes_to_one_partition_as_a_whole() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "/eh")).await.unwrap();
    let events = [event(b"a"), event(b"b"), event(b"c")];
    client.transfer_as(BATCH_FORMAT, 0, 0, &batch(Some("pk1"), &events)).await; // 13741 % 2 = 1
    assert_eq!(client.outcome(0).await, DeliveryState::Accepted);
    assert_eq!((broker.end(0), broker.end(1)), (0, 3));

    let broken = [event(b"d"), b"no message".to_vec()];
    client.transfer_as(BATCH_FORMAT, 0, 1, &batch(Some("pk1"), &broken)).await;
    assert_eq!(client.rejection(1).await.condition, "amqp:decode-error");
    client.transfer_as(BATCH_FORMAT, 0, 2, &batch(None, &[])).await;
    let refusal = client.rejection(2).await;
    assert!(refusal.to_string().contains("no events"), "{refusal}");
    assert_eq!((broker.end(0), broker.end(1)), (0, 3), "nothing of what was refused");
}

#[tokio::test]
async fn events_without_key_are_spread() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh")).await.unwrap();
    for id in 0..4 {
        client.transfer(0, id, &event(b"x")).await;
        client.outcome(id).await;
    }
    assert_eq!((broker.end(0), broker.end(1)), (2, 2));
}

#[tokio::test]
async fn a_message_over_the_limit_closes_the_link_only() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    for handle in [0, 1] {
        client.attach(&sender(handle, "eh/Partitions/0")).await.unwrap();
    }
    client.transfer(0, 0, &event(&vec![0; MESSAGE_BYTES_MAX])).await;
    let error = client.detached().await;
    assert_eq!(error.condition, "amqp:link:message-size-exceeded");
    let largest = MESSAGE_BYTES_MAX - event(b"").len() - 3; // a longer length field
    client.transfer(1, 1, &event(&vec![0; largest])).await;
    assert_eq!(client.outcome(1).await, DeliveryState::Accepted);
}

#[tokio::test]
async fn an_aborted_delivery_leaves_nothing() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh/Partitions/0")).await.unwrap();
    let begun = Transfer { delivery_id: Some(0), more: true, ..Transfer::default() };
    client.send(|out| begun.encode(CHANNEL, b"half a message", out)).await;
    let aborted = Transfer { aborted: true, ..Transfer::default() };
    client.send(|out| aborted.encode(CHANNEL, b"", out)).await;
    client.transfer(0, 1, &event(b"whole")).await;
    assert_eq!(client.outcome(1).await, DeliveryState::Accepted);
    assert_eq!(broker.end(0), 1);
}

#[tokio::test]
async fn settled_sends_are_taken_without_an_answer() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh/Partitions/0")).await.unwrap();
    let settled = Transfer { delivery_id: Some(0), settled: Some(true), ..Transfer::default() };
    client.send(|out| settled.encode(CHANNEL, &event(b"a"), out)).await;
    client.transfer(0, 1, &event(b"b")).await;
    let Performative::Disposition(disposition) = client.next().await else { panic!() };
    assert_eq!((disposition.first, disposition.last), (1, Some(1)));
    assert_eq!(broker.end(0), 2);
}

#[tokio::test]
async fn frames_for_a_link_or_session_that_is_gone_are_ignored() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&sender(0, "eh/Partitions/0")).await.unwrap();
    client.detach(0).await;
    client.transfer(0, 0, &event(b"late")).await;
    client.send(|out| Begin { incoming_window: 1, ..Begin::default() }.encode(1, out)).await;
    assert!(matches!(client.next().await, Performative::Begin(_)));
    client.send(|out| End { error: None }.encode(1, out)).await;
    assert!(matches!(client.next().await, Performative::End(_)));
    client.send(|out| flow().encode(1, out)).await;
    client.attach(&sender(0, "eh/Partitions/0")).await.unwrap();
    assert_eq!(broker.end(0), 0);
}

#[tokio::test]
async fn what_cannot_be_sent_to() {
    let broker = Broker::start().await;
    let mut client = Client::authorized(&broker).await;
    for (node, condition) in [
        ("nowhere", "amqp:not-found"),
        ("eh/Partitions/2", "com.microsoft:argument-out-of-range"),
        ("eh/Partitions/00", "com.microsoft:argument-out-of-range"),
        ("eh/ConsumerGroups/$Default/Partitions/0", "amqp:not-allowed"),
        ("eh/Publishers/p", "amqp:not-implemented"),
        ("eh/what/ever", "amqp:not-found"),
    ] {
        let error = client.attach(&sender(0, node)).await.unwrap_err();
        assert_eq!(error.condition, condition, "{node}: {error}");
    }
}
