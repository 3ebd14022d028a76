# Two commands are all a fresh machine needs: make run, make test.
PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: run test lint bench clean

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

# Writes a labelled sample capture and a sample registry, scans the one with the other, prints the tables and names
# the report. Exit status 10 of scan means that mining was found, which is what the sample is for. Ends in the desk,
# with a province that does not exist, on this machine alone; PORT=8001 moves it, Ctrl-C ends it.
PORT ?= 8000
run: export DAVYLAMP_HOME = out/desk
run: $(INSTALLED)
	$(BIN)/davylamp simulate capture out/campus.pcap --seed 7 --noise 60 --swapped 0.01 --repeated 0.01 \
	  --miner dialect=monero,hashrate=9k,minutes=60,vardiff,worker=lab3 \
	  --miner dialect=stratum-v1,hashrate=110T,minutes=60,worker=s19-07 \
	  --miner dialect=eth-proxy,hashrate=90M,minutes=45,worker=rig04 \
	  --miner dialect=kawpow,hashrate=38M,minutes=40,midway=yes \
	  --miner dialect=equihash,hashrate=120k,minutes=30,reconnect=12
	$(BIN)/davylamp simulate ledger out/ledger.csv
	$(BIN)/davylamp registry import out/ledger.csv --source sample --store out/registry.sqlite
	$(BIN)/davylamp scan out/campus.pcap --registry out/registry.sqlite --report out/report.html || test $$? -eq 10
	$(BIN)/davylamp desk demo
	$(BIN)/davylamp serve --plain --port $(PORT)

test: $(INSTALLED)
	$(BIN)/python -m pytest -q

lint: $(INSTALLED)
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(INSTALLED)
	$(BIN)/python bench/speed.py

clean:
	rm -rf .venv out build dist
