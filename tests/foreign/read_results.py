"""Reads the public topics as a stranger would: confluent-kafka for the records, fastavro for the contents, the coordinator's
Schema Registry API for the schemas; none of Portolan's own code.

usage: read_results.py BOOTSTRAP TOPIC API TOKEN_FILE

Prints one JSON object a line: {"key", "offset", "record"}, for every committed record from the first to the last.
"""
import base64
import io
import json
import struct
import sys
import urllib.request

import fastavro
from confluent_kafka import Consumer, TopicPartition

POLL_S = 10.0


def fetch_schema(api, token, schema_id):
    request = urllib.request.Request(f"{api}/schemas/ids/{schema_id}")
    credentials = base64.b64encode(b"reader:" + token.encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return fastavro.parse_schema(json.loads(json.load(answer)["schema"]))


def main():
    bootstrap, topic, api, token_file = sys.argv[1:5]
    with open(token_file, encoding="ascii") as f:
        token = f.readline().strip()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "a-stranger", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=POLL_S).topics[topic].partitions
    if not partitions:
        sys.exit(f"no topic {topic}")
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    schemas, ended = {}, set()
    while len(ended) < len(partitions):
        message = consumer.poll(POLL_S)
        if message is None:
            sys.exit(f"{topic}: the broker gave nothing for {POLL_S} s")
        if message.error():
            if message.error().name() != "_PARTITION_EOF":
                sys.exit(str(message.error()))
            ended.add(message.partition())
            continue
        magic, schema_id = struct.unpack(">bI", message.value()[:5])
        if magic != 0:
            sys.exit(f"offset {message.offset()}: not in the Confluent wire format")
        if schema_id not in schemas:
            schemas[schema_id] = fetch_schema(api, token, schema_id)
        body = io.BytesIO(message.value()[5:])
        record = fastavro.schemaless_reader(body, schemas[schema_id], None)
        if body.read(1):
            sys.exit(f"offset {message.offset()}: bytes left over after the record")
        print(json.dumps({"key": message.key().decode(), "offset": message.offset(), "record": record}))
    consumer.close()


main()
