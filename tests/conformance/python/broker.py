"""Starts the broker under test, on a free port, with a data directory of its own.

SEGUE_HUB_COMMAND is the command that starts it, `target/debug/segue hub` by default; it must take
--config FILE, --data DIR and --amqp ADDRESS.
"""

import json
import os
import pathlib
import shlex
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
COMMAND = shlex.split(os.environ.get("SEGUE_HUB_COMMAND", f"{ROOT}/target/debug/segue hub"))
START_TIMEOUT_S = 20

# The official emulator's, to the letter but for the port.
EMULATOR = (
    "Endpoint=sb://localhost:{port};SharedAccessKeyName={name};"
    "SharedAccessKey={key};UseDevelopmentEmulator=true;"
)
RULE, KEY = "RootManageSharedAccessKey", "SAS_KEY_VALUE"

SETTINGS = {
    "hub": {
        "authorization_rules": [
            {"name": RULE, "key": KEY, "rights": ["manage"]},
            {"name": "reader", "key": "reader-key", "rights": ["listen"]},
        ],
        "event_hubs": [],
        "auto_create": {"prefix": "eh-", "partitions": 2},
    }
}


class Broker:
    def __init__(self, directory: pathlib.Path):
        self.data = directory / "data"
        self.config = directory / "segue.yaml"
        self.config.write_text(json.dumps(SETTINGS))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.process = None

    def add_tls(self):
        """From the next start on there is also a port with TLS."""
        certificate, key = self.config.with_suffix(".crt"), self.config.with_suffix(".key")
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject]
        files = ["-out", str(certificate), "-keyout", str(key)]
        subprocess.run([*request, *files], check=True, capture_output=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.tls_port = probe.getsockname()[1]
        tls = {
            "listen": {"amqps": f"127.0.0.1:{self.tls_port}"},
            "tls": {"certificate": str(certificate), "key": str(key)},
        }
        self.config.write_text(json.dumps(SETTINGS | tls))
        self.certificate = certificate

    def start(self):
        flags = ["--config", self.config, "--data", self.data, "--amqp", f"127.0.0.1:{self.port}"]
        self.process = subprocess.Popen([*COMMAND, *map(str, flags)], cwd=ROOT)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except ConnectionRefusedError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{COMMAND} did not start: {self.process.poll()}") from None
                # tidy: sleep because a port tells nobody when it opens
                time.sleep(0.02)

    def kill(self):
        """The broker's power goes off: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(START_TIMEOUT_S)

    def connection_string(self, name=RULE, key=KEY):
        return EMULATOR.format(port=self.port, name=name, key=key)
