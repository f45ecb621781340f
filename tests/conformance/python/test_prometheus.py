"""Prometheus itself reads the metrics, and answers what the dashboard and the rules ask."""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request

import pytest

from system import ROOT, System, free_port
from test_activations import page_audience, page_view

EXAMPLES = ROOT / "examples" / "grafana"
PATIENCE_S = 60

# There only while profiles follow a definition that changed.
PASSING = {"segue_backfill_progress_ratio", "segue_backfill_age_seconds"}

SETTINGS = """
telemetry:
  alarms: {interval_seconds: 1, destination_down_seconds: 1, destination_backlog_seconds: 1}
"""


class Prometheus:
    """A server with the example's configuration, faster, over a system of ours."""

    def __init__(self, directory, system):
        rules = (EXAMPLES / "rules.yaml").read_text()
        (directory / "rules.yaml").write_text(rules)
        config = (EXAMPLES / "prometheus.yml").read_text()
        config = config.replace("localhost:8080", f"127.0.0.1:{system.http_port}")
        file = directory / "prometheus.yml"
        file.write_text(config.replace("_interval: 5s", "_interval: 1s"))
        subprocess.run(["promtool", "check", "config", file], check=True)
        address = f"127.0.0.1:{free_port()}"
        flags = [f"--config.file={file}", f"--storage.tsdb.path={directory}/prometheus"]
        flags.append(f"--web.listen-address={address}")
        self.url = f"http://{address}/api/v1"
        self.process = subprocess.Popen(["prometheus", *flags], stderr=subprocess.DEVNULL)

    def get(self, path):
        try:
            return json.load(urllib.request.urlopen(f"{self.url}/{path}"))["data"]
        except OSError:
            return None

    def has_answer(self, query):
        answer = self.get("query?" + urllib.parse.urlencode({"query": query}))
        return bool(answer and answer["result"])

    def firing(self):
        alerts = (self.get("alerts") or {"alerts": []})["alerts"]
        return {
            alert["labels"].get("alarm", alert["labels"]["alertname"])
            for alert in alerts
            if alert["state"] == "firing"
        }


@pytest.fixture
def system(tmp_path):
    (tmp_path / "segue.yaml").write_text(SETTINGS)
    system = System(tmp_path)
    system.start()
    yield system
    assert system.stop() == 0, "the system must end cleanly on SIGTERM"


@pytest.fixture
def prometheus(tmp_path, system):
    prometheus = Prometheus(tmp_path, system)
    yield prometheus
    prometheus.process.terminate()
    prometheus.process.wait()


def dashboard_queries():
    dashboard = json.loads((EXAMPLES / "dashboards" / "segue.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            query = target["expr"].replace("$__rate_interval", "30s")
            yield re.sub(r"\$\w+", ".*", query)


def eventually(condition, state):
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, state()
        time.sleep(0.2)  # tidy: sleep because Prometheus scrapes once a second


def test_prometheus_reads_every_metric_and_answers_every_query(system, prometheus):
    nobody = f"http://127.0.0.1:{free_port()}/in"
    crm = {"kind": "Destination", "id": "crm", "type": "http", "audiences": ["sports-fan"]}
    system.apply(
        page_audience("sports-fan", "Sports fan", "Sports"), {**crm, "connection": {"url": nobody}}
    )
    views = [page_view("Sports", {"ECID": [{"id": str(visitor)}]}) for visitor in range(20)]
    system.post("/api/events", views)

    metrics = urllib.request.urlopen(f"{system.url}/metrics").read()
    subprocess.run(["promtool", "check", "metrics"], input=metrics, check=True)

    queries = set(dashboard_queries()) - PASSING
    unanswered = lambda: [query for query in queries if not prometheus.has_answer(query)]
    eventually(lambda: not unanswered(), lambda: f"no answer to {unanswered()}")
    alarms = {"destination_down", "destination_backlog"}
    eventually(lambda: alarms <= prometheus.firing(), prometheus.firing)
