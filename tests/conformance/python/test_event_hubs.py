"""The official Event Hubs client for Python, unmodified, against the hub."""

import datetime

import pytest
from azure.eventhub import EventData, EventHubProducerClient
from azure.eventhub.amqp import AmqpAnnotatedMessage, AmqpMessageBodyType
from azure.eventhub.exceptions import (
    AuthenticationError,
    ConnectError,
    EventHubError,
)

from broker import Broker
from conftest import Hub


def bodies(events):
    return [event.body_as_str() for event in events]


def test_single_event(hub):
    with hub.producer() as producer:
        producer.send_event(EventData("single"), partition_id="0")
    [event] = hub.receive(1, starting_position="-1")
    assert event.body_as_str() == "single"
    assert (event.sequence_number, event.offset) == (0, "0")
    age = datetime.datetime.now(datetime.timezone.utc) - event.enqueued_time
    assert abs(age.total_seconds()) < 60


def test_batch_to_a_partition_keeps_order_and_properties(hub):
    second = EventData(b"two")
    second.properties = {"text": "v", "number": 1}
    second.content_type, second.correlation_id, second.message_id = "a/b", "c", "m"
    hub.send(EventData("one"), second, EventData("three"), partition_id="1")
    events = hub.receive(3, partition="1", starting_position="-1")
    assert bodies(events) == ["one", "two", "three"]
    assert [event.sequence_number for event in events] == [0, 1, 2]
    received = events[1]
    assert received.properties == {b"text": b"v", b"number": 1}
    assert (received.content_type, received.correlation_id, received.message_id) == ("a/b", "c", "m")


def test_partition_key_decides_the_partition(hub):
    hub.send(EventData("a"), EventData("b"), partition_key="pk1")  # 13741 % 2 = 1
    events = hub.receive(2, partition="1", starting_position="-1")
    assert [event.partition_key for event in events] == [b"pk1", b"pk1"]


def test_events_without_key_are_spread(hub):
    for number in range(4):
        hub.send(EventData(str(number)))
    with hub.producer() as producer:
        last = [producer.get_partition_properties(p)["last_enqueued_sequence_number"] for p in "01"]
    assert last == [1, 1]


def test_large_events_span_frames(hub):
    body = bytes(range(256)) * 3900  # just under 1 MB
    with hub.producer() as producer:
        producer.send_event(EventData(body), partition_id="0")
    [event] = hub.receive(1, starting_position="-1")
    assert b"".join(event.body) == body


@pytest.mark.parametrize("inclusive", [True, False])
def test_start_at_a_sequence_number_or_an_offset(hub, inclusive):
    hub.send(*(EventData(str(number)) for number in range(5)), partition_id="0")
    first = 2 if inclusive else 3
    for position in [2, "2"]:
        events = hub.receive(
            5 - first, starting_position=position, starting_position_inclusive=inclusive
        )
        assert bodies(events) == [str(number) for number in range(first, 5)]


def test_start_at_an_enqueued_time(hub):
    hub.send(EventData("before"), partition_id="0")
    [before] = hub.receive(1, starting_position="-1")
    while datetime.datetime.now(datetime.timezone.utc) <= before.enqueued_time:
        pass  # less than a millisecond
    hub.send(EventData("after"), partition_id="0")
    [event] = hub.receive(1, starting_position=before.enqueued_time)
    assert event.body_as_str() == "after"
    [event] = hub.receive(
        1, starting_position=before.enqueued_time, starting_position_inclusive=True
    )
    assert event.body_as_str() == "before"


def test_start_at_the_latest(hub):
    hub.send(EventData("before"), partition_id="0")
    with hub.receiving(starting_position="@latest") as arrivals:
        while arrivals.none_yet():  # nobody says when the receiver is attached
            hub.send(EventData("after"), partition_id="0")
        assert arrivals.next().body_as_str() == "after"


def test_a_waiting_receiver_is_woken(hub):
    with hub.receiving(starting_position="-1") as arrivals:
        for number in range(3):
            hub.send(EventData(str(number)), partition_id="0")
            assert arrivals.next().body_as_str() == str(number)


def test_last_enqueued_event_properties(hub):
    hub.send(*(EventData(str(number)) for number in range(3)), partition_id="0")
    with hub.receiving(
        starting_position="-1", track_last_enqueued_event_properties=True
    ) as arrivals:
        message = arrivals.next().raw_amqp_message
        metrics = message.delivery_annotations
        assert metrics[b"last_enqueued_sequence_number"] == 2
        assert metrics[b"last_enqueued_offset"] == b"2"
        assert metrics[b"runtime_info_retrieval_time_utc"] > 0


def test_hub_and_partition_properties(hub):
    with hub.producer() as producer:
        properties = producer.get_eventhub_properties()
        assert properties["eventhub_name"] == hub.name
        assert properties["partition_ids"] == ["0", "1"]
        assert properties["created_at"].year > 2000
        empty = producer.get_partition_properties("0")
        assert (empty["is_empty"], empty["last_enqueued_sequence_number"]) == (True, -1)
        hub.send(EventData("a"), EventData("b"), partition_id="0")
        filled = producer.get_partition_properties("0")
    assert filled["eventhub_name"] == hub.name
    assert (filled["id"], filled["is_empty"]) == ("0", False)
    assert filled["beginning_sequence_number"] == 0
    assert (filled["last_enqueued_sequence_number"], filled["last_enqueued_offset"]) == (1, "1")


def test_an_annotated_message_survives(hub):
    message = AmqpAnnotatedMessage(
        value_body={b"key": [1, 2.5, True, None]},
        header={"priority": 3, "time_to_live": 60000},
        properties={"subject": "s", "group_id": "g"},
        application_properties={"k": b"v"},
        annotations={"x-opt-mine": 7},
        delivery_annotations={"hop": "one"},
        footer={"checksum": 9},
    )
    with hub.producer() as producer:
        producer.send_event(message, partition_id="0")
    [event] = hub.receive(1, starting_position="-1")
    received = event.raw_amqp_message
    assert received.body_type == AmqpMessageBodyType.VALUE
    assert received.body == {b"key": [1, 2.5, True, None]}
    assert (received.header.priority, received.header.time_to_live) == (3, 60000)
    assert (received.properties.subject, received.properties.group_id) == (b"s", b"g")
    assert received.application_properties == {b"k": b"v"}
    assert received.annotations[b"x-opt-mine"] == 7
    assert received.footer == {b"checksum": 9}


def test_a_higher_epoch_takes_over(hub):
    hub.send(EventData("a"), partition_id="0")
    with hub.receiving(starting_position="-1", owner_level=1) as first:
        assert first.next().body_as_str() == "a"
        with hub.receiving(starting_position="-1", owner_level=2) as second:
            assert second.next().body_as_str() == "a"
            displaced = first.next_or_error()
    assert isinstance(displaced, EventHubError)
    assert "New receiver" in str(displaced) and "with higher epoch of '2'" in str(displaced)


def test_a_lower_epoch_is_refused(hub):
    hub.send(EventData("a"), partition_id="0")
    with hub.receiving(starting_position="-1", owner_level=2) as owner:
        owner.next()
        with hub.receiving(starting_position="-1", owner_level=1) as lower:
            assert "with a higher epoch '2' already exists" in str(lower.next_or_error())
        with hub.receiving(starting_position="-1") as without:
            assert "non-epoch receiver is not allowed" in str(without.next_or_error())


@pytest.mark.parametrize("rule", [{"key": "wrong"}, {"name": "nobody"}])
def test_a_wrong_key_is_an_authentication_error(hub, rule):
    with hub.producer(**rule) as producer:
        with pytest.raises(AuthenticationError):
            producer.send_event(EventData("x"))
        with pytest.raises(AuthenticationError):
            producer.get_eventhub_properties()


def test_a_right_that_the_key_lacks(hub):
    hub.send(EventData("a"), partition_id="0")
    reader = {"name": "reader", "key": "reader-key"}
    with hub.producer(**reader) as producer:
        with pytest.raises(EventHubError, match="'Send' claim"):
            producer.send_event(EventData("x"))
    with hub.consumer(**reader) as consumer:
        assert consumer.get_partition_ids() == ["0", "1"]


def test_an_unknown_hub_is_not_found(broker):
    with Hub(broker, "nowhere").producer() as producer:
        with pytest.raises(ConnectError, match="could not be found"):
            producer.send_event(EventData("x"))
        with pytest.raises(ConnectError, match="could not be found"):
            producer.get_eventhub_properties()


def test_an_unknown_consumer_group_is_not_found(hub):
    hub.send(EventData("a"), partition_id="0")
    with hub.receiving(group="nobody", starting_position="-1") as arrivals:
        assert "could not be found" in str(arrivals.next_or_error())


def test_an_unknown_partition_is_refused(hub):
    with hub.producer() as producer:
        with pytest.raises(EventHubError, match="should be between 0 and 1"):
            producer.get_partition_properties("2")


def test_what_was_acknowledged_survives_a_kill(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    hub = Hub(broker, "eh-durable")
    hub.send(EventData("one"), EventData("two"), partition_id="0")
    broker.kill()
    broker.start()
    hub.send(EventData("three"), partition_id="0")
    events = hub.receive(3, starting_position="-1")
    assert bodies(events) == ["one", "two", "three"]
    assert [event.sequence_number for event in events] == [0, 1, 2]
    assert broker.stop() == 0


def test_a_producer_survives_a_restart(tmp_path):
    broker = Broker(tmp_path)
    broker.start()
    producer = EventHubProducerClient.from_connection_string(
        broker.connection_string(), eventhub_name="eh-again"
    )
    with producer:
        producer.send_event(EventData("before"), partition_id="0")
        assert broker.stop() == 0
        broker.start()
        producer.send_event(EventData("after"), partition_id="0")
    assert bodies(Hub(broker, "eh-again").receive(2, starting_position="-1")) == ["before", "after"]
    assert broker.stop() == 0
