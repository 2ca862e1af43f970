PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# Commands that look at the code alone: no server runs, and none is needed.
CHECKED := $(BIN)/python -W error -W ignore:Got\ an\ error\ checking:RuntimeWarning
# Made-up values of the right form: `check --deploy` is about the settings around them.
PRODUCTION := ALICE_ENV=production SECRET_KEY=$(shell head -c 48 /dev/urandom | base64) \
  PUBLIC_URL=https://alice.example DATABASE_URL=postgresql:///alice REDIS_URL=redis://localhost

.PHONY: help run test soak bench lint format requirements clean

help: ## Show what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: $(VENV)/installed-run ## Start everything: database, Redis, web, worker, beat
	@$(BIN)/python manage.py up

test: $(VENV)/installed-dev ## Run the whole suite against servers of its own
	@$(BIN)/python -m pytest $(ARGS)

soak: $(VENV)/installed-dev ## Chat for minutes while its servers die; nothing may be lost
	@SOAK_WRITERS=20 SOAK_MESSAGES=500 SOAK_ROUNDS=5 $(BIN)/python -m pytest -n 0 --timeout 1800 \
	  alice/tests/realtime/test_storm.py $(ARGS)

bench: $(VENV)/installed-dev ## Measure; AGAINST=REV compares with a commit
	@$(BIN)/python -m benchmarks $(if $(AGAINST),--against $(AGAINST)) $(ARGS)

lint: $(VENV)/installed-dev ## Style, types, imports, migrations, settings, OpenAPI
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy .
	@$(BIN)/lint-imports
	@$(CHECKED) manage.py makemigrations --check --dry-run
	@$(CHECKED) manage.py spectacular --validate --fail-on-warn --file /dev/null
	@$(PRODUCTION) $(BIN)/python manage.py check --deploy --fail-level WARNING

format: $(VENV)/installed-dev ## Put the code into its one form
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

requirements: $(VENV)/installed-dev ## Compile requirements*.txt from requirements*.in
	@for name in requirements requirements-embedded requirements-dev; do \
	  $(BIN)/pip-compile --quiet --no-emit-index-url --no-emit-find-links --no-emit-options \
	    --strip-extras --allow-unsafe --no-header --output-file $$name.txt $$name.in || exit 1; \
	done

clean: ## Remove the virtual environment; the data in .data stays
	@rm -rf $(VENV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Alice needs Python 3.11 or newer." if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -m venv $(VENV)

$(VENV)/installed-run: requirements.txt requirements-embedded.txt | $(BIN)/python
	@echo "Installing into $(VENV) ..."
	@$(PIP) -r requirements.txt -r requirements-embedded.txt
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt $(VENV)/installed-run
	@$(PIP) -r requirements-dev.txt
	@touch $@
