#!/usr/bin/env bash
# Makes the files of a release: scripts/package.sh DIRECTORY [--twice]
#
#   landfall-VERSION-vendored.tar.gz   all sources, with those of every dependency: builds without a network
#   landfall-VERSION-HOST.tar.gz       static programs, manual pages, completions
#   landfall-VERSION.cdx.json          bill of materials (CycloneDX)
#   SHA256SUMS
#
# The programs are built from the unpacked tarball, without a network. The same commit and compiler give the same
# bytes, in any directory; --twice checks that with a second build.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly CYCLONEDX_VERSION=0.5.9

say() { printf 'package: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

[[ $# -ge 1 ]] || die "name the directory for the packages"
mkdir -p "$1"
OUT=$(cd "$1" && pwd)
TWICE=${2:-}
[[ -z $TWICE || $TWICE == --twice ]] || die "'$TWICE' is unknown"
git diff --quiet HEAD -- || die "there are changes that are not committed; commit them, so that the build can be repeated"

VERSION=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
COMMIT=$(git rev-parse HEAD)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
HOST=$(rustc --version --verbose | sed -n 's/^host: //p')
export SOURCE_DATE_EPOCH
readonly OUT TWICE VERSION COMMIT HOST NAME=landfall-$VERSION
SCRATCH=$(mktemp -d)
readonly SCRATCH
trap 'rm -rf "$SCRATCH"' EXIT

# A tarball that does not depend on times, owners, or the order of files.
pack() {
  local to=$1 directory=$2
  tar --create --directory "$directory" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=u+rw,go=rX "$NAME" | gzip --no-name --best >"$to"
}

sources() {
  local staging=$SCRATCH/sources
  mkdir -p "$staging/$NAME/.cargo"
  git archive HEAD | tar --extract --directory "$staging/$NAME"
  (cd "$staging/$NAME" && cargo vendor --locked --versioned-dirs --quiet vendor >.cargo/config.toml)
  printf '\n# The commit of these sources, which landfall version prints.\n[env]\nLANDFALL_COMMIT = "%s"\n' "$COMMIT" \
    >>"$staging/$NAME/.cargo/config.toml"
  pack "$OUT/$NAME-vendored.tar.gz" "$staging"
  rm -rf "$staging"
}

# The programs of the tarball, built in a directory: landfall, and what it adds to images (the edge, the program
# that fetches secrets on Lambda, the bridge of rehearsals).
build() {
  local directory=$1 root program
  mkdir -p "$directory"
  tar --extract --gzip --file "$OUT/$NAME-vendored.tar.gz" --directory "$directory"
  root=$directory/$NAME
  # Programs contain no path of this machine.
  export CARGO_TARGET_DIR=$root/target
  export CARGO_ENCODED_RUSTFLAGS="-Ctarget-feature=+crt-static"$'\x1f'"--remap-path-prefix=$root=/landfall"
  (
    cd "$root"
    cargo install --quiet --offline --locked --path crates/landfall --target "$HOST" --root "$directory/root" --no-track
    for program in edge:landfall-edge secrets-loader:landfall-secrets lambda-bridge:landfall-bridge; do
      cargo install --quiet --offline --locked --path "crates/${program%%:*}" --bin "${program#*:}" --profile edge \
        --target "$HOST" --root "$directory/root" --no-track
    done
    scripts/static-programs.sh "$directory/root/bin/landfall-"{edge,secrets,bridge}
  )
  unset CARGO_TARGET_DIR CARGO_ENCODED_RUSTFLAGS
  rm -rf "$root"
}

programs() {
  local staging=$SCRATCH/programs/$NAME shell
  build "$SCRATCH/first"
  mkdir -p "$staging/bin" "$staging/completions"
  cp "$SCRATCH/first/root/bin/"* "$staging/bin/"
  "$staging/bin/landfall" man --quiet "$staging/man"
  for shell in bash zsh fish; do "$staging/bin/landfall" completion "$shell" >"$staging/completions/landfall.$shell"; done
  cp LICENSE README.md CHANGELOG.md "$staging/"
  pack "$OUT/$NAME-$HOST.tar.gz" "$SCRATCH/programs"
}

compare() {
  build "$SCRATCH/a longer way to the second"
  (cd "$SCRATCH/first/root/bin" && sha256sum ./*) >"$SCRATCH/sums"
  (cd "$SCRATCH/a longer way to the second/root/bin" && sha256sum --check "$SCRATCH/sums") ||
    die "the second build gave different bytes"
}

bill_of_materials() {
  if ! cargo cyclonedx --version >/dev/null 2>&1; then
    cargo install --quiet --locked cargo-cyclonedx --version "$CYCLONEDX_VERSION"
  fi
  cargo cyclonedx --quiet --manifest-path crates/landfall/Cargo.toml --format json --override-filename "$NAME.cdx"
  mv "crates/landfall/$NAME.cdx.json" "$OUT/"
  find crates -name "$NAME.cdx.json" -delete
}

say "sources"
sources
say "programs, from the sources and without a network"
programs
if [[ -n $TWICE ]]; then
  say "programs again, in another directory"
  compare
fi
say "bill of materials"
bill_of_materials
(cd "$OUT" && sha256sum "$NAME"*) | tee "$OUT/SHA256SUMS"
