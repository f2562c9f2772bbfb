"""FULL_TRANSITIVE compatibility of the public schemas: every version that was ever released, and today's, reads what every other one
wrote. Twice, by two implementations of Avro's resolution rules that are not ours: the `avro` package's checker of schema pairs, and
fastavro with records (all defaults, and all fields filled).

usage: compatibility.py SCHEMA_FOLDER VERSIONS_FOLDER   VERSIONS_FOLDER/<release>/*.avsc are frozen

Then the same with schemas that break the rules: each must be found, or the check could not fail. Prints one line a finding.
"""
import copy
import io
import json
import pathlib
import sys

import avro.compatibility
import avro.schema
import fastavro

PUBLIC = ("result.avsc", "measurement.avsc")


def versions(current, frozen, name):
    found = {}
    for folder in sorted(p for p in pathlib.Path(frozen).iterdir() if (p / name).is_file()):
        found[folder.name] = json.loads((folder / name).read_text(encoding="utf-8"))
    if not found:
        sys.exit(f"{frozen}: no frozen {name}")
    found["today"] = json.loads((pathlib.Path(current) / name).read_text(encoding="utf-8"))
    return found


def value_of(kind, n):
    if isinstance(kind, list):
        return value_of(next(k for k in kind if k != "null"), n)
    if isinstance(kind, dict):
        return [filled(kind["items"])] if kind["type"] == "array" else filled(kind)
    return {"string": f"text {n}", "int": n, "long": n << 33, "double": n + 0.5, "boolean": True, "bytes": b"\x01"}[kind]


def filled(schema):
    return {f["name"]: value_of(f["type"], n + 1) for n, f in enumerate(schema["fields"])}


def by_rules(reader, writer):
    checker = avro.compatibility.ReaderWriterCompatibilityChecker()
    result = checker.get_compatibility(avro.schema.parse(json.dumps(reader)), avro.schema.parse(json.dumps(writer)))
    if result.compatibility is avro.compatibility.SchemaCompatibilityType.compatible:
        return []
    return [f"{', '.join(sorted(result.locations))}: {'; '.join(sorted(result.messages))}"]


def by_records(reader, writer):
    parsed, said = fastavro.parse_schema(copy.deepcopy(writer)), []
    needed = {name: value for name, value in filled(writer).items()
              if "default" not in next(f for f in writer["fields"] if f["name"] == name)}
    for record in (needed, filled(writer)):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, record)
        out.seek(0)
        try:
            got = fastavro.schemaless_reader(out, parsed, fastavro.parse_schema(copy.deepcopy(reader)))
        except Exception as e:  # whatever a reader may say
            said.append(f"{type(e).__name__}: {e}")
            continue
        for field in reader["fields"]:
            if field["name"] in record and got[field["name"]] != record[field["name"]]:
                said.append(f"{field['name']} is {got[field['name']]!r}, was {record[field['name']]!r}")
    return said


def promised(old, new, release):
    """Stricter than Avro, which is content when a field with a default goes away: ours stay."""
    types = {f["name"]: f["type"] for f in new["fields"]}
    return [f"{release}'s field {f['name']} is gone" if f["name"] not in types else f"{release}'s field {f['name']} has another type"
            for f in old["fields"] if types.get(f["name"]) is None or json.dumps(types[f["name"]]) != json.dumps(f["type"])
            and not isinstance(f["type"], dict)]


def findings(all_of):
    newest = list(all_of.values())[-1]
    return [line for release, old in all_of.items() for line in promised(old, newest, release)] + [f"{reader} reads {writer}: {text}" for reader, r in all_of.items() for writer, w in all_of.items()
            for text in by_rules(r, w) + by_records(r, w)]


def broken(schema):
    """Changes that somebody may make without thinking of who reads."""
    names = [f["name"] for f in schema["fields"]]

    def changed(name, change):
        new = copy.deepcopy(schema)
        change(new["fields"], next(f for f in new["fields"] if f["name"] == "task_id"))
        return name, new
    yield changed("a new field without a default", lambda fields, field: fields.append({"name": "added", "type": "string"}))
    yield changed("another type", lambda fields, field: field.update(type="long", default=0))
    yield changed("a new name for a field without a default", lambda fields, field: (field.pop("default"), field.update(name="task")))
    yield changed("a field that was taken away", lambda fields, field: fields.remove(field))
    yield changed("a field that may now be null", lambda fields, field: field.update(type=["null", "string"], default=None))
    assert "added" not in names and "task" not in names


def main():
    current, frozen = sys.argv[1:3]
    failed = 0
    for name in PUBLIC:
        all_of = versions(current, frozen, name)
        said = findings(all_of)
        failed += len(said)
        print(*(f"{name}: {line}" for line in said), sep="\n", end="\n" if said else "")
        print(f"{name}: {len(all_of)} versions, {len(all_of) ** 2} pairs of reader and writer, {len(said)} findings")
        for what, schema in broken(all_of["today"]):
            if not findings({**all_of, "new": schema}):
                failed += 1
                print(f"{name}: the check did not find {what}")
    sys.exit(1 if failed else 0)


main()
