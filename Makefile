# Banyan: everything that a newcomer and CI need. `make` alone lists it.
# Needs git, make, Node 20 or newer with npm; the client tests need python3 too. What else is missing is installed
# below this folder: node_modules/ (a newer Node too, where the found one is too old), .cache/ (for tests).

.DEFAULT_GOAL := help
.PHONY: help build hub setup check test client-suites schemathesis test-heavy fuzz faults bench clean

# Tools run on the Node that Banyan runs on, whichever `node` is on PATH.
with_node = node=$$(bin/find-node) && PATH="$${node%/*}:$(CURDIR)/node_modules/.bin:$$PATH"

help: ## list what make can do here
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

build: node_modules/.installed ## set up what the hub needs, without starting it

hub: build ## set up, then start the hub: http://127.0.0.1:8484, data in ./data; BANYAN_PORT=… and the like are honoured
	@bin/banyan serve

setup: build ## set up what the client tests need: Python clients, real models, git-lfs (once, into .cache/)
	@$(with_node) node test/setup/install.ts

check: build ## formatting, types, import rules, dead code
	@$(with_node) node --run check

test: build setup $(if $(ONLY),,check) ## set up, check, run every test; ONLY=test/clients/curl.test.ts runs that file alone
	@$(with_node) vitest run --reporter=default --reporter=json --outputFile.json=.cache/test-results.json $(ONLY)

client-suites: build setup ## run the tests that the clients ship with: docs/wire/conformance.md; ONLY=test_hf_api ARGS='-k tag' runs those
	@$(with_node) node test/client-suites/run.ts $(addprefix --only ,$(ONLY)) -- $(ARGS)

schemathesis: build ## ask the hub whatever its API document allows, for four minutes; ARGS='--include-path-regex discussions' asks that alone
	@$(with_node) node test/schemathesis/run.ts $(ARGS)

test-heavy: build ## transformers, datasets and peft with torch against a hub; the first run installs 3 GB into .cache/
	@$(with_node) node test/heavy/run.ts

# fast-check takes a seed of 32 bits. The random cases of `make test` are these, but for their number.
TIMES ?= 20
SEED := $(or $(SEED),$(shell date +%s))
fuzz: build ## try the random cases of make test TIMES=20 times as often; SEED=… tries the same ones again
	@echo 'Trying $(TIMES) times as many cases; to try the same ones again: make fuzz TIMES=$(TIMES) SEED=$(SEED)'
	@$(with_node) BANYAN_FUZZ_TIMES=$(TIMES) BANYAN_FUZZ_SEED=$(SEED) vitest run --testTimeout=0 $$(grep -rl fuzz-runs.ts server --include='*.test.ts')

faults: build setup ## kill, race and contend for half an hour: every moment of every write, 300 writes, five minutes of gc
	@$(with_node) BANYAN_FAULT_POINTS=all BANYAN_FAULT_WRITES=300 BANYAN_FAULT_SECONDS=300 BANYAN_TORN_RUNS=500 BANYAN_FLIPS=100000 vitest run --testTimeout=0 test/faults

bench: build setup ## measure the figures of docs/performance.md; ONLY="head-resolve git-clone" measures those alone
	@$(with_node) node bench/run.ts $(ONLY)

clean: ## remove all that make has installed; ./data stays
	rm -rf node_modules .cache coverage

node_modules/.installed: package-lock.json
	@command -v npm >/dev/null 2>&1 || { echo 'make: npm is missing. Please install Node 20 or newer, with npm.' >&2; exit 1; }
	@echo 'Installing dependencies from npm (once; half a minute or so)'
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@bin/find-node >/dev/null
	@touch $@
