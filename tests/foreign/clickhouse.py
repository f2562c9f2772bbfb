"""Runs contrib/clickhouse/portolan.sql in ClickHouse (chdb: ClickHouse as a library), whose Kafka engine reads both topics, and then reads
them once more by queues of another consumer group: what is repeated must not count twice.

usage: clickhouse.py SQL BROKER REGISTRY RECORDS RECORDS KEYS KEYS DASHBOARD
    REGISTRY with user and password; how many records, and how many different keys, results and measurements have; a Grafana dashboard over them

Prints {"results": [...], "measurements": [...], "unreadable": N, "panels": {TITLE: rows}}: the rows that FINAL gives, as JSON, and how many
each of the dashboard's queries has, over the last day and with every choice that its variables offer.
"""
import json
import re
import sys
import tempfile
import time

from chdb import session

LIMIT_S = 180
TOPICS = ("results", "measurements")


def statements(path, broker, registry):
    with open(path, encoding="utf-8") as f:
        text = f.read()
    for name, value in (("@BROKER@", broker), ("@PREFIX@", "portolan."), ("@REGISTRY@", registry)):
        text = text.replace(name, value)
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [s.strip() for s in body.split(";") if s.strip()]


def run(db, statement):
    try:
        db.query(statement)
    except Exception as e:  # chdb has no class for its errors
        # chdb takes a queue's background tasks for its own end, after it has made the queue: what is read later shows that it is there
        if "Shutdown was called" not in str(e) or "ENGINE = Kafka" not in statement:
            raise


def again(statement):
    """The same queue or view under another name and for another consumer group; None for what keeps rows."""
    if "ENGINE = Kafka" not in statement and not statement.startswith("CREATE MATERIALIZED VIEW"):
        return None
    statement = re.sub(r"portolan\.(\w+_(?:queue|reader|unreadable))\b", r"portolan.\1_again", statement)
    return re.sub(r"(kafka_group_name = '[^']+)'", r"\1-again'", statement)


def ask(db, query):
    text = str(db.query(query + " SETTINGS output_format_json_quote_64bit_integers = 0", "JSONEachRow"))
    return [json.loads(line) for line in text.splitlines() if line]


def wait_read(db, suffix, records):
    """Until each queue has read so many records."""
    end = time.monotonic() + LIMIT_S
    while True:
        read = {r["table"]: r["n"] for r in ask(db, "SELECT table, sum(num_messages_read) AS n FROM system.kafka_consumers GROUP BY table")}
        if all(read.get(f"{t}_queue{suffix}", 0) >= n for t, n in zip(TOPICS, records)):
            return
        if time.monotonic() > end:
            sys.exit(f"not within {LIMIT_S} s: {read}, of {records}; {ask(db, 'SELECT * FROM portolan.unreadable LIMIT 3')}")
        time.sleep(0.2)


def wait_kept(db, records):
    """Rows are counted as they are read, and written a little later: a row a record, or fewer where ClickHouse has merged some."""
    end = time.monotonic() + LIMIT_S
    while True:
        keys = [ask(db, f"SELECT count() AS n FROM portolan.{t} FINAL")[0]["n"] for t in TOPICS]
        if all(n >= r for n, r in zip(keys, records)):
            return
        if time.monotonic() > end:
            sys.exit(f"not within {LIMIT_S} s: rows {keys}, of {records}")
        time.sleep(0.2)


def choices(db, board):
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            rows = str(db.query(variable["query"], "TSV")).splitlines()
            yield "${%s:singlequote}" % variable["name"], ", ".join(f"'{row}'" for row in rows)


def panels(db, path):
    """As Grafana's ClickHouse plugin would ask, which has the macros."""
    with open(path, encoding="utf-8") as f:
        board = json.load(f)
    chosen, out = dict(choices(db, board)), {}
    for panel in board["panels"]:
        for target in panel["targets"]:
            query = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 >= now() - INTERVAL 1 DAY", target["rawSql"])
            for name, values in chosen.items():
                query = query.replace(name, values)
            out[panel["title"]] = len(ask(db, query))
    return out


def main():
    path, broker, registry = sys.argv[1:4]
    records = [int(n) for n in sys.argv[4:6]]
    keys = [int(n) for n in sys.argv[6:8]]
    with tempfile.TemporaryDirectory() as folder:
        db = session.Session(folder)
        all_statements = statements(path, broker, registry)
        for statement in all_statements:
            run(db, statement)
        wait_read(db, "", records)
        wait_kept(db, keys)
        for statement in filter(None, map(again, all_statements)):
            run(db, statement)
        wait_read(db, "_again", records)
        out = {t: ask(db, f"SELECT *, finished FROM portolan.{t} FINAL") for t in TOPICS}
        out["unreadable"] = ask(db, "SELECT count() AS n FROM portolan.unreadable")[0]["n"]
        out["panels"] = panels(db, sys.argv[8])
        print(json.dumps(out))
        db.close()


main()
