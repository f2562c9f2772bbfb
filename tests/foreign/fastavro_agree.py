"""Does Python's fastavro read what our codec writes, and our codec what fastavro writes? For every record type, in both framings,
and by writers whose schema has fields more and fields fewer than ours. Reads the schema files themselves, not our copy.

usage: fastavro_agree.py CODEC_TOOL SCHEMA_FOLDER
"""
import io
import json
import pathlib
import struct
import subprocess
import sys

import fastavro

SEEDS = 12
EXTRA = [  # fields that a later version may have: one of each kind that our decoder must skip
    ({"name": "zz_map", "type": {"type": "map", "values": ["null", "long"]}}, {"a": 1, "b": None}),
    ({"name": "zz_enum", "type": {"type": "enum", "name": "ZzEnum", "symbols": ["ONE", "TWO"]}}, "TWO"),
    ({"name": "zz_fixed", "type": {"type": "fixed", "name": "ZzFixed", "size": 5}}, b"12345"),
    ({"name": "zz_record", "type": {"type": "record", "name": "ZzRecord", "fields": [
        {"name": "x", "type": "float"}, {"name": "next", "type": ["null", "ZzRecord"]}]}},
     {"x": 0.5, "next": {"x": 1.5, "next": None}}),
    ({"name": "zz_list", "type": {"type": "array", "items": "bytes"}}, [b"", b"abc"]),
    ({"name": "zz_text", "type": ["null", "string"]}, "text"),
]


class Tool:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def must(self, **request):
        answer = self.ask(**request)
        if "error" in answer:
            raise AssertionError(f"{request['op']}: {answer['error']}")
        return answer


def to_python(value, schema):
    """A record in our JSON as fastavro has it: only bytes differ."""
    if isinstance(schema, dict) and schema["type"] == "record":
        return {f["name"]: to_python(value[f["name"]], f["type"]) for f in schema["fields"]}
    if isinstance(schema, dict) and schema["type"] == "array":
        return [to_python(item, schema["items"]) for item in value]
    return value.encode("latin-1") if schema == "bytes" else value


def write(schema, record):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    return out.getvalue()


def fingerprint(text):
    """Canonical form and CRC-64-AVRO as fastavro has them."""
    canonical = fastavro.schema.to_parsing_canonical_form(json.loads(text))
    return canonical, fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")


def single_head(hex_number):
    return b"\xc3\x01" + struct.pack("<Q", int(hex_number, 16))


def check_fingerprint(tool, text):
    ours = tool.must(op="learn", text=text)
    canonical, theirs = fingerprint(text)
    assert ours["canonical"] == canonical, f"canonical forms differ:\n{ours['canonical']}\n{canonical}"
    # fastavro prints the eight bytes as they are sent, least significant first
    assert bytes.fromhex(theirs) == struct.pack("<Q", int(ours["fingerprint"], 16)), f"{theirs} {ours['fingerprint']}"
    return ours["fingerprint"]


def check_they_read_ours(tool, name, schema, number, schema_id):
    parsed = fastavro.parse_schema(schema)
    for seed in range(SEEDS):
        record = tool.must(op="sample", type=name, seed=seed)["record"]
        for framing, head in (("single", single_head(number)), ("confluent", struct.pack(">bI", 0, schema_id))):
            data = bytes.fromhex(tool.must(op="encode", type=name, framing=framing, id=schema_id, record=record)["hex"])
            assert data.startswith(head), f"{framing}: head {data[:10].hex()}"
            body = io.BytesIO(data[len(head):])
            assert fastavro.schemaless_reader(body, parsed) == to_python(record, schema), f"{framing}, seed {seed}: contents differ"
            assert not body.read(), "bytes left over"


def check_we_read_theirs(tool, name, schema, number, schema_id):
    parsed = fastavro.parse_schema(schema)
    for seed in range(SEEDS):
        record = tool.must(op="sample", type=name, seed=seed)["record"]
        body = write(parsed, to_python(record, schema))
        for head in (single_head(number), struct.pack(">bI", 0, schema_id)):
            answer = tool.must(op="decode", hex=(head + body).hex())
            assert answer["type"] == name
            assert answer["record"] == record, f"seed {seed}: {answer['record']}\n{record}"


def evolve(schema, removed):
    """The schema of a writer without the field `removed` and with EXTRA, put at front, middle and end."""
    fields = [f for f in schema["fields"] if f["name"] != removed]
    extra = [e[0] for e in EXTRA]
    middle = len(fields) // 2
    return {**schema, "fields": extra[:2] + fields[:middle] + extra[2:4] + fields[middle:] + extra[4:]}


def check_evolved_writer(tool, name, schema, _number, _schema_id):
    for field in schema["fields"]:
        writer = evolve(schema, field["name"])
        number = check_fingerprint(tool, json.dumps(writer))
        parsed = fastavro.parse_schema(writer)
        record = tool.must(op="sample", type=name, seed=1)["record"]
        given = {**to_python(record, schema), **{e[0]["name"]: e[1] for e in EXTRA}}
        del given[field["name"]]
        answer = tool.must(op="decode", hex=(single_head(number) + write(parsed, given)).hex())
        expected = {**record, field["name"]: field["default"]}
        assert answer["record"] == expected, f"without {field['name']}: {answer['record']}\n{expected}"


def check_evolved_reader(tool, name, schema, _number, schema_id):
    """fastavro with the changed schema as *reader*: what a consumer of a later or earlier version sees of our records."""
    reader = evolve(schema, schema["fields"][0]["name"])
    defaults = [{}, "ONE", "12345", {"x": 0.0, "next": None}, [], None]
    for (extra, _), default in zip(EXTRA, defaults):
        for field in reader["fields"]:
            if field["name"] == extra["name"]:
                reader["fields"][reader["fields"].index(field)] = {**field, "default": default}
    record = tool.must(op="sample", type=name, seed=2)["record"]
    data = bytes.fromhex(tool.must(op="encode", type=name, framing="confluent", id=schema_id, record=record)["hex"])
    seen = fastavro.schemaless_reader(io.BytesIO(data[5:]), fastavro.parse_schema(schema), fastavro.parse_schema(reader))
    for field in schema["fields"][1:]:
        assert seen[field["name"]] == to_python(record[field["name"]], field["type"]), field["name"]


CHECKS = [
    ("fastavro reads what we write, in both framings", check_they_read_ours),
    ("we read what fastavro writes, in both framings", check_we_read_theirs),
    ("we read a writer that has fields more and any one field fewer", check_evolved_writer),
    ("fastavro reads ours with a reader's schema that differs", check_evolved_reader),
]


def main():
    tool, folder = Tool(sys.argv[1]), pathlib.Path(sys.argv[2])
    passed = failed = 0
    schemas = {s["name"]: s["text"] for s in tool.must(op="schemas")["schemas"]}
    files = sorted(folder.glob("*.avsc"))
    for schema_id, path in enumerate(files, start=1):
        text = path.read_text(encoding="utf-8")
        schema = json.loads(text)
        name = schema["name"]
        assert schemas[name] == text, f"{name}: the embedded text is not that of {path.name}"
        number = check_fingerprint(tool, text)
        tool.must(op="learn", text=text, id=schema_id)
        for sentence, check in CHECKS:
            try:
                check(tool, name, schema, number, schema_id)
            except Exception as problem:  # pylint: disable=broad-except
                failed += 1
                print(f"not ok - {name}: {sentence}\n{type(problem).__name__}: {problem}")
            else:
                passed += 1
                print(f"ok - {name}: {sentence}")
    if set(schemas) != {json.loads(p.read_text(encoding='utf-8'))["name"] for p in files}:
        failed += 1
        print("not ok - every embedded schema has a file")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
