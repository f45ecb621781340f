"""Activations in a data stream of Kinesis, read back by AWS's own client."""

import json
import uuid

import pytest

from kinesis_server import KEY_ID, REGION, SECRET, Kinesis
from numbered import AUDIENCE, destination, eventually, first_arrivals, join, number, state
from system import System

PROFILES = [f"profile-{index}" for index in range(20)]


@pytest.fixture(scope="session")
def kinesis():
    kinesis = Kinesis()
    yield kinesis
    kinesis.stop()


@pytest.fixture
def stream(kinesis):
    name = f"activations-{uuid.uuid4()}"
    kinesis.create(name, 3)
    return name


@pytest.fixture
def environment(monkeypatch):
    variables = {"KEY": SECRET, "TOKEN": "token", "WRONG": "wrong"}
    # Without credentials in a definition, these count.
    own = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
    for name, value in {**variables, **own}.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.fixture
def system(tmp_path, environment):
    system = System(tmp_path)
    system.start()
    yield system
    assert system.stop() == 0, "the system must end cleanly on SIGTERM"


@pytest.fixture
def with_web_identity(kinesis, tmp_path, environment):
    """A service account of EKS: there is a token, and a role that it may have."""
    token = tmp_path / "token"
    token.write_text("signed by somebody else\n")
    environment.delenv("AWS_ACCESS_KEY_ID")
    environment.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(token))
    environment.setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/segue")
    environment.setenv("AWS_ENDPOINT_URL_STS", kinesis.url)


def to_stream(kinesis, stream, secret="${KEY}", **more):
    keys = {"access_key_id": KEY_ID, "secret_access_key": secret, **more}
    one = without_key(kinesis, stream)
    one["connection"]["credentials"] = keys
    return one


def without_key(kinesis, stream):
    connection = {"region": REGION, "stream": stream, "endpoint": kinesis.url}
    return destination("kinesis", "kinesis", connection)


def bodies(records):
    return [json.loads(record["Data"])["body"] for record in records]


def test_records_have_the_profile_as_key_and_the_properties_in_them(kinesis, system, stream):
    system.apply(AUDIENCE, to_stream(kinesis, stream))
    join(system, PROFILES)
    number(system, PROFILES, range(10))
    records = eventually(lambda: kinesis.read(stream), lambda found: len(found) >= 200)
    assert len(records) == 200, "each once"
    assert first_arrivals(bodies(records)) == {name: list(range(10)) for name in PROFILES}
    for record in records:
        properties = json.loads(record["Data"])["properties"]
        assert properties["segue-profile-id"] == record["PartitionKey"]
        assert properties["segue-reason"] == "attribute"
    eventually(lambda: state(system, "kinesis"), lambda now: now["delivered"] == 200)


def test_what_waits_while_kinesis_is_away_arrives_complete_and_in_order(kinesis, system, stream):
    system.apply(AUDIENCE, to_stream(kinesis, stream, session_token="${TOKEN}"))
    join(system, PROFILES)
    number(system, PROFILES, range(10))
    kinesis.close()
    number(system, PROFILES, range(10, 30))
    eventually(lambda: state(system, "kinesis")["trouble"], bool)
    kinesis.open()
    number(system, PROFILES, range(30, 40))
    eventually(lambda: state(system, "kinesis"), lambda now: now["backlog"] == 0)
    records = kinesis.read(stream)
    assert first_arrivals(bodies(records)) == {name: list(range(40)) for name in PROFILES}
    assert state(system, "kinesis")["deadLetters"] == 0


def test_keys_and_streams_that_are_not_there_are_told(kinesis, system, stream):
    for one, returned, expected in [
        (without_key(kinesis, stream), 0, "accepted"),
        (to_stream(kinesis, stream, "${WRONG}"), 1, "check `credentials` and the secrets"),
        (to_stream(kinesis, "nowhere"), 1, "create the stream, or correct `stream` and `region`"),
    ]:
        system.apply(AUDIENCE, one)
        done = system.cli("destination", "test", "kinesis")
        said = done.stdout + done.stderr
        assert done.returncode == returned and expected in said, said

    join(system, PROFILES)
    number(system, PROFILES, [1])
    trouble = eventually(lambda: state(system, "kinesis")["trouble"], bool)
    assert trouble.startswith("ResourceNotFoundException: Stream nowhere"), trouble
    system.apply(to_stream(kinesis, stream))
    eventually(lambda: state(system, "kinesis"), lambda now: now["backlog"] == 0)
    sample, *arrived = kinesis.read(stream)
    arrived = [one for one in [sample, *arrived] if "loyalty" in bodies([one])[0]]
    assert first_arrivals(bodies(arrived)) == {name: [1] for name in PROFILES}


def test_a_web_identity_gets_a_key_that_counts(kinesis, with_web_identity, system, stream):
    system.apply(AUDIENCE, without_key(kinesis, stream))
    done = system.cli("destination", "test", "kinesis")
    assert done.returncode == 0 and "accepted" in done.stdout, done.stdout + done.stderr
    assert len(kinesis.read(stream)) == 1
