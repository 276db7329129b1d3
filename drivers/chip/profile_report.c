/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_report.h"

#include "drivers/chip/profile.h"

bool cw_profile_report(const char *path, FILE *out, FILE *errors) {
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        struct cw_fault f = {0};
        if (cw_profile_load(path, out, &p, &f) != CW_OK) {
                (void)fprintf(errors, "cardwright: %s\n", f.text);
                return false;
        }
        (void)fprintf(out, "%s: %zu data groupings, nothing is wrong\n", p->name, p->dgi_count);
        return true;
}
