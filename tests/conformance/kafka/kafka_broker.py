"""Apache Kafka in a process of its own, as broker and controller, with five ports: plain, with TLS,
with a name and a password on a plain port and under TLS, and one that it says is elsewhere, where a
proxy may listen."""

import os
import pathlib
import subprocess
import time

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from system import free_port

CLUSTER = "MkU3OEVBNTcwNTJENDM2Qg"
PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
START_TIMEOUT_S = 60
RECEIVE_TIMEOUT_S = 60
USER, PASSWORD = "segue", "right"
STORE_PASSWORD = "storesecret"
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


class Kafka:
    """A broker that is its own controller, or one `beside` another, whose controller it follows."""

    def __init__(self, directory: pathlib.Path, beside=None):
        self.directory, self.beside = directory, beside
        self.node = beside.node + 1 if beside else 1
        self.controller = beside.controller if beside else free_port()
        self.ports = {name: free_port() for name in PROTOCOLS}
        self.behind_proxy, self.proxy = free_port(), free_port()
        self.java = ["java", "-Xmx512m", "-cp", os.environ["KAFKA_CLASSPATH"]]
        self.settings = directory / "server.properties"
        self.process = None
        self.make_certificate()
        self.settings.write_text("\n".join(f"{key}={value}" for key, value in self.properties()))
        self.format()

    def format(self):
        command = ["kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER]
        command += ["--config", str(self.settings)]
        if not self.beside:
            command += ["--standalone"]
            for mechanism in MECHANISMS[1:]:
                command += ["--add-scram", f"{mechanism}=[name={USER},password={PASSWORD}]"]
        subprocess.run([*self.java, *command], check=True, capture_output=True)

    def make_certificate(self):
        self.store, self.certificate = self.directory / "kafka.p12", self.directory / "kafka.pem"
        store = ["-alias", "kafka", "-keystore", str(self.store), "-storepass", STORE_PASSWORD]
        subject = ["-dname", "CN=localhost", "-ext", "SAN=dns:localhost", "-validity", "2"]
        key = ["-keyalg", "RSA", "-keysize", "2048", "-storetype", "PKCS12"]
        subprocess.run(
            ["keytool", "-genkeypair", *store, *subject, *key], check=True, capture_output=True
        )
        pem = ["keytool", "-exportcert", "-rfc", *store, "-file", str(self.certificate)]
        subprocess.run(pem, check=True, capture_output=True)

    def properties(self):
        advertised = [f"{name}://localhost:{port}" for name, port in self.ports.items()]
        advertised += [f"PROXIED://localhost:{self.proxy}"]
        listening = [f"{name}://localhost:{port}" for name, port in self.ports.items()]
        listening += [f"PROXIED://localhost:{self.behind_proxy}"]
        if not self.beside:
            listening += [f"CONTROLLER://localhost:{self.controller}"]
        yield from {
            "process.roles": "broker" if self.beside else "broker,controller",
            "node.id": self.node,
            "controller.quorum.bootstrap.servers": f"localhost:{self.controller}",
            "listeners": ",".join(listening),
            "advertised.listeners": ",".join(advertised),
            # How soon a dead broker is noticed.
            "broker.session.timeout.ms": 2000,
            "broker.heartbeat.interval.ms": 500,
            "listener.security.protocol.map": ",".join(
                ["CONTROLLER:PLAINTEXT", "PROXIED:PLAINTEXT", *(f"{name}:{name}" for name in self.ports)]
            ),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.directory / "log",
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 1,
            "group.initial.rebalance.delay.ms": 0,
            "ssl.keystore.location": self.store,
            "ssl.keystore.password": STORE_PASSWORD,
            "ssl.keystore.type": "PKCS12",
            "sasl.enabled.mechanisms": ",".join(MECHANISMS),
        }.items()
        module = "org.apache.kafka.common.security"
        for name in ["sasl_plaintext", "sasl_ssl"]:
            listener = f"listener.name.{name}"
            plain = f'{module}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
            yield f"{listener}.plain.sasl.jaas.config", plain
            for mechanism in MECHANISMS[1:]:
                scram = f"{module}.scram.ScramLoginModule required;"
                yield f"{listener}.{mechanism.lower()}.sasl.jaas.config", scram

    def start(self):
        with open(self.directory / "kafka.out", "ab") as output:
            command = [*self.java, "kafka.Kafka", str(self.settings)]
            self.process = subprocess.Popen(command, stdout=output, stderr=output)
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            try:
                with self.admin() as admin:
                    return admin.list_topics()
            except (KafkaError, OSError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = (self.directory / "kafka.out").read_text()
                    raise RuntimeError(f"Kafka did not start: {said}") from None
                time.sleep(0.1)  # tidy: sleep because a port tells nobody when it opens

    def kill(self):
        """The broker's power goes off: SIGKILL."""
        self.process.kill()
        self.process.wait()

    def address(self, protocol="PLAINTEXT"):
        return f"localhost:{self.ports[protocol]}"

    def admin(self):
        return KafkaAdminClient(bootstrap_servers=self.address(), request_timeout_ms=5000)

    def create(self, topic, partitions, replicas=1, **settings):
        options = {"num_partitions": partitions, "replication_factor": replicas}
        with self.admin() as admin:
            admin.create_topics({topic: {**options, "configs": settings}}, wait_for_metadata=True)

    def leaders(self, topic):
        """The brokers that lead partitions of a topic."""
        with self.admin() as admin:
            [described] = admin.describe_topics([topic])
        return {partition["leader_id"] for partition in described["partitions"]}

    def read(self, topic, enough):
        """The records of a topic by partition, in their order, once there are enough of them."""
        consumer = KafkaConsumer(bootstrap_servers=self.address(), auto_offset_reset="earliest")
        parts = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        records, deadline = [], time.monotonic() + RECEIVE_TIMEOUT_S
        while not enough(records):
            assert time.monotonic() < deadline, f"{len(records)} records are not enough"
            for batch in consumer.poll(timeout_ms=200).values():
                records += batch
        consumer.close()
        return records
