#!/usr/bin/env bash
# Checks the programs of an app's image: scripts/static-programs.sh PROGRAM…
#
# They run in images that may contain nothing else, so they must not need a loader or a library. And they must
# not call getaddrinfo: in a static program glibc loads libraries for it at run time, of exactly the version that
# the program was linked with.
set -euo pipefail

status=0
complain() {
  printf 'static-programs: %s\n' "$*" >&2
  status=1
}

(($# > 0)) || {
  complain "name the programs"
  exit 64
}
for program in "$@"; do
  [[ -f $program ]] || {
    complain "$program is missing"
    continue
  }
  headers=$(readelf --program-headers --wide "$program") || {
    complain "$program cannot be read"
    continue
  }
  ! grep --quiet 'INTERP' <<<"$headers" || complain "$program needs a loader: it is not linked statically"
  # glibc's own texts: a release build is stripped, so there are no symbols to look for.
  for text in /etc/gai.conf /etc/nsswitch.conf getaddrinfo; do
    ! grep --quiet --text --fixed-strings "$text" "$program" ||
      complain "$program contains '$text': something in it calls getaddrinfo"
  done
done
exit "$status"
