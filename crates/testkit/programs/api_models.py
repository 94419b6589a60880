"""Checks recorded calls of AWS's APIs against the services' models, which botocore has.

    api_models.py RECORD...

Each line of a record is one call, as `landfall-front serve --record` writes it. An emulator accepts what
AWS refuses: unknown members, missing ones, texts that are too long or do not match, numbers out of range,
words that no enumeration has. Prints one line for each kind of violation, then a summary; exits with 1 if
there is a violation.
"""

import base64
import collections
import json
import re
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

import botocore.parsers
import botocore.session

# The names of services in credential scopes, where botocore has others.
NAMES = {
    "apigateway": "apigatewayv2",
    "elasticloadbalancing": "elbv2",
    "tagging": "resourcegroupstaggingapi",
    "servicequotas": "service-quotas",
}

# What differs from the models although AWS accepts it, with the reason.
EXCEPTIONS = {
    ("budgets", "CreateBudget", "Budget.BudgetLimit.Amount"): "a test makes a budget that is exceeded from the start",
    ("s3", "CreateBucket", "CreateBucketConfiguration"): "sent as XML by name, which the model wraps",
}


class Unreadable(Exception):
    """A call whose operation or parameters cannot be read."""


def local(tag):
    return tag.rsplit("}", 1)[-1]


class Checker:
    """The violations of one call's parameters."""

    def __init__(self):
        self.found = []
        self.skipped_patterns = set()

    def wrong(self, path, what):
        self.found.append((path or "the call", what))

    def value(self, shape, value, path):
        kind = shape.type_name
        check = getattr(self, "check_" + kind, None)
        if check is not None:
            check(shape, value, path)

    def bounds(self, shape, size, path, what):
        least, most = shape.metadata.get("min"), shape.metadata.get("max")
        if least is not None and size < least:
            self.wrong(path, f"{what} {size} is below {least}")
        if most is not None and size > most:
            self.wrong(path, f"{what} {size} is above {most}")

    def check_structure(self, shape, value, path):
        if not isinstance(value, dict):
            return self.wrong(path, "is no structure")
        for name in shape.required_members:
            if name not in value:
                self.wrong(f"{path}.{name}" if path else name, "is missing")
        for name, inner in value.items():
            where = f"{path}.{name}" if path else name
            member = shape.members.get(name)
            if member is None:
                self.wrong(where, "is unknown")
            elif inner is not None:
                self.value(member, inner, where)

    def check_list(self, shape, value, path):
        if not isinstance(value, list):
            return self.wrong(path, "is no list")
        self.bounds(shape, len(value), path, "its length")
        for inner in value:
            self.value(shape.member, inner, path + "[]")

    def check_map(self, shape, value, path):
        if not isinstance(value, dict):
            return self.wrong(path, "is no map")
        self.bounds(shape, len(value), path, "its length")
        for key, inner in value.items():
            self.value(shape.key, key, path + "{key}")
            self.value(shape.value, inner, path + "{value}")

    def check_string(self, shape, value, path):
        if not isinstance(value, str):
            return self.wrong(path, f"is no text: {value!r}")
        self.bounds(shape, len(value), path, "its length")
        if shape.enum and value not in shape.enum:
            self.wrong(path, f"{value!r} is none of the enumeration")
        pattern = shape.metadata.get("pattern")
        if pattern:
            try:
                # The models' patterns are Java's, and the whole text has to match.
                compiled = re.compile(pattern)
            except re.error:
                self.skipped_patterns.add(pattern)
                return
            if not compiled.fullmatch(value):
                self.wrong(path, f"{value!r} does not match {pattern}")

    def number(self, shape, value, path, types):
        if isinstance(value, bool) or not isinstance(value, types):
            return self.wrong(path, f"is no number: {value!r}")
        self.bounds(shape, value, path, "the number")

    def check_integer(self, shape, value, path):
        self.number(shape, value, path, (int,))

    check_long = check_integer

    def check_float(self, shape, value, path):
        self.number(shape, value, path, (int, float))

    check_double = check_float

    def check_boolean(self, shape, value, path):
        if not isinstance(value, bool):
            self.wrong(path, f"is neither true nor false: {value!r}")

    def check_blob(self, shape, value, path):
        if not isinstance(value, str):
            return self.wrong(path, "is no text")
        try:
            base64.b64decode(value, validate=True)
        except ValueError:
            self.wrong(path, "is no Base64")


# --- reading parameters ---------------------------------------------------------------------


def convert(shape, text):
    """A text from a query, a path or XML as the type of its shape."""
    kind = shape.type_name
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in ("integer", "long"):
        return int(text) if re.fullmatch(r"-?\d+", text) else text
    if kind in ("float", "double"):
        try:
            return float(text)
        except ValueError:
            return text
    return text


def nested(pairs):
    """`A.member.1.B=x` as a tree."""
    tree = {}
    for name, value in pairs:
        node = tree
        parts = name.split(".")
        for part in parts[:-1]:
            node = node.setdefault(part, {})
            if not isinstance(node, dict):
                raise Unreadable(f"{name} is both a value and a structure")
        node[parts[-1]] = value
    return tree


def from_query(shape, tree, is_ec2):
    """Parameters of the protocols `query` and `ec2`."""
    kind = shape.type_name
    if kind == "structure":
        known = {}
        for name, member in shape.members.items():
            wire = member.serialization.get("queryName") or member.serialization.get("name") or name
            if is_ec2 and "queryName" not in member.serialization:
                wire = wire[0].upper() + wire[1:]
            known[wire] = (name, member)
        result = {}
        for wire, inner in tree.items():
            name, member = known.get(wire, (wire, None))
            result[name] = inner if member is None else from_query(member, inner, is_ec2)
        return result
    if kind == "list":
        if not isinstance(tree, dict):
            return [] if tree == "" else tree
        if not is_ec2 and not shape.serialization.get("flattened"):
            tree = tree.get(shape.member.serialization.get("name", "member"), tree)
        ordered = sorted(tree.items(), key=lambda item: int(item[0]) if item[0].isdigit() else 0)
        return [from_query(shape.member, inner, is_ec2) for _, inner in ordered]
    if kind == "map":
        tree = tree if shape.serialization.get("flattened") else tree.get("entry", tree)
        result = {}
        for pair in tree.values():
            key = pair.get(shape.key.serialization.get("name", "key"), "")
            inner = pair.get(shape.value.serialization.get("name", "value"), "")
            result[key] = from_query(shape.value, inner, is_ec2)
        return result
    return convert(shape, tree) if isinstance(tree, str) else tree


def from_xml(shape, element):
    """Parameters in a body of XML."""
    kind = shape.type_name
    if kind == "structure":
        known = {
            member.serialization.get("name", name): (name, member)
            for name, member in shape.members.items()
        }
        result = {}
        for child in element:
            name, member = known.get(local(child.tag), (local(child.tag), None))
            if member is None:
                result[name] = child.text
            elif member.type_name == "list" and member.serialization.get("flattened"):
                result.setdefault(name, []).append(from_xml(member.member, child))
            else:
                result[name] = from_xml(member, child)
        return result
    if kind == "list":
        return [from_xml(shape.member, child) for child in element]
    return convert(shape, element.text or "")


def from_json(shape, value):
    """Parameters in a body of JSON, whose names may differ from the model's."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {
            member.serialization.get("name", name): (name, member)
            for name, member in shape.members.items()
            if member.serialization.get("location") is None
        }
        result = {}
        for wire, inner in value.items():
            name, member = known.get(wire, (wire, None))
            result[name] = inner if member is None else from_json(member, inner)
        return result
    if shape.type_name == "list" and isinstance(value, list):
        return [from_json(shape.member, inner) for inner in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {key: from_json(shape.value, inner) for key, inner in value.items()}
    return value


def from_cbor(body):
    """Parameters in a body of CBOR."""
    parser = botocore.parsers.RpcV2CBORParser()
    return parser.parse_data_item(parser.get_peekable_stream_from_bytes(body))


def named(call):
    """The operation of a call, where its name in the record is less precise than the model's."""
    if call["operation"] == "CreateDistribution" and "<DistributionConfigWithTags" in call["body"]:
        return "CreateDistributionWithTags"
    if call["service"] == "s3" and call["operation"] in ("GetTagging", "PutTagging", "DeleteTagging"):
        return call["operation"].replace("Tagging", "BucketTagging")
    return call["operation"]


def from_address(operation, call):
    """Parameters in path and query of the REST protocols."""
    shape = operation.input_shape
    pattern, names = "", []
    template = operation.http["requestUri"].split("?")[0].rstrip("/")
    for part in re.split(r"(\{[^}]*\})", template):
        if part.startswith("{"):
            names.append(part.strip("{}").rstrip("+"))
            pattern += "(.+)" if part.endswith("+}") else "([^/]+)"
        else:
            pattern += re.escape(part)
    path = call["path"].split("?")[0]
    if not path.startswith("/"):
        path = "/" + path
    match = re.fullmatch(pattern + "/?", path)
    if match is None:
        raise Unreadable(f"{path} is not {template}")
    found = dict(zip(names, map(urllib.parse.unquote, match.groups())))
    query = collections.defaultdict(list)
    for name, value in call["query"]:
        query[name].append(value)
    result = {}
    for name, member in shape.members.items():
        where, wire = member.serialization.get("location"), member.serialization.get("name", name)
        if where == "uri" and wire in found:
            result[name] = convert(member, found[wire])
        elif where == "querystring" and member.type_name == "list" and query[wire]:
            result[name] = [convert(member.member, value) for value in query[wire]]
        elif where == "querystring" and member.type_name != "map" and query[wire]:
            result[name] = convert(member, query[wire][0])
    return result


def without_headers(shape):
    """Members that this record does not have: header fields, and bodies that are left out."""
    payload = shape.serialization.get("payload")
    return {
        name
        for name, member in shape.members.items()
        if member.serialization.get("location") in ("header", "headers")
        or (name == payload and member.type_name in ("blob", "string"))
    }


def parameters(service, operation, call):
    """The parameters of a call, and the names of members that are not in the record."""
    shape, body = operation.input_shape, call["body"] or ""
    if shape is None:
        return {}, set()
    if call.get("binary"):
        return from_json(shape, from_cbor(bytes.fromhex(call["binary"]))), set()
    if call["target"]:
        return from_json(shape, json.loads(body or "{}")), set()
    protocols = service.metadata.get("protocols") or [service.metadata["protocol"]]
    if {"query", "ec2"} & set(protocols):
        pairs = urllib.parse.parse_qsl(body, keep_blank_values=True) or call["query"]
        pairs = [pair for pair in pairs if pair[0] not in ("Action", "Version")]
        return from_query(shape, nested(pairs), "ec2" in protocols), set()
    result = from_address(operation, call)
    missing = without_headers(shape)
    payload = shape.serialization.get("payload")
    if not body:
        return result, missing | ({payload} if payload else set())
    inner = shape.members[payload] if payload else shape
    if payload in missing:
        return result, missing
    is_xml = "rest-xml" in protocols
    read = from_xml(inner, ElementTree.fromstring(body)) if is_xml else from_json(inner, json.loads(body))
    if payload:
        result[payload] = read
    else:
        result.update(read)
    return result, missing


def main(files):
    session = botocore.session.get_session()
    services, violations, kinds = {}, collections.Counter(), collections.Counter()
    unreadable, patterns, calls = collections.Counter(), set(), 0
    for file in files:
        for line in open(file, encoding="utf-8"):
            call = json.loads(line)
            name = NAMES.get(call["service"], call["service"])
            # A call that was refused before it reached the service says nothing about its shape.
            if not call["operation"]:
                continue
            calls += 1
            try:
                if name not in services:
                    services[name] = session.get_service_model(name)
                service = services[name]
                operation = service.operation_model(named(call))
                given, missing = parameters(service, operation, call)
            except Exception as error:
                unreadable[f"{name} {call['operation']}: {type(error).__name__}: {error}"[:200]] += 1
                continue
            kinds[f"{name} {call['operation']}"] += 1
            checker = Checker()
            if operation.input_shape is not None:
                checker.value(operation.input_shape, given, "")
            patterns |= checker.skipped_patterns
            for path, what in checker.found:
                first = path.split(".")[0].split("[")[0].split("{")[0]
                excepted = {(name, call["operation"], first), (name, call["operation"], path)}
                if first in missing or excepted & EXCEPTIONS.keys():
                    continue
                violations[f"{name} {call['operation']}: {path} {what}"[:240]] += 1
    for what, count in sorted(violations.items()):
        print(f"{what} ({count})")
    for what, count in sorted(unreadable.items()):
        print(f"not read: {what} ({count})")
    print(
        f"{calls} calls of {len(kinds)} operations, {sum(violations.values())} violations, "
        f"{sum(unreadable.values())} not read, {len(patterns)} patterns that Python cannot read"
    )
    return 1 if violations or unreadable or not calls else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
