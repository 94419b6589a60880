# shellcheck shell=bash
# `./dev test-aws`: landfall against AWS itself, or against emulators with --rehearse. Sourced by ./dev after
# scripts/setup.sh. docs/real-aws.md describes it.

readonly AWS_TEST=$TARGET/debug/aws-test

build_aws_test() {
  cargo build --locked --package landfall --package landfall-front --package landfall-aws-test
}

# What a rehearsal needs, or what a user of landfall has: Docker, and a Terraform or OpenTofu of their own with the
# provider from its registry.
set_up_aws_test() {
  if [[ " $* " == *" --rehearse "* ]]; then
    set_up
    return
  fi
  set_up_cache
  step "compiler and curl" setup_basics
  step "Docker Engine" setup_docker
  exec 9>&-
  own_terraform >/dev/null ||
    die "no tofu or terraform >= $TERRAFORM_MINIMUM is on PATH: https://opentofu.org/docs/intro/install/"
  # The provider of rehearsals is years older than the one that users get.
  [[ ${TF_CLI_CONFIG_FILE:-} != "$PROVIDER_CONFIG" ]] || unset TF_CLI_CONFIG_FILE
}

test_aws() {
  if [[ ${1:-} == assumptions || ${1:-} == help || ${1:-} == --help ]]; then
    cargo build --locked --quiet --package landfall-aws-test
    "$AWS_TEST" "$@"
    return
  fi
  set_up_aws_test "$@"
  step "building the edge" build_edge
  use_edge
  step "building landfall, its front and the test" build_aws_test
  print_times
  # For a job that gets its credentials only then.
  [[ ${1:-} != build ]] || return 0
  "$AWS_TEST" --landfall "$LANDFALL" --front "$TARGET/debug/landfall-front" "$@"
}
