#!/usr/bin/env bash
# Tests the edge with the Runtime API emulator of cargo-lambda, an independent implementation. Run it by hand;
# see docs/lambda.md.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.."

readonly PORT=${PORT:-9021} APP_PORT=${APP_PORT:-9022}
TARGET=${CARGO_TARGET_DIR:-$PWD/target}/debug
readonly TARGET
readonly URL=http://127.0.0.1:$PORT/lambda-url/_
WORK=$(mktemp -d)
readonly WORK
PIDS=()

finish() {
  local rc=$?
  ((${#PIDS[@]} == 0)) || kill "${PIDS[@]}" 2>/dev/null || true
  wait || true
  ((rc == 0)) || cat "$WORK"/*.log >&2
  rm -rf "$WORK"
}
trap finish EXIT

expect() {
  local what=$1 wanted=$2 got=$3
  [[ $got == "$wanted" ]] || {
    echo "FAILED: $what: '$got' is not '$wanted'" >&2
    exit 1
  }
  echo "ok: $what"
}

status() { curl --silent --max-time 20 --output /dev/null --write-out '%{http_code}' "$@"; }

[[ -n ${CARGO_LAMBDA:-} ]] || cargo build --locked --package landfall-edge
"${CARGO_LAMBDA:-cargo-lambda}" lambda watch --only-lambda-apis --invoke-port "$PORT" >"$WORK/emulator.log" 2>&1 &
PIDS+=($!)
until (: <>"/dev/tcp/127.0.0.1/$PORT") 2>/dev/null; do
  kill -0 "${PIDS[0]}"
  sleep 0.1
done
AWS_LAMBDA_RUNTIME_API="http://[::]:$PORT/.rt" LANDFALL_EDGE_APP=$APP_PORT LANDFALL_EDGE_SUMMARY_MS=1000 \
  "$TARGET/landfall-edge" -- "$TARGET/landfall-edge-testapp" --port "$APP_PORT" >"$WORK/edge.log" 2>&1 &
PIDS+=($!)

expect "a page" hello "$(curl --silent --max-time 20 "$URL/")"
expect "the query, unchanged" "POST /echo?a=%2F&b=c+d&e HTTP/1.1" \
  "$(curl --silent --max-time 20 --data x "$URL/echo?a=%2F&b=c+d&e" | head -1 | tr -d '\r')"
head -c 100000 /dev/urandom >"$WORK/body"
expect "a binary body" 100000 \
  "$(curl --silent --max-time 20 --header 'content-type: application/octet-stream' --data-binary "@$WORK/body" "$URL/length")"
curl --silent --dump-header "$WORK/head" --output "$WORK/binary" "$URL/binary"
expect "all bytes returned" 256 "$(wc -c <"$WORK/binary")"
expect "two cookies" 2 "$(grep -ci '^set-cookie:' "$WORK/head")"
expect "cookies in the request" "cookie: a=1; b=2" \
  "$(curl --silent --max-time 20 --header 'cookie: a=1; b=2' "$URL/echo" | grep -i '^cookie:' | tr -d '\r')"
expect "a hidden error" 200 "$(status "$URL/fail/500/2/k")"
expect "an error of a POST" 500 "$(status --data x "$URL/fail/500/1/p")"
expect "a redirect" 302 "$(status "$URL/redirect")"
expect "an incomplete answer" 502 "$(status "$URL/partial")"
expect "more than 6 MB" 413 "$(status "$URL/big")"
kill -KILL "$(curl --silent --max-time 20 "$URL/pid")"
expect "after a crash" 200 "$(status --data x "$URL/length")"
expect "a probe" '{"landfall":"probe","status":404,"error":false}' "$(
  curl --silent --data '{"landfall":"probe","path":"/nowhere"}' \
    "http://127.0.0.1:$PORT/2015-03-31/functions/_/invocations" | sed 's/,"ms":[0-9]*//'
)"
kill -TERM "${PIDS[1]}"
code=0
wait "${PIDS[1]}" || code=$?
expect "the exit code" 0 "$code"
grep --quiet '"landfall":"summary"' "$WORK/edge.log"
echo "ok: summaries"
