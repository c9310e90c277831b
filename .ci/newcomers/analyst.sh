# An analyst of a bank: reads the sample book at a terminal of 80 columns, and exports it.
source "$NEWCOMERS/steps.sh"
export COLLATERAL_SERVER=127.0.0.1:$(free_port)
export PATH=$PWD/.venv/bin:$PATH

first_report "$COLLATERAL_SERVER" "make run to the first report, packages in the cache"
for columns in 80 120; do
  at_columns "$columns" collateral report ltv --limit 8
  fits "$columns" || fail "a line exceeds $columns columns"
  ! grep -qF "…" "$output" || fail "a cell is cut at $columns columns"
done
show collateral report breaches --filter 'state = OPEN'
show collateral value lot-nordkupfer-1
step "report of 2022-07-13 as CSV" bash -c 'collateral report ltv --as-of 2022-07-13 --format csv >ltv.csv'
head -n 3 ltv.csv
