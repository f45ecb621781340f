"""Stands between a client and a broker, and has happen what happens on networks: a request arrives,
is carried out, and its answer is lost with the connection.

    client ─▶ request ─▶ broker          each connection: a request, its answer, the next request
           ◀─ answer  ◀─         ✂ lost
"""

import socket
import struct
import threading

PRODUCE, API_VERSIONS, INIT_PRODUCER_ID = 0, 18, 22
VERSION_RANGE_BYTES = 6  # key, oldest, newest
CLUSTER_AUTHORIZATION_FAILED = 31


class Proxy:
    def __init__(self, port, broker_port):
        self.port, self.broker_port = port, broker_port
        self.produced, self.refusals = 0, []
        self.losses = 0
        self.cuts_after = False
        self.is_cut = threading.Event()
        self.offers_producer_ids = True
        self.producer_ids_error = 0
        self.server = socket.create_server(("localhost", port))
        self.listening = threading.Thread(target=self.accept, daemon=True)
        self.listening.start()

    def lose_answers(self, count, then_cut=False):
        """Every other answer to a produce request is lost, so many times; after the last one,
        perhaps, nobody gets through any more."""
        self.losses, self.cuts_after = count, then_cut

    def accept(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=[client], daemon=True).start()

    def serve(self, client):
        with client:
            if self.is_cut.is_set():
                return
            try:
                with socket.create_connection(("localhost", self.broker_port)) as broker:
                    self.carry(client, broker)
            except OSError:
                pass  # One side is gone, and now so is the other.

    def carry(self, client, broker):
        while request := read_frame(client):
            api, version = struct.unpack_from(">hh", request)
            broker.sendall(struct.pack(">i", len(request)) + request)
            answer = read_frame(broker)
            if not answer or (api == PRODUCE and self.is_lost(answer)):
                return
            if api == API_VERSIONS and not self.offers_producer_ids:
                answer = without(answer, INIT_PRODUCER_ID)
            if api == INIT_PRODUCER_ID and self.producer_ids_error:
                # Behind the correlation id, tags in newer versions, and the time to wait.
                place = 4 + (version >= 2) + 4
                struct.pack_into(">h", answer, place, self.producer_ids_error)
            client.sendall(struct.pack(">i", len(answer)) + answer)

    def is_lost(self, answer):
        self.produced += 1
        if error := first_error(answer):
            self.refusals.append(error)
        if self.losses == 0 or self.produced % 2 == 0:
            return False
        self.losses -= 1
        if self.losses == 0 and self.cuts_after:
            self.is_cut.set()
        return True

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        self.listening.join()
        self.server.close()


def without(answer, api):
    """What a broker understands (ApiVersions, version 0), but for one kind of request."""
    [count] = struct.unpack_from(">i", answer, 6)
    ranges = [answer[10 + at * VERSION_RANGE_BYTES :][:VERSION_RANGE_BYTES] for at in range(count)]
    kept = [one for one in ranges if struct.unpack_from(">h", one) != (api,)]
    return answer[:6] + struct.pack(">i", len(kept)) + b"".join(kept)


def first_error(answer):
    """What a broker says of the first partition (Produce, version 9)."""
    # Behind the correlation id, tags, the number of topics, a name, the number of partitions, and
    # that of the partition.
    name_length = answer[6] - 1
    [error] = struct.unpack_from(">h", answer, 7 + name_length + 1 + 4)
    return error


def read_frame(stream):
    """The next frame without its length; none at the end."""
    head = read(stream, 4)
    return head and read(stream, *struct.unpack(">i", head))


def read(stream, length):
    found = bytearray()
    while len(found) < length:
        if not (more := stream.recv(length - len(found))):
            return None
        found += more
    return found
