# The commands of this project. `make help` lists them; each works on a fresh clone.

# Everything is built in the release profile, so that dependencies compile once.
CARGO ?= cargo
TARGET := $(or $(CARGO_TARGET_DIR),target)
# Where `make install` puts things: $(DESTDIR)$(PREFIX).
PREFIX ?= /usr/local
INSTALL = scripts/install --target $(TARGET) --prefix "$(PREFIX)" --destdir "$(DESTDIR)"

.PHONY: help setup build gpu install uninstall demo test check bench bench-peers fuzz miri soak audit fmt clippy doc header functions clean
.DEFAULT_GOAL := help

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install missing system packages, fetch the demo's photos
	@scripts/setup

build: setup ## build the library and the command line program
	@$(CARGO) build --release --locked

gpu: build ## build the GPU back end, a plug-in, too: finds or fetches libtorch (550 MB), whose bindings take a minute, once
	@scripts/setup --gpu
	@$(CARGO) build --release --locked --package qmagface-torch

install: $(TARGET)/release/libqmagface.a ## install to PREFIX (/usr/local) what was built last
	@$(INSTALL)

# Only what was never built is built here: `sudo make install` then needs no cargo of root's.
$(TARGET)/release/libqmagface.a:
	@$(MAKE) --no-print-directory build

uninstall: ## remove what `make install` put into PREFIX
	@$(INSTALL) --uninstall

demo: build ## compare three real photos, on the command line and from C++
	@scripts/demo $(TARGET)

test: ## run every test and check
	@scripts/setup --tests --gpu
	@scripts/test

check: doc ## format, lints, documentation, unit tests and the header: what to ask before each commit
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --release --locked --all-targets -- -D warnings
	@$(CARGO) test --release --locked --quiet --lib --bins
	@$(CARGO) test --release --locked --quiet --test c_abi header_is_current

# One that fails, for want of models or data, does not keep the others from running.
bench: setup ## measure the parts: decoding, detection, alignment, embedding, the whole, many callers, folders, comparison, evaluation
	@$(CARGO) bench --locked --no-fail-fast $(addprefix --bench ,decode detect align embed pipeline queue folder compare evaluate)

bench-peers: setup ## measure against PyTorch, ONNX Runtime, OpenVINO, faiss and others (fetches 3 GB, once); PARTS chooses
	@scripts/bench-peers $(PARTS)

fuzz: setup ## hostile input for every reader and the C ABI: TIME=seconds for all (default: 60), TARGETS chooses
	@scripts/fuzz --seconds $(or $(TIME),60) $(TARGETS)

# In a folder of its own: what Miri builds is of no use to others.
MIRI = MIRIFLAGS="-Zmiri-disable-isolation -Zmiri-permissive-provenance -Zmiri-many-seeds=0..8" CARGO_TARGET_DIR=$(TARGET)/miri \
	rustup run nightly cargo miri test --locked
miri: setup ## run the C ABI's unsafe code under Miri: takes a nightly compiler with the components miri and rust-src
	@$(MIRI) --package qmagface --test c_abi in_rust::
	@$(MIRI) --package qmagface --lib -- wiped::

soak: setup ## load one engine with 64 threads for SECONDS (600): every result exact, no error, no growth
	@$(CARGO) bench --locked --bench soak -- $(or $(SECONDS),600)

audit: ## check licences, sources, duplicates and known weaknesses of the dependencies; SBOM=folder lists and embeds them
	@scripts/audit $(if $(SBOM),--sbom "$(SBOM)")

fmt: ## format the Rust source
	@$(CARGO) fmt --all

clippy: setup ## lint the Rust source
	@$(CARGO) clippy --release --locked --all-targets -- -D warnings

doc: setup ## make the library's documentation
	@RUSTDOCFLAGS="-D warnings" $(CARGO) doc --release --locked --no-deps --lib

header: setup ## make include/qmagface.h anew from src/ffi
	@QMAGFACE_UPDATE_HEADER=1 $(CARGO) test --release --locked --quiet --test c_abi header_is_current

functions: setup ## make docs/functions.md anew: every C function, its C++ and C# face, its tests
	@QMAGFACE_UPDATE_FUNCTIONS=1 $(CARGO) test --release --locked --quiet --test c_abi the_table_is_current

clean: ## remove what was built; downloads stay in the cache folder
	@$(CARGO) clean
	@rm -rf out
