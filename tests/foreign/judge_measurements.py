"""Judges what read_results.py printed of `measurements` against its `results`: rows are flat, keyed attempt/candidate/size/role,
and belong to accepted attempts; every correct result has a timed candidate and a timed baseline.

usage: judge_measurements.py MEASUREMENTS.ndjson RESULTS.ndjson
"""
import json
import sys


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def check_row(item, accepted):
    row, faults = item["record"], []
    nested = [k for k, v in row.items() if isinstance(v, (dict, list))]
    if nested:
        faults.append(f"not flat: {nested}")
    # Baselines of one attempt have no hash of their own: their name stands for it.
    expected = "/".join([row["attempt_id"], row["candidate"] or row["kernel"], row["size"], row["role"]])
    if item["key"] != expected:
        faults.append(f"key should be {expected}")
    result = accepted.get(row["attempt_id"])
    if result is None:
        return faults + ["not of an accepted attempt"]
    faults += [f"{k} differs from its result's" for k in ("task_id", "revision", "problem", "target", "device", "node") if row[k] != result[k]]
    if row["role"] not in ("candidate", "baseline"):
        faults.append(f"role {row['role']}")
    time = row["time_ns_p50"]
    if time is not None and not time > 0:
        faults.append(f"time_ns_p50 is {time}: what does not exist is null")
    return faults


def check_correct(result, rows):
    timed = {r["role"] for r in rows if r["time_ns_p50"] is not None and r["size"] == result["size"]}
    if timed != {"candidate", "baseline"}:
        return [f"correct, but timed are only: {sorted(timed)}"]
    if result["speedup_low"] is None:  # too few sets for an interval
        return [] if result["speedup"] > 0 and result["speedup_high"] is None else ["half an interval"]
    if not result["speedup_low"] <= result["speedup"] <= result["speedup_high"]:
        return [f"speedup {result['speedup']} outside [{result['speedup_low']}, {result['speedup_high']}]"]
    return []


def main():
    rows, results = read(sys.argv[1]), read(sys.argv[2])
    accepted = {i["record"]["result_id"]: i["record"] for i in results if i["record"]["outcome"] == "verdict"}
    keys = [i["key"] for i in rows]
    faults = [f"key {k} twice" for k in sorted({k for k in keys if keys.count(k) > 1})]
    for item in rows:
        faults += [f"{item['key']}: {fault}" for fault in check_row(item, accepted)]
    correct = [r for r in accepted.values() if r["verdict"] == "correct"]
    for result in correct:
        mine = [i["record"] for i in rows if i["record"]["attempt_id"] == result["result_id"]]
        faults += [f"{result['result_id']} ({result['kernel']} on {result['target']}): {fault}" for fault in check_correct(result, mine)]
    if not correct:
        faults.append("no result is correct: nothing is proved")
    if faults:
        sys.exit("\n".join(faults))
    print(f"{len(rows)} rows of {len(accepted)} accepted attempts, {len(correct)} of them correct")


main()
