# The recipes that people, hooks and the build server share.
# The first of these that runs and is new enough: a name on the PATH may be a shim without a Python behind it.
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$python; break; }; done)
VENV ?= .venv
PORT ?= 8501
STORE ?= .demo/touchstone-store
RUN = $(VENV)/bin/python -m
STAMP = $(VENV)/.installed-$(shell cat constraints.txt pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: venv demo test format lint types contracts unit browser chromium docs pictures bench clean

venv: $(STAMP)

$(STAMP):
	@test -n "$(PYTHON)" || { echo "Touchstone needs Python 3.11 or newer, and found none on the PATH." >&2; exit 1; }
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(RUN) pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: venv
	$(VENV)/bin/touchstone demo --store $(STORE) --port $(PORT)

test: venv lint types contracts unit browser

lint: venv
	$(RUN) ruff format --check .
	$(RUN) ruff check .

format: venv
	$(RUN) ruff format .
	$(RUN) ruff check --fix .

types: venv
	$(RUN) mypy

contracts: venv
	$(VENV)/bin/lint-imports

unit: venv
	$(RUN) pytest -n auto --maxprocesses 8 -m "not browser"

browser: venv chromium
	$(RUN) pytest -n 2 -m browser tests/browser

# A real Chromium, where none is: Debian's for root, else Playwright's own. Without any the browser tests are skipped,
# unless TOUCHSTONE_REQUIRE_BROWSER is set.
chromium: venv
	@$(RUN) tests.browser.chromium || { \
		echo "No Chromium on this machine; installing one ..."; \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium; \
		else $(RUN) playwright install chromium; fi; } \
	|| echo "No Chromium could be installed."

# The pages that are made from the code; a test says where they are old.
docs: venv
	$(RUN) dashboard.cli.docs_pages docs

# How fast we are next to the peers, measured on this machine: writes docs/benchmarks.json and docs/benchmarks.md.
bench: venv
	$(RUN) tests.benchmarks.record

# The pictures of the README, taken from the demo in a real browser.
pictures: venv chromium
	$(RUN) tests.browser.pictures

clean:
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
