"""An agent that speaks another version of the protocol's records, with fastavro and confluent-kafka and no code of ours: registers,
takes tasks, answers each with the verdict `wrong_output`, and says what it did as JSON lines.

usage: old_agent.py BOOTSTRAP SCHEMA_FOLDER NODE TARGET [--newer] [--protocol N] [--hold]

SCHEMA_FOLDER  the .avsc files that it knows: it reads and writes with these only
--newer        a made-up later version: every record has further fields, of types that we use nowhere, with something in them
--protocol N   what it says of itself (1)
--hold         keeps tasks until it is told to cancel them

It runs until SIGTERM, or until the coordinator refuses it (exit status 3, the reason in its output)."""
import argparse
import io
import json
import pathlib
import secrets
import signal
import sys
import time

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition

PREFIX = "portolan."
MARK = b"\xc3\x01"
TIMEOUT_S = 30.0
BEAT_S = 0.5
LATER = [  # fields that no reader of today has
    {"name": "later_text", "type": "string", "default": ""},
    {"name": "later_map", "type": {"type": "map", "values": ["null", "double"]}, "default": {}},
    {"name": "later_choice", "type": {"type": "enum", "name": "LaterChoice", "symbols": ["A", "B"]}, "default": "A"},
]
LATER_VALUES = {"later_text": "from the future", "later_map": {"x": 1.5, "y": None}, "later_choice": "B"}


def say(**what):
    print(json.dumps(what), flush=True)


def fingerprint(schema):
    return bytes.fromhex(fastavro.schema.fingerprint(fastavro.schema.to_parsing_canonical_form(schema), "CRC-64-AVRO"))


class Records:
    """Own schemas by name, and everybody's by fingerprint."""

    def __init__(self, folder, newer):
        self.raw, self.own, self.known, self.extra = {}, {}, {}, LATER_VALUES if newer else {}
        for path in sorted(pathlib.Path(folder).glob("*.avsc")):
            schema = json.loads(path.read_text(encoding="utf-8"))
            if newer and schema["name"] != "Schema":  # that one never changes
                schema["fields"] = LATER[:1] + schema["fields"] + LATER[1:]
            self.raw[schema["name"]] = schema
            self.own[schema["name"]] = fastavro.parse_schema(schema)
            self.known[fingerprint(schema)] = self.own[schema["name"]]

    def learn(self, text):
        schema = json.loads(text)
        self.known.setdefault(fingerprint(schema), fastavro.parse_schema(schema))

    def encode(self, name, record):
        extra = {} if name == "Schema" else self.extra
        out = io.BytesIO()
        fastavro.schemaless_writer(out, self.own[name], {**record, **extra})
        return MARK + fingerprint(self.raw[name]) + out.getvalue()

    def decode(self, value):
        """(name, record) as this version sees it; (None, None) while the writer's schema is not known."""
        writer = self.known.get(value[2:10])
        if value[:2] != MARK or writer is None:
            return None, None
        name = writer["name"].rsplit(".", 1)[-1]
        return name, fastavro.schemaless_reader(io.BytesIO(value[10:]), writer, self.own[name])


class Agent:
    def __init__(self, args):
        self.args = args
        self.records = Records(args.folder, args.newer)
        self.incarnation = secrets.token_hex(16)
        self.held, self.epoch, self.beats, self.mailbox = {}, 0, 0, None
        self.producer = Producer({"bootstrap.servers": args.bootstrap, "enable.idempotence": True, "partitioner": "murmur2_random"})
        self.consumer = Consumer({"bootstrap.servers": args.bootstrap, "group.id": "an-agent", "enable.auto.commit": False})
        self.assigned = [TopicPartition(PREFIX + "schemas", 0, 0), TopicPartition(PREFIX + "desired", 0, 0)]
        self.stopping, self.waiting = False, []

    def send(self, topic, key, name, record):
        self.producer.produce(PREFIX + topic, key=key, value=self.records.encode(name, record))

    def publish_node(self, state):
        device = {"id": "dev0", "target": self.args.target, "backend": "opencl", "name": "A device", "vendor": "Some", "kind": "gpu",
                  "driver_version": "1", "memory_bytes": 1 << 34, "max_alloc_bytes": 1 << 32, "max_work_group_size": 1024,
                  "local_memory_bytes": 65536, "domain": "gpu", "fingerprint": "f00d", "self_test": "passed (2.000)"}
        self.send("nodes", self.args.node, "Node", {
            "node": self.args.node, "incarnation": self.incarnation, "state": state, "agent_version": "0.0.9", "protocol": self.args.protocol,
            "host": "elsewhere", "cores": 4, "memory_bytes": 1 << 36, "devices": [device]})
        self.producer.flush(TIMEOUT_S)

    def register(self):
        for name, schema in self.records.raw.items():
            text = json.dumps(schema)
            key = fingerprint(schema).hex()
            self.send("schemas", key, "Schema", {"name": "io.portolan." + name, "fingerprint": key, "text": text})
        self.producer.flush(TIMEOUT_S)
        self.publish_node("starting")
        self.consumer.assign(self.assigned)
        say(registered=self.incarnation)

    def beat(self):
        self.beats += 1
        self.send("heartbeats", self.args.node, "Heartbeat", {
            "node": self.args.node, "incarnation": self.incarnation, "sequence": self.beats, "epoch": self.epoch,
            "attempts": [{"attempt_id": a, "task_id": t["task_id"], "device": "dev0", "state": "running", "phase": "time"}
                         for a, t in self.held.items()]})

    def answer(self, task, outcome, verdict, evidence):
        same = ("epoch", "task_id", "attempt", "attempt_id", "campaign", "node", "incarnation", "device", "target", "kernel_hash")
        self.send("attempts", task["task_id"], "Attempt", {
            **{name: task[name] for name in same}, "fingerprint": "f00d", "agent_version": "0.0.9", "outcome": outcome, "verdict": verdict,
            "evidence": evidence, "generality": "general", "finished_ms": int(time.time() * 1000), "duration_ms": 1.5})
        self.held.pop(task["attempt_id"], None)

    def on_desired(self, desired):
        if desired["node"] != self.args.node or desired["incarnation"] != self.incarnation:
            return
        if desired["state"] == "refused":
            say(refused=desired["reason"])
            sys.exit(3)
        self.epoch = desired["epoch"]
        topic = desired["mailbox_topic"]
        if self.mailbox or not topic:
            return
        self.mailbox = topic if topic.startswith(PREFIX) else PREFIX + topic
        high = self.consumer.get_watermark_offsets(TopicPartition(self.mailbox, desired["mailbox_partition"]), timeout=TIMEOUT_S)[1]
        self.consumer.incremental_assign([TopicPartition(self.mailbox, desired["mailbox_partition"], high)])
        self.publish_node("ready")
        say(ready=self.mailbox)

    def on_task(self, task):
        if task["incarnation"] != self.incarnation:
            return
        say(task=task["attempt_id"], kernel=task["kernel"], problem_bytes=len(task["problem_yaml"]))
        self.held[task["attempt_id"]] = task
        if not self.args.hold:
            self.answer(task, "verdict", "wrong_output", "answered by another version")

    def on_command(self, command):
        say(command=command["command"], attempt=command["attempt_id"])
        for task in [t for a, t in self.held.items() if command["attempt_id"] in ("", a) and command["task_id"] in ("", t["task_id"])]:
            self.answer(task, "cancelled", None, command["reason"])

    def on_message(self, message):
        if message.value() is None:
            return
        name, record = self.records.decode(message.value())
        if name is None:  # its schema is on its way: partitions have no common order
            self.waiting.append(message)
        elif name == "Schema":
            self.records.learn(record["text"])
            waiting, self.waiting = self.waiting, []
            for earlier in waiting:
                self.on_message(earlier)
        elif name in ("Desired", "Task", "Command"):
            {"Desired": self.on_desired, "Task": self.on_task, "Command": self.on_command}[name](record)

    def run(self):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "stopping", True))
        self.register()
        next_beat = 0.0
        while not self.stopping:
            message = self.consumer.poll(0.1)
            if message is not None and not message.error():
                self.on_message(message)
            self.producer.poll(0)
            if self.mailbox and time.monotonic() >= next_beat:
                next_beat = time.monotonic() + BEAT_S
                self.beat()
        for message in self.waiting:
            say(unreadable=message.topic(), offset=message.offset())
        self.publish_node("leaving")
        self.consumer.close()


parser = argparse.ArgumentParser()
parser.add_argument("bootstrap")
parser.add_argument("folder")
parser.add_argument("node")
parser.add_argument("target")
parser.add_argument("--newer", action="store_true")
parser.add_argument("--protocol", type=int, default=1)
parser.add_argument("--hold", action="store_true")
Agent(parser.parse_args()).run()
