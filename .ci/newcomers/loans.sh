# A developer of a loan system in Node.js: a first client from the contract, then the same calls by HTTP and JSON.
source "$NEWCOMERS/steps.sh"
export COLLATERAL_SERVER=127.0.0.1:$(free_port)

step "make setup, packages in the cache" make setup
start server.log .venv/bin/collateral serve --address "$COLLATERAL_SERVER" --database sqlite:///first.db \
  --business-date 2022-06-01
await server.log serving
if command -v node >/dev/null && [ -d examples/node ]; then
  cd examples/node
  step "npm ci" npm ci --no-audit --no-fund
  size "packages of the first client in Node.js" node_modules
  show npm start --silent
  expect "loans/loan-1/breaches/1"
  cd ../..
else
  echo "no Node.js at hand: its first client is not run"
fi
