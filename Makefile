# Each target makes .venv, installs what it needs into it, and does its job. Only Python >= 3.11 is assumed.
# Another interpreter:   make test PYTHON=python3.12    (after `make clean`, if .venv is there already)
# Arguments for pytest:  make test ARGS="-k confusion"

PYTHON ?= python3
ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
DEMO := out/demo
PEERS := .venv-peers
PEERS_OUT := out/peers
TORCH ?= torch
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
MAX_LINES := 400
SOURCES = $(wildcard dualad experiments tests)

.PHONY: help demo peers test check sizes docs linkcheck clean
# Two installs at once into one environment would trip over each other, so `make -j` runs in order as well.
.NOTPARALLEL:

help:
	@echo "make demo    run the quick experiments; says where the report and the pictures are"
	@echo "make peers   compare with other libraries, which come into .venv-peers, some 2 GB"
	@echo "make test    run the tests, all cores"
	@echo "make check   lint, format, types, import layering, file sizes"
	@echo "make docs    run the lessons and build the documentation into out/docs"
	@echo "make clean   remove .venv, .venv-peers, out/ and caches"

demo: $(VENV)/.has-experiments
	$(PY) -m experiments run gradient-cost jacobian-cost hessian-cost memory training ode --quick --out $(DEMO)
	$(PY) -m experiments report $(DEMO)

# Of torch, the build without CUDA, where the index has one: it is a tenth of the size.
peers: $(PEERS)/.has-peers
	$(PEERS)/bin/python -m experiments run peers --quick --out $(PEERS_OUT)
	$(PEERS)/bin/python -m experiments report $(PEERS_OUT)

$(PEERS)/.has-peers: pyproject.toml
	@echo "installing dualad[peers] into $(PEERS) ..."
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check --extra-index-url $(TORCH_INDEX) '$(TORCH)' -e '.[peers]'
	@touch $@

test: $(VENV)/.has-test
	$(PY) -m pytest -n auto $(ARGS)

check: $(VENV)/.has-test $(VENV)/.has-lint
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) -m pytest -q tests/test_formalities.py
	@$(MAKE) --no-print-directory sizes

# Warnings are errors. Lessons that have not changed are not run again.
docs: $(VENV)/.has-docs
	$(PY) -m sphinx -b html -q -W --keep-going docs out/docs
	@echo "open out/docs/index.html"

# Links to other sites, which needs a network and patience.
linkcheck: $(VENV)/.has-docs
	$(PY) -m sphinx -b linkcheck -q docs out/linkcheck

# Growth should be seen: the longest files first, and an error where one is past the limit.
sizes:
	@find $(SOURCES) -name '*.py' -exec wc -l {} \; | sort -rn | awk -v max=$(MAX_LINES) ' \
	  { lines += $$1; long = ($$1 > max); over += long } \
	  NR <= 10 || long { printf "%6d  %s%s\n", $$1, $$2, (long ? "  <- too long" : "") } \
	  END { printf "%6d  lines in %d files; none may pass %d\n", lines, NR, max; exit (over > 0) }'

# The stamps make a second run quick; a changed pyproject.toml installs again.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit("dualad needs Python 3.11 or newer: make PYTHON=python3.12 ..." if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.has-%: pyproject.toml $(VENV)/.made
	@echo "installing dualad[$*] into $(VENV) ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check -e '.[$*]'
	@touch $@

clean:
	rm -rf $(VENV) $(PEERS) out build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
