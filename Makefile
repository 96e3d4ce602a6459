# make up      build and run Sluice here, with a Redis of its own
# make test    run the whole suite
# make lint    formatting and clippy, warnings denied, for both targets
# make chaos   kill hosts and Redis under load, and compare every order with what was promised: SECONDS=600 SEED=42;
#              OTHER=../sluice-0.1 runs one of the two hosts with the components of another checkout, built before
# make outage  the payment provider is away for five minutes and slow for five, under 10,000 orders; then the same while
#              hosts and Redis are killed. Compares its ledger with the records: SECONDS=300 ORDERS=10000 SEED=42
# make fuzz    requests made from docs/openapi.json, good and bad ones, find no answer that it doesn't describe:
#              REQUESTS=10000 SEED=42
# make idle    many clients connect to a host and say nothing: CONNECTIONS=100000
# make flash-sale   everybody buys at once: SEED=42
# make bench   measure it beside a native service, and beside what others would build where node and npm are there, in
#              about nine minutes: SPIN=1 for spin up too
# make build   build the components and the host
# make dist    build the host as fast as it gets: target/dist/host. That takes minutes more

LISTEN ?= 127.0.0.1:3000
REDIS ?=
DATA ?= .spin
SPIN ?=
SECONDS ?=
ORDERS ?= 10000
CONNECTIONS ?= 100000
REQUESTS ?= 10000
SEED ?=
OTHER ?=
CORES ?= $(shell getconf _NPROCESSORS_ONLN)

COMPONENTS := intake health desk listener processor notifier stripe
# What plain cargo leaves out.
NATIVE := --package access --package order --package queue --package guest --package host --package tests --package plot --package flash-sale --package bench --package examples
WASM := --target wasm32-wasip2 --release
IN_COMPONENTS := $(COMPONENTS:%=--package %) --package guest

.PHONY: up test chaos outage fuzz idle flash-sale bench lint build dist announce tools redis-server python3 localstripe schemathesis examples node

up: target/built redis-server
	@exec target/debug/host up --listen $(LISTEN) --data $(DATA) $(if $(REDIS),--redis $(REDIS)) --probe /health --keys-in api_keys --keys-in operator_key \
	  --try "curl -i http://{address}/orders -H 'content-type: application/json' -d '{\"customer\":{\"email\":\"ada@example.com\"},\"currency\":\"EUR\",\"lines\":[{\"sku\":\"TEA-1\",\"quantity\":2,\"unit_price\":450}]}'" \
	  --try "curl http://{address}/health"

test: build redis-server localstripe schemathesis examples
	cargo test

chaos: build redis-server
	CHAOS_SECONDS=$(or $(SECONDS),120) $(if $(SEED),CHAOS_SEED=$(SEED)) \
	  $(if $(OTHER),CHAOS_OTHER=$(abspath $(OTHER)/spin.toml)) cargo test --test promises -- --nocapture --exact \
	  whole::chaos::every_order_is_kept_once_and_told_though_everything_fails

outage: build redis-server
	OUTAGE_SECONDS=$(or $(SECONDS),300) OUTAGE_ORDERS=$(ORDERS) $(if $(SEED),CHAOS_SEED=$(SEED)) \
	  cargo test --test promises -- --nocapture --test-threads 1 whole::chaos::outage::

fuzz: build redis-server schemathesis
	FUZZ_REQUESTS=$(REQUESTS) $(if $(SEED),FUZZ_SEED=$(SEED)) cargo test --package tests --test promises -- --nocapture \
	  --exact whole::description::a_program_that_tries_all_that_the_description_allows_and_forbids_finds_no_fault

idle:
	IDLE_CONNECTIONS=$(CONNECTIONS) cargo test --package host --test host -- --nocapture idle_connections

flash-sale: build redis-server
	cargo run --package flash-sale -- $(if $(SEED),--seed $(SEED))

bench: build redis-server
	cargo build --package bench
	target/debug/bench run $(if $(SPIN),--spin)

lint: tools
	cargo fmt --all --check
	cargo clippy --all-targets $(NATIVE) -- --deny warnings
	cargo clippy $(WASM) $(IN_COMPONENTS) -- --deny warnings

build: tools announce
	cargo build --package host
	target/debug/host build
	@touch target/built

dist: build
	cargo build --package host --profile dist

# Minutes of a first build, which compiles wasmtime: what one core would take for what can be shared out among cores,
# and what is left.
SHARED := 16
ALONE := 1
announce:
	@[ -e target/debug/host ] || echo "This is the first build. It takes about" \
	  "$$(( $(ALONE) + ($(SHARED) + $(CORES) - 1) / $(CORES) )) minutes here (cores: $(CORES)); later ones take seconds."

# Asking cargo six times whether there is anything to do would take longer than starting. The folder `tools` itself is
# left out: it has the name of a target that is always remade.
target/built: $(shell find .cargo Cargo.toml Cargo.lock spin.toml components crates tools/*) | tools
	@$(MAKE) --no-print-directory build

# What is missing is installed, and said before it is done.
tools:
	@rustup target list --installed | grep -q '^wasm32-wasip2$$' || { \
	  echo "Installing the Rust target wasm32-wasip2: rustup target add wasm32-wasip2"; \
	  rustup target add wasm32-wasip2; }

# $(call install,program,brew's package,apt-get's packages)
install = command -v $(1) >/dev/null || { \
	  if command -v brew >/dev/null; then \
	    echo "Installing $(1): brew install $(2)"; brew install $(2); \
	  elif command -v apt-get >/dev/null; then \
	    SUDO=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	    echo "Installing $(1): $$SUDO apt-get install --yes $(3)"; \
	    $$SUDO apt-get update && $$SUDO apt-get install --yes --no-install-recommends $(3); \
	  else false; fi; }

redis-server:
	@$(call install,redis-server,redis,redis-server) || { \
	  echo "Sluice needs redis-server 7 or newer on the path. Install it with your package manager." >&2; exit 1; }

# Some tests need it, and are skipped aloud without it.
python3:
	@$(call install,python3,python3,python3 python3-pip) || true

# For the example in TypeScript.
node:
	@$(call install,npm,node,nodejs npm) || true

# What the programs in examples/ need. Their tests are skipped aloud without it.
examples: python3
	@cargo build --quiet --package examples
	@[ -d target/examples/standardwebhooks ] || { \
	  echo "Installing what the examples need: python3 -m pip install --target target/examples standardwebhooks"; \
	  python3 -m pip install --quiet --no-warn-conflicts --root-user-action ignore --target target/examples \
	    --requirement examples/python/requirements.txt; } || \
	  echo "standardwebhooks can't be installed, which takes python3 with pip. The example in Python is skipped." >&2
	@[ -d examples/typescript/node_modules ] || ! command -v npm > /dev/null || { \
	  echo "Installing what the examples need: npm ci, in examples/typescript"; \
	  npm ci --prefix examples/typescript --ignore-scripts --no-audit --no-fund --silent; } || \
	  echo "npm ci failed in examples/typescript. The example in TypeScript is skipped." >&2

# $(call pip,package,version,what it is)
pip = [ -d target/$(1)/$(1)-$(2).dist-info ] || { \
	  echo "Installing $(1), $(3): python3 -m pip install --target target/$(1) $(1)"; \
	  rm -rf target/$(1) target/$(1).new; \
	  python3 -m pip install --quiet --no-warn-conflicts --root-user-action ignore --target target/$(1).new \
	    $(1)==$(2) && mv target/$(1).new target/$(1); } || \
	  echo "$(1) can't be installed, which takes python3 with pip. The tests that need it are skipped." >&2

# Makes requests from the description of the API. Its test is skipped aloud without it.
schemathesis: python3
	@$(call pip,schemathesis,4.32.5,which tries an API)

# A fake of Stripe, to try the adapter with. Its tests are skipped aloud without it.
localstripe: python3
	@$(call pip,localstripe,1.15.10,a fake of Stripe)
