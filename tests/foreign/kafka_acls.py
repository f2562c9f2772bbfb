"""Runs a command line of Kafka's kafka-acls by confluent-kafka, for tests that have no kafka-tools.

usage: kafka_acls.py ADMIN.json --bootstrap-server ... --command-config ... --add --allow-principal P --operation O... --RESOURCE NAME ...
"""
import argparse
import json
import sys

from confluent_kafka.admin import AclBinding, AclOperation, AclPermissionType, AdminClient, ResourcePatternType, ResourceType

RESOURCES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "transactional_id": ResourceType.TRANSACTIONAL_ID}
OPERATIONS = {"Read": AclOperation.READ, "Write": AclOperation.WRITE, "Create": AclOperation.CREATE,
              "Describe": AclOperation.DESCRIBE, "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS}

parser = argparse.ArgumentParser()
parser.add_argument("--bootstrap-server", required=True)
parser.add_argument("--command-config", required=True)
parser.add_argument("--add", action="store_true", required=True)
parser.add_argument("--allow-principal", required=True)
parser.add_argument("--operation", action="append", required=True)
parser.add_argument("--resource-pattern-type", default="literal")
for resource in RESOURCES:
    parser.add_argument(f"--{resource.replace('_', '-')}")
asked = parser.parse_args(sys.argv[2:])
with open(sys.argv[1], encoding="utf-8") as f:
    admin = AdminClient({**json.load(f), "bootstrap.servers": asked.bootstrap_server})
pattern = ResourcePatternType[asked.resource_pattern_type.upper()]
acls = [AclBinding(kind, getattr(asked, name), pattern, asked.allow_principal, "*", OPERATIONS[operation], AclPermissionType.ALLOW)
        for name, kind in RESOURCES.items() if getattr(asked, name) for operation in asked.operation]
for done in admin.create_acls(acls).values():
    done.result(30)
