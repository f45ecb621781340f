"""Activations in a topic of Apache Kafka, read back by a client that is not ours."""

import json
import subprocess
import time
import uuid

import pytest
from kafka.partitioner.default import murmur2

from kafka_broker import MECHANISMS, PASSWORD, USER, Kafka
from numbered import AUDIENCE, destination, eventually, first_arrivals, join, number, state
from proxy import CLUSTER_AUTHORIZATION_FAILED, Proxy
from system import System

PROFILES = [f"profile-{index}" for index in range(20)]
PARTITIONS = 3


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    kafka = Kafka(tmp_path_factory.mktemp("kafka"))
    kafka.start()
    yield kafka
    kafka.kill()


@pytest.fixture
def system(tmp_path, monkeypatch):
    monkeypatch.setenv("KAFKA_PASSWORD", PASSWORD)
    monkeypatch.setenv("WRONG_PASSWORD", "wrong")
    system = System(tmp_path)
    system.start()
    yield system
    assert system.stop() == 0, "the system must end cleanly on SIGTERM"


@pytest.fixture
def topic(kafka):
    name = f"activations-{uuid.uuid4()}"
    kafka.create(name, PARTITIONS)
    return name


@pytest.fixture
def proxy(kafka):
    proxy = Proxy(kafka.proxy, kafka.behind_proxy)
    yield proxy
    proxy.close()


def through(proxy, topic):
    connection = {"brokers": [f"localhost:{proxy.port}"], "topic": topic}
    return destination("kafka", "kafka", connection)


def to_topic(kafka, topic, protocol="PLAINTEXT", **security):
    connection = {"brokers": [kafka.address(protocol)], "topic": topic}
    if protocol.endswith("SSL"):
        security["ca_file"] = str(kafka.certificate)
    return destination("kafka", "kafka", {**connection, "security": {"protocol": protocol.lower(), **security}})


def bodies(records):
    return [json.loads(record.value) for record in records]


def numbers(records):
    """The numbers of each profile as they lie in the topic, with those that are there twice."""
    found = {name: [] for name in PROFILES}
    for body in bodies(records):
        [ecid] = body["identityMap"]["ecid"]
        found[ecid["id"]].append(body["loyalty"]["points"])
    return found


def is_complete(upto):
    """Whether each profile has so many numbers."""

    def check(records):
        arrived = first_arrivals(bodies(records))
        return len(arrived) == len(PROFILES) and all(len(one) >= upto for one in arrived.values())

    return check


def test_records_have_key_and_headers_and_lie_where_a_java_client_would_put_them(
    kafka, system, topic
):
    system.apply(AUDIENCE, to_topic(kafka, topic))
    join(system, PROFILES)
    number(system, PROFILES, range(10))
    records = kafka.read(topic, is_complete(10))
    assert len(records) == 200, "each once"
    assert first_arrivals(bodies(records)) == {name: list(range(10)) for name in PROFILES}
    ids = set()
    for record in records:
        headers = dict(record.headers)
        names = ["activation-id", "profile-id", "reason", "changes", "cause", "definition-version"]
        assert set(headers) == {*(f"segue-{name}" for name in names), "traceparent"}
        assert headers["segue-profile-id"] == record.key
        assert headers["segue-reason"] == b"attribute"
        assert record.partition == (murmur2(record.key) & 0x7FFFFFFF) % PARTITIONS
        ids.add(headers["segue-activation-id"])
    assert len(ids) == 200
    assert {record.partition for record in records} == set(range(PARTITIONS))


def test_what_waits_while_the_broker_is_dead_arrives_once_and_in_order(kafka, system, topic):
    system.apply(AUDIENCE, to_topic(kafka, topic))
    join(system, PROFILES)
    number(system, PROFILES, range(20))
    eventually(lambda: state(system, "kafka"), lambda now: now["delivered"] > 20)
    kafka.kill()
    number(system, PROFILES, range(20, 40))
    trouble = eventually(lambda: state(system, "kafka")["trouble"], bool)
    assert kafka.address() in trouble, trouble
    kafka.start()
    number(system, PROFILES, range(40, 50))
    records = kafka.read(topic, is_complete(50))
    assert numbers(records) == {name: list(range(50)) for name in PROFILES}
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    assert state(system, "kafka")["trouble"] is None
    assert state(system, "kafka")["deadLetters"] == 0


def test_when_one_of_two_brokers_dies_the_other_gets_everything_once_and_in_order(
    kafka, system, tmp_path_factory
):
    other = Kafka(tmp_path_factory.mktemp("other"), beside=kafka)
    other.start()
    topic = f"replicated-{uuid.uuid4()}"
    kafka.create(topic, 4, replicas=2)
    assert kafka.leaders(topic) == {kafka.node, other.node}
    system.apply(AUDIENCE, to_topic(kafka, topic))
    join(system, PROFILES)
    number(system, PROFILES, range(20))
    eventually(lambda: state(system, "kafka"), lambda now: now["delivered"] > 20)
    other.kill()
    number(system, PROFILES, range(20, 40))
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    records = kafka.read(topic, is_complete(40))
    assert numbers(records) == {name: list(range(40)) for name in PROFILES}
    assert kafka.leaders(topic) == {kafka.node}
    assert state(system, "kafka")["deadLetters"] == 0


@pytest.mark.parametrize("protocol", ["SASL_PLAINTEXT", "SASL_SSL"])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_password_lets_in_and_a_wrong_one_is_told(kafka, system, topic, protocol, mechanism):
    who = {"mechanism": mechanism.lower(), "username": USER}
    wrong = to_topic(kafka, topic, protocol, **who, password="${WRONG_PASSWORD}")
    system.apply(AUDIENCE, wrong)
    join(system, PROFILES)
    number(system, PROFILES, [1])
    trouble = eventually(lambda: state(system, "kafka")["trouble"], bool)
    assert f"{kafka.address(protocol)} does not let {USER} in: Authentication failed" in trouble
    assert trouble.endswith("check `security` and the secrets that it names"), trouble
    tested = system.cli("destination", "test", "kafka")
    assert tested.returncode == 1 and "does not let segue in" in tested.stdout + tested.stderr

    system.apply(to_topic(kafka, topic, protocol, **who, password="${KAFKA_PASSWORD}"))
    assert first_arrivals(bodies(kafka.read(topic, is_complete(1)))) == {
        name: [1] for name in PROFILES
    }
    tested = system.cli("destination", "test", "kafka")
    assert tested.returncode == 0 and "accepted" in tested.stdout, tested.stdout + tested.stderr


def test_tls_reaches_the_port_with_tls_and_other_ports_are_told_apart(kafka, system, topic):
    tested = []
    right = to_topic(kafka, topic, "SSL")
    plain = to_topic(kafka, topic, "SASL_PLAINTEXT")
    plain["connection"]["security"] = {"protocol": "plaintext"}
    no_tls = to_topic(kafka, topic, "SSL")
    no_tls["connection"]["security"] = {"protocol": "plaintext"}
    distrusted = to_topic(kafka, topic, "SSL")
    del distrusted["connection"]["security"]["ca_file"]
    nowhere = to_topic(kafka, "nowhere")
    for one in [right, plain, no_tls, distrusted, nowhere]:
        system.apply(AUDIENCE, one)
        done = system.cli("destination", "test", "kafka")
        tested.append(done.stdout + done.stderr)
    for said, expected in zip(
        tested,
        ["accepted", "`security` is not that of the port", "`security`", "UnknownIssuer", "create it"],
        strict=True,
    ):
        assert expected in said, said


def test_a_record_that_is_too_large_becomes_a_dead_letter_and_the_others_arrive(kafka, system):
    topic = f"small-{uuid.uuid4()}"
    kafka.create(topic, 1, **{"max.message.bytes": "20000"})
    system.apply(AUDIENCE, to_topic(kafka, topic))
    join(system, PROFILES)
    large = {"person": {"name": {"firstName": "x" * 30000}}}
    number(system, PROFILES, range(5))
    number(system, PROFILES[:1], [5], **large)
    number(system, PROFILES, [6], person={"name": {"firstName": "x"}})
    records = kafka.read(topic, is_complete(6))
    expected = {name: [0, 1, 2, 3, 4, 6] for name in PROFILES}
    assert first_arrivals(bodies(records)) == expected
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    listed = system.cli("dead-letters", "list", "--destination", "kafka")
    assert "MessageTooLarge" in listed.stdout, listed.stdout
    assert state(system, "kafka")["deadLetters"] == 1


def test_a_broker_that_asks_to_be_left_alone_gets_nothing_twice(kafka, system, topic):
    """A quota of bytes: the broker takes what it gets, and says how long it wants no more."""
    command = [*kafka.java, "kafka.admin.ConfigCommand", "--bootstrap-server", kafka.address()]
    command += ["--alter", "--entity-type", "clients", "--entity-name", "segue"]
    quota = ["--add-config", "producer_byte_rate=10000"]
    subprocess.run([*command, *quota], check=True, capture_output=True)
    try:
        system.apply(AUDIENCE, to_topic(kafka, topic))
        join(system, PROFILES)
        began = time.monotonic()
        number(system, PROFILES, range(12))
        records = kafka.read(topic, is_complete(12))
        assert len(records) == 240
        assert first_arrivals(bodies(records)) == {name: list(range(12)) for name in PROFILES}
        assert time.monotonic() - began > 5, "the quota was not felt"
        assert state(system, "kafka")["retried"] == 0
    finally:
        quota = ["--delete-config", "producer_byte_rate"]
        subprocess.run([*command, *quota], check=True, capture_output=True)


def delivered_in_part(proxy, system, topic):
    """Sends numbers while every other answer is lost, so many times."""
    system.apply(AUDIENCE, through(proxy, topic))
    join(system, PROFILES)
    number(system, PROFILES, [0])
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    proxy.lose_answers(6)
    number(system, PROFILES, range(1, 30))
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    assert proxy.losses == 0
    assert state(system, "kafka")["retried"] > 0


def test_a_record_whose_answer_is_lost_is_sent_again_and_is_there_once(
    kafka, system, topic, proxy
):
    delivered_in_part(proxy, system, topic)
    records = kafka.read(topic, is_complete(30))
    assert numbers(records) == {name: list(range(30)) for name in PROFILES}


@pytest.mark.parametrize("refusal", ["not offered", "not allowed"])
def test_where_there_are_no_idempotent_producers_it_goes_on_and_says_so_once(
    kafka, system, topic, proxy, capfd, refusal
):
    """As answers are lost here as above, this shows, too, that such producers make the difference."""
    # What it says is captured if it begins here, and not with the fixture.
    assert system.stop() == 0
    system.start()
    proxy.offers_producer_ids = refusal != "not offered"
    if refusal == "not allowed":
        proxy.producer_ids_error = CLUSTER_AUTHORIZATION_FAILED
    delivered_in_part(proxy, system, topic)
    records = kafka.read(topic, is_complete(30))
    assert first_arrivals(bodies(records)) == {name: list(range(30)) for name in PROFILES}
    assert len(records) > 30 * len(PROFILES), "what was sent again is there twice"
    said = capfd.readouterr()
    assert (said.out + said.err).count("no idempotent producer") == 1, said


def test_a_broker_that_dies_before_it_answers_has_each_record_once_when_it_is_back(
    kafka, system, topic, proxy
):
    system.apply(AUDIENCE, through(proxy, topic))
    join(system, PROFILES)
    number(system, PROFILES, [0])
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    proxy.lose_answers(1, then_cut=True)
    number(system, PROFILES, range(1, 10))
    assert proxy.is_cut.wait(timeout=30)
    kafka.kill()
    number(system, PROFILES, range(10, 20))
    kafka.start()
    assert len(kafka.read(topic, lambda records: len(records) > 20)) < 20 * len(PROFILES)
    proxy.is_cut.clear()
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    records = kafka.read(topic, is_complete(20))
    assert numbers(records) == {name: list(range(20)) for name in PROFILES}


def test_what_a_topic_takes_at_once_is_learnt_from_a_few_refusals(kafka, system, proxy):
    topic = f"little-{uuid.uuid4()}"
    kafka.create(topic, 1, **{"max.message.bytes": "20000"})
    system.apply(AUDIENCE, through(proxy, topic))
    join(system, PROFILES)
    name = {"person": {"name": {"firstName": "x" * 3000}}}
    number(system, PROFILES, range(10), **name)
    eventually(lambda: state(system, "kafka"), lambda now: now["backlog"] == 0)
    first = len(proxy.refusals)
    number(system, PROFILES, range(10, 30), **name)
    records = kafka.read(topic, is_complete(30))
    assert numbers(records) == {name: list(range(30)) for name in PROFILES}
    assert 0 < first == len(proxy.refusals) < 10, (first, proxy.refusals)
