"""How long after its agent's death work began elsewhere.

usage: lapses.py KILLS ATTEMPTS.ndjson LOG... -- LEASE_MS

KILLS: "UNIX_MS NODE KIND" a line, one for each kill. ATTEMPTS: what `GET /v1/tasks/ID` says of each task with more than one attempt.
LOG: agents' logs. For each attempt that a killed agent held, and whose successor went to another node: the time from the kill to
the successor's publication, and to the instant when another agent began it. Prints both distributions. Fails when a successor was published later
than LEASE_MS + 1000 after the kill, or one in ten was begun later: it may stand behind other work.
"""
import datetime
import json
import re
import sys

RUNS = re.compile(r"^(\S+Z) info +runs .* task=(\S+)$")


def unix_ms(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp() * 1000


def begun(logs):
    found = {}
    for path in logs:
        with open(path, encoding="utf-8") as f:
            for line in f:
                match = RUNS.match(line.rstrip("\n"))
                if match:
                    found.setdefault(match[2], unix_ms(match[1]))
    return found


def show(name, values):
    values = sorted(values)
    rank = lambda q: values[min(len(values) - 1, int(q * len(values)))]
    print(f"{name}: {len(values)} attempts, ms after the kill: least {values[0]:.0f}, median {rank(0.5):.0f}, p95 {rank(0.95):.0f}, "
          f"most {values[-1]:.0f}")


def main():
    split = sys.argv.index("--")
    kills_file, attempts_file, *logs = sys.argv[1:split]
    limit = float(sys.argv[split + 1]) + 1000
    with open(kills_file, encoding="ascii") as f:
        kills = [(float(at), node) for at, node, *_ in map(str.split, f)]
    with open(attempts_file, encoding="utf-8") as f:
        tasks = [json.loads(line)["attempt_list"] for line in f]
    runs, published, started, faults = begun(logs), [], [], []
    for attempts in tasks:
        for was, then in zip(attempts, attempts[1:]):
            deaths = [at for at, node in kills if node == was["node"] and was["published_ms"] < at < then["published_ms"]]
            if not deaths or was["state"] not in ("lapsed", "abandoned") or then["node"] == was["node"]:
                continue
            published.append(then["published_ms"] - deaths[0])
            if published[-1] > limit:
                faults.append(f"{then['attempt_id']} was published {published[-1]:.0f} ms after the kill")
            if then["attempt_id"] in runs:
                started.append(runs[then["attempt_id"]] - deaths[0])
    if not published:
        sys.exit("no attempt of a killed agent went elsewhere: nothing is proved")
    show("published elsewhere", published)
    show("begun elsewhere", started)
    late = [s for s in started if s > limit]
    print(f"lease + 1 s: {limit:.0f} ms; begun later, behind other work: {len(late)}")
    if len(late) * 10 > len(started):
        faults.append(f"{len(late)} of {len(started)} began later than {limit:.0f} ms after the kill")
    if faults:
        sys.exit("\n".join(faults))


main()
