#!/usr/bin/env python3
"""The load of tests/bench/throughput: plans no-op tasks, and times them by what the coordinator's store has committed.

    throughput.py plan API TOKEN_FILE CAMPAIGNS TASKS TARGET    submit CAMPAIGNS times TASKS tasks; prints JSON
    throughput.py last STATE_DIR                                the number of the latest task
    throughput.py watch STATE_DIR AFTER LIMIT_S [NAME=PID...]   wait until all tasks above number AFTER are accepted and
                                                                published; prints JSON, with the CPU time that each
                                                                process took per task

Everything is read from the store with a connection of its own: in WAL mode a reader sees what is committed, and the
coordinator commits with synchronous=FULL, that is after the fsync.
"""
import json
import os
import sqlite3
import sys
import time
import urllib.request

PROBLEM = """problem: noop
sizes:
  small: {N: 64}
  check: {N: 7}
inputs:
  x: {dtype: f32, shape: [N], fill: "normal(0, 2)"}
graph:
  - y = gelu(x, approximate=none)
outputs: [y]
"""
KERNEL = """kernel: noop-%d
problem: noop
language: opencl-c
source: noop.cl
launches:
  - {kernel: noop, args: [x, y], global: [N], local: [1]}
"""
SOURCE = "/* %d */\n__kernel void noop(__global const float *x, __global float *y) { y[get_global_id(0)] = x[0]; }\n"
CAMPAIGN = """campaign: noop-%d
problems: [noop]
targets: [%s]
size: small
sets: 1
strategies: [human]
deadline: 10m
kernels: ["*.yaml"]
"""
KERNELS_MAX = 4096  # in one submission


def request(api, token_file, path, body=None):
    with open(token_file) as f:
        token = f.readline().strip()
    data = json.dumps(body).encode() if body is not None else None
    headers = {"Authorization": "Bearer " + token, "Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(api + path, data, headers), timeout=300) as answer:
        return json.load(answer)


def padding(record_bytes):
    """A record holds some 800 bytes of identity, policy and texts: a comment makes it as long as is asked."""
    return "/* " + "no-op " * max(0, (record_bytes - 800) // 6) + "*/\n"


def plan(api, token_file, campaigns, tasks, target):
    kernels = [{"yaml": KERNEL % i, "source": padding(1024) + SOURCE % i, "path": "noop-%d.yaml" % i} for i in range(tasks)]
    begin = time.monotonic()
    planned = 0
    for n in range(campaigns):
        body = {
            "force": True,  # what was measured would not be measured again
            "filename": "noop.yaml",
            "campaign": CAMPAIGN % (n, target),
            "problems": [{"yaml": PROBLEM, "path": "noop-problem.yaml"}],
            "kernels": kernels,
        }
        planned += request(api, token_file, "/v1/campaigns", body)["cells"]
    return {"campaigns": campaigns, "tasks": planned, "planning_s": round(time.monotonic() - begin, 3)}


def connect(state_dir):
    return sqlite3.connect("file:%s?mode=ro" % os.path.join(state_dir, "portolan.db"), uri=True, isolation_level=None)


def wait_for(db, query, limit_s, pause_s):
    end = time.monotonic() + limit_s
    while db.execute(query).fetchone()[0]:
        if time.monotonic() > end:
            raise SystemExit("throughput: not done within %d s" % limit_s)
        time.sleep(pause_s)
    return time.time() * 1000


def quantile(values, q):
    return values[min(len(values) - 1, int(q * len(values)))]


def cpu_s(pid):
    with open("/proc/%s/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(state_dir, after, limit_s, pids):
    db = connect(state_dir)
    ours = "key > %d" % ((after + 1) << 24)
    wait_for(db, "SELECT NOT EXISTS(SELECT 1 FROM attempts WHERE %s)" % ours, limit_s, 0.005)
    begin = {name: cpu_s(pid) for name, pid in pids.items()}
    accepted = wait_for(db, "SELECT EXISTS(SELECT 1 FROM campaigns WHERE state = 0)", limit_s, 0.01)
    published = wait_for(db, "SELECT EXISTS(SELECT 1 FROM outbox)", limit_s, 0.01)
    end = {name: cpu_s(pid) for name, pid in pids.items()}
    first, attempts = db.execute("SELECT min(published_ms), count(*) FROM attempts WHERE " + ours).fetchone()
    results = db.execute("SELECT count(*) FROM results WHERE seq > ?", (after,)).fetchone()[0]
    # The coordinator's clock: an attempt's row is made when the task is handed out, the task's row changes last when its
    # result is accepted. Both are followed by their commit.
    took = sorted(
        row[0]
        for row in db.execute(
            "SELECT t.changed_ms - min(a.published_ms) FROM tasks t JOIN attempts a ON a.key >> 24 = t.seq WHERE a."
            + ours + " GROUP BY t.seq"
        )
    )
    return {
        "results": results,
        "attempts": attempts,
        "accepted_s": round((accepted - first) / 1000, 3),
        "published_s": round((published - first) / 1000, 3),
        "accepted_per_s": round(results / ((accepted - first) / 1000), 1),
        "published_per_s": round(results / ((published - first) / 1000), 1),
        "p50_ms": quantile(took, 0.5),
        "p99_ms": quantile(took, 0.99),
        "cpu_us_per_task": {name: round((end[name] - begin[name]) / results * 1e6, 1) for name in pids},
    }


def last(state_dir):
    """The number of the latest task."""
    return connect(state_dir).execute("SELECT coalesce(max(seq), 0) FROM tasks").fetchone()[0]


def main(argv):
    if len(argv) == 7 and argv[1] == "plan":
        print(json.dumps(plan(argv[2], argv[3], int(argv[4]), min(int(argv[5]), KERNELS_MAX), argv[6])))
    elif len(argv) == 3 and argv[1] == "last":
        print(last(argv[2]))
    elif len(argv) >= 5 and argv[1] == "watch":
        print(json.dumps(watch(argv[2], int(argv[3]), int(argv[4]), dict(a.split("=") for a in argv[5:]))))
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv)
