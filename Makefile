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
RELEASE_FLAGS := -c release --static-swift-stdlib --product aspired -Xswiftc -L$(CURDIR)/$(STATIC_LIBRARIES)
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

# A Triton for the tests beside one, apart from the tools: it wants libraries of its own.
TRITON := .build/triton

.PHONY: triton
triton: $(TRITON)/.done ## Installs a real Triton for the tests beside one (PyPI)
$(TRITON)/.done: Tests/requirements-triton.txt
	python3 -m venv $(TRITON)
	$(TRITON)/bin/pip install --quiet --disable-pip-version-check --no-deps -r Tests/requirements-triton.txt
	ln -sfn "$$(echo $(CURDIR)/$(TRITON)/lib/python3*/site-packages/pytriton/tritonserver)" $(TRITON)/server
	cp "$(TRITON)/server/python_backend_stubs/$$($(TRITON)/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')/triton_python_backend_stub" \
	  $(TRITON)/server/backends/python/
	chmod +x $(TRITON)/server/bin/tritonserver $(TRITON)/server/backends/python/triton_python_backend_stub
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
	@$(MAKE) --no-print-directory triton || echo "no Triton could be installed: the tests beside one are skipped"
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
every-call: deps ## Has every system call that concerns the volume fail in turn, not only each third one
	$(SWIFT) build --build-tests
	EVERY_CALL=1 $(SWIFT) test --skip-build --disable-xctest --filter "VolumeTests.FaultTests|LostReplyTests|everyCall|VolumeTests.ModelFilesTests" | grep -E "faults$$|issue|↳|Test run"

.PHONY: crash-states
crash-states: deps ## Has the power go at every instant of each operation, with 400 states of the volume each, not 5
	$(SWIFT) build --build-tests
	CRASH_STATES=400 $(SWIFT) test --skip-build --disable-xctest --filter powerLoss | grep -E "power loss|issue|Test run"

.PHONY: crash
crash: release ## Kills the release binary at each call that changes the volume, and CRASH (10000) times at random instants
	$(SWIFT) build --build-tests
	ASPIRED_BINARY=$(CURDIR)/.build/aspired CRASH=$(or $(CRASH),10000) $(SWIFT) test --skip-build --disable-xctest --filter "KillTests|KilledCallTests|StoppedTests" | grep -E "^killed|issue|Test run"

.PHONY: power-cuts
power-cuts: release ## Cuts the power under ext4 and xfs POWER_CUTS (300) times each, at random instants, as root
	$(call install,e2fsprogs xfsprogs)
	$(SWIFT) build --build-tests
	ASPIRED_BINARY=$(CURDIR)/.build/aspired POWER_CUTS=$(or $(POWER_CUTS),300) $(SWIFT) test --skip-build --disable-xctest --filter PowerCutTests | grep -E "^power cut|issue|↳|Test run"

.PHONY: soak
soak: release ## Runs for SOAK seconds (3600) with a version a second: memory and open files stay flat; writes docs/soak.svg
	$(SWIFT) build --product s3-fixture
	deploy/checks/soak.py .build/aspired .build/debug/s3-fixture $(or $(SOAK),3600) $(if $(SOAK),,docs/soak.svg)

.PHONY: soak-short
soak-short: release ## The same for a minute, and that it fails with a program that leaks
	$(MAKE) soak SOAK=60
	deploy/checks/soak_fails.sh .build/aspired .build/debug/s3-fixture

# A build of their own each, beside the ordinary one. They begin with two faults that must be reported: one of the tests' own, one of a program that a
# test starts. In three parts: the volume's tests, many times slower so, would leave others no thread until their time is over.
.PHONY: tsan asan
tsan: SANITIZER := thread
asan: SANITIZER := address
tsan asan: deps tools ## Runs the tests under ThreadSanitizer, and under AddressSanitizer (FILTER=NAME for some)
	$(SWIFT) build --build-tests --sanitize=$(SANITIZER) --scratch-path .build/$@
	@export SANITIZER=$(SANITIZER) SANITIZER_LOG=$(CURDIR)/.build/$@/report; \
	export TSAN_OPTIONS="suppressions=$(CURDIR)/Tests/sanitizers.supp halt_on_error=0 exitcode=66" ASAN_OPTIONS="detect_leaks=0"; \
	run() { local code=0; rm -f "$$SANITIZER_LOG".*; \
	  $(SWIFT) test --skip-build --disable-xctest --sanitize=$(SANITIZER) --scratch-path .build/$@ --quiet \
	    --experimental-maximum-parallelization-width "$$@" || code=$$?; \
	  if cat "$$SANITIZER_LOG".* 2> /dev/null; then code=66; fi; return $$code; }; \
	for suite in FileIOTests.SanitizerTests EndToEndTests.SanitizerTests; do \
	  if SANITIZER_FAULT=1 run 1 --filter $$suite > .build/$@/seeded 2>&1 || ! grep -im1 "$(SANITIZER)Sanitizer:" .build/$@/seeded; then \
	    cat .build/$@/seeded; echo "$@: the fault of $$suite was not reported" >&2; exit 1; \
	  fi; \
	done; \
	if [ -n "$(FILTER)" ]; then run $(TESTS_AT_ONCE) --filter "$(FILTER)"; exit; fi; \
	run $(TESTS_AT_ONCE) --filter VolumeTests; \
	run $(TESTS_AT_ONCE) --skip "VolumeTests|EndToEndTests"; \
	run 3 --filter EndToEndTests

.PHONY: prune-safety
prune-safety: deps ## Prunes beside and inside what others left: 200 base paths, not 8, and a hundred thousand files, not ten thousand
	$(SWIFT) build --build-tests
	PRUNE_TREES=$(or $(PRUNE_TREES),200) PRUNE_FILES=100000 \
	  $(SWIFT) test --skip-build --disable-xctest --filter "PruneSafetyTests|RemovalTests"

.PHONY: filesystems
filesystems: deps tools ## Runs the suites that touch a volume on ext4, xfs, btrfs, tmpfs and overlay, as root
	$(call install,e2fsprogs xfsprogs btrfs-progs)
	$(SWIFT) build --build-tests
	Tests/filesystems.sh

.PHONY: served
served: deps ## Random changes beside an emulated model server: 500 of them, not the 15 of make test (SERVED_CHANGES, SERVED_SEED)
	$(SWIFT) build --build-tests
	SERVED_CHANGES=$${SERVED_CHANGES:-500} $(SWIFT) test --skip-build --disable-xctest --filter RandomChangesTests

.PHONY: triton-changes
triton-changes: deps triton ## Changes of version beside a real Triton at 50 inferences a second: 20, not the 3 of make test (TRITON_CHANGES)
	$(SWIFT) build --build-tests
	TRITON_CHANGES=$${TRITON_CHANGES:-20} $(SWIFT) test --skip-build --disable-xctest --filter TritonTests

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

.PHONY: bench-verify
bench-verify: release ## Times aspired verify beside cat of the same files, as root
	Benchmarks/verify.py .build/aspired .build

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
