# A data scientist: the valuation library and the book in a notebook.
source "$NEWCOMERS/steps.sh"
address=127.0.0.1:$(free_port)

step "make setup" make setup
step "extras of notebooks" .venv/bin/pip install --quiet 'collateral[notebook,plots]' nbclient ipykernel
size "environment with the extras" .venv
show .venv/bin/python -c 'import valuation; print(valuation.__version__, *valuation.__all__)'
show .venv/bin/python -c '
import csv
from importlib.resources import files
import pandas, valuation
lines = files("collateral_registry.sample").joinpath("prices.csv").read_text().splitlines()
rows = [row for row in csv.DictReader(line for line in lines if not line.startswith("#")) if row["series"] == "copper"]
prices = pandas.Series([float(row["price"]) for row in rows], index=pandas.to_datetime([row["date"] for row in rows]))
print(valuation.haircut(prices, horizon_days=20))
'
if [ -f docs/notebook.ipynb ]; then
  first_report "$address" "make run to the first report"
  export COLLATERAL_SERVER=$address
  step "docs/notebook.ipynb from the first cell to the last" .venv/bin/python -m jupyter execute docs/notebook.ipynb
fi
