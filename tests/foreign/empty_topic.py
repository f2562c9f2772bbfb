"""Deletes every record of a topic, as a retention that is over would.

usage: empty_topic.py BOOTSTRAP TOPIC
"""
import sys

from confluent_kafka import OFFSET_END, TopicPartition
from confluent_kafka.admin import AdminClient

admin = AdminClient({"bootstrap.servers": sys.argv[1]})
partitions = admin.list_topics(sys.argv[2], timeout=20).topics[sys.argv[2]].partitions
for done in admin.delete_records([TopicPartition(sys.argv[2], p, OFFSET_END) for p in partitions]).values():
    done.result(timeout=30)
