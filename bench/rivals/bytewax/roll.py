"""The rivals' job in Bytewax: at every event, how many events its id had in the last 60 seconds.

`roll.py EVENTS [COUNTS]` runs it in one process with one worker. With COUNTS, every `ts,count` is
written to that file, in any order; without, the counts are made and dropped.
"""

import sys
from collections import deque

import bytewax.operators as op
import orjson
from bytewax.connectors.files import FileSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

WINDOW_MS = 60_000


def keyed(line):
    event = orjson.loads(line)
    return event["id"], event["ts"]


def roll(window, ts):
    if window is None:
        window = deque()
    window.append(ts)
    while window[0] <= ts - WINDOW_MS:
        window.popleft()
    return window, (ts, len(window))


class Partition(StatelessSinkPartition):
    def __init__(self, file):
        self.file = file

    def write_batch(self, items):
        if self.file:
            self.file.writelines(f"{ts},{count}\n" for _, (ts, count) in items)

    def close(self):
        if self.file:
            self.file.close()


class Counts(DynamicSink):
    def __init__(self, path):
        self.path = path

    def build(self, _step_id, _worker_index, _worker_count):
        return Partition(open(self.path, "w") if self.path else None)


def main(events, counts=None):
    flow = Dataflow("roll")
    # The largest batch that kept gaining: lines read at once.
    lines = op.input("lines", flow, FileSource(events, batch_size=1000))
    rolled = op.stateful_map("roll", op.map("parse", lines, keyed), roll)
    op.output("counts", rolled, Counts(counts))
    run_main(flow)


if __name__ == "__main__":
    main(*sys.argv[1:])
