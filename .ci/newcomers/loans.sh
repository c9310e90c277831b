# A developer of a loan system in Node.js: a first client from the contract, then calls by HTTP and JSON.
source "$NEWCOMERS/steps.sh"
export COLLATERAL_SERVER=127.0.0.1:$(free_port)
http=127.0.0.1:$(free_port)

call() { # service and method, request as JSON
  curl --silent --show-error --header 'Content-Type: application/json' --data "$2" "http://$http/v1/$1"
  echo
}

step "make setup" make setup
start server.log .venv/bin/collateral serve --address "$COLLATERAL_SERVER" --http-address "$http" \
  --database sqlite:///first.db --business-date 2022-06-01
await server.log serving

if [ -f examples/python/first_client.py ]; then
  show .venv/bin/python examples/python/first_client.py
  expect "loans/loan-1/breaches/1"
fi
if command -v node >/dev/null && [ -d examples/node ]; then
  start node.log .venv/bin/collateral serve --address "127.0.0.1:$(free_port)" --database sqlite:///node.db \
    --business-date 2022-06-01
  cd examples/node
  step "npm ci" npm ci --no-audit --no-fund
  size "packages of the first client in Node.js" node_modules
  cd ../..
else
  echo "no Node.js or no example: the first client in Node.js is not run"
fi
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
