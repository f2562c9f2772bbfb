"""How long after an agent's death its work lapsed, was sent elsewhere and began there.

usage: lapses.py WHAT LEASE_MS KILLS TICKS ATTEMPTS.ndjson LOG...

KILLS: "UNIX_MS NODE" and more a line, one for each kill. TICKS: Unix times of the coordinator's ticks, ms, in order. ATTEMPTS: what `GET
/v1/tasks/ID` says of each task with more than one attempt. LOG: those of coordinator and agents. Prints the three distributions over all
attempts that a killed agent held and that went to another node. WHAT is `begun` (the others were idle) or `lapsed` (the others had work of
their own, behind which it stands): that one must be within LEASE_MS + 1000 for each. Leases do not run while ticks stand still: on a machine
that is so busy, that time is added, and how often is told.
"""
import datetime
import json
import re
import sys

TICK_MS = 550  # they come every 500 ms
RUNS = re.compile(r"^(\S+Z) info +runs .* task=(\S+)$")
LAPSED = re.compile(r"^(\S+Z) warn +attempt (\S+) on \S+ lapsed")
STEPS = ("lapsed", "published", "begun")


def unix_ms(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=datetime.timezone.utc).timestamp() * 1000


def lines_of(logs, pattern):
    """Attempt to the instant of its first line that matches."""
    found = {}
    for path in logs:
        with open(path, encoding="utf-8") as f:
            for match in filter(None, map(pattern.match, f)):
                found.setdefault(match[2], unix_ms(match[1]))
    return found


def stood_still(ticks, start, end):
    """How long ticks stood still between two instants, ms."""
    within = [start] + [t for t in ticks if start < t < end] + [end]
    return sum(max(0, b - a - TICK_MS) for a, b in zip(within, within[1:]))


def moves(tasks, kills, logs):
    """One dict for each attempt that a killed agent held and that another node was given."""
    begun, lapsed = lines_of(logs, RUNS), lines_of(logs, LAPSED)
    for attempts in tasks:
        for was, then in zip(attempts, attempts[1:]):
            deaths = [at for at, node in kills if node == was["node"] and was["published_ms"] < at < then["published_ms"]]
            if deaths and then["node"] != was["node"] and was["attempt_id"] in lapsed:
                yield {"attempt": was["attempt_id"], "death": deaths[-1], "lapsed": lapsed[was["attempt_id"]],
                       "published": then["published_ms"], "begun": begun.get(then["attempt_id"])}


def main():
    what, lease_ms, kills_file, ticks_file, attempts_file, *logs = sys.argv[1:]
    limit, excused, faults = float(lease_ms) + 1000, 0, []
    with open(kills_file, encoding="ascii") as f:
        kills = [(float(at), node) for at, node, *_ in map(str.split, f)]
    with open(ticks_file, encoding="ascii") as f:
        ticks = [float(line) for line in f]
    with open(attempts_file, encoding="utf-8") as f:
        found = list(moves([json.loads(line)["attempt_list"] for line in f], kills, logs))
    if not found:
        sys.exit("no attempt of a killed agent lapsed and went elsewhere: nothing is proved")
    for step in STEPS:
        took = sorted(m[step] - m["death"] for m in found if m[step])
        if took:
            print(f"{step}, ms after the kill: least {took[0]:.0f}, median {took[len(took) // 2]:.0f}, most {took[-1]:.0f} ({len(took)} attempts)")
    for move in found:
        if not move[what]:
            continue
        took = move[what] - move["death"]
        allowed = limit + stood_still(ticks, move["death"], move[what])
        excused += limit < took <= allowed
        if took > allowed:
            faults.append(f"{move['attempt']}: {what} elsewhere {took:.0f} ms after the kill, more than {limit:.0f}")
    print(f"lease + 1 s is {limit:.0f} ms; longer because ticks stood still on a busy machine: {excused}")
    if faults:
        sys.exit("\n".join(faults))


main()
