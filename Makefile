# `make demo` and `make test` install everything they need. See CONTRIBUTING.md for the rest.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
PYTEST := $(BIN)/python -m pytest
GO := $(CURDIR)/$(BIN)/go
# An engine, what the example image is made with, and its client; then what else the tests meet.
ENGINE_COMMANDS := dockerd docker ip mmdebstrap redis-cli
ENGINE_PACKAGES := docker.io iproute2 mmdebstrap redis-tools
SYSTEM_COMMANDS := docker-compose docker-registry podman skopeo umoci strace musl-gcc htpasswd openssl pkcs11-tool rpmbuild softhsm2-util \
	mariadbd /usr/lib/postgresql/*/bin/postgres
SYSTEM_PACKAGES := docker-compose docker-registry podman skopeo umoci strace musl-tools apache2-utils openssl opensc rpm softhsm2 \
	mariadb-server postgresql

# The unit tests of the packages that must be covered whole, line by line and branch by branch.
COVERED := $(addprefix tests/unit/,sgx tdx snp evidence)

.PHONY: help demo test test-all fuzz lint bench docs dev lock
help:
	@echo "make demo      Redis becomes a confidential container, and eight attacks fail"
	@echo "make test      all tests but the slow ones (under 10 minutes)"
	@echo "make test-all  the slow ones: fuzzing for longer, every catalog entry"
	@echo "make fuzz      all parsers for an hour in total (FUZZ_SECONDS=3600)"
	@echo "make lint      ruff, mypy, import-linter, gofmt, go vet"
	@echo "make bench     speed, as ratios against a peer in the same run"
	@echo "make bench-catalog  every catalog entry beside the same program started plainly; writes its table"
	@echo "make docs      the documentation, into site/"
	@echo "make dev       only the virtual environment, .venv"
	@echo "make lock      pin the dependencies anew"

demo: dev .engine
	$(BIN)/python -m demo

# Three sets, two at a time; each one's output comes at its end.
test: dev .system
	@echo "the first tests take some minutes, and say nothing before they end"
	$(MAKE) --no-print-directory --jobs=2 --output-sync .others .unit .covered
	for program in premain probe look; do (cd $$program && $(GO) test .) || exit 1; done
	$(BIN)/python -m demo.fetch
	$(BIN)/python -m tests.system.deploy.fetch
	scripts/with-docker $(PYTEST) -m "system and not slow" tests

.PHONY: .others .unit .covered
.others:
	$(PYTEST) -m "not system and not slow" --ignore=tests/unit tests

.unit:
	$(PYTEST) -m "not system and not slow" $(addprefix --ignore=,$(COVERED)) tests/unit

.covered:
	$(BIN)/python -m coverage run -m pytest -m "not slow" $(COVERED)
	$(BIN)/python -m coverage report

test-all: dev .system .kubernetes
	$(BIN)/python -m tests.catalog.fetch
	$(BIN)/python -m tests.system.gramine.fetch
	scripts/with-docker $(PYTEST) -m "slow and not kubernetes" tests
	$(BIN)/python -m tests.kubernetes.fetch
	scripts/with-kubernetes $(PYTEST) -m kubernetes tests

FUZZ_SECONDS ?= 3600
fuzz: dev
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

lint: dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	test -z "$$($$($(GO) env GOROOT)/bin/gofmt -l premain probe look)"
	for program in premain probe look; do (cd $$program && $(GO) vet .) || exit 1; done

.PHONY: bench-catalog
bench-catalog: dev .system
	$(BIN)/python -m benchmarks.catalog

bench: dev .system
	for benchmark in $$(basename --suffix .py benchmarks/[a-z]*.py); do $(BIN)/python -m benchmarks.$$benchmark || exit 1; done

docs: dev
	$(BIN)/mkdocs build --strict

# A module that nobody compiled is compiled each time a program starts that imports it, where Python may write no bytecode.
dev: $(VENV)/.done
	$(BIN)/python -m compileall -q src

# The virtual environment: hash-checked dependencies, then Caisson itself, whose build compiles the guest agent.
$(VENV)/.done: $(LOCK) pyproject.toml hatch_build.py $(wildcard premain/*.go premain/go.mod premain/build.py probe/*.go probe/go.mod look/*.go look/*.s look/go.mod)
	python3 -m venv $(VENV) || { apt-get update -q && apt-get install -yq python3-venv && python3 -m venv $(VENV); }
	$(BIN)/pip install --quiet uv==0.13.9
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(LOCK)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	touch $@

# Debian's packages $(2), where one of the commands $(1) is missing.
ensure = @for command in $(1); do command -v $$command >/dev/null || missing=1; done; \
	test -z "$$missing" || { apt-get update -q && apt-get install -yq --no-install-recommends $(2); }

.PHONY: .engine .system
.engine:
	$(call ensure,$(ENGINE_COMMANDS),$(ENGINE_PACKAGES))

.system: .engine
	$(call ensure,$(SYSTEM_COMMANDS),$(SYSTEM_PACKAGES))

# What Kubernetes is built from, and runs with (Podman's pods with catatonit); of a cluster only `make test-all` makes use.
KUBERNETES_COMMANDS := go gcc dpkg-source etcd dnsmasq socat conntrack docker-registry catatonit
KUBERNETES_PACKAGES := golang-go golang-github-modern-go-reflect2-dev gcc libc6-dev dpkg-dev etcd-server dnsmasq-base socat conntrack \
	iptables docker-registry catatonit

.PHONY: .kubernetes
.kubernetes:
	$(call ensure,$(KUBERNETES_COMMANDS),$(KUBERNETES_PACKAGES))

lock:
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url \
		--custom-compile-command "make lock" --group dev pyproject.toml -o $(LOCK)
