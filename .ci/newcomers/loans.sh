# A developer of a loan system in Node.js: a first client from the contract, then calls by HTTP and JSON.
source "$NEWCOMERS/steps.sh"
export COLLATERAL_SERVER=127.0.0.1:$(free_port)
http=127.0.0.1:$(free_port)

call() { # service and method, request as JSON
  curl --silent --show-error --header 'Content-Type: application/json' --data "$2" "http://$http/v1/$1"
  echo
}

serve() { # database, options...: starts a server with an empty book
  local database=$1
  shift
  start "$database.log" .venv/bin/collateral serve --address "$COLLATERAL_SERVER" --database "sqlite:///$database" \
    --business-date 2022-06-01 "$@"
  await "$database.log" serving
}

step "make setup" make setup
if [ -f examples/first_client.py ]; then
  serve python.db
  show .venv/bin/python examples/first_client.py
  expect "loans/loan-1/breaches/1"
  stop_servers
fi
if command -v npm >/dev/null && [ -d examples/node ]; then
  serve node.db
  cd examples/node
  step "npm ci" npm ci --no-audit --no-fund
  size "packages of the first client in Node.js" node_modules
  show npm start --silent
  expect "loans/loan-1/breaches/1"
  cd ../..
  stop_servers
else
  echo "no Node.js or no example: the first client in Node.js is not run"
fi
serve http.db --http-address "$http"
if command -v curl >/dev/null; then
  show call ServiceInfoService/GetServiceInfo '{}'
  expect contract_digest
  show call LoanService/CreateLoan \
    '{"loan_id": "loan-2", "loan": {"borrower": "Acme", "currency_code": "USD", "balance_date": {"year": 2022, "month": 6, "day": 1}}}'
  expect "loans/loan-2"
  show call LoanService/CreateLoan '{"loan_id": "loan-3", "loan": {}}'
  expect INVALID_ARGUMENT
  step "OpenAPI document" curl --fail --silent --output openapi.json "http://$http/v1/openapi.json"
fi
