# Every command of this project; `make help` lists them. Nothing but make, a plain python3 and a package index is needed.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

# A name left over in the shell would have the settings read before the tests have set their own environment.
unexport DJANGO_SETTINGS_MODULE

RUN_LOCKS := requirements.txt
TEST_LOCKS := requirements-dev.txt requirements-browser.txt
# The packages in Node that are tested against: receivers of deliveries, and a provider that organizations are synced from.
NODE_TESTS := tests/webhooks/receivers/node tests/organizations/oauth/node
LOCKS := requirements requirements-dev requirements-browser requirements-uv

# A production environment that is complete and leads nowhere: what `check --deploy` and the type checker read settings from.
SAMPLE_SECRET := sample-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOP
SAMPLE_RING := 1:c2FtcGxlLW9ubHktMDEyMzQ1Njc4OWFiY2RlZmdoaWo
SAMPLE := env -u DEBUG STICKER_ENV=production SECRET_KEY=$(SAMPLE_SECRET) STICKER_PEPPERS=$(SAMPLE_RING) \
	STICKER_JWT_KEYS=$(SAMPLE_RING) STICKER_ENCRYPTION_KEYS=$(SAMPLE_RING) STICKER_ASSERTION_KEYS=$(SAMPLE_RING) \
	STICKER_LEDGER_KEYS=$(SAMPLE_RING) \
	ALLOWED_HOSTS=auth.example.com,embed.example.com \
	PUBLIC_BASE_URL=https://auth.example.com EMBED_BASE_URL=https://embed.example.com \
	DATABASE_URL=postgres://sample@localhost/sample CELERY_BROKER_URL=amqp://localhost

# $(call install,STAMP,FILES): bring the environment to what the locked files say, unless their content is what it was.
define install
@wanted="$$(cat requirements-uv.txt $(2) | cksum)"; \
if [ "$$(cat $(VENV)/$(1) 2>/dev/null)" != "$$wanted" ]; then \
	$(MAKE) --no-print-directory _venv && \
	echo "Installing $(2)" && \
	{ $(BIN)/uv pip install --quiet --compile-bytecode --require-hashes $(2:%=-r %) || \
	  $(BIN)/python -m pip install --quiet --require-hashes $(2:%=-r %); } && \
	echo "$$wanted" > $(VENV)/$(1); \
fi
endef

.DEFAULT_GOAL := help
.PHONY: help run test check bench lock _venv _run_environment _test_environment

help: ## List these commands
	@echo "Commands (PORT and VAR_DIR move 'make run'; ARGS goes to the tests and the bench):"
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16

run: _run_environment ## Start the whole service with a demo, on this machine; Ctrl-C stops it
	@exec $(BIN)/python -m sticker_auth.local.run --tied

test: _test_environment ## Run the tests on a real PostgreSQL
	@$(BIN)/python -m pytest $(ARGS)

check: _test_environment ## Format, lint, types, import ladder, migrations, deploy check, tests
	@echo "- format" && $(BIN)/ruff format --check --quiet .
	@echo "- lint" && $(BIN)/ruff check --quiet .
	@echo "- types" && $(SAMPLE) $(BIN)/mypy .
	@echo "- imports" && $(SAMPLE) PYTHONPATH=. $(BIN)/lint-imports
	@echo "- migrations" && var="$$(mktemp -d)" && trap 'rm -rf "$$var"' EXIT && \
		VAR_DIR="$$var" $(BIN)/python manage.py makemigrations --check --dry-run
	@echo "- deployment" && $(SAMPLE) $(BIN)/python manage.py check --deploy --fail-level WARNING
	@echo "- tests" && $(BIN)/python -m pytest $(ARGS)

bench: _test_environment ## Measure against the peers; ARGS="--quick --json" for the short form
	@$(BIN)/python -m bench $(ARGS)

lock: _venv ## Resolve the requirements anew and write the locked files
	@for name in $(LOCKS); do \
		echo "$$name.txt" && $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --no-header \
			--python-version 3.11 "$$name.in" --output-file "$$name.txt" || exit 1; \
	done

# The tests' environment holds everything that the service's does.
_run_environment:
	$(call install,.installed-run,$(RUN_LOCKS))

_test_environment:
	$(call install,.installed-test,$(TEST_LOCKS))
	@for node in $(NODE_TESTS); do \
		wanted="$$(cksum < $$node/package-lock.json)"; \
		if command -v npm >/dev/null && [ "$$(cat $$node/node_modules/.installed 2>/dev/null)" != "$$wanted" ]; then \
			echo "Installing $$node/package-lock.json" && \
			npm ci --prefix $$node --ignore-scripts --no-audit --no-fund --silent && \
			echo "$$wanted" > $$node/node_modules/.installed || \
			echo "npm could not; the tests that need it are skipped." >&2; \
		fi; \
	done

_venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-uv.txt || \
		echo "uv could not be installed; pip will do." >&2
