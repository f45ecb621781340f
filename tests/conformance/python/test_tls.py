"""The official client for Python over TLS and in WebSockets, with a certificate of our own."""

import pytest
from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient, TransportType

from broker import KEY, RULE, Broker

NAMESPACE = f"Endpoint=sb://localhost;SharedAccessKeyName={RULE};SharedAccessKey={KEY}"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = Broker(tmp_path_factory.mktemp("tls"))
    broker.add_tls()
    broker.start()
    yield broker
    assert broker.stop() == 0


@pytest.mark.parametrize(
    "transport, scheme",
    [(TransportType.Amqp, "sb"), (TransportType.AmqpOverWebsocket, "https")],
)
def test_events_travel(broker, transport, scheme):
    options = {
        "eventhub_name": f"eh-{scheme}",
        "transport_type": transport,
        "custom_endpoint_address": f"{scheme}://localhost:{broker.tls_port}",
        "connection_verify": str(broker.certificate),
        "retry_total": 0,
    }
    producer = EventHubProducerClient.from_connection_string(NAMESPACE, **options)
    with producer:
        producer.send_event(EventData("secret"), partition_id="0")
    consumer = EventHubConsumerClient.from_connection_string(NAMESPACE, "$Default", **options)
    received = []

    def keep(_, event):
        received.append(event.body_as_str())
        consumer.close()

    with consumer:
        consumer.receive(keep, partition_id="0", starting_position="-1")
    assert received == ["secret"]
