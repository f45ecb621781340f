"""Starts the whole system under test, `segue serve`, on free ports, with its own data directory."""

import json
import os
import pathlib
import socket
import subprocess
import time
import urllib.error
import urllib.request

from broker import EMULATOR, KEY, RULE

ROOT = pathlib.Path(__file__).resolve().parents[3]
SEGUE = os.environ.get("SEGUE", f"{ROOT}/target/debug/segue")
START_TIMEOUT_S = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class System:
    def __init__(self, directory: pathlib.Path):
        self.data = directory / "data"
        self.http_port, self.amqp_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.process = None

    def start(self):
        flags = ["--data", str(self.data), "--http", f"127.0.0.1:{self.http_port}"]
        flags += ["--amqp", f"127.0.0.1:{self.amqp_port}"]
        self.process = subprocess.Popen([SEGUE, "serve", *flags], cwd=self.data.parent)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"segue serve did not become ready: {self.process.poll()}")
            time.sleep(0.01)  # tidy: sleep because readiness is asked for, not told

    def is_ready(self):
        try:
            return urllib.request.urlopen(f"{self.url}/ready").status == 200
        except OSError:
            return False

    def kill(self):
        """The power goes off: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(START_TIMEOUT_S)

    def cli(self, *arguments, **options):
        """Runs another command of `segue` against this server."""
        environment = {**os.environ, "SEGUE_URL": self.url}
        command = [SEGUE, *map(str, arguments)]
        return subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=30, **options
        )

    def apply(self, *definitions):
        file = self.data.parent / "definitions.yaml"
        file.write_text("\n---\n".join(json.dumps(definition) for definition in definitions))
        done = self.cli("apply", "-f", file)
        assert done.returncode == 0, done.stderr

    def post(self, path, body):
        request = urllib.request.Request(
            f"{self.url}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        return json.load(urllib.request.urlopen(request))

    def profile(self, namespace, identity):
        """A read sees everything that was acknowledged before it, and so does the hub after it."""
        try:
            return json.load(
                urllib.request.urlopen(f"{self.url}/api/profiles/{namespace}/{identity}")
            )
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            return None

    def status(self, namespace, identity, audience):
        profile = self.profile(namespace, identity) or {"memberships": {}}
        return profile["memberships"].get(audience, {}).get("status")

    def connection_string(self, name=RULE, key=KEY):
        return EMULATOR.format(port=self.amqp_port, name=name, key=key)
