"""Publishes every record of the internal topics a second time, after a random delay and so in another order: for trying what the plane
makes of repeated and delayed records. Runs until SIGTERM; then what still waits goes out at once, shuffled.

usage: duplicate.py BOOTSTRAP PREFIX MOST_S SEED

SIGUSR1 publishes every record of `nodes` and `desired` seen so far once more, shuffled: registrations of incarnations and desired
states of epochs that are long over. Prints one JSON object at the end: how many copies of each topic were delivered.
"""
import heapq
import json
import random
import signal
import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

LONG_SHARE, LONG_FACTOR = 0.1, 4  # one in ten comes later still
LOOK_S = 1.0  # for mailboxes that were made meanwhile
COPY = ("copy", b"1")


class Duplicator:
    def __init__(self, bootstrap, prefix, most_s, seed):
        self.prefix, self.most_s = prefix, most_s
        self.random = random.Random(seed)
        self.consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "a-duplicator", "enable.auto.commit": False})
        self.producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
        self.assigned, self.waiting, self.kept, self.delivered = set(), [], [], {}
        self.look_s, self.count, self.stop, self.again = 0.0, 0, False, False

    def kind(self, topic):
        return topic[len(self.prefix):].split(".")[0]

    def look_for_topics(self):
        """Topics that are new are read from their beginning."""
        if time.monotonic() < self.look_s:
            return
        self.look_s = time.monotonic() + LOOK_S
        for name, topic in self.consumer.list_topics(timeout=10).topics.items():
            wanted = name.startswith(self.prefix) and self.kind(name) in ("tasks", "attempts", "heartbeats", "nodes", "desired")
            new = [TopicPartition(name, p, OFFSET_BEGINNING) for p in topic.partitions if (name, p) not in self.assigned]
            if wanted and new:
                self.consumer.incremental_assign(new)
                self.assigned.update((t.topic, t.partition) for t in new)

    def read(self):
        message = self.consumer.poll(0.02)
        if message is None or message.error() or COPY in (message.headers() or []):
            return
        delay = self.random.uniform(0, self.most_s) * (LONG_FACTOR if self.random.random() < LONG_SHARE else 1)
        self.count += 1
        record = (message.topic(), message.partition(), message.key(), message.value())
        heapq.heappush(self.waiting, (time.monotonic() + delay, self.count, record))
        if self.kind(message.topic()) in ("nodes", "desired"):
            self.kept.append(record)

    def on_delivery(self, error, message):
        if error:
            sys.exit(f"a copy was not delivered: {error}")
        kind = self.kind(message.topic())
        self.delivered[kind] = self.delivered.get(kind, 0) + 1

    def publish(self, record):
        topic, partition, key, value = record
        self.producer.produce(topic, value, key, partition, headers=[COPY], on_delivery=self.on_delivery)

    def publish_kept(self):
        self.again = False
        records = self.kept[:]
        self.random.shuffle(records)
        for record in records:
            self.publish(record)

    def run(self):
        while not self.stop:
            self.look_for_topics()
            self.read()
            while self.waiting and self.waiting[0][0] <= time.monotonic():
                self.publish(heapq.heappop(self.waiting)[2])
            if self.again:
                self.publish_kept()
            self.producer.poll(0)
        self.random.shuffle(self.waiting)
        for _, _, record in self.waiting:
            self.publish(record)
        if self.producer.flush(30):
            sys.exit("copies were not delivered")
        print(json.dumps(self.delivered), flush=True)


def main():
    bootstrap, prefix, most_s, seed = sys.argv[1:5]
    duplicator = Duplicator(bootstrap, prefix, float(most_s), int(seed))
    signal.signal(signal.SIGTERM, lambda *_: setattr(duplicator, "stop", True))
    signal.signal(signal.SIGUSR1, lambda *_: setattr(duplicator, "again", True))
    duplicator.run()


main()
