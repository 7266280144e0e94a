# The front door: each target is also what CI or a newcomer runs.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT ?= swift
# Debian packages: libraries to build with, and what the tests watch with.
DEB_PACKAGES := libcurl4-openssl-dev libssl-dev libexpat1-dev libinotifytools0-dev pkg-config ca-certificates inotify-tools openssl strace
# To check the checksums of another processor: its compiler, and an emulator.
CROSS_PACKAGES := gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
# nginx as an S3 endpoint that is no friend of ours, for what is measured.
BENCH_PACKAGES := nginx-light libnginx-mod-http-lua openssl
# A Python environment of our own for the real servers and checkers that tests start.
TOOLS := .build/tools
export PATH := $(CURDIR)/$(TOOLS)/bin:$(PATH)

# Else all tests begin at once, and those that start servers wait for each other beyond their limits.
TESTS_AT_ONCE ?= 6

# What is linked statically though its shared library is everywhere: mapped in part instead of relocated whole.
STATIC_LIBRARIES := .build/static
# The packages that we build on are made small as our own code is (Package.swift).
RELEASE_FLAGS := -c release --static-swift-stdlib --product aspired -Xswiftc -Osize -Xswiftc -L$(CURDIR)/$(STATIC_LIBRARIES)
RELEASE_BINARY := .build/release/aspired

# Packages beside ours are folders of more than Swift.
FORMATTED := Package.swift Sources Tests $(foreach package,Fuzz Benchmarks,$(package)/Package.swift $(package)/Sources)

.PHONY: help
help: ## Says what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

# Installs those of the packages $(1) that are missing.
define install
	@missing=(); for p in $(1); do dpkg -s "$$p" 2>/dev/null | grep -q '^Status: install ok installed' || missing+=("$$p"); done; \
	if [ "$${#missing[@]}" -gt 0 ]; then \
	  echo "installing $${missing[*]}"; \
	  as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	  $$as_root apt-get update -qq; \
	  DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq --no-install-recommends "$${missing[@]}" >/dev/null; \
	fi
endef

.PHONY: deps
deps: ## Installs the libraries that are missing (Debian; as root or with sudo)
	$(call install,$(DEB_PACKAGES))

.PHONY: tools
tools: $(TOOLS)/.done ## Installs the servers and checkers that tests start (PyPI)
$(TOOLS)/.done: Tests/requirements.txt
	python3 -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check -r Tests/requirements.txt
	touch $@

.PHONY: build
build: deps ## Builds everything for debugging
	$(SWIFT) build --build-tests

.PHONY: release
release: deps ## Builds the binary as it is deployed: static Swift library, stripped
	mkdir -p $(STATIC_LIBRARIES)
	ln -sf "$$(clang -print-file-name=libstdc++.a)" $(STATIC_LIBRARIES)/
	$(SWIFT) build $(RELEASE_FLAGS)
	strip -o .build/aspired $(RELEASE_BINARY)
	@ls -l .build/aspired | awk '{printf "%s: %.1f MB\n", $$9, $$5/1e6}'

.PHONY: demo
demo: deps ## Shows it at work: an S3 endpoint, a model, a new version, the events
	$(SWIFT) build
	deploy/demo/demo.sh .build/debug/aspired .build/debug/s3-fixture

.PHONY: test
test: deps tools ## Runs the tests
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest --quiet --experimental-maximum-parallelization-width $(TESTS_AT_ONCE)

.PHONY: checksums
checksums: ## Checks the CRCs by every method, arm64 in an emulator, and measures them
	$(call install,$(CROSS_PACKAGES))
	Tests/Checksums/run.sh .build/checksums bench

.PHONY: flipped-bit
flipped-bit: release ## Serves one wrong bit in 1 GiB, for each kind of checksum
	$(SWIFT) build --build-tests
	ASPIRED_BINARY=$(CURDIR)/.build/aspired FLIPPED_BIT_SIZE=1GiB \
	  $(SWIFT) test --skip-build --disable-xctest --filter FlippedBitTests | grep -E 'GB/s|issue|Test run'

.PHONY: every-call
every-call: deps ## Has every system call of the volume fail in turn, not only each third one
	$(SWIFT) build --build-tests
	EVERY_CALL=1 $(SWIFT) test --skip-build --disable-xctest --filter VolumeTests.FaultTests

.PHONY: served
served: deps ## Random changes beside an emulated model server: 500 of them, not the 15 of make test (SERVED_CHANGES, SERVED_SEED)
	$(SWIFT) build --build-tests
	SERVED_CHANGES=$${SERVED_CHANGES:-500} $(SWIFT) test --skip-build --disable-xctest --filter RandomChangesTests

.PHONY: manifests
manifests: deps tools ## Checks the Kubernetes manifests and the systemd unit, offline
	$(SWIFT) build --product aspired
	deploy/checks/manifests.py .build/debug/aspired
	deploy/checks/unit.sh .build/debug/aspired

.PHONY: image
image: release tools ## Checks what the container image would hold, and pulls a model in it
	deploy/checks/image.sh .build/aspired $(RELEASE_BINARY) .build/image

.PHONY: footprint
footprint: release tools ## Measures memory and idle CPU of the release binary
	$(call install,$(BENCH_PACKAGES))
	$(SWIFT) build --product s3-fixture
	deploy/checks/footprint.py .build/aspired .build/debug/s3-fixture .build

# Of each fuzzer.
FUZZ_SECONDS ?= 20

.PHONY: fuzz
fuzz: deps ## Fuzzes what reads other people's bytes (FUZZ_SECONDS=3600 for long)
	$(SWIFT) build --package-path Fuzz --sanitize=fuzzer
	Fuzz/run.sh $(FUZZ_SECONDS)

BENCH_FLAGS ?= --markdown docs/performance.md

.PHONY: bench
bench: release tools ## Compares pulling with s5cmd, rclone and juicefs, and writes docs/performance.md
	$(call install,$(BENCH_PACKAGES))
	Benchmarks/pull.py .build/aspired $(BENCH_FLAGS)

.PHONY: bench-short
bench-short: ## The same once, with so little that the figures say nothing: every tool has to fetch every byte
	$(MAKE) bench BENCH_FLAGS="--mebibytes 160 --small 400 --runs 1 --no-bandwidth --disk .build/bench-short"

.PHONY: bench-micro
bench-micro: deps ## Measures what a checksum, a signature and a page of a listing take
	$(SWIFT) build --package-path Benchmarks -c release -Xswiftc -enable-testing
	Benchmarks/.build/release/micro

.PHONY: lint
lint: ## Checks format and documentation comments
	$(SWIFT) format lint --strict --recursive $(FORMATTED)

.PHONY: format
format: ## Formats the sources
	$(SWIFT) format --in-place --recursive $(FORMATTED)

.PHONY: clean
clean: ## Removes what was built
	rm -rf .build Fuzz/.build Benchmarks/.build
