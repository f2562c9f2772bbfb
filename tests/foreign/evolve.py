"""A topic with records of several versions of a schema, written by confluent-kafka's Avro serialiser under FULL_TRANSITIVE compatibility.

usage: evolve.py BOOTSTRAP TOPIC REGISTRY SCHEMA_FILE...     one record a schema, in order; keys are 0, 1, ...
                                                             The topic is made where it is not there
       evolve.py --refuses REGISTRY SUBJECT SCHEMA_FILE      succeeds when the registry refuses it as incompatible

Each record has `task_id` "v<n>" and, where the schema has it, `added` 42; the rest are defaults.
"""
import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from confluent_kafka.schema_registry import ConfigCompatibilityLevel, Schema, SchemaRegistryClient, SchemaRegistryError, ServerConfig
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.serialization import MessageField, SerializationContext


def text_of(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def refuses(url, subject, path):
    try:
        SchemaRegistryClient({"url": url}).register_schema(subject, Schema(text_of(path), "AVRO"))
    except SchemaRegistryError as e:
        print(e)
        return e.http_status_code == 409
    return False


def write(bootstrap, topic, url, paths):
    admin = AdminClient({"bootstrap.servers": bootstrap})  # it must live as long as its futures
    if topic not in admin.list_topics(timeout=30).topics:
        admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    registry = SchemaRegistryClient({"url": url})
    producer = Producer({"bootstrap.servers": bootstrap})
    subject = topic + "-value"
    for n, path in enumerate(paths):
        text = text_of(path)
        serialise = AvroSerializer(registry, text, conf={"auto.register.schemas": True})
        record = {"task_id": f"v{n}", **({"added": 42} if '"added"' in text else {})}
        producer.produce(topic, key=str(n), value=serialise(record, SerializationContext(topic, MessageField.VALUE)))
        if n == 0:  # a subject must exist before it has a rule of its own
            registry.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.FULL_TRANSITIVE))
    if producer.flush(30):
        sys.exit("not all was delivered")


if sys.argv[1] == "--refuses":
    sys.exit(0 if refuses(*sys.argv[2:5]) else 1)
write(*sys.argv[1:4], sys.argv[4:])
