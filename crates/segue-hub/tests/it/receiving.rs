//! Links on which the client receives events.

use segue_amqp::codec::{Map, Value};
use segue_amqp::frame::*;
use segue_amqp::message::Message;

use crate::client::*;

async fn bodies(client: &mut Client, count: usize) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    for _ in 0..count {
        bodies.push(body(&client.delivery().await.1).to_vec());
    }
    bodies
}

#[tokio::test]
async fn events_come_stamped_and_settled() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"a", b"b"]).await;
    let mut client = Client::authorized(&broker).await;
    let reply = client.attach(&receiver(0, "EH/consumergroups/CG/partitions/0")).await.unwrap();
    assert_eq!(reply.initial_delivery_count, Some(0));
    client.credit(0, 10).await;
    for (number, expected) in [(0, b"a"), (1, b"b")] {
        let (transfer, message) = client.delivery().await;
        assert_eq!((transfer.settled, transfer.message_format), (Some(true), Some(0)));
        assert_eq!(body(&message), expected);
        let annotation = |name| message.message_annotations.get(name).unwrap();
        assert_eq!(annotation("x-opt-sequence-number"), &Value::Long(number));
        assert_eq!(annotation("x-opt-offset"), &Value::from(number.to_string()));
        assert!(annotation("x-opt-enqueued-time").as_timestamp_ms().is_some());
    }
}

#[tokio::test]
async fn a_receiver_starts_where_it_says() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"0", b"1", b"2"]).await;
    let mut client = Client::authorized(&broker).await;
    let mut log = broker.hub.event_hub("eh").unwrap().log().partition(0).unwrap().reader(0);
    let time_ms = log.read(1).unwrap()[0].time_ms;
    for (selector, first) in [
        ("amqp.annotation.x-opt-offset > '-1'", "0"),
        ("amqp.annotation.x-opt-offset >= '1'", "1"),
        ("amqp.annotation.x-opt-sequence-number > 1", "2"),
        (&format!("amqp.annotation.x-opt-enqueued-time >= '{time_ms}'"), "0"),
    ] {
        client.attach(&receiver_from(0, 0, selector)).await.unwrap();
        client.credit(0, 1).await;
        assert_eq!(bodies(&mut client, 1).await, [first.as_bytes()], "{selector}");
        client.detach(0).await;
    }
}

#[tokio::test]
async fn the_latest_position_waits_for_what_comes_and_is_woken() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"before"]).await;
    let mut client = Client::authorized(&broker).await;
    let latest = "amqp.annotation.x-opt-offset > '@latest'";
    client.attach(&receiver_from(0, 0, latest)).await.unwrap();
    client.credit(0, 10).await;
    for event in ["one", "two"] {
        broker.publish(0, &[event.as_bytes()]).await;
        assert_eq!(bodies(&mut client, 1).await, [event.as_bytes()]);
    }
}

#[tokio::test]
async fn credit_is_never_exceeded_and_drained_when_asked() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"0", b"1", b"2"]).await;
    let mut client = Client::authorized(&broker).await;
    client.attach(&receiver_from(0, 0, "amqp.annotation.x-opt-offset > '-1'")).await.unwrap();
    client.credit(0, 2).await;
    assert_eq!(bodies(&mut client, 2).await, [b"0", b"1"]);
    let ask = |delivery_count, credit, drain, echo| Flow {
        handle: Some(0),
        delivery_count: Some(delivery_count),
        link_credit: Some(credit),
        drain,
        echo,
        ..flow()
    };
    client.flow(ask(2, 0, false, true)).await;
    let Performative::Flow(state) = client.next().await else { panic!("more than the credit") };
    assert_eq!((state.delivery_count, state.link_credit), (Some(2), Some(0)));

    client.flow(ask(2, 10, true, false)).await;
    assert_eq!(bodies(&mut client, 1).await, [b"2"]);
    let Performative::Flow(state) = client.next().await else { panic!("not drained") };
    assert_eq!((state.delivery_count, state.link_credit), (Some(12), Some(0)));
    assert!(state.drain);
    client.flow(Flow { echo: true, ..flow() }).await;
    let Performative::Flow(state) = client.next().await else { panic!("no echo") };
    assert_eq!((state.handle, state.next_outgoing_id), (None, 5), "a response and three events");
}

#[tokio::test]
async fn a_large_event_stops_at_the_window_and_goes_on() {
    let broker = Broker::start().await;
    let large: Vec<u8> = (0..=255).cycle().take(3000).collect();
    broker.publish(0, &[&large]).await;
    let open = Open { max_frame_size: 1024, ..Open::default() };
    let begin = Begin { incoming_window: 2, ..Begin::default() };
    let mut client = Client::open_with(&broker, &open, &begin).await;
    client.authorize("all", "sb://h/eh", now_s() + 60).await;
    client.attach(&receiver_from(0, 0, "amqp.annotation.x-opt-offset > '-1'")).await.unwrap();
    // The token's response was the first transfer; the event takes four.
    let mut received = Vec::new();
    for seen in [2, 4] {
        client
            .flow(Flow {
                next_incoming_id: Some(seen),
                incoming_window: 2,
                handle: Some(0),
                link_credit: Some(1),
                echo: true,
                ..flow()
            })
            .await;
        // Had the broker sent more than the window, it would come before the echo.
        assert!(matches!(client.next().await, Performative::Flow(_)));
        for _ in 0..2 {
            let (transfer, payload) = client.transfer_frame().await;
            received.extend(payload);
            assert_eq!(transfer.more, received.len() < large.len());
        }
    }
    assert_eq!(body(&Message::decode(&received.into()).unwrap()), large);
}

#[tokio::test]
async fn unsettled_deliveries_are_settled_with_an_answer() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"a"]).await;
    let mut client = Client::authorized(&broker).await;
    let mut attach = receiver_from(0, 0, "amqp.annotation.x-opt-offset > '-1'");
    attach.settle_mode = SettleMode::Unsettled;
    client.attach(&attach).await.unwrap();
    client.credit(0, 1).await;
    let (transfer, _) = client.delivery().await;
    assert_eq!(transfer.settled, Some(false));
    let accepted = Disposition {
        role: Role::Receiver,
        first: transfer.delivery_id.unwrap(),
        last: None,
        settled: false,
        state: Some(DeliveryState::Accepted),
        batchable: false,
    };
    client.send(|out| accepted.encode(CHANNEL, out)).await;
    let Performative::Disposition(answer) = client.next().await else { panic!("no answer") };
    assert!(answer.settled && answer.role == Role::Sender && answer.first == accepted.first);
}

#[tokio::test]
async fn runtime_metrics_for_those_who_ask() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"a", b"b", b"c"]).await;
    let mut client = Client::authorized(&broker).await;
    let mut attach = receiver_from(0, 0, "amqp.annotation.x-opt-offset > '-1'");
    attach.desired_capabilities = vec!["com.microsoft:enable-receiver-runtime-metric".into()];
    client.attach(&attach).await.unwrap();
    client.credit(0, 1).await;
    let (_, payload) = client.transfer_frame().await;
    let sections = segue_amqp::message::Sections::slice(&payload).unwrap();
    let mut annotations = segue_amqp::codec::Decoder::new(sections.delivery_annotations);
    annotations.descriptor().unwrap();
    let annotations = annotations.entries().unwrap();
    assert_eq!(annotations.get("last_enqueued_sequence_number"), Some(&Value::Long(2)));
    assert_eq!(annotations.get("last_enqueued_offset"), Some(&Value::from("2")));
}

#[tokio::test]
async fn a_higher_epoch_on_another_connection_takes_over() {
    let broker = Broker::start().await;
    let with_epoch = |epoch: i64, name: &str| Attach {
        properties: Map::new()
            .with_symbol("com.microsoft:epoch", epoch)
            .with_symbol("com.microsoft:receiver-name", name),
        ..receiver_from(0, 0, "amqp.annotation.x-opt-offset > '-1'")
    };
    let mut first = Client::authorized(&broker).await;
    let mut second = Client::authorized(&broker).await;
    first.attach(&with_epoch(1, "A")).await.unwrap();
    let error = second.attach(&with_epoch(0, "B")).await.unwrap_err();
    assert_eq!(error.condition, "amqp:link:stolen");
    second.attach(&with_epoch(2, "B")).await.unwrap();
    let error = first.detached().await;
    assert_eq!(error.condition, "amqp:link:stolen");
    let text = error.description.unwrap();
    let expected = "New receiver 'B' with higher epoch of '2' is created hence current receiver \
                    'A' with epoch '1' is getting disconnected.";
    assert!(text.starts_with(expected), "{text}");

    drop(second);
    // The place is free once the broker has seen that the owner is gone.
    let plain = receiver_from(0, 0, "amqp.annotation.x-opt-offset > '-1'");
    while let Err(error) = first.attach(&plain).await {
        assert_eq!(error.condition, "amqp:link:stolen");
    }
}

#[tokio::test]
async fn what_cannot_be_received_from() {
    let broker = Broker::start().await;
    broker.publish(0, &[b"a"]).await;
    let mut client = Client::authorized(&broker).await;
    for (node, condition) in [
        ("eh", "amqp:not-allowed"),
        ("eh/Partitions/0", "amqp:not-allowed"),
        ("nowhere/ConsumerGroups/$Default/Partitions/0", "amqp:not-found"),
        ("eh/ConsumerGroups/nobody/Partitions/0", "amqp:not-found"),
        ("eh/ConsumerGroups/cg/Partitions/2", "com.microsoft:argument-out-of-range"),
    ] {
        let error = client.attach(&receiver(0, node)).await.unwrap_err();
        assert_eq!(error.condition, condition, "{node}: {error}");
    }
    for selector in ["amqp.annotation.x-opt-offset < '1'", "amqp.annotation.x-opt-offset > '1'"] {
        let error = client.attach(&receiver_from(0, 0, selector)).await.unwrap_err();
        assert_eq!(error.condition, "com.microsoft:argument-error", "{selector}");
    }
    let nameless = Attach { source: None, ..receiver(0, "") };
    let error = client.attach(&nameless).await.unwrap_err();
    assert_eq!(error.condition, "com.microsoft:argument-error");
}
