# An operator: Python and make, nothing else. Starts the service with the sample, stops it, starts it again.
source "$NEWCOMERS/steps.sh"
address=127.0.0.1:$(free_port)

first_report "$address" "make run to the first report, packages from the index"
size "environment of the service" .venv
step "stop by Ctrl-C" stop_servers

rm -rf .venv collateral_registry/v1 .data
step "make setup, packages in the cache" make setup
first_report "$address" "make run to the first report in this environment"
row "environment with bytecode" "$(du -sm --apparent-size .venv | cut -f1)" MB

show .venv/bin/collateral --version
expect "schema "
show .venv/bin/collateral runs --limit 3 --server "$address"
code=0
.venv/bin/collateral run --address "$address" >"$output" 2>&1 || code=$?
[ "$code" -eq 5 ] || fail "a busy port ends with exit code 5, got $code"
cat "$output"
stop_servers
first_report "$address" "make run again, with the replayed book"
