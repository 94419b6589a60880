#!/usr/bin/env bash
# What checkov, which nobody here wrote, says of the HCL. Nothing may fail but what a comment in the HCL
# skips, with its reason.
#
#   scripts/checkov.sh                  every root's HCL
#   scripts/checkov.sh plan ROOT FILE   a plan of that root as `terraform show -json` writes it
#   scripts/checkov.sh skips            what is skipped, where and why, in Markdown; needs no checkov
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly ROOTS=crates/infra/roots

# One row a skip: the control, the block that it stands in, the reason.
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

# Runs checkov and says how many checks passed, failed and were skipped. That none passed is a failure,
# too: it looked at nothing.
check() {
  local what=$1 checkov=${LANDFALL_CHECKOV:-checkov} answer
  shift
  command -v "$checkov" >/dev/null || {
    echo "checkov.sh: checkov is missing; './dev test' sets it up, and LANDFALL_CHECKOV names it" >&2
    return 1
  }
  # --skip-download: no rules from elsewhere, so the answer depends on nothing but the pinned version.
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
    sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
