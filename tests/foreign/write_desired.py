"""Writes a `Desired` record as a coordinator would, with fastavro and the schema file: for trying what an agent makes of one.

usage: write_desired.py BOOTSTRAP SCHEMA_FOLDER NODE INCARNATION MAILBOX_TOPIC
       write_desired.py BOOTSTRAP --create TOPIC      makes a topic with one partition
"""
import io
import json
import pathlib
import sys

import fastavro
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic


def create(bootstrap, topic):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(30)


def write(bootstrap, folder, node, incarnation, mailbox):
    schema = json.loads((pathlib.Path(folder) / "desired.avsc").read_text(encoding="utf-8"))
    canonical = fastavro.schema.to_parsing_canonical_form(schema)
    out = io.BytesIO(b"\xc3\x01" + bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")))
    out.seek(0, io.SEEK_END)
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {
        "epoch": 1, "node": node, "incarnation": incarnation, "state": "in_service", "reason": "", "mailbox_topic": mailbox,
        "mailbox_partition": 0, "lease_ms": 3000})
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce("portolan.desired", key=node, value=out.getvalue())
    if producer.flush(30):
        sys.exit("the record was not delivered")


if sys.argv[2] == "--create":
    create(sys.argv[1], sys.argv[3])
else:
    write(*sys.argv[1:6])
