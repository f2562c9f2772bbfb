#!/usr/bin/env python3
"""The judge of sweeps beside Apache Otava on the same nights: both are tuned on some seeds and reported on others.
Called by tests/bench/regressions, with the Python of the folder that Otava is in.
  regressions.py TOOL DATA [--tune 1-6] [--judge 101-112]
"""
import argparse
import itertools
import json
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from otava.analysis import compute_change_points

LATE, EARLY = 20, 3  # nights after (and, where a tool points back to a night, before) a change in which it counts as found
NEGLIGIBLE = 0.03
SIZES = [0.03, 0.05, 0.08, 0.12, 0.20]
NIGHTS = 60
OURS = [dict(zip(("alpha", "recent_max", "min_effect"), v)) for v in itertools.product((0.05, 0.1), (5, 15), (0.02,))]
OTAVA = [dict(zip(("window_len", "max_pvalue", "min_magnitude"), v))
         for v in itertools.product((50, 120), (0.00001, 0.0001, 0.001), (0.0, 0.02))]


def nights(tool, data, seed, settings, quiet=False):
    words = [f"{k}={v}" for k, v in settings.items()] + (["quiet=1"] if quiet else [])
    return json.loads(subprocess.run([tool, data, str(seed), *words], check=True, capture_output=True, text=True).stdout)


def change_points(series, settings):
    """Where its windows overlap Otava 0.8.0 may find the same point twice and end in a ValueError: then one window over all
    nights is used, which cannot."""
    try:
        return compute_change_points(np.array(series), **settings)[0]
    except ValueError:
        return compute_change_points(np.array(series), **{**settings, "window_len": 2 * NIGHTS})[0]


def otava_alarms(world, settings):
    """Once over all sixty nights: a change's night is judged by what came after it too, as no tool can the next morning."""
    alarms = []
    for number, series in enumerate(world["series"]):
        points = change_points(series, settings)
        for point in points:
            before, after = point.stats.mean_1, point.stats.mean_2
            alarms.append({"series": number, "night": int(point.index), "faster": bool(after < before)})
    return alarms


def otava_alarms_nightly(world, settings):
    """Each night over what is known by then: an alarm is a change within the last LATE nights where none was told of."""
    alarms = []
    for number, series in enumerate(world["series"]):
        told = []
        for night in range(10, NIGHTS):
            points = change_points(series[:night + 1], settings)
            for point in points:
                if any(abs(point.index - other) <= EARLY for other in told):
                    continue
                told.append(point.index)
                alarms.append({"series": number, "night": night,
                               "faster": bool(point.stats.mean_2 < point.stats.mean_1)})
    return alarms


def matches(event, alarm, early):
    late = NIGHTS if event["kind"] == "drifting node" else LATE
    return (event["series"] == alarm["series"] and event["night"] - early <= alarm["night"] <= event["night"] + late
            and alarm["faster"] == (event["size"] < 0))


def score(world, alarms, early):
    by_series = {}
    for alarm in alarms:
        by_series.setdefault(alarm["series"], []).append(alarm)
    counts = {"false": 0, "delays": []}
    for event in world["events"]:
        if abs(event["size"]) < NEGLIGIBLE - 1e-9:
            continue
        found = [a["night"] for a in by_series.get(event["series"], []) if matches(event, a, early)]
        kind = event["kind"]
        names = [kind]
        if kind.startswith("one kernel"):
            names.append(f"{100 * event['size']:.0f} %")
        if found and kind != "drifting node":
            counts["delays"].append(min(found) - event["night"])
        for name in names:
            entry = counts.setdefault(name, [0, 0])
            entry[0 if found else 1] += 1
    for alarm in alarms:
        counts["false"] += not any(matches(e, alarm, early) for e in world["events"] if e["series"] == alarm["series"])
    return counts


def merge(all_counts):
    total = {"false": 0, "delays": []}
    for counts in all_counts:
        for name, value in counts.items():
            if name == "false":
                total["false"] += value
            elif name == "delays":
                total["delays"] += value
            else:
                entry = total.setdefault(name, [0, 0])
                entry[0] += value[0]
                entry[1] += value[1]
    return total


KINDS = ["one kernel", "one kernel everywhere", "driver changed", "drifting node"]


def quality(found, missed, false):
    precision = found / (found + false) if found + false else 0.0
    recall = found / (found + missed) if found + missed else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def overall(total):
    found = sum(total.get(k, [0, 0])[0] for k in KINDS)
    missed = sum(total.get(k, [0, 0])[1] for k in KINDS)
    return found, missed, total["false"], *quality(found, missed, total["false"])


def ours_task(job):
    tool, data, seed, settings = job
    world = nights(tool, data, seed, settings)
    return score(world, world["alarms"], 0)


def otava_task(job):
    tool, data, seed, settings, how = job
    world = nights(tool, data, seed, {"judge": 0})
    return score(world, how(world, settings), EARLY if how is otava_alarms else 0)


def seeds(text):
    first, last = text.split("-")
    return list(range(int(first), int(last) + 1))


def best(pool, task, jobs_of, grid, tune):
    jobs = [job for settings in grid for job in jobs_of(settings, tune)]
    results = list(pool.map(task, jobs, chunksize=2))
    table = []
    for i, settings in enumerate(grid):
        total = merge(results[i * len(tune):(i + 1) * len(tune)])
        table.append((overall(total)[5], i, settings))
        if sys.stderr.isatty():
            print(f"  {settings}: F1 {overall(total)[5]:.3f}", file=sys.stderr)
    return max(table, key=lambda row: (row[0], -row[1]))[2]


def row(name, found, missed, false=None):
    if false is None:
        return f"  {name:<24} {found:>6} {missed:>7} {'':>6} {'':>10} {found / max(1, found + missed):>7.3f}"
    precision, recall, f1 = quality(found, missed, false)
    return f"  {name:<24} {found:>6} {missed:>7} {false:>6} {precision:>10.3f} {recall:>7.3f} {f1:>6.3f}"


def show(title, total):
    """False alarms belong to no size: each size is charged the share of them that its changes are of all."""
    found, missed, false, *_ = overall(total)
    print(f"{title}\n  {'':<24} {'found':>6} {'missed':>7} {'false':>6} {'precision':>10} {'recall':>7} {'F1':>6}")
    for size in SIZES:
        name = f"{100 * size:.0f} %"
        f, m = total.get(name, [0, 0])
        print(row(f"slower by {name}", f, m, round(false * (f + m) / (found + missed))))
    for kind in KINDS:
        print(row(kind, *total.get(kind, [0, 0])))
    print(row("all", found, missed, false))
    delays = sorted(total["delays"])
    if delays:
        print(f"  found after {np.median(delays):.0f} nights in the median, {delays[int(0.9 * (len(delays) - 1))]} at the 90th percentile")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("data")
    parser.add_argument("--tune", type=seeds, default=seeds("1-6"))
    parser.add_argument("--judge", type=seeds, default=seeds("101-124"))
    parser.add_argument("--only", default="", help="portolan or otava")
    parser.add_argument("--no-nightly", dest="nightly", action="store_false", help="not Otava each night on what is known by then: fifty times the work")
    parser.add_argument("--quick", action="store_true", help="a third of the settings")
    args = parser.parse_args()

    def ours(settings, which):
        return [(args.tool, args.data, seed, settings) for seed in which]

    def otava(how):
        return lambda settings, which: [(args.tool, args.data, seed, settings, how) for seed in which]

    print(f"tuned on seeds {args.tune[0]}-{args.tune[-1]}, judged on seeds {args.judge[0]}-{args.judge[-1]}; a seed is 60 nights x 4 devices x 20 kernels")
    totals = {}
    with ProcessPoolExecutor(2) as pool:
        for name, task, jobs, grid in (
                ("portolan", ours_task, ours, OURS),
                ("otava, once over all nights", otava_task, otava(otava_alarms), OTAVA),
                ("otava, each night", otava_task, otava(otava_alarms_nightly), OTAVA)):
            if (args.only and not name.startswith(args.only)) or ("each night" in name and not args.nightly):
                continue
            if args.quick:
                grid = [s for s in grid if s.get("window_len") != 120 and s.get("max_pvalue") != 0.00001 and s.get("recent_max") != 5]
            if "each night" in name:  # slow: the settings around those that are best over all nights
                grid = [s for s in OTAVA if s["window_len"] == chosen["window_len"] and s["min_magnitude"] == chosen["min_magnitude"]]
            chosen = best(pool, task, jobs, grid, args.tune if "each night" not in name else args.tune[:2])
            total = merge(pool.map(task, jobs(chosen, args.judge)))
            totals[name] = overall(total)[5]
            show(f"{name}: best of {len(grid)} settings: {', '.join(f'{k} {v}' for k, v in chosen.items())}", total)
    mine = totals.pop("portolan", 0)
    good = mine >= max(totals.values(), default=0)
    print(f"F1: portolan {mine:.3f}, " + ", ".join(f"{k} {v:.3f}" for k, v in totals.items()))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
