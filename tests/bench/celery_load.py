#!/usr/bin/env python3
"""No-op tasks of 1 KB through Celery: the load, and the worker's application (CELERY_REDIS names the server).

    celery_load.py COUNT    send COUNT tasks and wait for their results; prints JSON

The client sends in one process and does not wait for single results: results are counted on the server, so that the
worker is what is timed. Nothing is written to disk by the server (save "", appendonly no)."""
import json
import os
import sys
import time

import redis
from celery import Celery

URL = os.environ.get("CELERY_REDIS", "redis://127.0.0.1:6379/0")
app = Celery("noop", broker=URL, backend=URL)
app.conf.update(
    worker_prefetch_multiplier=64,  # two processes: 128 tasks ahead, as the window has it
    worker_send_task_events=False,
    task_send_sent_event=False,
    result_expires=600,
    broker_connection_retry_on_startup=True,
)


@app.task(name="noop")
def noop(payload):
    return payload


def main(count):
    server = redis.from_url(URL)
    payload = "x" * 1024
    noop.delay(payload).get(timeout=60)  # the worker is there, and warm
    for result in [noop.delay(payload) for _ in range(200)]:
        result.get(timeout=60)
    before = server.dbsize()
    begin = time.monotonic()
    for _ in range(count):
        noop.delay(payload)
    sent = time.monotonic()
    while server.dbsize() - before < count:
        time.sleep(0.005)
        if time.monotonic() - begin > 300:
            raise SystemExit("celery_load: not done within 300 s")
    end = time.monotonic()
    print(json.dumps({"tasks": count, "sent_s": round(sent - begin, 3), "done_s": round(end - begin, 3),
                      "tasks_per_s": round(count / (end - begin), 1)}))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(int(sys.argv[1]))
