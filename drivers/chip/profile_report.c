/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/chip/profile_report.h"

#include "base/file.h"
#include "drivers/chip/profile.h"

#include <limits.h>
#include <string.h>

/* What the signature file says of itself: nobody named keys to judge it by. */
static bool tell_signature(const char *path, const char *name, FILE *out) {
        CW_AUTO_MEM char *text = NULL;
        struct cw_profile_signature s;
        struct cw_fault f = {0};
        size_t len = 0;
        char beside[PATH_MAX];
        (void)snprintf(beside, sizeof beside, "%s" CW_PROFILE_SIGNATURE_SUFFIX, path);
        if (access(beside, F_OK) != 0) {
                (void)fprintf(out, "%s: not signed; sign it with cardwright profile sign\n", name);
                return true;
        }
        if (cw_file_read(beside, CW_PROFILE_SIGNATURE_FILE_MAX, &text, &len, &f) != CW_OK ||
            cw_profile_signature_parse(text, len, &s, &f) != CW_OK) {
                (void)fprintf(out, "%s: %s\n", name, f.text);
                return false;
        }
        (void)fprintf(out,
                      "%s: says it is signed by key %s (%s); not judged, name the key with --key or the "
                      "configuration with --config\n",
                      name, s.key, s.algorithm);
        return true;
}

static bool report_signature(const char *path, const char *name, const char *text, size_t len,
                             const struct cw_profile_trust *trust, FILE *out) {
        struct cw_fault f = {0};
        char key[CW_PROFILE_KEY_ID];
        if (!trust)
                return tell_signature(path, name, out);
        if (cw_profile_judge(path, text, len, trust, key, &f) != CW_OK) {
                (void)fprintf(out, "%s: %s\n", name, f.text);
                return false;
        }
        if (*key)
                (void)fprintf(out, "%s: signed by key %s, which holds\n", name, key);
        else
                (void)fprintf(out, "%s: not signed, which this configuration allows\n", name);
        return true;
}

bool cw_profile_report(const char *path, const struct cw_profile_trust *trust, FILE *out, FILE *errors) {
        CW_AUTO(cw_profile_free) struct cw_profile *p = NULL;
        CW_AUTO_MEM char *text = NULL;
        struct cw_fault f = {0};
        size_t len = 0;
        const char *slash = strrchr(path, '/');
        const char *name = slash ? slash + 1 : path;
        cw_rc rc = cw_file_read(path, CW_PROFILE_FILE_MAX, &text, &len, &f);
        if (rc != CW_OK) {
                (void)fprintf(errors, "cardwright: %s\n", f.text);
                return false;
        }
        rc = cw_profile_parse(name, text, len, out, &p, &f);
        if (rc == CW_OK)
                (void)fprintf(out, "%s: %zu data groupings, nothing is wrong\n", p->name, p->dgi_count);
        else
                (void)fprintf(errors, "cardwright: %s\n", f.text);
        return report_signature(path, name, text, len, trust, out) && rc == CW_OK;
}
