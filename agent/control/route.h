/* SPDX-License-Identifier: Apache-2.0 */
/* What a request asks for: method and path to a route, body to an object. Pure, no socket. */
#pragma once

#include "agent/control/control.h"

#define CW_BODY_MAX ((size_t)64 * 1024)
#define CW_SEGMENT_CAP 96

struct cw_route_found {
        const struct cw_control_route *route;
        char segment[CW_SEGMENT_CAP]; /* what stood for {}, "" when the route has none */
};

/*
 * The first route whose method and path fit; path is unescaped and NUL-terminated. REJECT/CW_E_NOT_FOUND when
 * there is no such path, CW_E_UNSUPPORTED when it has another method, CW_E_SYNTAX when it holds anything but
 * printable ASCII.
 */
CW_WARN_UNUSED cw_rc cw_route_find(const struct cw_control_route *routes, size_t count, const char *method,
                                   const char *path, struct cw_route_found *ret, struct cw_fault *f);
/*
 * One JSON object without duplicate keys, a new reference; len 0 is an empty one. REJECT/CW_E_SYNTAX with
 * line and column, never with a piece of the text.
 */
CW_WARN_UNUSED cw_rc cw_route_body(const char *text, size_t len, json_t **ret, struct cw_fault *f);
