#!/usr/bin/env bash
# Runs checkov on the HCL. A check may fail only if a comment in the HCL skips it, with a reason.
#
#   scripts/checkov.sh                  the HCL of every root
#   scripts/checkov.sh plan ROOT FILE   a plan of that root, as `terraform show -json` writes it
#   scripts/checkov.sh skips            a table of the skipped checks, in Markdown; does not need checkov
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly ROOTS=crates/infra/roots

# One row for each skip: the check, the block that it is in, the reason.
skips() {
  printf '| control | where | why it is skipped |\n|---|---|---|\n'
  awk '
    /^(resource|data) "/ { split($0, part, "\""); where = part[2] "." part[4] }
    /#checkov:skip=/ {
      rest = $0
      sub(/.*#checkov:skip=/, "", rest)
      colon = index(rest, ":")
      split(FILENAME, path, "/")
      printf "| %s | %s: `%s` | %s |\n", substr(rest, 1, colon - 1), path[4], where, substr(rest, colon + 1)
    }' "$ROOTS"/*/*.tf
}

# Runs checkov and prints how many checks passed, failed and were skipped. It is a failure too if none
# passed: then checkov found nothing to check.
check() {
  local what=$1 checkov=${LANDFALL_CHECKOV:-checkov} answer
  shift
  command -v "$checkov" >/dev/null || {
    echo "checkov.sh: checkov is missing; './dev test' installs it, and LANDFALL_CHECKOV names it" >&2
    return 1
  }
  # --skip-download: no other rules than those of the pinned version.
  answer=$("$checkov" "$@" --output json --compact --skip-download --soft-fail) || {
    echo "checkov.sh: checkov itself failed on $what" >&2
    return 1
  }
  python3 scripts/checkov-summary.py "$what" <<<"$answer"
}

case ${1:-hcl} in
  hcl) check "HCL" --directory "$ROOTS" --framework terraform ;;
  plan)
    # The skips are in the HCL: checkov finds them by the folder that the plan is of.
    check "plan of $2" --file "$3" --framework terraform_plan --repo-root-for-plan-enrichment "$ROOTS/$2"
    ;;
  skips) skips ;;
  *)
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
