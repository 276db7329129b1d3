/* SPDX-License-Identifier: Apache-2.0 */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "endpoints.h"
#include "text.h"

#define FAULTS_MAX 64U

struct cw_dsim_faults {
        struct cw_dsim_fault list[FAULTS_MAX];
        size_t count;
};

struct cw_dsim_faults *cw_dsim_faults_new(void) {
        return calloc(1, sizeof(struct cw_dsim_faults));
}

void cw_dsim_faults_free(struct cw_dsim_faults *faults) {
        free(faults);
}

static const char *check_rule(const struct cw_dsim_fault *f, const char *drop) {
        if (strcmp(f->endpoint, "*") != 0 && !cw_dsim_endpoint_find(f->endpoint, NULL, NULL))
                return "endpoint is not a documented path (below the base path) or *";
        if (f->nth < 1 || f->count < 0)
                return "nth starts at 1, count at 0";
        if (f->status != 0 && (f->status < 400 || f->status > 599))
                return "status must be 400 to 599";
        if (f->delay_ms < 0 || f->delay_after_ms < 0 || f->drip_bytes < 0 || f->drip_ms < 0 ||
            f->retry_after_s < 0)
                return "times and sizes must not be negative";
        if (*drop && f->drop == CW_DSIM_DROP_NONE)
                return "drop must be before_commit or after_commit";
        if (strpbrk(f->content_type, "\r\n"))
                return "content_type must be one line";
        return NULL;
}

static enum cw_dsim_drop drop_of(const char *text) {
        if (strcmp(text, "before_commit") == 0)
                return CW_DSIM_DROP_BEFORE;
        return strcmp(text, "after_commit") == 0 ? CW_DSIM_DROP_AFTER : CW_DSIM_DROP_NONE;
}

/* One entry; NULL when it is right. */
static const char *read_rule(json_t *entry, struct cw_dsim_fault *f) {
        const char *endpoint = NULL;
        const char *exception = "";
        const char *drop = "";
        const char *content_type = "";
        const char *contains = "";
        int after = 0;
        int malformed = 0;
        int expire = 0;
        json_int_t nth = 1, count = 1, delay = 0, delay_after = 0, drip_bytes = 0, drip_ms = 100, reset = -1,
                   truncate = -1;
        memset(f, 0, sizeof *f);
        if (json_unpack(entry,
                        "{s:s, s?I, s?I, s?i, s?s, s?b, s?I, s?I, s?{s?I, s?I!}, s?I, s?s, s?b, s?I, s?s, "
                        "s?b, s?i, s?s!}",
                        "endpoint", &endpoint, "nth", &nth, "count", &count, "status", &f->status,
                        "exception", &exception, "after_commit", &after, "delay_ms", &delay, "delay_after_ms",
                        &delay_after, "drip", "bytes", &drip_bytes, "interval_ms", &drip_ms,
                        "reset_after_bytes", &reset, "drop", &drop, "malformed_json", &malformed,
                        "truncate_at", &truncate, "content_type", &content_type, "expire_token", &expire,
                        "retry_after_s", &f->retry_after_s, "contains", &contains) != 0)
                return "has a missing, unknown or wrongly typed key";
        if (!cw_dsim_copy(f->endpoint, sizeof f->endpoint, endpoint) ||
            !cw_dsim_copy(f->exception, sizeof f->exception, exception) ||
            !cw_dsim_copy(f->content_type, sizeof f->content_type, content_type) ||
            !cw_dsim_copy(f->contains, sizeof f->contains, contains))
                return "has a string that is too long";
        f->nth = nth;
        f->count = count;
        f->after_commit = after != 0;
        f->delay_ms = delay;
        f->delay_after_ms = delay_after;
        f->drip_bytes = drip_bytes;
        f->drip_ms = drip_ms;
        f->reset_after = reset;
        f->truncate = truncate;
        f->malformed_json = malformed != 0;
        f->expire_token = expire != 0;
        f->drop = drop_of(drop);
        return check_rule(f, drop);
}

bool cw_dsim_faults_load(struct cw_dsim_faults *faults, json_t *body, char *why, size_t why_size) {
        json_t *list = NULL;
        int append = 0;
        if (json_unpack(body, "{s:o, s?b!}", "faults", &list, "append", &append) != 0 ||
            !json_is_array(list)) {
                (void)snprintf(why, why_size, "the body must be {\"faults\": [...], \"append\": bool}");
                return false;
        }
        struct cw_dsim_faults next = {.count = 0};
        if (append)
                next = *faults;
        for (size_t i = 0; i < json_array_size(list); i++) {
                const char *fault = next.count == FAULTS_MAX
                                        ? "is one too many"
                                        : read_rule(json_array_get(list, i), &next.list[next.count]);
                if (fault) {
                        (void)snprintf(why, why_size, "faults[%zu] %s", i, fault);
                        return false;
                }
                next.count++;
        }
        *faults = next;
        return true;
}

void cw_dsim_faults_clear(struct cw_dsim_faults *faults) {
        faults->count = 0;
}

bool cw_dsim_faults_match(struct cw_dsim_faults *faults, const char *path, const char *body, size_t body_len,
                          struct cw_dsim_fault *ret_fault) {
        bool hit = false;
        for (size_t i = 0; i < faults->count; i++) {
                struct cw_dsim_fault *f = &faults->list[i];
                if (strcmp(f->endpoint, "*") != 0 && strcmp(f->endpoint, path) != 0)
                        continue;
                if (*f->contains && !(body && memmem(body, body_len, f->contains, strlen(f->contains))))
                        continue;
                f->seen++;
                if (hit || f->seen < f->nth || (f->count > 0 && f->seen >= f->nth + f->count))
                        continue;
                f->fired++;
                *ret_fault = *f;
                hit = true;
        }
        return hit;
}

json_t *cw_dsim_faults_json(const struct cw_dsim_faults *faults) {
        json_t *list = json_array();
        for (size_t i = 0; i < faults->count; i++) {
                const struct cw_dsim_fault *f = &faults->list[i];
                (void)json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "endpoint",
                                                            f->endpoint, "nth", (json_int_t)f->nth, "count",
                                                            (json_int_t)f->count, "seen", (json_int_t)f->seen,
                                                            "fired", (json_int_t)f->fired));
        }
        return list;
}
