"""From an event over HTTP to the activation in the hub, read by the SDK."""

import datetime
import json
import time
import uuid

import pytest

from conftest import Hub
from system import ROOT, System

GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture
def system(tmp_path):
    system = System(tmp_path)
    system.start()
    yield system
    assert system.stop() == 0, "the system must end cleanly on SIGTERM"


def page_view(page, identity_map):
    return {
        "_id": str(uuid.uuid4()),
        "timestamp": datetime.datetime.now(datetime.UTC).isoformat(),
        "identityMap": identity_map,
        "web": {"webPageDetails": {"name": page}},
    }


def page_audience(audience, name, page, window=""):
    what = f'WHAT(web.webPageDetails.name.equals("{page}", false)) {window}'
    definition = f"CHAIN(xEvent, timestamp, [C0: {what}])"
    return {"kind": "Audience", "id": audience, "name": name, "definition": definition}


def destination(*audiences, **options):
    return {
        "kind": "Destination",
        "id": "activations",
        "type": "azure-event-hubs",
        "connection": {"embedded": True, "event_hub": "activations"},
        "audiences": list(audiences),
        **options,
    }


def activations(system):
    """Everything that the hub holds at this moment, each partition in order."""
    hub, found = Hub(system, "activations"), []
    with hub.consumer() as consumer:
        partitions = {
            partition: consumer.get_partition_properties(partition)
            for partition in consumer.get_partition_ids()
        }
    for partition, properties in partitions.items():
        count = properties["last_enqueued_sequence_number"] + 1
        if count > 0:
            found += hub.receive(count, partition, starting_position="-1")
    return found


def body(event):
    return json.loads(event.body_as_str())


def statuses(event):
    memberships = body(event)["segmentMembership"]["ups"]
    return {audience: item["status"] for audience, item in memberships.items()}


def with_times_of(golden, actual):
    """The actual body with the golden one's moments and identities of chance, where it has some."""
    if isinstance(golden, dict) and isinstance(actual, dict):
        return {key: with_times_of(golden.get(key), value) for key, value in actual.items()}
    same_kind = type(golden) is type(actual)
    return golden if same_kind and is_moment(golden) and is_moment(actual) else actual


def is_moment(value):
    if isinstance(value, str):
        return len(value) == len("2024-11-21T07:33:52Z") and value.endswith("Z")
    return isinstance(value, int) and value > 1_500_000_000_000


def test_four_qualifications_make_two_activations_like_the_reference(system):
    golden = json.loads((GOLDEN / "current-payload.json").read_text())
    (audience,) = golden["segmentMembership"]["ups"]
    name = golden["segmentMembership"]["ups"][audience]["name"]
    options = {"include_segment_names": True, "include_segment_timestamps": True}
    system.apply(page_audience(audience, name, "Plans"), destination(audience, **options))

    (ecid,) = golden["identityMap"]["ecid"]
    for _ in range(4):
        system.post("/api/events", page_view("Plans", {"ECID": [ecid]}))
    assert system.status("ecid", ecid["id"], audience) == "existing"

    sent = activations(system)
    assert [statuses(event)[audience] for event in sent] == ["realized", "existing"]
    assert with_times_of(golden, body(sent[0])) == golden
    text = sent[0].body_as_str()
    assert text == json.dumps(body(sent[0]), sort_keys=True, separators=(",", ":"))


def test_a_login_sends_the_full_identity_map_like_the_reference(system):
    golden = json.loads((GOLDEN / "login-payload.json").read_text())
    home, sports = sorted(
        golden["segmentMembership"]["ups"],
        key=lambda id: golden["segmentMembership"]["ups"][id]["lastQualificationTime"],
        reverse=True,
    )
    options = {"include_segment_names": False, "include_segment_timestamps": False}
    system.apply(
        page_audience(home, "Homepage Visitors", "Home"),
        page_audience(sports, "Sports Fan", "Sports"),
        destination(sports, **options),
    )
    for page in ["Sports", "Home", "Sports"]:
        system.post("/api/events", page_view(page, golden["identityMap"]))
    assert system.status("ecid", golden["identityMap"]["ecid"][0]["id"], sports) == "existing"

    sent = activations(system)
    assert with_times_of(golden, body(sent[-1])) == golden
    assert sent[-1].content_type == "application/json"
    properties = {key.decode(): value.decode() for key, value in sent[-1].properties.items()}
    assert properties["segue-reason"] == "membership"
    assert json.loads(properties["segue-changes"]) == [
        {"audience": sports, "from": "realized", "to": "existing"}
    ]
    assert sent[-1].partition_key.decode() == properties["segue-profile-id"]


def test_an_unmapped_audience_sends_nothing_and_a_mapped_one_sends_both(system):
    system.apply(
        page_audience("homepage-visitors", "Homepage visitors", "Home"),
        page_audience("sports-fan", "Sports fan", "Sports"),
        destination("sports-fan"),
    )
    system.post("/api/events", page_view("Home", {"ECID": [{"id": "1"}]}))
    assert system.status("ecid", "1", "homepage-visitors") == "realized"
    assert activations(system) == []

    system.post("/api/events", page_view("Sports", {"ECID": [{"id": "1"}]}))
    assert system.status("ecid", "1", "sports-fan") == "realized"
    (sent,) = activations(system)
    assert statuses(sent) == {"homepage-visitors": "existing", "sports-fan": "realized"}


def test_a_window_closes_on_time_with_no_further_event(system):
    system.apply(
        page_audience("recent", "Recent", "Sports", "WHEN(< 3 seconds before now)"),
        destination("recent"),
    )
    event = page_view("Sports", {"ECID": [{"id": "1"}]})
    system.post("/api/events", event)
    moment = datetime.datetime.fromisoformat(event["timestamp"]) + datetime.timedelta(seconds=3)
    assert system.status("ecid", "1", "recent") == "realized"

    hub = Hub(system, "activations")
    (entry,) = activations(system)
    partition = partition_with_events(hub)
    with hub.receiving(partition, starting_position="-1") as arrivals:
        events = [arrivals.next(), arrivals.next()]
    assert [statuses(event)["recent"] for event in events] == ["realized", "exited"]
    late = (events[1].enqueued_time - moment).total_seconds()
    assert 0 <= late < 0.25, f"the exit came {late} s after its moment"


def test_a_window_that_closes_while_the_power_is_off_exits_at_the_restart_once(system):
    system.apply(
        page_audience("recent", "Recent", "Sports", "WHEN(< 3 seconds before now)"),
        destination("recent"),
    )
    event = page_view("Sports", {"ECID": [{"id": "1"}]})
    system.post("/api/events", event)
    system.kill()
    moment = datetime.datetime.fromisoformat(event["timestamp"]) + datetime.timedelta(seconds=3)
    # tidy: sleep because the window must run out while no process is there.
    time.sleep((moment - datetime.datetime.now(datetime.UTC)).total_seconds() + 0.1)

    for _ in range(2):
        system.start()
        assert system.status("ecid", "1", "recent") == "exited"
        sent = activations(system)
        assert [statuses(event)["recent"] for event in sent] == ["realized", "exited"]
        system.kill()
    system.start()


def partition_with_events(hub):
    """The one partition that holds events."""
    with hub.consumer() as consumer:
        for partition in consumer.get_partition_ids():
            if not consumer.get_partition_properties(partition)["is_empty"]:
                return partition
    raise AssertionError("every partition is empty")
