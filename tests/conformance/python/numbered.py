"""Activations that can be counted: of each profile one for each number, in their order."""

import json
import time

PATIENCE_S = 60

AUDIENCE = {
    "kind": "Audience",
    "id": "fans",
    "name": "Fans",
    "definition": 'CHAIN(xEvent, timestamp, [C0: WHAT(web.webPageDetails.name.equals("Fans"))])',
}


def destination(id, type, connection, **options):
    """A destination that gets an activation whenever the number of a fan changes."""
    return {
        "kind": "Destination",
        "id": id,
        "type": type,
        "connection": connection,
        "audiences": ["fans"],
        "attributes": ["loyalty.points", "person.name.firstName"],
        "triggers": {"membership": False, "attribute": True},
        **options,
    }


def join(system, profiles):
    """Makes fans of them, which nobody is told of."""
    page = {"web": {"webPageDetails": {"name": "Fans"}}, "timestamp": "2026-01-01T10:00:00Z"}
    events = [{**page, "_id": name, "identityMap": identity(name)} for name in profiles]
    system.post("/api/events", events)


def number(system, profiles, numbers, **attributes):
    """One activation a profile for each number."""
    for value in numbers:
        record = {"loyalty": {"points": value}, **attributes}
        records = [{**record, "identityMap": identity(name)} for name in profiles]
        system.post("/api/records", records)


def identity(name):
    return {"ECID": [{"id": name}]}


def first_arrivals(bodies):
    """The numbers of each profile in the order in which each came first: some come twice after a
    failure, and then behind newer ones."""
    found = {}
    for body in bodies:
        [ecid] = body["identityMap"]["ecid"]
        numbers = found.setdefault(ecid["id"], [])
        if body["loyalty"]["points"] not in numbers:
            numbers.append(body["loyalty"]["points"])
    return found


def state(system, id):
    """What the API says of the delivery to a destination."""
    got = system.cli("get", "destination", id, "-o", "json")
    assert got.returncode == 0, got.stderr
    return json.loads(got.stdout)["delivery"]


def eventually(ask, is_enough):
    """What is there once it is enough."""
    deadline = time.monotonic() + PATIENCE_S
    while not is_enough(found := ask()):
        assert time.monotonic() < deadline, f"it does not come: {found}"
        time.sleep(0.05)  # tidy: sleep because it is asked, and does not tell
    return found
