#!/bin/sh
# The container engine as fakecloud calls it. Everything goes to the engine word for word, but for the
# containers of Lambda functions:
#
# - fakecloud wants to reach them on port 8080, which is the port of many an app. The bridge in their
#   images listens on BRIDGE_PORT, so that one is published, on this machine's loopback address only.
# - They have to reach fakecloud, which listens on that address only. A relay on the engine's own
#   bridge network takes them there: the bridge's program once more, from the function's image.
set -u
engine=${LANDFALL_CONTAINER_CLI:-docker}
bridge_port=${LANDFALL_BRIDGE_PORT:?}
bridge=${LANDFALL_BRIDGE_PATH:?}

case ${1:-} in
port)
  if [ "$#" -eq 3 ] && [ "$3" = 8080 ] && "$engine" port "$2" "$bridge_port" 2>/dev/null; then
    exit 0
  fi
  exec "$engine" "$@"
  ;;
create) ;;
*) exec "$engine" "$@" ;;
esac

is_function=false
gateway='' port='' instance='' image=''
for argument in "$@"; do
  case $argument in
  fakecloud-lambda=*) is_function=true ;;
  fakecloud-instance=*) instance=$argument ;;
  host.docker.internal:[0-9]*) gateway=${argument#host.docker.internal:} ;;
  AWS_ENDPOINT_URL=http://host.docker.internal:*) port=${argument##*:} ;;
  esac
  image=$argument
done
$is_function || exec "$engine" "$@"

# The words anew, one after the other, with the port changed.
before=''
for argument in "$@"; do
  shift
  if [ "$before" = -p ] && [ "$argument" = :8080 ]; then
    argument=127.0.0.1::$bridge_port
  fi
  set -- "$@" "$argument"
  before=$argument
done

# An engine in a machine of its own knows a way to this one's loopback address; then there is no gateway.
# A second relay of the same name is refused, which is as good as one.
if [ -n "$gateway" ] && [ -n "$port" ] && [ -n "$instance" ]; then
  "$engine" run --detach --rm --network host --label "$instance" \
    --name "landfall-relay-${instance#fakecloud-instance=}-$port" --entrypoint "$bridge" \
    "$image" --relay "$gateway:$port" "127.0.0.1:$port" >/dev/null 2>&1
fi
exec "$engine" "$@"
