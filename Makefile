# Every command of the README. Each makes what it needs first; none asks a question.
BIN = .venv/bin
LOCKED = --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

help:
	@echo 'make demo    a server with 20,000 made-up fans, its address and keys'
	@echo 'make test    every test'
	@echo 'make check   what a change must pass beside the tests: ruff, mypy, import layers, house rules'
	@echo 'make setup   .venv from the lock, with the command at .venv/bin/fanfare'
	@echo 'make faults  the long runs: killed processes, racing writers, slow commits'
	@echo 'make fuzz    many made-up inputs for each call'
	@echo 'make bench   the performance figures beside their yardsticks'
	@echo 'make lock    both locks anew from pyproject.toml'

setup:
	@.ci/install requirements.lock

setup-dev: setup
	@.ci/install requirements-dev.lock

# Data, keys and all stay in .data; FANS counts only the first time.
FANS = 20000
demo: setup
	@.ci/demo $(FANS)

test: setup-dev
	$(BIN)/pytest

check: setup-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/rules

# Versions already in a lock are kept; `make lock UPGRADE=--upgrade` takes the newest.
lock:
	@test -x .venv-lock/bin/uv || { python3 -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv; }
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) pyproject.toml --group build -o requirements.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) pyproject.toml --group build --group dev \
		-c requirements.lock -o requirements-dev.lock >/dev/null

.PHONY: help setup setup-dev demo test check lock
