/* SPDX-License-Identifier: Apache-2.0 */
/* First line "METHOD PATH", the rest is the body: what the control API makes of it before a handler runs. */
#include "agent/control/route.h"

#include <stdlib.h>
#include <string.h>

static void handler(void *ctx, struct cw_control_request *r) {
        (void)ctx;
        (void)r;
}

static const struct cw_control_route routes[] = {
    {"GET", "/v1/jobs", CW_ROLE_VIEW, handler},
    {"GET", "/v1/jobs/{}", CW_ROLE_VIEW, handler},
    {"POST", "/v1/jobs/{}/cancel", CW_ROLE_OPERATE, handler},
    {"POST", "/v1/outbox/{}/retry", CW_ROLE_OPERATE, handler},
    {"POST", "/v1/stock/move", CW_ROLE_OPERATE, handler},
};

/* What was found must be what was asked for. */
static void check_found(const struct cw_route_found *found, const char *method, const char *path) {
        size_t len = strlen(found->segment);
        if (strcmp(found->route->method, method) != 0 || len >= CW_SEGMENT_CAP || strchr(found->segment, '/'))
                abort();
        if ((strstr(found->route->path, "{}") != NULL) != (len > 0) || (len && !strstr(path, found->segment)))
                abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char line[512];
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t)(end - data) : size;
        if (len >= sizeof line)
                return 0;
        memcpy(line, data, len);
        line[len] = '\0';
        char *path = strchr(line, ' ');
        if (!path)
                return 0;
        *path++ = '\0';
        struct cw_route_found found = {0};
        struct cw_fault f = {0};
        if (cw_route_find(routes, sizeof routes / sizeof *routes, line, path, &found, &f) == CW_OK)
                check_found(&found, line, path);
        CW_AUTO_JSON json_t *body = NULL;
        const char *text = end ? (const char *)end + 1 : "";
        size_t text_len = end ? size - len - 1 : 0;
        if (text_len <= CW_BODY_MAX && cw_route_body(text, text_len, &body, &f) == CW_OK &&
            !json_is_object(body))
                abort();
        return 0;
}
