"""What a principal may do, tried by confluent-kafka: none of Portolan's own code.

usage: rights.py CONFIG.json TRY...      TRY: write:TOPIC or read:TOPIC; prints "TRY allowed" or "TRY denied (why)" a line
       rights.py CONFIG.json keys:TOPIC  prints the keys of all committed records, one a line

CONFIG.json holds librdkafka's properties (a file: command lines are seen by everybody).
"""
import json
import sys

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

WAIT_S = 20.0


def write(config, topic):
    said = []
    producer = Producer({**config, "enable.idempotence": False})
    try:
        producer.produce(topic, b"forged", b"key", on_delivery=lambda error, record: said.append(error))
        producer.flush(WAIT_S)
    except KafkaException as e:
        said.append(e.args[0])
    return said[0] if said else KafkaError(KafkaError._TIMED_OUT)


def consume(config, topic):
    """The first error, or None, and the keys up to the end of each partition."""
    consumer = Consumer({**config, "group.id": "portolan.consumer-test", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "enable.partition.eof": True})
    try:
        found = consumer.list_topics(topic, timeout=WAIT_S).topics[topic]
        if found.error:
            return found.error, []
        consumer.assign([TopicPartition(topic, p, 0) for p in found.partitions])
        keys, left = [], len(found.partitions)
        while left:
            record = consumer.poll(WAIT_S)
            if record is None:
                return KafkaError(KafkaError._TIMED_OUT), keys
            if not record.error():
                keys.append((record.key() or b"").decode())
            elif record.error().code() == KafkaError._PARTITION_EOF:
                left -= 1
            else:
                return record.error(), keys
        return None, keys
    except KafkaException as e:
        return e.args[0], []
    finally:
        consumer.close()


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        config = json.load(f)
    for what in sys.argv[2:]:
        kind, topic = what.split(":", 1)
        if kind == "keys":
            error, keys = consume(config, topic)
            if error:
                sys.exit(f"{topic}: {error}")
            print(*keys, sep="\n")
            continue
        error = write(config, topic) if kind == "write" else consume(config, topic)[0]
        denied = error and error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED)
        print(what, "denied" if denied else f"failed ({error})" if error else "allowed")


main()
