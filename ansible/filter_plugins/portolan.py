"""Filters of the roles: names of nodes and brokers, and what is missing of topics and ACLs, as arguments of Kafka's own tools."""
import json
import re

from ansible.errors import AnsibleFilterError

NODE = re.compile(r"[a-z0-9-]{1,63}\Z")
RESOURCE = re.compile(r"resourceType=(\w+), name=(.*), patternType=(\w+)\)")
ENTRY = re.compile(r"\(principal=(.*), host=(.*), operation=(\w+), permissionType=(\w+)\)")


def portolan_node(host):
    """The node's name of a host, given its variables: agent_node, else its name in the inventory, as node names are written."""
    name = host.get("agent_node") or re.sub(r"[^a-z0-9-]", "-", host["inventory_hostname"].lower())
    if "{{" in name or not NODE.match(name):
        raise AnsibleFilterError(f"{host['inventory_hostname']}: agent_node must be 1 to 63 of a-z, 0-9 and -, not {name!r}")
    return name


def portolan_broker(host):
    """ADDRESS:PORT of a broker, given its host's variables, by the defaults of the role kafka."""
    address = str(host.get("kafka_address") or host.get("ansible_host") or host["inventory_hostname"])
    return f"[{address}]:{port_of(host)}" if ":" in address else f"{address}:{port_of(host)}"


def port_of(host):
    return host.get("kafka_port") or 9093


def portolan_unfit(text, devices, not_incarnation):
    """Why a node is not in working order, from `portolan nodes --json NODE`; empty when it is. Leaves out what an operator has decided."""
    nodes = json.loads(text)["nodes"]
    if not nodes:
        return "it has not registered"
    node = nodes[0]
    failing = [f"{f['id']}: {f['reason']}" for f in node["failing"]]
    if node["incarnation"] == not_incarnation:
        return "it has not started anew"
    if node["presence"] != "ready":
        return f"its agent is {node['presence']}"
    if failing:
        return "failed the known-answer check: " + "; ".join(failing)
    if len(node["devices"]) < int(devices):
        return f"it offers {len(node['devices'])} devices, and {devices} are wanted"
    unchecked = [d["id"] for d in node["devices"] if d["health_checks"] == 0]
    return "not checked yet: " + ", ".join(unchecked) if unchecked else ""


def _plain(word):
    return re.sub(r"[^a-z]", "", word.lower())


def acls_there(text):
    """The set of (resource, name, pattern, principal, operation) that `AclCommand --list` shows as allowed from everywhere."""
    found = set()
    resource = None
    for line in text.splitlines():
        match = RESOURCE.search(line)
        if match:
            resource = (_plain(match[1]), match[2], _plain(match[3]))
        match = ENTRY.search(line)
        if match and resource and match[2] == "*" and match[4] == "ALLOW":
            found.add((*resource, match[1], _plain(match[3])))
    return found


def acls_wanted(text, consumers):
    """The same of `portolan topics --acls --json`; what is the consumer's is wanted for every consumer, and for none if there are none."""
    wanted = set()
    for acl in json.loads(text):
        principals = consumers if acl["role"] == "consumer" else [acl["principal"]]
        for principal in principals:
            wanted.add((_plain(acl["resource"]), acl["name"], acl["pattern"], principal, _plain(acl["operation"])))
    return wanted


FLAGS = {"topic": "--topic", "group": "--group", "transactionalid": "--transactional-id", "cluster": "--cluster"}
OPERATIONS = {"describeconfigs": "DescribeConfigs", "alterconfigs": "AlterConfigs", "idempotentwrite": "IdempotentWrite"}


def _grouped(acls):
    """(resource, pattern, operation) with all names and all principals of which each pair is among the ACLs: a tool's start is a second."""
    by_name = {}
    for resource, name, pattern, principal, operation in acls:
        by_name.setdefault((resource, pattern, operation, name), set()).add(principal)
    by_principals = {}
    for (resource, pattern, operation, name), principals in by_name.items():
        by_principals.setdefault((resource, pattern, operation, tuple(sorted(principals))), set()).add(name)
    return sorted((key, tuple(sorted(names))) for key, names in by_principals.items())


def acl_arguments(acls):
    for (resource, pattern, operation, principals), names in _grouped(acls):
        words = ["AclCommand --add --force --resource-pattern-type", pattern, "--operation", OPERATIONS.get(operation, operation.capitalize())]
        words += [f"--allow-principal '{p}'" for p in principals] + [f"{FLAGS[resource]} '{n}'" for n in names]
        yield " ".join(words)


def topic_arguments(text, there, prefix, nodes):
    for topic in json.loads(text)["topics"]:
        names = [f"{prefix}tasks.{n}" for n in nodes] if "<node>" in topic["topic"] else [topic["topic"]]
        for name in names:
            if name not in there:
                yield (f"TopicCommand --create --if-not-exists --topic '{name}' --partitions {topic['partitions']} "
                       f"--config cleanup.policy={topic['cleanup_policy']} --config retention.ms={topic['retention_ms']}")


def portolan_missing(texts, prefix, nodes, consumers):
    """texts: `portolan topics --json`, `portolan topics --acls --json`, TopicCommand --list, AclCommand --list."""
    topics, acls, topics_now, acls_now = texts
    return list(topic_arguments(topics, set(topics_now.split()), prefix, nodes)) + list(
        acl_arguments(acls_wanted(acls, consumers) - acls_there(acls_now)))


class FilterModule:
    """What Ansible looks for."""

    def filters(self):
        return {"portolan_node": portolan_node, "portolan_broker": portolan_broker, "portolan_missing": portolan_missing, "portolan_unfit": portolan_unfit}
