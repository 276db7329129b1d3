/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/contract/bench.h"

int main(void) {
        return _cmocka_run_group_tests("printer contract, in process", contract_checks, contract_check_count,
                                       NULL, NULL);
}
