# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

NODES ?= 3
HTTP_PORT ?= 5000
BRUSIO_RUN_DIR ?= run
FUZZ_SECONDS ?= 60
JOBS ?= $(shell nproc)

# Debian's own, whatever other python3 comes first in PATH.
PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
PROGRAMS := brusiod brusio brusio-sim

# $(call configure,DIRECTORY,PRESET): of CMakePresets.json; a directory keeps the generator that it was made with.
configure = @cmake --preset $(2) $(if $(wildcard $(1)/CMakeCache.txt),,$(if $(shell command -v ninja),-G Ninja)) \
	--log-level=WARNING >/dev/null
compile = @cmake --build $(1) --parallel $(JOBS) $(if $(2),--target $(2))

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12
	@echo
	@echo "variables: NODES=$(NODES) HTTP_PORT=$(HTTP_PORT) BRUSIO_RUN_DIR=$(BRUSIO_RUN_DIR)" \
		"FUZZ_SECONDS=$(FUZZ_SECONDS) JOBS=$(JOBS)"

.PHONY: run
run: build ## build, and run a local cluster until Ctrl-C
	@echo "Starting $(NODES) nodes in $(BRUSIO_RUN_DIR). In another terminal, try:"
	@echo "  build/brusio --dir $(BRUSIO_RUN_DIR) put greeting hello"
	@echo "  build/brusio --dir $(BRUSIO_RUN_DIR) get greeting"
	@echo "  build/brusio --dir $(BRUSIO_RUN_DIR) nodes"
	@build/brusio cluster start --nodes $(NODES) --dir "$(BRUSIO_RUN_DIR)" --http-port $(HTTP_PORT) --foreground

.PHONY: build
build: ## build/brusiod, build/brusio and build/brusio-sim, optimized
	@tools/install-deps run
	$(call configure,build,release)
	$(call compile,build,$(PROGRAMS))

# The tests run under the address and undefined-behaviour sanitizers; clang is there for its warnings, and for
# the fuzz targets; in the mutants build tests break protocol rules on purpose.
.PHONY: test
test: ## build in every way, and run every test
	@tools/install-deps test
	$(call configure,build/test,sanitize)
	$(call compile,build/test)
	$(call configure,build/clang,clang)
	$(call compile,build/clang)
	$(call configure,build/mutants,mutants)
	$(call compile,build/mutants,$(PROGRAMS))
	$(call configure,build/fuzz,fuzz)
	$(call compile,build/fuzz,fuzzers)
	@$(PYTHON) tools/run-tests --build build/test --mutants build/mutants --fuzz build/fuzz --jobs $(JOBS)

.PHONY: bench
bench: ## build the benchmarks, and run each in a scratch directory; BENCH_ARGUMENTS follow it
	@tools/install-deps run
	$(call configure,build/bench,bench)
	$(call compile,build/bench,benches)
	@scratch=$$(mktemp -d); trap 'rm -rf "$$scratch"' EXIT; \
	for source in bench/bench_*.c; do \
		name=$$(basename $$source .c); \
		build/bench/bench/$$name "$$scratch/$$name" $(BENCH_ARGUMENTS); \
	done

.PHONY: models
models: ## check the models of the protocol with spin, by the wide bounds too (docs/models.md)
	@tools/install-deps test
	@$(PYTHON) tools/run-models --wide --jobs $(JOBS)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZ_SECONDS; what is found stays in build/fuzz
	@tools/install-deps test
	$(call configure,build/fuzz,fuzz)
	$(call compile,build/fuzz,fuzzers)
	@for source in fuzz/fuzz_*.c; do \
		name=$$(basename $$source .c); name=$${name#fuzz_}; \
		corpora=build/fuzz/corpus/$$name; mkdir -p $$corpora; \
		for seeds in fuzz/corpus/$$name build/fuzz/seeds/$$name; do \
			[ ! -d $$seeds ] || corpora="$$corpora $$seeds"; \
		done; \
		echo "fuzz/$$name"; \
		build/fuzz/fuzz/fuzz_$$name -max_total_time=$(FUZZ_SECONDS) -timeout=20 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$name- $$corpora; \
	done

.PHONY: format
format: ## format the C sources in place
	@$(PYTHON) tools/format

.PHONY: tidy
tidy: ## check the sources for the rules of CONTRIBUTING.md
	@$(PYTHON) tools/tidy

.PHONY: clean
clean: ## remove build/; data in BRUSIO_RUN_DIR stays
	rm -rf build
