# SPDX-License-Identifier: Apache-2.0
# The front door. CMake does the work; see CMakeLists.txt.
MAKEFLAGS += --no-print-directory
.PHONY: all demo desk test test-vm test-vm-printer bench lint clean packages

JOBS ?= $(shell nproc)

all: packages
	cmake -S . -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build build -j $(JOBS)

packages:
	tests/setup/install-packages

demo: all
	tests/branch/demo build

# A desk for a card of your own, until Ctrl-C: make desk [READER="name of a PC/SC reader"]
desk: all
	tests/integration/card/desk build $(if $(READER),--reader "$(READER)")

test: packages
	tests/setup/run-tests

# The station on a real kernel, and the units under a live systemd, both in QEMU: some minutes; see tests/vm/README.md.
test-vm: test-vm-printer
	tests/vm/run build

# The first of them alone, two minutes.
test-vm-printer: all
	tests/setup/install-packages ../vm/packages.txt
	tests/vm/run-printer build

bench: all
	cmake --build build -j $(JOBS) --target bench

lint: all
	tests/setup/lint

clean:
	rm -rf build
