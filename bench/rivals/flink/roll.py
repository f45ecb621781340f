"""The rivals' jobs in Flink SQL: at every event, how many events its id had in the last 60 seconds.

`roll.py JOB EVENTS [COUNTS]` does a job in a local cluster with one task slot. With COUNTS, every
`ts,count` is written to files in that folder, in any order; without, they go into the black hole.
"""

import logging
import os
import sys

from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableEnvironment

# How each job makes a line an id and its time, which is `ts` in the answers.
TINY = """
  id STRING, ts BIGINT, e STRING,
  happened AS TO_TIMESTAMP_LTZ(ts, 3)
"""
XDM = """
  identityMap ROW<ECID ARRAY<ROW<id STRING>>>, `timestamp` TIMESTAMP_LTZ(3),
  id AS identityMap.ECID[1].id, ts AS `timestamp`, happened AS `timestamp`
"""
# The columns, and the type of `ts`.
JOBS = {"tiny": (TINY, "BIGINT"), "events": (XDM, "TIMESTAMP_LTZ(3)")}

EVENTS = """
CREATE TABLE events ({columns}, WATERMARK FOR happened AS happened) WITH (
  'connector' = 'filesystem', 'path' = '{path}',
  'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601'
)
"""
COUNTS = "CREATE TABLE counts (ts {ts}, c BIGINT) WITH ({where})"
# Whole milliseconds: an event counts until just before it is 60 seconds old.
ROLL = """
INSERT INTO counts SELECT ts, COUNT(*) OVER (
  PARTITION BY id ORDER BY happened
  RANGE BETWEEN INTERVAL '59.999' SECOND PRECEDING AND CURRENT ROW
) FROM events
"""


def main(job, events, counts=None):
    columns, ts = JOBS[job]
    settings = EnvironmentSettings.in_streaming_mode()
    tables = TableEnvironment.create(settings)
    configuration = tables.get_config()
    configuration.set("parallelism.default", "1")
    # Rows are handed on without a copy: the fastest that Flink has.
    configuration.set("pipeline.object-reuse", "true")
    where = "'connector' = 'blackhole'"
    if counts:
        where = f"'connector' = 'filesystem', 'path' = '{os.path.abspath(counts)}', 'format' = 'csv'"
    tables.execute_sql(EVENTS.format(columns=columns, path=os.path.abspath(events)))
    tables.execute_sql(COUNTS.format(ts=ts, where=where))
    tables.execute_sql(ROLL).wait()
    end_jvm()


def end_jvm():
    """Ends the JVM and waits for it, so that its CPU time is part of this process's."""
    logging.disable()
    try:
        get_gateway().jvm.System.exit(0)
    except Exception:
        pass  # it ends before it can answer
    os.wait()
    # The interpreter would look for the JVM once more.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
