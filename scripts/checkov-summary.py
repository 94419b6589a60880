"""Prints what checkov found, from its JSON on standard input. Exits with 1 if a check failed or none passed."""

import json
import sys

what, answer = sys.argv[1], json.load(sys.stdin)
# If checkov found nothing to check, its output is a bare summary, or a list without results.
results = answer.get("results", {}) if isinstance(answer, dict) else {}
count = {name: len(results.get(f"{name}_checks", [])) for name in ("passed", "failed", "skipped")}
for failed in results.get("failed_checks", []):
    print(f"{failed['check_id']} {failed['resource']}: {failed['check_name']}", file=sys.stderr)
broken = results.get("parsing_errors", [])
for path in broken:
    print(f"cannot be read: {path}", file=sys.stderr)
summary = ", ".join(f"{number} {name}" for name, number in count.items())
print(f"checkov, {what}: {summary}", file=sys.stderr)
sys.exit(count["failed"] > 0 or count["passed"] == 0 or bool(broken))
