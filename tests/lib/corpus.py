"""The tables of tests/cheats/README.md and tests/honest/README.md, and what is made of them. One table is the only list of its kernels:

  corpus.py lint TABLE...                      is each table complete and sound? Prints what is not
  corpus.py batches TARGET RUN TABLE...        a line for each call of `portolan-agent check` on this target: SIZE FILE...
  corpus.py tests TABLE...                     "BINARY NAME" of each unit test that stands for a row
  corpus.py judge TARGET RESULTS TABLE...      RESULTS (--ndjson lines) against the tables: a line for each kernel, in the way of
                                               tests/lib/check.sh, then "WHAT TARGET: counts"
Files that begin with forge: are made by tests/lib/forgery.sh.
"""
import glob
import json
import os
import re
import sys

# Of the catalogue's eighty rows those that can be device source, and those that CPU drivers make live.
ROWS = {*range(1, 9), *range(10, 15), 16, *range(18, 24), *range(26, 30), *range(31, 36), 38, 40, 41, 45, 46, 49, 50, 51, 54, 55, 56, 61}
TARGETS = ["pocl-cpu", "mesa-llvmpipe", "intel-cpu"]
RUNS = {"verify", "hang", "timed", "test"}


class Row:
    def __init__(self, table, line, number, kernel, problem, size, run, targets, verdict):
        self.table, self.line, self.rows, self.problem, self.size, self.run = table, line, number, problem, size, run
        self.kernel = kernel.strip("`")
        self.targets = targets
        self.verdicts = re.findall(r"`(\w+)`", verdict)

    @property
    def impossible(self):
        return self.verdicts == ["impossible"]

    @property
    def file(self):
        return self.kernel if self.kernel.startswith("forge:") else f"{os.path.dirname(self.table)}/{self.kernel}.yaml"


def rows_of_line(table, line, head, cells):
    """Targets are named in a column of their own, or each has a column with its verdict."""
    cell = dict(zip(head, cells))
    if "verdict" in cell:
        targets = TARGETS if cell["target"] == "all" else [t.strip() for t in cell["target"].split(",")]
        return [Row(table, line, cell["row"], cell["kernel"], cell["problem"], cell["size"], cell["run"], targets, cell["verdict"])]
    return [Row(table, line, cell["#"], cell["kernel"], cell["problem"], "held1", "verify", [t], cell[t]) for t in TARGETS]


def read(table):
    """What the tables of a file say that have a column `kernel`."""
    rows, head = [], []
    for number, line in enumerate(open(table, encoding="utf-8"), 1):
        cells = [c.strip() for c in line.strip().strip("|").split("|")] if line.startswith("|") else []
        if not cells or {"kernel", "problem"} <= set(cells):
            head = cells
        elif head and "kernel" in head and len(cells) == len(head) and not cells[0].startswith("---"):
            rows += rows_of_line(table, number, head, cells)
    return rows


def verdict_names():
    return set(re.findall(r'^X\(\w+, "(\w+)"', open("schemas/verdicts.def", encoding="utf-8").read(), re.M)) | {"impossible"}


def complaints_of_row(row, verdicts):
    if row.run not in RUNS:
        yield f"run `{row.run}` is none of {sorted(RUNS)}"
    for target in row.targets:
        if target not in TARGETS:
            yield f"target {target} is none of {TARGETS}"
    if row.run != "test" and not row.verdicts:
        yield "no verdict"
    for verdict in row.verdicts:
        if verdict not in verdicts:
            yield f"verdict {verdict} does not exist"
    if row.run != "test" and not row.kernel.startswith("forge:") and not os.path.exists(row.file):
        yield f"{row.file} is not there"


def lint(tables):
    bad = []
    for table in tables:
        rows, folder = read(table), os.path.dirname(table)
        verdicts = verdict_names()
        for row in rows:
            bad += [f"{table}:{row.line}: {row.kernel}: {c}" for c in complaints_of_row(row, verdicts)]
        listed = {row.file for row in rows}
        bad += [f"{table}: {f} is not in it" for f in sorted(glob.glob(f"{folder}/*.yaml")) if f not in listed]
        seen = set()
        for row in rows:
            for target in row.targets:
                if (row.kernel, target) in seen and row.run != "test":
                    bad.append(f"{table}:{row.line}: {row.kernel} has another line for {target}")
                seen.add((row.kernel, target))
        if os.path.basename(folder) == "cheats":
            covered = {int(r.rows) for r in rows if r.rows.isdigit()}
            bad += [f"{table}: row {n} of the catalogue is missing" for n in sorted(ROWS - covered)]
    print("\n".join(bad), end="\n" if bad else "")
    return 1 if bad else 0


def of_target(tables, target):
    return [r for t in tables for r in read(t) if target in r.targets]


def batches(target, run, tables):
    sizes = {}
    for row in of_target(tables, target):
        if row.run == run and not row.impossible:
            sizes.setdefault(row.size, []).append(row.file)
    for size, files in sizes.items():
        print(size, *dict.fromkeys(files))
    return 0


def tests(tables):
    for row in (r for t in tables for r in read(t) if r.run == "test"):
        binary, name = row.kernel.split(": ")
        print(binary, name)
    return 0


def name_of(file):
    match = re.search(r"/([A-Z]+)/forge\.yaml$", file)
    return f"forge:{match[1]}" if match else file


def say(row, attempt):
    """None when the attempt is what the row wants, else what it was."""
    if attempt is None:
        return "it was not run"
    if attempt["outcome"] != "verdict":
        return f"{attempt['outcome']}: {attempt.get('infrastructure') or attempt['evidence']}"
    if attempt["verdict"] in row.verdicts:
        return None
    return f"{attempt['verdict']}, not {' or '.join(row.verdicts)}: {attempt['evidence']}"


def judge_table(target, table, attempts):
    good = bad = 0
    catalogue, spoilt, impossible = set(), set(), set()
    for row in of_target([table], target):
        number = int(row.rows) if row.rows.isdigit() else None
        if row.run == "test":
            catalogue.add(number)
            continue
        if row.impossible:
            impossible.add(number)
            continue
        catalogue.add(number)
        problem = say(row, attempts.get(row.file))
        print(f"{'not ok' if problem else 'ok'} - {row.kernel} is {' or '.join(row.verdicts)} on {target}")
        if problem:
            print(f"    {problem}")
            spoilt.add(number)
            bad += 1
        else:
            good += 1
    folder = os.path.basename(os.path.dirname(table))
    if folder == "cheats":
        known = catalogue & ROWS
        cannot = (impossible & ROWS) - known
        tail = f"; impossible there: {len(cannot)} rows" if cannot else ""
        print(f"cheats refused with the table's verdict: {target} {good}/{good + bad} kernels, {len(known - spoilt)}/{len(known)} rows of the catalogue{tail}")
    else:
        lacking = sum(row.verdicts == ["unsupported"] for row in of_target([table], target))
        tail = f", {lacking} of them unsupported by the driver as the table says" if lacking else ""
        print(f"{folder} accepted: {target} {good}/{good + bad} kernels{tail}")
    return bad


def judge(target, results, tables):
    attempts = {}
    for line in open(results, encoding="utf-8"):
        attempt = json.loads(line)
        attempts[name_of(attempt["file"])] = attempt
    return 1 if sum([judge_table(target, t, attempts) for t in tables]) else 0


def main(args):
    if len(args) > 1 and args[0] == "lint":
        return lint(args[1:])
    if len(args) > 3 and args[0] == "batches":
        return batches(args[1], args[2], args[3:])
    if len(args) > 1 and args[0] == "tests":
        return tests(args[1:])
    if len(args) > 3 and args[0] == "judge":
        return judge(args[1], args[2], args[3:])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
