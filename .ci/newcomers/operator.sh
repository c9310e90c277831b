# An operator: Python and make, nothing else. Starts the service with the sample, stops it, starts it again.
source "$NEWCOMERS/steps.sh"
address=127.0.0.1:$(free_port)

begun=$EPOCHREALTIME
start run.log make run ADDRESS="$address" HTTP=
await run.log "Ctrl-C stops the server"
row "make run to the first report, packages from the index" "$(since "$begun")" s
size "environment of the service" .venv
step "stop by Ctrl-C" stop_servers

rm -rf .venv collateral_registry/v1 .data
step "make setup, packages in the cache" make setup
begun=$EPOCHREALTIME
start run.log make run ADDRESS="$address" HTTP=
await run.log "Ctrl-C stops the server"
row "make run to the first report in this environment" "$(since "$begun")" s
row "environment with bytecode" "$(du -sm --apparent-size .venv | cut -f1)" MB

show .venv/bin/collateral --version
expect "schema "
show .venv/bin/collateral runs --limit 3 --server "$address"
code=0
.venv/bin/collateral run --address "$address" >"$output" 2>&1 || code=$?
[ "$code" -eq 4 ] || fail "a busy port ends with exit code 4, got $code"
cat "$output"
stop_servers
begun=$EPOCHREALTIME
start run.log make run ADDRESS="$address" HTTP=
await run.log "Ctrl-C stops the server"
row "make run again, with the replayed book" "$(since "$begun")" s
