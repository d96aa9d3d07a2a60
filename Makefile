# One-command loop. `make` alone prints this list.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check fix bench connector contract constraints

VENV := .venv/bin

help: ## Print this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 14

$(VENV)/ruff: pyproject.toml
	python3 -m venv .venv
	$(VENV)/pip install -e '.[dev,browser]'
	@touch $@

setup: $(VENV)/ruff ## Make .venv with everything a developer needs

demo: $(VENV)/ruff ## Start the whole product with demo data and print its address
	$(VENV)/climate-fitness demo

test: $(VENV)/ruff ## Run every test, or one file and stop at the first failure: make test T=tests/test_house.py
	$(VENV)/pytest $(if $(T),-x $(T))

check: $(VENV)/ruff ## Format, lint, types, import contracts, units in names, links in documents: what CI runs
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports --no-logo
	$(VENV)/python tools/lint_unit_suffixes.py
	$(VENV)/python tools/lint_docs.py
	$(VENV)/python -m ledger.contract.compile --check

fix: $(VENV)/ruff ## Mend whatever can be mended by itself
	$(VENV)/ruff check --fix .
	$(VENV)/ruff format .

bench: $(VENV)/ruff ## Measure everything again and write docs/benchmarks.md, or print one: make bench W=parse
	$(if $(W),$(VENV)/climate-fitness bench $(W),$(VENV)/python -m benchmarks.report)

connector: $(VENV)/ruff ## Lay out a new connector with its failing test: make connector NAME=kwik-cab
	$(VENV)/python tools/make_connector.py '$(NAME)'

contract: $(VENV)/ruff ## Compile the contract again and write the artifact that is shipped
	$(VENV)/python -m ledger.contract.compile

constraints: ## Write constraints.txt from the newest versions that a fresh environment gets
	rm -rf build/constraints && python3 -m venv build/constraints
	build/constraints/bin/pip install --quiet '.[dev,browser,spark]'
	(sed -n '/^#/p' constraints.txt; build/constraints/bin/pip freeze --all | grep -vE '^(climate-fitness|pip|setuptools)\b' \
		| tr 'A-Z_' 'a-z-' | sort) > build/constraints.txt
	mv build/constraints.txt constraints.txt
