# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of policy files (agent/policy/policy.schema.json) says what the reader says.

Every shipped policy and every policy that stands in a unit test goes before both: what `portmatrix check` accepts, the
schema accepts; what it refuses for its shape, the schema refuses. And the keys that the reader asks for are the keys of
the schema. Needs python3-jsonschema; run by ctest with the command's path."""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
    import yaml
except ImportError as missing:
    print(f"skipped: {missing} (tools/build --tests installs it)")
    sys.exit(77)

TREE = pathlib.Path(__file__).resolve().parents[2]
POLICY = TREE / "agent/policy"

# Diagnostics that a schema must have seen coming: keys, kinds of values and words.
SHAPE = {"unknown-document", "unknown-key", "missing-key", "empty-list", "bad-word", "missing-failsafe", "missing-reason",
         "reserved-name", "protocol-mismatch", "bad-protocol", "bad-vlan", "bad-device", "wrong-type", "port-and-ports"}
# Those that need more than a value and its place: a schema accepts such policies.
BEYOND = {"unknown-set", "unknown-matrix", "unknown-interface", "unknown-rule", "set-cycle", "bad-local",
          "overlapping-local", "device-claimed-twice", "direction-open", "direction-contradiction", "expectation-failed",
          "duplicate-matrix", "duplicate-node", "duplicate-rule", "missing-file", "families-cannot-meet",
          "misplaced-dynamic-set", "empty-expectation"}

SERVICE = {"protocol", "ports", "source_ports", "icmp_type", "icmp_code"}
# Which definitions of the schema a reader's keys are those of.
READERS = {
    "matrix_reader.cc": (("matrix", "rule"), SERVICE),
    "service_reader.cc": (("rule", "failsafe"), None),
    "node_reader.cc": (("node", "failsafe"), SERVICE),
    "interface_reader.cc": (("interface",), set()),
    "expectation_reader.cc": (("expectation",), {"ports", "source_ports", "except"}),
    "claim_reader.cc": (("expectation", "exception"), SERVICE | {"interface", "verdict", "rule"}),
    "set_reader.cc": (("listFile", "dynamicSet"), set()),
    "reader.cc": (("shared",), set()),
}

failures = []


def check(holds, message):
    if not holds:
        failures.append(message)


class CoreLoader(yaml.SafeLoader):
    """YAML 1.2's core schema, by which editors type scalars: `no` is text, `0777` a number."""

    yaml_implicit_resolvers = {}


for tag, pattern, first in (
        ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
        ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
        ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
        ("float", r"^([-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?)$", list("-+.0123456789"))):
    CoreLoader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), first)


def construct_int(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text.startswith(("0x", "0o")) else int(text)


CoreLoader.add_constructor("tag:yaml.org,2002:int", construct_int)


def with_text_keys(value):
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): with_text_keys(each) for key, each in value.items()}
    return [with_text_keys(each) for each in value] if isinstance(value, list) else value


def documents(text):
    return [with_text_keys(document) for document in yaml.load_all(text, CoreLoader)]


def refusals(validator, text):
    """What the schema says against the documents, in words; nothing where it accepts them."""
    said = []
    for document in documents(text):
        for error in validator.iter_errors(document):
            deepest = jsonschema.exceptions.best_match([error])
            said.append(f"{'/'.join(map(str, deepest.absolute_path))}: {deepest.message}"[:200])
    return said


def diagnostics(command, text, folder):
    path = pathlib.Path(folder) / "p.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    ran = subprocess.run([command, "--json", "check", str(path)], capture_output=True, text=True, timeout=60)
    report = json.loads(ran.stdout)
    return {each["name"] for each in report["diagnostics"] if each["severity"] == "error"}


def policies_of_unit_tests():
    """Raw strings that look like policies, with the file and line they stand at."""
    for path in sorted((TREE / "tests/unit").glob("*_test.cc")):
        source = path.read_text(encoding="utf-8")
        for found in re.finditer(r'R"\((.*?)\)"', source, re.DOTALL):
            text = found.group(1).removeprefix("\n")
            if re.search(r"^[a-z_]+:", text, re.MULTILINE):
                yield f"{path.name}:{source.count(chr(10), 0, found.start()) + 1}", text


def compare_unit_tests(validator, command):
    accepted, refused = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for place, text in policies_of_unit_tests():
            try:
                documents(text)
            except (yaml.YAMLError, ValueError):
                continue
            names = diagnostics(command, text, folder)
            said = refusals(validator, text)
            if names <= BEYOND:
                accepted += 1
                check(not said, f"{place}: the reader accepts this policy, the schema does not: {said}")
            elif names & SHAPE:
                for name in names & SHAPE:
                    refused[name] = refused.get(name, 0) + 1
                check(said, f"{place}: the reader refuses this policy ({', '.join(sorted(names))}), the schema accepts it")
    check(accepted >= 30, f"only {accepted} accepted policies were found in unit tests")
    missing = sorted(SHAPE - set(refused))
    check(not missing, f"no unit test has a policy that is refused for {', '.join(missing)}")
    print(f"unit tests: {accepted} policies accepted by both, {sum(refused.values())} refusals of shape by both")


def compare_shipped(validator):
    paths = sorted((TREE / "policies").rglob("*.yaml"))
    check(len(paths) >= 10, "shipped policies are missing")
    for path in paths:
        said = refusals(validator, path.read_text(encoding="utf-8"))
        check(not said, f"{path.relative_to(TREE)}: {said}")
    print(f"shipped policies: {len(paths)} files accepted")


def compare_keys(schema):
    for path in sorted(POLICY.glob("*.cc")):
        asked = set(re.findall(r'\b(?:Take|Require)\(\s*"([a-z_]+)"', path.read_text(encoding="utf-8")))
        if not asked:
            continue
        if path.name not in READERS:
            failures.append(f"agent/policy/{path.name} reads keys ({', '.join(sorted(asked))}): name its definitions in READERS")
            continue
        definitions, left_out = READERS[path.name]
        properties = set().union(*(schema["$defs"][name]["properties"] for name in definitions))
        properties = properties & SERVICE if left_out is None else properties - left_out
        check(asked == properties,
              f"agent/policy/{path.name} and the schema's {' and '.join(definitions)} differ in: "
              f"{', '.join(sorted(asked ^ properties))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--command", required=True, help="the portmatrix command of this build")
    arguments = parser.parse_args()
    schema = json.loads((POLICY / "policy.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    compare_keys(schema)
    compare_shipped(validator)
    compare_unit_tests(validator, arguments.command)
    for failure in failures:
        print("FAILED:", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
