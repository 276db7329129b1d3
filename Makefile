# SPDX-License-Identifier: Apache-2.0
# The front door. CMake does the work; see CMakeLists.txt.
.PHONY: all demo test test-vm bench lint clean packages

JOBS ?= $(shell nproc)

all: packages
	cmake -S . -B build -DCMAKE_BUILD_TYPE=RelWithDebInfo
	cmake --build build -j $(JOBS)

packages:
	tests/setup/install-packages

demo: all
	tests/branch/demo build

test: packages
	tests/setup/run-tests

# The units under a live systemd in QEMU, some minutes; see tests/vm/README.md.
test-vm: all
	tests/setup/install-packages ../vm/packages.txt
	tests/vm/run build

bench: all
	cmake --build build -j $(JOBS) --target bench

lint: all
	tests/setup/lint

clean:
	rm -rf build
