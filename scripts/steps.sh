# shellcheck shell=bash
# Messages, and steps whose times are printed at the end. Sourced by ./dev, which sets CACHE.

readonly LOG=$CACHE/log/setup.log
readonly BACKGROUND_LOGS=$CACHE/log/background

say() { printf 'dev: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

at_least() { printf '%s\n' "$1" "$2" | sort --version-sort --check=silent; }

reachable() { curl --silent --output /dev/null --max-time 3 "$1"; }

# Runs a command with its output in the log; on failure shows the end of the log. Descriptor 9 holds
# the lock of the set-up; nothing that is started here may keep it.
logged() {
  local rc=0
  printf '\n$ %s\n' "$*" >>"$LOG"
  "$@" >>"$LOG" 2>&1 </dev/null 9>&- || rc=$?
  if ((rc != 0)); then
    tail -n 20 "$LOG" >&2
    die "'$*' failed with exit code $rc; all of its output is in $LOG"
  fi
}

# --- times ----------------------------------------------------------------------------------

# One line for each step that ended: when it began, how long it took (both in milliseconds), where it
# ran, and its name. A file, because background steps add to it too.
STEP_TIMES=
WHERE=foreground
STEP=

now_in_milliseconds() {
  local now=${EPOCHREALTIME/[.,]/}
  echo $((now / 1000))
}

make_step_times() { [[ -n $STEP_TIMES ]] || STEP_TIMES=$(mktemp); }

# step NAME COMMAND...: runs a command and notes its time. If it fails, set -e ends the shell.
step() {
  make_step_times
  STEP=$1
  STEP_BEGAN=$(now_in_milliseconds)
  shift
  "$@"
  end_step ""
}

# Records the time of the current step, if there is one.
end_step() {
  [[ -n $STEP ]] || return 0
  printf '%s\t%s\t%s\t%s\n' "$STEP_BEGAN" $(($(now_in_milliseconds) - STEP_BEGAN)) "$WHERE" "$STEP$1" >>"$STEP_TIMES"
  STEP=
}

print_time() { printf '%8d.%d s  %s\n' $(($1 / 1000)) $(($1 % 1000 / 100)) "$2" >&2; }

# Prints the time of each step so far and forgets them. The total is the time from the first begin to
# now: steps that ran side by side count once.
print_times() {
  local began took where name first=''
  [[ -n $STEP_TIMES ]] || return 0
  while IFS=$'\t' read -r began took where name; do
    first=${first:-$began}
    [[ $where == foreground ]] || name="$name (in the background)"
    print_time "$took" "$name"
  done < <(sort --numeric-sort "$STEP_TIMES")
  print_time $(($(now_in_milliseconds) - ${first:-$(now_in_milliseconds)})) "total"
  rm "$STEP_TIMES"
  STEP_TIMES=
}

# --- steps in the background ----------------------------------------------------------------

background_names=()
background_pids=()

# Lets what this shell runs from now on use the processor only when nothing else does.
yield_processor() { renice --priority 19 --pid "$BASHPID" >/dev/null; }

# background NAME COMMAND...: runs a step while others run. finish_background prints its output.
background() {
  local name=$1 number=${#background_names[@]}
  shift
  make_step_times
  mkdir -p "$BACKGROUND_LOGS"
  # Job control gives it a process group, so that all of it can be ended.
  set -m
  (
    set +m
    WHERE=background
    trap 'end_step ", failed"' EXIT
    step "$name" "$@"
  ) >"$BACKGROUND_LOGS/$number.log" 2>&1 </dev/null &
  set +m
  background_names+=("$name")
  background_pids[number]=$!
}

# finish_background NAME: waits for a background step, prints its output, and returns its exit code.
# Does nothing if it was waited for already.
finish_background() {
  local i rc=0
  for i in "${!background_pids[@]}"; do
    [[ ${background_names[$i]} == "$1" ]] || continue
    wait "${background_pids[$i]}" || rc=$?
    unset "background_pids[$i]"
    cat "$BACKGROUND_LOGS/$i.log" >&2
    ((rc == 0)) || say "step '$1' failed with exit code $rc"
    return "$rc"
  done
}

# Waits for every background step; fails if one of them failed.
finish_all_background() {
  local i rc=0
  for i in "${!background_pids[@]}"; do
    finish_background "${background_names[$i]}" || rc=1
  done
  return "$rc"
}

end_all_background() {
  local pid
  for pid in "${background_pids[@]}"; do
    kill -TERM -- "-$pid" 2>/dev/null || true
  done
}
