/* SPDX-License-Identifier: Apache-2.0 */
/* Kits of the branch's stock that arrived: kept for good, since the server cannot tell them from made cards.
 */
#include "agent/journal/db.h"

#include <string.h>

#define UNTOLD "untold"
#define ASKED "asked" /* the server was told, now or at an earlier arrival; its answer is not known yet */
#define TOLD "told"
/* Rows of meta: "arrived:" and the kit's number. */
#define RANGE "key > 'arrived:' AND key < 'arrived;'"

struct arrival {
        const char *const *kits;
        size_t count;
        const char *actor, *detail;
};

static cw_rc arrive(struct cw_journal *j, void *ctx, struct cw_fault *f) {
        const struct arrival *a = ctx;
        const struct cw_audit_row row = {.actor = a->actor,
                                         .what = "kit.receive",
                                         .job = "",
                                         .ref = "",
                                         .detail = a->detail,
                                         .digest = ""};
        cw_rc rc = cw_audit_append(j, &row, f);
        for (size_t i = 0; i < a->count && rc == CW_OK; i++)
                rc = cw_db_run(j,
                               "INSERT INTO meta VALUES('arrived:' || ?1, '" UNTOLD
                               "') ON CONFLICT(key) DO UPDATE SET value = iif(value IN ('" TOLD "', '" ASKED
                               "'), '" ASKED "', '" UNTOLD "')",
                               CW_ARGS(CW_T(a->kits[i])), f);
        return rc;
}

cw_rc cw_journal_kits_arrived(struct cw_journal *j, const char *const *kits, size_t count, const char *actor,
                              struct cw_fault *f) {
        CW_AUTO_JSON json_t *detail = json_object();
        json_t *list = json_array();
        for (size_t i = 0; i < count; i++)
                (void)json_array_append_new(list, json_string(kits[i]));
        (void)json_object_set_new(detail, "kits", list);
        CW_AUTO_MEM char *text = json_dumps(detail, JSON_COMPACT);
        if (!text || strlen(text) > CW_EVIDENCE_MAX)
                return cw_fail(f, CW_JRC(CW_C_REJECT, CW_E_TOO_BIG), 0, "journal.arrivals", "",
                               "Too many kits at a time; name fewer.");
        struct arrival a = {kits, count, actor, text};
        return cw_db_txn(j, arrive, &a, NULL, NULL, f);
}

cw_rc cw_journal_arrivals_untold(struct cw_journal *j, struct cw_arrival *ret, size_t max, size_t *ret_count,
                                 struct cw_fault *f) {
        CW_AUTO(cw_stmt_free) sqlite3_stmt *s = NULL;
        bool row = false;
        size_t count = 0;
        cw_rc rc = cw_db_query(j,
                               "SELECT substr(key, 9), value = '" ASKED "' FROM meta WHERE " RANGE
                               " AND value IN ('" UNTOLD "', '" ASKED "') ORDER BY key LIMIT ?1",
                               CW_ARGS(CW_I(max)), &s, f);
        while (rc == CW_OK && (rc = cw_db_step(j, s, &row, f)) == CW_OK && row && count < max) {
                ret[count].asked = sqlite3_column_int(s, 1) != 0;
                cw_db_text(s, 0, ret[count++].kit, sizeof ret->kit);
        }
        if (rc == CW_OK)
                *ret_count = count;
        return rc;
}

cw_rc cw_journal_arrival_asked(struct cw_journal *j, const char *kit, struct cw_fault *f) {
        return cw_db_run(
            j, "UPDATE meta SET value = '" ASKED "' WHERE key = 'arrived:' || ?1 AND value = '" UNTOLD "'",
            CW_ARGS(CW_T(kit)), f);
}

cw_rc cw_journal_arrival_told(struct cw_journal *j, const char *kit, const char *refused_code,
                              struct cw_fault *f) {
        return cw_db_run(j, "UPDATE meta SET value = ?2 WHERE key = 'arrived:' || ?1",
                         CW_ARGS(CW_T(kit), CW_T(*refused_code ? refused_code : TOLD)), f);
}

cw_rc cw_journal_kit_has_arrived(struct cw_journal *j, const char *kit, bool *ret, struct cw_fault *f) {
        int64_t found = 0;
        cw_rc rc = cw_db_int(j, "SELECT 1 FROM meta WHERE key = 'arrived:' || ?1 AND value = '" TOLD "'",
                             CW_ARGS(CW_T(kit)), 0, &found, f);
        if (rc == CW_OK)
                *ret = found != 0;
        return rc;
}

cw_rc cw_journal_arrivals_refused(struct cw_journal *j, int64_t *ret, struct cw_fault *f) {
        return cw_db_int(j,
                         "SELECT count(*) FROM meta WHERE " RANGE " AND value NOT IN ('" TOLD "', '" UNTOLD
                         "', '" ASKED "')",
                         NULL, 0, 0, ret, f);
}
