"""Reads an internal topic as a stranger would: Avro's single-object encoding, with the schema files of a folder, found by their
fingerprints as fastavro computes them.

usage: read_internal.py BOOTSTRAP TOPIC SCHEMA_FOLDER

Prints one JSON object a line: {"key", "type", "record"}; bytes as Latin-1.
"""
import io
import json
import pathlib
import sys

import fastavro
from confluent_kafka import Consumer, TopicPartition

POLL_S = 10.0
MARK = b"\xc3\x01"


def schemas_of(folder):
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.avsc")):
        schema = json.loads(path.read_text(encoding="utf-8"))
        canonical = fastavro.schema.to_parsing_canonical_form(schema)
        found[bytes.fromhex(fastavro.schema.fingerprint(canonical, "CRC-64-AVRO"))] = fastavro.parse_schema(schema)
    return found


def messages(bootstrap, topic):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "a-stranger", "enable.auto.commit": False, "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=POLL_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    ended = 0
    while ended < len(partitions):
        message = consumer.poll(POLL_S)
        if message is None:
            sys.exit(f"{topic}: the broker gave nothing for {POLL_S} s")
        if not message.error():
            yield message
        elif message.error().name() == "_PARTITION_EOF":
            ended += 1
        else:
            sys.exit(str(message.error()))
    consumer.close()


def main():
    bootstrap, topic, folder = sys.argv[1:4]
    schemas = schemas_of(folder)
    for message in messages(bootstrap, topic):
        value = message.value()
        if value[:2] != MARK or value[2:10] not in schemas:
            sys.exit(f"offset {message.offset()}: not a record of ours: {value[:10].hex()}")
        schema = schemas[value[2:10]]
        record = fastavro.schemaless_reader(io.BytesIO(value[10:]), schema, None)
        print(json.dumps({"key": message.key().decode(), "type": schema["name"], "record": record}, default=lambda b: b.decode("latin-1")))


main()
