"""Kinesis as moto plays it, with the rules and errors of AWS, behind a door that lets in only what
is signed as botocore, which is by AWS, would sign it."""

import json
import re
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.server import ThreadedMotoServer

from system import free_port

REGION, KEY_ID, SECRET = "eu-central-1", "AKIDEXAMPLE", "right"


class Kinesis:
    def __init__(self):
        self.moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self.moto.start()
        host, port = self.moto.get_host_and_port()
        self.behind = f"http://{host}:{port}"
        self.port, self.door = free_port(), None
        keys = {"aws_access_key_id": KEY_ID, "aws_secret_access_key": SECRET}
        self.client = boto3.client(
            "kinesis", region_name=REGION, endpoint_url=self.behind, **keys
        )
        self.open()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def open(self):
        self.door = ThreadingHTTPServer(("127.0.0.1", self.port), Door)
        self.door.behind, self.door.secrets = self.behind, {KEY_ID: SECRET}
        threading.Thread(target=self.door.serve_forever).start()

    def close(self):
        """From now on nobody answers."""
        self.door.shutdown()
        self.door.server_close()

    def stop(self):
        self.close()
        self.moto.stop()

    def create(self, stream, shards):
        self.client.create_stream(StreamName=stream, ShardCount=shards)

    def read(self, stream):
        """The records of a stream at this moment, each shard in its order."""
        records = []
        for shard in self.client.list_shards(StreamName=stream)["Shards"]:
            iterator = self.client.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            while found := self.client.get_records(ShardIterator=iterator)["Records"]:
                records += found
                iterator = self.client.get_shard_iterator(
                    StreamName=stream,
                    ShardId=shard["ShardId"],
                    ShardIteratorType="AFTER_SEQUENCE_NUMBER",
                    StartingSequenceNumber=found[-1]["SequenceNumber"],
                )["ShardIterator"]
        return records


class Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if "authorization" not in self.headers:
            return self.lend(body)
        if not self.is_signed(body):
            said = {"__type": "InvalidSignatureException", "message": "The signature is wrong"}
            return self.answer(400, json.dumps(said).encode())
        self.answer(*self.forward(body))

    def forward(self, body):
        request = urllib.request.Request(f"{self.server.behind}/", body, dict(self.headers))
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def lend(self, body):
        """The token service: whom it lends a key is let in with it."""
        status, answer = self.forward(body)
        text = answer.decode()
        key, secret = (
            re.search(f"<{name}>(.*?)</{name}>", text)[1]
            for name in ["AccessKeyId", "SecretAccessKey"]
        )
        self.server.secrets[key] = secret
        self.answer(status, answer)

    def is_signed(self, body):
        said = dict(re.findall(r"(\w+)=([^,\s]+)", self.headers["authorization"]))
        key, *scope = said["Credential"].split("/")
        names = said["SignedHeaders"].split(";")
        assert {"content-type", "host", "x-amz-date", "x-amz-target"} <= set(names), names
        token, date = self.headers["x-amz-security-token"], self.headers["x-amz-date"]
        assert (token is None) == ("x-amz-security-token" not in names), names
        url = f"http://{self.headers['host']}{self.path}"
        headers = {name: self.headers[name] for name in names}
        request = AWSRequest("POST", url, headers, body)
        request.context["timestamp"] = date
        signer = SigV4Auth(Credentials(key, self.server.secrets[key], token), "kinesis", REGION)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        is_right = said["Signature"] == signer.signature(text, request)
        return is_right and scope == [date[:8], REGION, "kinesis", "aws4_request"]

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-type", "application/x-amz-json-1.1")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
