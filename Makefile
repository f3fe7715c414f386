# make demo   sets up what an audit needs, then audits all 70,000 images of MNIST
# make test   sets up the tests as well, then lints, checks types and runs every test
# make docs   builds the documentation site into build/site
PYTHON ?= python3
BIN := .venv/bin
DEMO := .venv/.demo
TEST := .venv/.test

.PHONY: setup setup-test demo test test-fast lint docs browser distclean

# uv takes a fifth of pip's time. It does not read pip's settings, so they are handed over; where it cannot install, pip does.
define install
@$(BIN)/python -m pip install -qq uv && ( \
  hand() { value=$$($(BIN)/python -m pip config list | sed -n "s/^[^=]*\.$$1='\(.*\)'$$/\1/p" | head -n 1 | tr ' ' "$$3"); \
           [ -z "$$value" ] || export "$$2=$$value"; }; \
  hand index-url UV_DEFAULT_INDEX ' '; hand extra-index-url UV_INDEX ' '; hand find-links UV_FIND_LINKS ','; \
  hand constraint UV_CONSTRAINT ' '; hand cert SSL_CERT_FILE ' '; \
  UV_INDEX_STRATEGY=unsafe-best-match $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --editable '$(1)' ) \
|| { echo "uv could not install it; trying pip ..."; $(BIN)/python -m pip install -qq --editable '$(1)'; }
endef

setup: $(DEMO)
setup-test: $(TEST)

$(DEMO): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "Python 3.10 or newer is needed, found $$($(PYTHON) --version); set PYTHON=python3.11, say" >&2; exit 2; }
	@$(PYTHON) -m venv .venv || { echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 2; }
	@echo "installing what an audit and its App need into .venv (about 6 GB, most of it torch with CUDA; a minute or more) ..."
	$(call install,.[app])
	@$(BIN)/curate doctor --fix
	@echo "installed; to type curate by its name: . .venv/bin/activate"
	@touch $(DEMO)

$(TEST): $(DEMO) pyproject.toml
	@echo "installing what the tests need (about 1 GB) ..."
	$(call install,.[test])
	@touch $(TEST)

demo: setup
	@$(BIN)/curate audit mnist

# Browsers have the machine to themselves: beside other tests a page may be slower than they wait.
test: lint browser
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m 'not app'
	@$(BIN)/python -m pytest -m app

test-fast: setup-test
	@$(BIN)/python -m pytest -m 'not slow and not network and not app and not db'

lint: setup-test
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy curate

docs: setup-test
	@$(BIN)/python -m mkdocs build --strict
	@echo "open build/site/index.html"

# The browser tests drive Debian's chromium; without it, and without the right to install it, they are skipped and say so.
browser:
	@command -v chromium >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    echo "installing chromium for the browser tests ..."; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	  else echo "no chromium: the browser tests will be skipped"; fi; }

distclean:
	rm -rf .venv build dist *.egg-info
