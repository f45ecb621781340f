# The commands of the README. `make help` lists them.

CARGO ?= cargo
SEGUE := target/release/segue
EQUIVALENCE := $(CARGO) test --release --locked -p segue-core --test equivalence

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: build ## Build, play the visitor, stay up to click through (ARGS=--once ends after the play)
	$(SEGUE) demo $(ARGS)

.PHONY: build
build: ## Build the release binary
	$(CARGO) build --release --locked --bin segue

.PHONY: test
test: node-packages ## Run every test that needs only Rust and Node
	$(CARGO) test --workspace --locked
	SEGUE_CASES=200000 $(EQUIVALENCE)
	$(CARGO) build --locked --bin segue
	target/debug/segue test tests/scenarios
	cd tests/conformance/javascript && npm test

.PHONY: simulate
simulate: SEEDS ?= 1000
simulate: ## Run Segue on a machine that fails, SEEDS times; SEED=n shows every step of one
	SEGUE_SIMULATION_SEEDS=$(SEEDS) $(if $(SEED),SEGUE_SIMULATION_SEED=$(SEED)) \
	  $(CARGO) test -q --locked -p segue-delivery --test simulation

.PHONY: upgrade-fixture
upgrade-fixture: ## Make the data of tests/upgrade anew, with the program as it is
	SEGUE_MAKE_UPGRADE_FIXTURE=1 $(CARGO) test -q --locked -p segue-cli --test upgrade

.PHONY: soak
soak: ## Hold both ways of evaluation against each other until stopped, or a difference is found
	for seed in $$(seq 2 1000000); do SEGUE_CASES=200000 SEGUE_SEED=$$seed $(EQUIVALENCE) || exit; done

.PHONY: conformance
conformance: ## Run the tests that need Python, Java and Chromium too: what CI adds
	$(CARGO) build --locked --bin segue
	$(CARGO) build --locked -p segue-amqp --example foreign_broker
	tests/conformance/run

.PHONY: node-packages
node-packages: tests/conformance/javascript/node_modules/.package-lock.json \
	examples/functions/log-activations/node_modules/.package-lock.json

%/node_modules/.package-lock.json: %/package-lock.json
	cd $* && npm ci --no-audit --no-fund

.PHONY: lint
lint: ## Check format, clippy with warnings denied, and the house rules
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --locked -p tidy

.PHONY: bench
bench: ## Measure against this machine's limits, as ratios in one run
	$(CARGO) bench --locked -p segue-log --bench append
	$(CARGO) bench --locked -p segue-hub --bench throughput
	$(CARGO) bench --locked -p segue-delivery --bench ingest
	$(CARGO) bench --locked -p segue-delivery --bench backfill
	$(CARGO) run --release --locked -p segue-bench -- process

.PHONY: bench-flame
bench-flame: ## Draw where the time goes into bench/reports/process.svg
	$(CARGO) run --profile flame --locked -p segue-bench --features flame -- flame

.PHONY: bench-dead
bench-dead: RATE ?= 10000
bench-dead: BENCH := $(SEGUE) bench --rate $(RATE) --seconds 60
bench-dead: build ## Measure without and with a destination that is dead (RATE=10000 events a second)
	$(BENCH) --report bench/reports/all-alive.json
	$(BENCH) --dead-destination --report bench/reports/one-dead.json

.PHONY: bench-rivals
bench-rivals: ## Do two jobs with Segue, Bytewax, Flink and DBSP (needs Python, Java and cmake)
	$(CARGO) build --release --locked -p segue-bench
	bench/rivals/run tiny
	bench/rivals/run events
