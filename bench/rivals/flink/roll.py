"""The rivals' job in Flink SQL: at every event, how many events its id had in the last 60 seconds.

`roll.py EVENTS [COUNTS]` runs it in a local cluster with one task slot. With COUNTS, every
`ts,count` is written to files in that folder, in any order; without, they go into the black hole.
"""

import logging
import os
import sys

from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableEnvironment

EVENTS = """
CREATE TABLE events (
  id STRING, ts BIGINT, e STRING,
  happened AS TO_TIMESTAMP_LTZ(ts, 3), WATERMARK FOR happened AS happened
) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'json')
"""
COUNTS = "CREATE TABLE counts (ts BIGINT, c BIGINT) WITH ({where})"
# Whole milliseconds: an event counts until just before it is 60 seconds old.
ROLL = """
INSERT INTO counts SELECT ts, COUNT(*) OVER (
  PARTITION BY id ORDER BY happened
  RANGE BETWEEN INTERVAL '59.999' SECOND PRECEDING AND CURRENT ROW
) FROM events
"""


def main(events, counts=None):
    settings = EnvironmentSettings.in_streaming_mode()
    tables = TableEnvironment.create(settings)
    configuration = tables.get_config()
    configuration.set("parallelism.default", "1")
    # Rows are handed on without a copy: the fastest that Flink has.
    configuration.set("pipeline.object-reuse", "true")
    where = "'connector' = 'blackhole'"
    if counts:
        where = f"'connector' = 'filesystem', 'path' = '{os.path.abspath(counts)}', 'format' = 'csv'"
    tables.execute_sql(EVENTS.format(path=os.path.abspath(events)))
    tables.execute_sql(COUNTS.format(where=where))
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
