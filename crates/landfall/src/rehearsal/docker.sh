#!/bin/sh
# The container engine as fakecloud calls it. Every call reaches the engine unchanged, except for the
# containers of Lambda functions:
#
# - fakecloud connects to port 8080, which many apps use themselves. The bridge in the function's image
#   listens on BRIDGE_PORT, so that port is published instead, on this machine's loopback address only.
# - Functions connect to fakecloud, which listens on the loopback address only. A relay on the engine's
#   bridge network forwards their connections: the bridge's program once more, from the function's image.
# - Functions get the restrictions that Lambda has: a user that owns nothing in the image, only /tmp to write
#   to, no /dev/shm, no ports below 1024.
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

# The same arguments, with the port replaced.
before=''
for argument in "$@"; do
  shift
  if [ "$before" = -p ] && [ "$argument" = :8080 ]; then
    argument=127.0.0.1::$bridge_port
  fi
  set -- "$@" "$argument"
  before=$argument
done

shift
set -- create --user 993:990 --read-only --tmpfs /tmp:rw,exec,nosuid,nodev,mode=1777,size=512m --ipc=none \
  --cap-drop ALL --security-opt no-new-privileges --sysctl net.ipv4.ip_unprivileged_port_start=1024 "$@"

# An engine in a virtual machine reaches this machine's loopback address by itself; then there is no gateway.
# The engine refuses a second relay with the same name, which is fine: one is enough.
if [ -n "$gateway" ] && [ -n "$port" ] && [ -n "$instance" ]; then
  "$engine" run --detach --rm --network host --label "$instance" \
    --name "landfall-relay-${instance#fakecloud-instance=}-$port" --entrypoint "$bridge" \
    "$image" --relay "$gateway:$port" "127.0.0.1:$port" >/dev/null 2>&1
fi
exec "$engine" "$@"
