# make demo   sets everything up, then audits all 70,000 images of MNIST
# make test   sets everything up, then runs the tests
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: setup demo test test-fast lint browser distclean

setup: $(INSTALLED)

$(INSTALLED): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed, found $$($(PYTHON) --version); set PYTHON=python3.11, say" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing packages into .venv (about 5 GB, some minutes) ..."
	@$(BIN)/python -m pip install -qq --editable '.[dev]'
	@$(BIN)/curate doctor --fix
	@touch $(INSTALLED)

demo: setup
	@$(BIN)/curate audit mnist

# Browsers have the machine to themselves: beside other tests a page may be slower than they wait.
test: setup browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m 'not app'
	@$(BIN)/python -m pytest -m app

test-fast: setup
	@$(BIN)/python -m pytest -m 'not slow and not network and not app and not db'

lint: setup
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy curate

# The browser tests drive Debian's chromium; without it, and without the right to install it, they are skipped and say so.
browser:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium for the browser tests ..."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "no chromium: the browser tests will be skipped"; fi; }

distclean:
	rm -rf .venv build dist *.egg-info
