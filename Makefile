# `make help` lists the targets. Each makes what it needs first; none asks a question.
BIN = .venv/bin
# Tests start Fanfare hundreds of times: whoever keeps no compiled modules would compile all of them again each time.
export PYTHONDONTWRITEBYTECODE =
LOCKED = --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet

help:
	@echo 'make demo          a server with 20,000 sample fans; prints its URL and keys'
	@echo 'make run           the server, restarted on each change below src'
	@echo 'make test          all tests'
	@echo 'make check         ruff, mypy, import layers, house rules'
	@echo 'make fmt           formats the code'
	@echo 'make schema        writes docs/schema.sql from the migrations'
	@echo 'make topics        writes docs/topics.md from the topics of the domains'
	@echo 'make roles         writes the table of rights in docs/staff.md'
	@echo 'make pictures      opens each page of the Manage Centre at three widths, light and dark, and keeps pictures'
	@echo 'make walk          three pictures of the demo, in docs/pictures'
	@echo 'make clients       compiles and runs clients that are generated from the API document'
	@echo 'make pulls         runs the dlt source into DuckDB, and the Airbyte manifest by Airbyte'
	@echo 'make faults        long tests: killed processes, racing writers, late commits, upgrades'
	@echo 'make fuzz          long tests: generated inputs for each call'
	@echo 'make replay        100,000 clicks of real user agents, compared with their labels'
	@echo 'make bench         benchmarks, each beside a baseline'
	@echo 'make setup         .venv with the command .venv/bin/fanfare, from the lock file'
	@echo 'make setup-dev     the same with the tools for tests and checks'
	@echo 'make setup-places  the same with the packages that `fanfare places load` reads (400 MB)'
	@echo 'make setup-clients the packages that `make clients` uses (600 MB)'
	@echo 'make setup-pulls   the packages that `make pulls` uses (500 MB)'
	@echo 'make setup-peers   the packages of the twin that `bench.peers` compares with (300 MB)'
	@echo 'make lock          the lock files, from pyproject.toml'

setup:
	@.ci/install requirements.lock

setup-dev: setup
	@.ci/install requirements-dev.lock
	@.ci/install requirements-storages.lock .venv-storages

# The packages that `fanfare places load` reads; some 400 MB.
setup-places: setup
	@.ci/install requirements-places.lock

# The data and the keys stay in .data, so FANS counts only the first time.
FANS = 20000
demo: setup
	@.ci/demo $(FANS)

# In three processes, each with its own PostgreSQL: a third of the tests wait for processes, so that two leave cores idle. A file's tests stay
# together and in their order, which tests of one database need. `make test ONLY=database` leaves out the tests that use none of it.
test: setup-dev
	$(BIN)/pytest -n 3 --dist loadfile $(if $(ONLY),-m $(ONLY))

# Pictures are in tests/*/pictures. `make test` opens the same pages in two of these views, and keeps none.
pictures: setup-dev
	FANFARE_ALL_VIEWS=1 $(BIN)/pytest -n 2 -q tests/console tests/hosted tests/openid tests/streams -k in_a_browser

# Three pictures of a demo, in docs/pictures, for the walk in the README.
walk: setup-dev
	$(BIN)/python -m tests.console.pictures_of_demo

check: setup-dev
	@.ci/check

fmt: setup-dev
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

# docs/schema.sql, from the migrations.
schema: setup-dev
	$(BIN)/python -m tests.rules.schema_file

# docs/topics.md, from the lists of the domains.
topics: setup-dev
	$(BIN)/python -m tests.rules.topics_file

# The table of rights in docs/staff.md, from the roles of staff.
roles: setup-dev
	$(BIN)/python -m tests.rules.roles_file

# Restarts the server on each change below src; the database is in .data.
run: setup-dev
	FANFARE_LOG_LEVEL=debug $(BIN)/watchfiles '$(BIN)/fanfare up' src

# The generators are Python and Node packages (some 600 MB); Node itself comes in a wheel.
CLIENTS = tests/clients/generated
GENERATORS = $(CURDIR)/.venv-clients/bin
setup-clients: setup-dev
	@.ci/install requirements-clients.lock .venv-clients
	@cmp -s $(CLIENTS)/package-lock.json .venv-clients/package-lock.json || { \
		cp $(CLIENTS)/package.json $(CLIENTS)/.npmrc .venv-clients && \
		cp $(CLIENTS)/package-lock.json .venv-clients/npm-shrinkwrap.json && \
		PATH="$(GENERATORS):$$PATH" npm ci --prefix .venv-clients --silent && \
		cp $(CLIENTS)/package-lock.json .venv-clients; }

clients: setup-clients
	PATH="$(GENERATORS):$$PATH" FANFARE_CLIENTS=generated $(BIN)/pytest $(CLIENTS) tests/openid/test_ordinary_clients.py

# dlt and DuckDB (160 MB), and Airbyte's tools (340 MB), which need other versions of the same packages.
setup-pulls: setup-dev
	@.ci/install requirements-pulls.lock .venv-pulls
	@.ci/install requirements-airbyte.lock .venv-airbyte

pulls: setup-pulls
	FANFARE_PULLS=$(CURDIR)/.venv-pulls/bin/python FANFARE_AIRBYTE=$(CURDIR)/.venv-airbyte/bin/source-declarative-manifest \
		$(BIN)/pytest tests/pulls

# A twin in FastAPI and SQLAlchemy, and Node; bench.peers installs the other peers itself.
setup-peers: setup-dev
	@.ci/install requirements-peers.lock .venv-peers

# A seed is printed; FANFARE_SEED=N repeats its run.
faults: setup-dev
	FANFARE_INPUTS=drawn FANFARE_FAULTS=full FANFARE_ROUNDS=10 $(BIN)/pytest -s tests/faults tests/kernel/running/test_exits.py tests/kernel/data/test_upgrades.py tests/search/test_survival.py tests/registrations/test_gates.py tests/fans/test_consent_histories.py tests/imports/test_workers.py

fuzz: setup-dev
	FANFARE_INPUTS=drawn FANFARE_FUZZ_CASES=1000 $(BIN)/pytest tests/fuzz tests/kernel/test_wire.py tests/fans tests/points tests/ratings

# The figures of calls need wrk and pgbench (Debian: wrk, postgresql-contrib).
replay: setup-dev
	$(BIN)/python -m tests.trackers.replay

bench: setup-dev
	@missed=; for part in activities changes search tickets segments audience ratings points sessions shares starts streams trackers quests reports props webhooks; do \
		nice $(BIN)/python -m bench.$$part || missed="$$missed $$part"; \
	done; test -z "$$missed" || { echo "missed:$$missed"; exit 1; }

# Versions already in a lock are kept; `make lock UPGRADE=--upgrade` takes the newest.
lock:
	@test -x .venv-lock/bin/uv || { python3 -m venv .venv-lock && .venv-lock/bin/pip install --quiet uv; }
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) pyproject.toml --group build -o requirements.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) pyproject.toml --group build --group dev \
		-c requirements.lock -o requirements-dev.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) pyproject.toml --group build --extra places \
		-c requirements.lock -o requirements-places.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) --group pyproject.toml:clients \
		-o requirements-clients.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) --group pyproject.toml:storages \
		-o requirements-storages.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) --group pyproject.toml:pulls -o requirements-pulls.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) --group pyproject.toml:airbyte -o requirements-airbyte.lock >/dev/null
	.venv-lock/bin/uv pip compile $(LOCKED) $(UPGRADE) --group pyproject.toml:peers -o requirements-peers.lock >/dev/null

.PHONY: help setup setup-dev setup-places setup-clients setup-pulls setup-peers demo run fmt schema topics roles test check pictures walk clients pulls faults fuzz replay bench lock
