# shellcheck shell=bash
# In CI, every run starts with a clean clone. What cargo made of other people's crates is kept in the
# cache, for the next run with the same compiler and the same Cargo.lock. The workspace's own crates are
# compiled in every run. Sourced by ./dev, which sets CACHE and TARGET.

readonly COMPILED=$CACHE/compiled

# What decides whether other people's crates have to be compiled again. Cargo checks it once more.
compiled_key() {
  {
    rustc --version --verbose
    cat Cargo.lock Cargo.toml crates/*/Cargo.toml
    declare -f build_edge build_workspace
  } | sha256sum | cut -c 1-16
}

# The folders of cargo's output, relative to TARGET.
compiled_folders() {
  local host
  host=$(host)
  printf '%s\n' {debug,edge,"$host/edge"}/{.fingerprint,build,deps}
}

# Links are enough: cargo replaces files, and what a build script writes again has the same content. Across
# filesystems it takes a copy; the failed attempt to link has made the folder by then.
copy_compiled() { cp -aT --link "$1" "$2" 2>/dev/null || cp -aT "$1" "$2"; }

restore_compiled() {
  local kept folder
  kept=$COMPILED/$(compiled_key)
  [[ -d $kept && ! -d $TARGET/debug ]] || return 0
  while read -r folder; do
    [[ -d $kept/$folder ]] || continue
    mkdir -p "$TARGET/${folder%/*}"
    copy_compiled "$kept/$folder" "$TARGET/$folder"
  done < <(compiled_folders)
}

# Keeps the crates of this run, and removes those of earlier ones.
keep_compiled() {
  local kept folder
  kept=$COMPILED/$(compiled_key)
  [[ ! -d $kept ]] || return 0
  rm -rf "$COMPILED"
  mkdir -p "$COMPILED/new"
  while read -r folder; do
    [[ -d $TARGET/$folder ]] || continue
    mkdir -p "$COMPILED/new/${folder%/*}"
    copy_compiled "$TARGET/$folder" "$COMPILED/new/$folder"
  done < <(compiled_folders)
  own_crates | while read -r name; do
    remove_compiled "$name"
    remove_compiled "${name//-/_}"
  done
  mv "$COMPILED/new" "$kept"
}

# Cargo appends a hash of 16 digits to each name.
remove_compiled() {
  rm -rf "$COMPILED"/new/{*,*/*}/{.fingerprint,build,deps}/{,lib}"$1"-????????????????{,.*}
}

# The packages of the workspace and their targets, whose files cargo names after them.
own_crates() {
  cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
for package in json.load(sys.stdin)["packages"]:
    print(package["name"], *(target["name"] for target in package["targets"]), sep="\n")' | sort --unique
}
