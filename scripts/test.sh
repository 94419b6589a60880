# shellcheck shell=bash
# `./dev test`: every check and every test, or those that are named. Sourced by ./dev after
# scripts/setup.sh and scripts/bench.sh.
#
# Most of the time of a rehearsed test is waiting, so the checks run at the same time as the tests,
# at the lowest priority.

# What `./dev test` runs, in the order in which `./dev help` lists it.
readonly TEST_STEPS=(format shell terraform structure static_programs checkov workflows clippy dependencies doctests bench tests)

# A home of landfall for the emulators that tests share; each checkout has its own.
readonly SHARED_EMULATORS=$TARGET/test-emulators
# The calls of AWS's API that the tests make.
readonly TEST_CALLS=$TARGET/test-calls
readonly TEST_REPORT=$TARGET/nextest/default/junit.xml

# --- checks ---------------------------------------------------------------------------------

test_format() {
  setup_rust_components
  cargo fmt --all --check
}

test_shell() {
  setup_shellcheck
  shellcheck --external-sources dev .ci/run scripts/*.sh crates/landfall/src/rehearsal/*.sh
}

test_terraform() {
  setup_terraform
  "$(own_terraform || echo "$TERRAFORM_SHIM")" fmt -check -diff -recursive crates/infra
}

# Fails on a module cycle and on a function over 100 lines.
test_structure() { "$TARGET/debug/structure" --check; }

# Statically linked, and no call of getaddrinfo, which crashes in a static glibc program.
test_static_programs() { scripts/static-programs.sh "${LANDFALL_EDGE%edge}"{edge,secrets,bridge}; }

test_checkov() {
  setup_checkov
  LANDFALL_CHECKOV=$CHECKOV_VENV/bin/checkov scripts/checkov.sh
}

test_workflows() {
  setup_workflow_checks
  LANDFALL_WORKFLOW_CHECKS=$WORKFLOW_CHECKS_VENV scripts/workflows.sh
}

test_clippy() {
  setup_rust_components
  cargo clippy --locked --workspace --all-targets -- --deny warnings
}

# From now on cargo compiles the workspace with clippy, as `cargo clippy` does, but makes programs of
# it: a check of its own would compile every dependency a second time. The release profile must not
# be built with it, as clippy turns optimizations off.
lint_while_building() {
  RUSTC_WORKSPACE_WRAPPER=$(rustc --print sysroot)/bin/clippy-driver
  CLIPPY_ARGS=--deny__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__
  export RUSTC_WORKSPACE_WRAPPER CLIPPY_ARGS
}

test_dependencies() {
  setup_cargo_deny
  cargo deny --locked check --hide-inclusion-graph bans licenses sources
  if reachable https://github.com/RustSec/advisory-db; then
    cargo deny --locked check advisories
  else
    say "NOT checked: known vulnerabilities (cargo deny check advisories), because github.com can't be reached"
  fi
}

test_doctests() { cargo test --locked --workspace --doc; }

# Runs two benches once: it shows that they work, not what they measure.
test_bench() {
  setup_smoke_bench
  smoke_bench
}

# --- tests ----------------------------------------------------------------------------------

# Everything that the tests and the checks run. All targets of all packages at once: a build of one
# package alone would enable other features of its dependencies and compile them again.
build_workspace() { cargo build --locked --workspace --all-targets; }

# The emulators that tests share; see testkit::Sandbox::shared.
start_shared_emulators() {
  export LANDFALL_TEST_EMULATORS=$SHARED_EMULATORS
  FAKECLOUD_CONTAINER_CLI=${FAKECLOUD_CONTAINER_CLI:-$TARGET/debug/container-states} \
    LANDFALL_FRONT=$TARGET/debug/landfall-front \
    LANDFALL_FRONT_ARGUMENTS="--record $TEST_CALLS/shared.jsonl" \
    LANDFALL_HOME=$SHARED_EMULATORS "$LANDFALL" rehearsal start
}

stop_shared_emulators() {
  [[ ! -d $SHARED_EMULATORS ]] || LANDFALL_HOME=$SHARED_EMULATORS "$LANDFALL" rehearsal stop
  rm -rf "$SHARED_EMULATORS"
}

test_tests() {
  # Property tests: CI runs the same cases each time, everyone else new ones. The seed repeats a run.
  export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-$([[ -n ${CI:-} ]] && echo 71 || echo "$RANDOM$RANDOM")}
  say "property tests with PROPTEST_RNG_SEED=$PROPTEST_RNG_SEED"
  rm -rf "$TEST_CALLS"
  mkdir -p "$TEST_CALLS"
  export LANDFALL_TEST_CALLS=$TEST_CALLS
  start_shared_emulators
  local -a tofu=()
  if have tofu; then
    tofu=(--run-ignored all)
  else
    say "NOT run: the rehearsed test with OpenTofu, because there is no tofu on the PATH"
  fi
  cargo nextest run --locked --workspace --no-fail-fast "${tofu[@]}" "$@"
  stop_shared_emulators
  check_calls
}

# Every call of AWS's API that the tests made is one that the service's model permits.
check_calls() {
  "${LANDFALL_MINISTACK%/*}/python" crates/testkit/programs/api_models.py "$TEST_CALLS"/*.jsonl
}

# --- all of it ------------------------------------------------------------------------------

# What the tests need, apart from fakecloud.
setup_for_tests() {
  step "compiler and curl" setup_basics
  step "Docker Engine" setup_docker
  step "Terraform" setup_terraform
  step "AWS provider" setup_provider
  step "ministack" setup_ministack
  step "image of the example" setup_example
  step "image for the tests" setup_test_image
  step "cargo-nextest" setup_nextest
  export LANDFALL_EXAMPLE_IMAGE=$EXAMPLE_IMAGE
}

# The tools of the checks.
setup_for_checks() {
  step "rustfmt and clippy" setup_rust_components
  step "shellcheck" setup_shellcheck
  step "cargo-deny" setup_cargo_deny
  step "checkov" setup_checkov
  step "checks of workflows" setup_workflow_checks
  step "programs for the bench" setup_smoke_bench
}

# From now on, however the run ends, finish_tests comes last.
begin_tests() {
  rm -f "$TEST_REPORT"
  trap finish_tests EXIT
  trap interrupt_tests INT TERM
}

# Prints the times and the slowest tests.
finish_tests() {
  local rc=$?
  trap - EXIT
  end_step ", failed"
  finish_all_background || rc=1
  stop_shared_emulators || rc=1
  print_times
  [[ ! -f $TEST_REPORT ]] || python3 scripts/slowest-tests.py "$TEST_REPORT" >&2 || rc=1
  exit "$rc"
}

interrupt_tests() {
  end_all_background
  exit 130
}

test_all() {
  begin_tests
  # Nothing is compiled a second time here, so nothing is kept for that.
  [[ -z ${CI:-} ]] || export CARGO_INCREMENTAL=0
  set_up_cache
  setup_for_tests
  if ! fakecloud_runs "$FAKECLOUD" && ! fakecloud_from_image; then
    install_fakecloud_libraries
    background "fakecloud" build_fakecloud
  fi
  setup_for_checks
  exec 9>&-
  use_environment
  step "format" test_format
  step "shell" test_shell
  step "terraform" test_terraform
  [[ -z ${CI:-} ]] || step "crates of an earlier run" restore_compiled
  background "building the edge" build_edge
  lint_while_building
  step "building landfall and its tests, with clippy" build_workspace
  finish_background "building the edge"
  use_edge
  [[ -z ${CI:-} ]] || step "keeping compiled crates" keep_compiled
  finish_background "fakecloud"
  background "checks" run_checks
  step "tests" test_tests
}

# The checks that run next to the tests, one after another. If one fails, the others run all the same.
# The doctests wait for cargo's lock and come last: the tests must get it first.
run_checks() {
  local name rc=0
  yield_processor
  for name in structure static_programs checkov workflows dependencies bench doctests; do
    (
      trap 'end_step ", failed"' EXIT
      step "$name" "test_$name"
    ) &
    wait $! || rc=1
  done
  return "$rc"
}

# test_named NAME...: these steps only, one after another.
test_named() {
  local name
  for name in "$@"; do
    is_listed "$name" "${TEST_STEPS[@]}" ||
      die "'$name' is not a step of './dev test'. The steps are: ${TEST_STEPS[*]}"
  done
  begin_tests
  if is_listed tests "$@"; then
    set_up setup_nextest setup_test_image setup_checkov
    export LANDFALL_EXAMPLE_IMAGE=$EXAMPLE_IMAGE
  else
    set_up_cache
    exec 9>&-
  fi
  if is_listed tests "$@" || is_listed bench "$@" || is_listed static_programs "$@"; then
    step "building the edge" build_edge
    use_edge
  fi
  if is_listed tests "$@" || is_listed bench "$@" || is_listed structure "$@"; then
    step "building landfall and its tests" build_workspace
  fi
  for name in "$@"; do step "$name" "test_$name"; done
}

# is_listed NAME LIST...
is_listed() {
  local one
  for one in "${@:2}"; do
    [[ $one != "$1" ]] || return 0
  done
  return 1
}
