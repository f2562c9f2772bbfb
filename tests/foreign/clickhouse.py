"""Runs contrib/clickhouse/portolan.sql in ClickHouse (chdb) and takes in the values of both topics, as they are on the wire, twice: what is
repeated must not count twice.

usage: clickhouse.py SQL REGISTRY RESULTS_FILE MEASUREMENTS_FILE     REGISTRY with user and password; the files hold records end to end

chdb has no background threads that would read Kafka, so each queue is read from a file in the same format (AvroConfluent), with the queue's
own columns, and put where its view puts it. Prints {"results": [...], "measurements": [...]}: the rows that FINAL gives, as JSON.
"""
import json
import re
import sys
import tempfile

from chdb import session


def statements(text):
    body = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    return [s.strip() for s in body.split(";") if s.strip()]


def main():
    sql, registry, *files = sys.argv[1:5]
    with open(sql, encoding="utf-8") as f:
        text = f.read()
    with tempfile.TemporaryDirectory() as folder:
        db = session.Session(folder)
        queues = {}
        for statement in statements(text):
            queue = re.match(r"CREATE TABLE portolan\.(\w+)_queue\s*\((.*?)\n\)\s*ENGINE = Kafka", statement, re.S)
            if queue:
                queues[queue.group(1)] = queue.group(2).strip()
            elif not statement.startswith("CREATE MATERIALIZED VIEW"):
                db.query(statement)
        out = {}
        for topic, path in zip(("results", "measurements"), files):
            columns = queues[topic].replace("'", "''")
            for _ in range(2):
                db.query(f"INSERT INTO portolan.{topic} SELECT * FROM file('{path}', 'AvroConfluent', '{columns}') SETTINGS "
                         f"format_avro_schema_registry_url = '{registry}', input_format_avro_allow_missing_fields = 1")
            rows = db.query(f"SELECT * FROM portolan.{topic} FINAL SETTINGS output_format_json_quote_64bit_integers = 0", "JSONEachRow")
            out[topic] = [json.loads(line) for line in str(rows).splitlines() if line]
            total = str(db.query(f"SELECT toYear(min(finished)) > 2020 FROM portolan.{topic} FINAL", "TSV")).strip()
            if total not in ("1", "true"):
                sys.exit(f"{topic}: `finished` is not a time of now")
        print(json.dumps(out))
        db.close()


main()
