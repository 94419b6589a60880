"""Tells what checkov found, from its JSON on standard input; ends with 1 if that is not to be."""

import json
import sys

what, answer = sys.argv[1], json.load(sys.stdin)
# Without anything to look at there is a bare summary, or a list without results.
results = answer.get("results", {}) if isinstance(answer, dict) else {}
count = {name: len(results.get(f"{name}_checks", [])) for name in ("passed", "failed", "skipped")}
for failed in results.get("failed_checks", []):
    print(f"{failed['check_id']} {failed['resource']}: {failed['check_name']}", file=sys.stderr)
broken = results.get("parsing_errors", [])
for path in broken:
    print(f"cannot be read: {path}", file=sys.stderr)
told = ", ".join(f"{number} {name}" for name, number in count.items())
print(f"checkov, {what}: {told}", file=sys.stderr)
sys.exit(count["failed"] > 0 or count["passed"] == 0 or bool(broken))
