/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/control/route.h"

#include <string.h>

static cw_rc refuse(struct cw_fault *f, unsigned code, const char *text) {
        return cw_fail(f, CW_RC(CW_L_CONTROL, CW_C_REJECT, code), 0, "control.request", "", "%s", text);
}

/* Names and numbers of ours are ASCII; anything else would only come back garbled in an answer. */
static bool printable(const char *path) {
        for (; *path; path++)
                if (*path <= 0x20 || *path >= 0x7f)
                        return false;
        return true;
}

/* Compares a route's path with the request's; "{}" takes one segment. */
static bool path_fits(const char *pattern, const char *path, char ret_segment[CW_SEGMENT_CAP]) {
        const char *hole = strstr(pattern, "{}");
        ret_segment[0] = '\0';
        if (!hole)
                return strcmp(pattern, path) == 0;
        size_t head = (size_t)(hole - pattern);
        if (strncmp(pattern, path, head) != 0)
                return false;
        size_t len = strcspn(path + head, "/");
        if (len == 0 || len >= CW_SEGMENT_CAP || strcmp(hole + 2, path + head + len) != 0)
                return false;
        memcpy(ret_segment, path + head, len);
        ret_segment[len] = '\0';
        return true;
}

cw_rc cw_route_find(const struct cw_control_route *routes, size_t count, const char *method, const char *path,
                    struct cw_route_found *ret, struct cw_fault *f) {
        bool known = false;
        if (!printable(path))
                return refuse(f, CW_E_SYNTAX, "a path of the control API is printable ASCII without blanks");
        for (size_t i = 0; i < count; i++) {
                struct cw_route_found found = {.route = &routes[i]};
                if (!path_fits(routes[i].path, path, found.segment))
                        continue;
                known = true;
                if (strcmp(routes[i].method, method) != 0)
                        continue;
                *ret = found;
                return CW_OK;
        }
        if (known)
                return refuse(
                    f, CW_E_UNSUPPORTED,
                    "this path of the control API takes another method; see agent/control/README.md");
        return refuse(f, CW_E_NOT_FOUND, "there is no such path in the control API");
}

cw_rc cw_route_body(const char *text, size_t len, json_t **ret, struct cw_fault *f) {
        json_error_t where = {0};
        CW_AUTO_JSON json_t *body =
            len ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &where) : json_object();
        if (!json_is_object(body))
                return cw_fail(
                    f, CW_RC(CW_L_CONTROL, CW_C_REJECT, CW_E_SYNTAX), 0, "control.body", "",
                    "the body must be one JSON object without duplicate keys; look at line %d, column %d",
                    where.line > 0 ? where.line : 1, where.column > 0 ? where.column : 1);
        *ret = CW_STEAL(body);
        return CW_OK;
}
