#!/usr/bin/env bash
# Measures a clean debug build of the command line program (`cargo build -p landfall`) at two commits,
# on this machine, in alternating order.
#
#   scripts/build-time.sh [COMMIT] [--runs N]
#
# COMMIT is compared with HEAD; changes that are not committed are left out. Each build starts with an
# empty target directory, after all sources are downloaded. Prints the shortest time of each commit, and
# their ratio.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The commit before the EC2 and SSM crates of the SDK were replaced.
COMMIT=0bc91d2
RUNS=2

fail() {
  echo "build-time.sh: $*" >&2
  exit 2
}

while (($# > 0)); do
  case $1 in
    --runs)
      [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || fail "--runs needs a number"
      RUNS=$2
      shift
      ;;
    -*) fail "unknown option '$1'" ;;
    *) COMMIT=$1 ;;
  esac
  shift
done
git rev-parse --quiet --verify "$COMMIT^{commit}" >/dev/null || fail "there is no commit '$COMMIT'"

SCRATCH=$(mktemp -d)
readonly SCRATCH COMMIT RUNS

clean_up() {
  git worktree remove --force "$SCRATCH/before" 2>/dev/null || true
  git worktree remove --force "$SCRATCH/after" 2>/dev/null || true
  rm -rf "$SCRATCH"
}
trap clean_up EXIT

check_out() {
  git worktree add --quiet --detach "$SCRATCH/$1" "$2"
  (cd "$SCRATCH/$1" && cargo fetch --locked --quiet)
}

# Adds the time of one build, in milliseconds, to SCRATCH/times.SIDE.
build() {
  local side=$1 began ended
  rm -rf "$SCRATCH/target"
  began=${EPOCHREALTIME/[.,]/}
  (cd "$SCRATCH/$side" && CARGO_TARGET_DIR=$SCRATCH/target cargo build --locked --offline --quiet --package landfall)
  ended=${EPOCHREALTIME/[.,]/}
  echo $(((ended - began) / 1000)) >>"$SCRATCH/times.$side"
  printf '%-7s%8.1f s\n' "$side" "$(tail -n 1 "$SCRATCH/times.$side")e-3" >&2
}

shortest() { sort --numeric-sort "$SCRATCH/times.$1" | head -n 1; }

check_out before "$COMMIT"
check_out after HEAD
for ((run = 1; run <= RUNS; run++)); do
  if ((run % 2)); then sides=(before after); else sides=(after before); fi
  for side in "${sides[@]}"; do build "$side"; done
done
before=$(shortest before)
after=$(shortest after)
printf '%s: %.1f s\nHEAD: %.1f s, %d%% of that\n' "$COMMIT" "${before}e-3" "${after}e-3" $((100 * after / before))
