# make demo    the main job on a medium made on the spot; nothing but packages is downloaded
# make test    everything that CI runs
# make check   the quick part of it: fewer random labs, no boots, none of the tests that take longest
# make fuzz    half an hour of labs and media that nobody would make: what is told, rendered and read holds for them as well
# make test-nodes  the labs that come up on test hosts (docs/test-hosts.md); needs root
# make test-openstack  of those, the whole of OpenStack on two hosts, up to a server that reaches the outside; its tree is made once, in three minutes
# make test-long   those, a minute of fuzzing, what mirrors do, labs in QEMU, and every way to boot from a network, with every power cut and every broken line
# make bench   how fast a large lab is rendered, an image brought and a seed made, beside peers

# A toolchain that rustup has just installed is not on the PATH of this shell yet.
export PATH := $(PATH):$(HOME)/.cargo/bin

.PHONY: bench beside-nodes build check clean demo fuzz setup slow test test-long test-nodes test-openstack

# How many random labs are judged; `make test` judges two hundred.
TRAINYARD_LABS ?= 30
export TRAINYARD_LABS

# The tests that show what they saw: the table of faults, and the seeds of what happens at random.
SHOWN = fetch

# Tests that take half a minute or a whole one each, or a browser: `make test` runs them, `make check` all others.
SLOW = discs generated hostile lab netboot node_runner packages page serve storage virtualbox
# The same, in network namespaces or on file systems of their own, which only root makes.
SLOW_AS_ROOT = dhcp reflink
# Hosts with real services; they are containers, so this runs as root.
HOSTS = node
AS_ROOT := $(if $(filter-out 0,$(shell id -u)),--config "target.'cfg(unix)'.runner='sudo -E'")

QUICK = $(filter-out $(SLOW) $(SLOW_AS_ROOT) $(SHOWN) $(HOSTS),$(patsubst tests/%.rs,%,$(wildcard tests/*.rs)) $(patsubst tests/%/main.rs,%,$(wildcard tests/*/main.rs)))

# How long labs and media are made up, each half of it.
SECONDS = 1800

build:
	cargo build --release --locked

setup:
	@scripts/dev/setup.sh --quiet

check: setup
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --all-targets --locked -- -D warnings
	shellcheck -x scripts/dev/*.sh scripts/dev/standin/*.sh scripts/dev/standin/init/*.sh scripts/dev/standin-init scripts/dev/cloud-boot/begin scripts/dev/cloud-boot/usr/local/sbin/seed-report .ci/run tests/node/*.sh $$(grep -rlE '^#!/bin/(ba)?sh' tests/node/shims)
	scripts/dev/standin-iso.sh --no-kernel -o target/standin/small.iso
	cargo test --locked --no-fail-fast --lib --bins $(QUICK:%=--test %)
	cargo test --locked --no-fail-fast $(SHOWN:%=--test %) -- --show-output

demo: setup build
	@scripts/dev/demo.sh

fuzz: setup
	@scripts/dev/fuzz.sh $(SECONDS)

test: TRAINYARD_LABS = 200
# Hosts mostly wait for their services, so what needs a processor runs beside them.
test: check
	$(MAKE) -j 2 --output-sync=target --no-print-directory test-nodes beside-nodes TRAINYARD_LABS=$(TRAINYARD_LABS)

beside-nodes:
	$(MAKE) slow
	$(MAKE) demo

slow: setup
	cargo test --locked --no-fail-fast $(SLOW:%=--test %)
	cargo test --locked --no-fail-fast $(AS_ROOT) $(SLOW_AS_ROOT:%=--test %)

test-nodes: setup
	scripts/dev/node-root.sh >/dev/null
	scripts/dev/node-root.sh --openstack >/dev/null
	[ -e target/standin/small.iso ] || scripts/dev/standin-iso.sh --no-kernel -o target/standin/small.iso
	cargo test --locked --no-fail-fast $(AS_ROOT) $(HOSTS:%=--test %) -- --show-output $(if $(TRAINYARD_LONG),,--skip cloud_medium::)

test-openstack: setup
	scripts/dev/node-root.sh --openstack >/dev/null
	cargo test --locked $(AS_ROOT) --test node -- --show-output openstack::a_server rdo::

test-long: export TRAINYARD_LONG = 1
test-long: SECONDS = 60
test-long: test-nodes fuzz
	cargo test --locked --no-fail-fast $(SHOWN:%=--test %) -- --show-output
	cargo test --locked --no-fail-fast --lib --test serve --test lab --test virtualbox
	cargo test --locked --no-fail-fast $(AS_ROOT) $(SLOW_AS_ROOT:%=--test %)

bench: setup
	scripts/dev/bench-render.sh
	scripts/dev/bench-fetch.sh
	scripts/dev/bench-seed.sh

clean:
	cargo clean
