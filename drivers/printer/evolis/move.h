/* SPDX-License-Identifier: Apache-2.0 */
/* The moves of the vtable. */
#pragma once

#include "drivers/printer/evolis/internal.h"

cw_rc cw_evolis_feed(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                     struct cw_fault *f);
cw_rc cw_evolis_to_contact(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                           struct cw_fault *f);
cw_rc cw_evolis_to_contactless(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                               struct cw_fault *f);
cw_rc cw_evolis_eject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f);
cw_rc cw_evolis_reject(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                       struct cw_fault *f);
cw_rc cw_evolis_clean(struct cw_printer *p, int64_t deadline_ns, struct cw_printer_effect *ret,
                      struct cw_fault *f);
cw_rc cw_evolis_test_card(struct cw_printer *p, enum cw_test_card kind, int64_t deadline_ns,
                          struct cw_printer_effect *ret, struct cw_fault *f);
