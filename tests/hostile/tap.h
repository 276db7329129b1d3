/* SPDX-License-Identifier: Apache-2.0 */
/* What crosses the module's boundary, appended to the file "tap" of CW_SHIM_DIR when there is one: a
 * struct cw_tap_head and the value. Nothing is copied in the process that calls. */
#pragma once

#include <stdint.h>

struct cw_tap_head {
        char function[28];
        uint32_t len;
};
