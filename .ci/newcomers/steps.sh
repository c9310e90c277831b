# Functions of the scripts of users: timed steps, sizes, and servers in the background.
set -euo pipefail
export LC_ALL=C.UTF-8
user=$(basename "$0" .sh)
output=$(mktemp)
servers=()
trap 'stop_servers; rm -f "$output"' EXIT

row() { # description, figure, unit
  printf '%-9s %-58s %8s %s\n' "$user" "$1" "$2" "$3"
}

since() { # EPOCHREALTIME at the begin
  awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

fail() { # message
  echo "$user: failed: $1" >&2
  tail -n 20 "$output" >&2
  exit 1
}

step() { # description, command...: runs the command and prints its time
  local description=$1 begun=$EPOCHREALTIME
  shift
  "$@" >"$output" 2>&1 || fail "$description: $*"
  row "$description" "$(since "$begun")" s
}

show() { # command...: runs the command, prints it with its output
  echo "\$ $*"
  "$@" 2>&1 | tee "$output" || fail "$*"
}

expect() { # text: the last output contains it
  grep -qF -- "$1" "$output" || fail "expected: $1"
}

size() { # description, folder: prints its size without bytecode
  row "$1" "$(du -sm --apparent-size --exclude=__pycache__ "$2" | cut -f1)" MB
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

start() { # log file, command...: starts a server in the background, in a process group of its own as at a terminal
  local log=$1
  shift
  set -m
  "$@" >"$log" 2>&1 &
  set +m
  servers+=($!)
}

await() { # log file, text: waits until the log contains the text
  local waited=0
  until grep -qF -- "$2" "$1"; do
    sleep 0.1
    waited=$((waited + 1))
    kill -0 "${servers[-1]}" 2>/dev/null || { cat "$1" >"$output"; fail "the server ended before: $2"; }
    [ "$waited" -lt 3000 ] || { cat "$1" >"$output"; fail "no such line after five minutes: $2"; }
  done
}

first_report() { # address, description: starts the service with the sample, and prints the time to its report
  local begun=$EPOCHREALTIME
  start run.log make run ADDRESS="$1" HTTP=
  await run.log "Ctrl-C stops the server"
  row "$2" "$(since "$begun")" s
}

stop_servers() { # presses Ctrl-C
  local server
  for server in "${servers[@]}"; do
    kill -INT -- "-$server" 2>/dev/null || true
  done
  wait
  servers=()
}

at_columns() { # columns, command...: prints the command's output on a terminal of that width, without colours
  local columns=$1
  shift
  COLUMNS=$columns script --quiet --return --command "stty cols $columns; $*" /dev/null |
    sed 's/\x1b\[[0-9;]*m//g; s/\r$//' | tee "$output"
}

fits() { # columns: no line of the last output is longer
  python3 -c 'import sys; sys.exit(any(len(line.rstrip()) > int(sys.argv[1]) for line in open(sys.argv[2])))' "$1" "$output"
}
