"""The rivals' jobs in Bytewax: at every event, how many events its id had in the last 60 seconds.

`roll.py JOB EVENTS [COUNTS]` does a job in one process with one worker. With COUNTS, every
`ts,count` is written to that file, in any order; without, the counts are made and dropped.
"""

import sys
from collections import deque
from datetime import datetime

import bytewax.operators as op
import orjson
from bytewax.connectors.files import FileSource
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

WINDOW_MS = 60_000


def tiny(line):
    event = orjson.loads(line)
    return event["id"], event["ts"]


def xdm(line):
    event = orjson.loads(line)
    happened = datetime.fromisoformat(event["timestamp"])
    return event["identityMap"]["ECID"][0]["id"], round(happened.timestamp() * 1000)


# How each job makes a line an id and milliseconds.
KEYED = {"tiny": tiny, "events": xdm}


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


def main(job, events, counts=None):
    flow = Dataflow("roll")
    # The largest batch that kept gaining: lines read at once.
    lines = op.input("lines", flow, FileSource(events, batch_size=1000))
    rolled = op.stateful_map("roll", op.map("parse", lines, KEYED[job]), roll)
    op.output("counts", rolled, Counts(counts))
    run_main(flow)


if __name__ == "__main__":
    main(*sys.argv[1:])
