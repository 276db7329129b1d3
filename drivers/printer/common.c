/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/printer/common.h"

#include "base/clock.h"

int64_t cw_printer_deadline(int64_t deadline_ns, int64_t timeout_ms) {
        int64_t own = cw_deadline_ns(timeout_ms);
        return own < deadline_ns ? own : deadline_ns;
}

void cw_printer_close(struct cw_printer *p) {
        if (p)
                p->ops->close(p);
}
