"""Grafana dashboards against Grafana's own schema (its foundation SDK, generated from it): what the schema does not know would be dropped,
so each file must come back from the SDK's types as it went in. Panels must not overlap, nor their ids repeat.

usage: dashboards.py FILE...             prints a line a file
       dashboards.py --promql FILE...    prints their PromQL as a rules file, for promtool
"""
import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

VARIABLES = {"$__rate_interval": "5m", "$instance": ".*"}


def lost(before, after, path=""):
    if isinstance(before, dict):
        for key, value in before.items():
            if not isinstance(after, dict) or key not in after:
                if value not in (None, [], {}, ""):
                    yield f"{path}/{key}"
            else:
                yield from lost(value, after[key], f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, (x, y) in enumerate(zip(before, after)):
            yield from lost(x, y, f"{path}[{n}]")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


def wrong(board):
    ids, taken = set(), {}
    for panel in board["panels"]:
        at, name = panel["gridPos"], panel["title"]
        if panel["id"] in ids:
            yield f"{name}: its id is another's"
        ids.add(panel["id"])
        if at["x"] + at["w"] > 24:
            yield f"{name}: beyond the right edge"
        for cell in [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]:
            if taken.setdefault(cell, name) != name:
                yield f"{name}: lies on {taken[cell]}"
                break
        if not panel["targets"] or not panel.get("description"):
            yield f"{name}: no query, or no description"


def main():
    promql = sys.argv[1] == "--promql"
    failed, rules = 0, []
    register_default_plugins()
    for path in sys.argv[1 + promql:]:
        with open(path, encoding="utf-8") as f:
            board = json.load(f)
        if promql:
            exprs = [t["expr"] for p in board["panels"] for t in p["targets"] if "expr" in t]
            for name, value in VARIABLES.items():
                exprs = [e.replace(name, value) for e in exprs]
            rules += [{"record": f"panel:{len(rules) + n}", "expr": e} for n, e in enumerate(exprs)]
            continue
        back = json.loads(json.dumps(Dashboard.from_json(json.loads(json.dumps(board))), cls=JSONEncoder))
        said = list(lost(board, back)) + list(wrong(board))
        failed += len(said)
        print(f"{path}: {len(board['panels'])} panels, {len(said)} findings", *said, sep="\n  ")
    if promql:
        print(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    sys.exit(1 if failed else 0)


main()
