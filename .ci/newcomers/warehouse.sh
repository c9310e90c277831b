# The IT person of a warehouse: installs the partner package alone, and pushes stock to the bank's server.
source "$NEWCOMERS/steps.sh"
server=127.0.0.1:$(free_port)

# The bank's side.
make setup >"$output" 2>&1 || fail "make setup"
start server.log .venv/bin/collateral serve --address "$server" --database sqlite:///bank.db --business-date 2024-03-01
await server.log serving

# The warehouse's side: a wheel, and an environment of its own.
step "wheel of the partner package" .venv/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist ./deploy/partner
python3 -m venv --without-pip "$HOME/partner"
step "installation of the partner package" \
  .venv/bin/python -m pip --python "$HOME/partner/bin/python" install --quiet --no-compile dist/collateral_partner-*.whl
size "environment of the partner package" "$HOME/partner"
cd "$HOME"
export PATH=$HOME/partner/bin:$PATH
show collateral-partner sample .
for language in "" .zh; do
  show collateral-partner push "movements$language.csv" --source acme --columns "mapping$language.toml" --check
  begun=$EPOCHREALTIME
  show collateral-partner push "movements$language.csv" --source acme --columns "mapping$language.toml" --server "$server"
  expect "0 rejected"
  row "push of a sample file" "$(since "$begun")" s
done
