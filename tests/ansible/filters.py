"""The filters of ansible/filter_plugins, over what `portolan topics` really prints (arguments: its two outputs) and what Kafka's tools print."""
import importlib.util
import json
import sys
import types

# The filters need one name of Ansible's, and no Ansible.
errors = types.ModuleType("ansible.errors")
errors.AnsibleFilterError = type("AnsibleFilterError", (Exception,), {})
sys.modules["ansible"], sys.modules["ansible.errors"] = types.ModuleType("ansible"), errors
spec = importlib.util.spec_from_file_location("portolan", "ansible/filter_plugins/portolan.py")
f = importlib.util.module_from_spec(spec)
spec.loader.exec_module(f)

TOPICS, ACLS = open(sys.argv[1]).read(), open(sys.argv[2]).read()


def refused(host):
    try:
        return f.portolan_node(host)
    except errors.AnsibleFilterError as e:
        return "agent_node" in str(e)


assert f.portolan_node({"inventory_hostname": "Lab_7.example.org"}) == "lab-7-example-org"
assert f.portolan_node({"inventory_hostname": "x", "agent_node": "gpu-1"}) == "gpu-1"
assert refused({"inventory_hostname": "x", "agent_node": "Ä b"}) is True
assert refused({"inventory_hostname": "n" * 64}) is True
assert f.portolan_broker({"inventory_hostname": "b", "ansible_host": "10.0.0.1"}) == "10.0.0.1:9093"
assert f.portolan_broker({"inventory_hostname": "b", "kafka_address": "fd00::1", "kafka_port": 1}) == "[fd00::1]:1"

wanted = f.acls_wanted(ACLS, [])
assert len(wanted) > 20 and not [a for a in wanted if "consumer" in a[1]]
consumers = f.acls_wanted(ACLS, ["User:CN=a", "User:CN=b"])
assert {a[3] for a in consumers - wanted} == {"User:CN=a", "User:CN=b"}

# What Kafka lists when all is there: in the words of its tool.
kinds = {"topic": "TOPIC", "group": "GROUP", "transactionalid": "TRANSACTIONAL_ID"}
operations = {"describeconfigs": "DESCRIBE_CONFIGS"}
listed = "".join(
    f"Current ACLs for resource `ResourcePattern(resourceType={kinds[r]}, name={n}, patternType={p.upper()})`: \n"
    f" \t(principal={who}, host=*, operation={operations.get(o, o.upper())}, permissionType=ALLOW)\n"
    for r, n, p, who, o in wanted)
nodes = ["lab-7"]
names = [t["topic"].replace("<node>", "lab-7") for t in json.loads(TOPICS)["topics"]]
assert f.portolan_missing([TOPICS, ACLS, "\n".join(names), listed], "portolan.", nodes, []) == []

# A denial, another host's right and a missing one are no rights.
for before, after in (("permissionType=ALLOW", "permissionType=DENY"), ("host=*", "host=10.0.0.9")):
    assert len(f.acls_there(listed.replace(before, after, 1))) == len(wanted) - 1
commands = f.portolan_missing([TOPICS, ACLS, "\n".join(names[1:]), ""], "portolan.", nodes, [])
assert commands[0] == ("TopicCommand --create --if-not-exists --topic 'portolan.tasks.lab-7' --partitions 1 --config cleanup.policy=delete "
                       "--config retention.ms=604800000"), commands[0]
acls = commands[1:]
assert all(c.startswith("AclCommand --add --force ") for c in acls) and len(acls) <= 16, acls
granted = set()
for c in acls:  # read the commands back: together they are what was wanted, and nothing else
    words = c.replace("'", "").split()
    after = lambda flag: [words[i + 1] for i, w in enumerate(words) if w == flag]
    flag = next(x for x in f.FLAGS.items() if x[1] in words)
    granted |= {(flag[0], n, after("--resource-pattern-type")[0], p, after("--operation")[0].lower())
                for n in after(flag[1]) for p in after("--allow-principal")}
assert granted == wanted, granted ^ wanted

node = {"node": "n", "incarnation": "b", "presence": "ready", "failing": [], "devices": [{"id": "d", "health_checks": 1}]}
unfit = lambda want=1, old="a", **change: f.portolan_unfit(json.dumps({"nodes": [{**node, **change}]}), want, old)
assert unfit() == ""
assert "not started anew" in unfit(old="b")
assert "absent" in unfit(presence="absent")
assert "2 are wanted" in unfit(want="2")
assert "wrong sum" in unfit(failing=[{"id": "d", "reason": "wrong sum"}])
assert "not checked" in unfit(devices=[{"id": "d", "health_checks": 0}])
assert unfit(devices=[{"id": "d", "health_checks": None}]) == ""  # an agent that does not count them
assert f.portolan_unfit('{"nodes": []}', 1, "") != ""
print("filters: all hold")
