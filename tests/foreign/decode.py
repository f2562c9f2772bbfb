"""Reads a topic as a stranger would: Python's confluent-kafka with its schema registry client and Avro deserialiser.

usage: decode.py BOOTSTRAP TOPIC REGISTRY [TOKEN_FILE] [--reader SCHEMA_FILE]

Prints one JSON object a line, {"key", "headers", "record"}, for every committed record there is. With --reader, records are read into that
schema, whatever they were written with.
"""
import json
import sys

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

POLL_S = 20.0


def main():
    args, reader = sys.argv[1:], None
    if "--reader" in args:
        at = args.index("--reader")
        with open(args[at + 1], encoding="utf-8") as f:
            reader = f.read()
        del args[at:at + 2]
    bootstrap, topic, url = args[:3]
    config = {"url": url}
    if len(args) > 3:
        with open(args[3], encoding="ascii") as f:
            config["basic.auth.user.info"] = "reader:" + f.readline().strip()
    decode = AvroDeserializer(SchemaRegistryClient(config), reader)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "portolan.consumer-stranger", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=POLL_S).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    left = len(partitions)
    while left:
        message = consumer.poll(POLL_S)
        if message is None:
            sys.exit(f"{topic}: the broker gave nothing for {POLL_S} s")
        if message.error():
            if message.error().name() != "_PARTITION_EOF":
                sys.exit(str(message.error()))
            left -= 1
            continue
        record = decode(message.value(), SerializationContext(topic, MessageField.VALUE))
        print(json.dumps({"key": message.key().decode(), "headers": len(message.headers() or []), "record": record}))
    consumer.close()


main()
