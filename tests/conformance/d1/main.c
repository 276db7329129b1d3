/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/d1/samples.h"

#include <stdio.h>

int main(void) {
        unsigned passed = 0, failed = 0;
        d1_samples(&passed, &failed);
        (void)printf("%u passed, %u failed\n", passed, failed);
        return failed || !passed ? 1 : 0;
}
