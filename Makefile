# `make demo` and `make test` install everything they need; see CONTRIBUTING.md for the rest.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock

.PHONY: dev
dev: $(VENV)/.done

# The virtual environment: hash-checked dependencies, then Caisson itself, whose build compiles the guest agent.
$(VENV)/.done: $(LOCK) pyproject.toml hatch_build.py $(wildcard premain/*.go premain/go.mod)
	python3 -m venv $(VENV) || { apt-get update -q && apt-get install -yq python3-venv && python3 -m venv $(VENV); }
	$(BIN)/pip install --quiet uv==0.13.9
	$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCK)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

.PHONY: lock
lock:
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --group dev pyproject.toml -o $(LOCK)
