# Each target sets itself up: a virtual environment in .venv, and in it what the target needs.
PYTHON ?= python3
BIN := .venv/bin
DEMO := .demo/sample

.PHONY: demo test check bench serve clean

demo: .venv/.demo assets/vendor/plotly-basic.min.js  ## build an atlas from 20 sample photos, check it, serve it beside the one that ships
	$(BIN)/precompute build --photos sample: --scope shared --shared-concepts 24 --pictures quick --out $(DEMO)
	$(BIN)/atlas check $(DEMO)
	$(BIN)/atlas serve data/imagenet-lite0 $(DEMO)

test: .venv/.test assets/vendor/plotly-basic.min.js  ## all tests; ATLAS_REQUIRE_BROWSER=1 makes a missing browser a failure
	$(BIN)/python -m pytest

check: .venv/.test  ## lint, types, the dependency rule, known weaknesses of dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python .ci/audit.py

bench: .venv/.bench  ## measured, never timed in CI: ours beside the peers, as ratios
	$(BIN)/python -m tests.bench

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.demo .venv/.test .venv/.bench: .venv/.%: pyproject.toml | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# The app works without it, on Dash's own larger bundle; it comes from npm where npm is there.
assets/vendor/plotly-basic.min.js: | .venv/bin/python
	-@$(BIN)/python -m atlas.server.plotly_bundle

clean:
	rm -rf .venv .demo assets/vendor
