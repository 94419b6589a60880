#!/usr/bin/env bash
# Prints the structure of the sources: lines of code and tests of each crate, snapshots, the top-level modules of
# landfall, module cycles, and functions over 100 lines.
#
#   scripts/structure.sh                 prints it
#   scripts/structure.sh --check         and fails if there is a module cycle or a function over 100 lines
#   scripts/structure.sh --edges         and lists every reference that is part of a cycle: crate, file:line, path
#   scripts/structure.sh DIRECTORY       of another checkout, for comparison
#
# The measuring itself is crates/testkit/src/structure.rs; crates/testkit/tests/architecture.rs asserts the same.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec cargo run --quiet --locked --package landfall-testkit --bin structure -- "$@"
