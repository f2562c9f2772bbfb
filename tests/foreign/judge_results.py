"""Judges what read_results.py printed: every planned task has exactly one result in its latest revision.

usage: judge_results.py RESULTS.ndjson PLANNED.txt MODE

PLANNED.txt holds the planned task ids, one a line. MODE `once` also wants each task published exactly once (no faults); `upsert`
allows repeats, which must be the same record, byte for byte, at the same revision.
"""
import json
import sys


def main():
    results, planned_file, mode = sys.argv[1:4]
    with open(planned_file, encoding="ascii") as f:
        planned = {line.strip() for line in f if line.strip()}
    if not planned:
        sys.exit("no task was planned: nothing is proved")
    seen = {}
    with open(results, encoding="utf-8") as f:
        for line in f:
            item = json.loads(line)
            if item["key"] != item["record"]["task_id"]:
                sys.exit(f"key {item['key']} carries the record of {item['record']['task_id']}")
            seen.setdefault(item["key"], []).append(item["record"])
    faults = [f"planned but without a result: {t}" for t in sorted(planned - set(seen))]
    faults += [f"a result that was not planned: {t}" for t in sorted(set(seen) - planned)]
    for task, records in seen.items():
        latest = max(r["revision"] for r in records)
        accepted = {json.dumps(r, sort_keys=True) for r in records if r["revision"] == latest}
        if len(accepted) != 1:
            faults.append(f"{task}: {len(accepted)} different results share revision {latest}")
        if len({r["result_id"] for r in records}) != 1:
            faults.append(f"{task}: more than one attempt was accepted: {[r['result_id'] for r in records]}")
        if mode == "once" and len(records) != 1:
            faults.append(f"{task}: published {len(records)} times")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(planned)} planned tasks, {sum(map(len, seen.values()))} records, one latest result each")


main()
