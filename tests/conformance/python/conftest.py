import contextlib
import queue
import threading
import uuid

import pytest
from azure.eventhub import EventHubConsumerClient, EventHubProducerClient

from broker import Broker

RECEIVE_TIMEOUT_S = 30


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    assert broker.stop() == 0, "the broker must end cleanly on SIGTERM"


@pytest.fixture
def hub(broker):
    return Hub(broker, f"eh-{uuid.uuid4()}")


class Hub:
    """One event hub, as the SDK sees it. The broker creates it at first use."""

    def __init__(self, broker, name):
        self.broker, self.name = broker, name

    def producer(self, **rule):
        return EventHubProducerClient.from_connection_string(
            self.broker.connection_string(**rule), eventhub_name=self.name, retry_total=0
        )

    def consumer(self, group="$Default", **rule):
        return EventHubConsumerClient.from_connection_string(
            self.broker.connection_string(**rule), group, eventhub_name=self.name, retry_total=0
        )

    def send(self, *events, **options):
        """Sends events as one batch."""
        with self.producer() as producer:
            batch = producer.create_batch(**options)
            for event in events:
                batch.add(event)
            producer.send_batch(batch)

    @contextlib.contextmanager
    def receiving(self, partition="0", group="$Default", **options):
        """The events of a partition, as they come in; errors come in between."""
        arrived = queue.Queue()
        client = self.consumer(group)
        thread = threading.Thread(
            target=client.receive,
            kwargs={
                "on_event": lambda _, event: arrived.put(event),
                "on_error": lambda _, error: arrived.put(error),
                "partition_id": partition,
                **options,
            },
        )
        thread.start()
        try:
            yield Arrivals(arrived)
        finally:
            client.close()
            thread.join()

    def receive(self, count, partition="0", **options):
        with self.receiving(partition, **options) as arrivals:
            return [arrivals.next() for _ in range(count)]


class Arrivals:
    def __init__(self, arrived):
        self.arrived = arrived

    def next(self):
        arrival = self.next_or_error()
        if isinstance(arrival, Exception):
            raise arrival
        return arrival

    def next_or_error(self):
        return self.arrived.get(timeout=RECEIVE_TIMEOUT_S)

    def none_yet(self):
        return self.arrived.empty()
