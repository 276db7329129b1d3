/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

#include <stdio.h>

int main(int argc, char **argv) {
        if (argc != 2) {
                (void)fprintf(stderr, "usage: umockdev-wrapper %s EMU-PRINTER\n", argv[0]);
                return 2;
        }
        bench_emulator = argv[1];
        return _cmocka_run_group_tests("printer contract, through libusb", contract_checks,
                                       contract_check_count, NULL, NULL);
}
