/* SPDX-License-Identifier: Apache-2.0 */
/* The one call between the station and its drawing child. */
#pragma once

#include "base/ipc.h"
#include "drivers/face/face.h"

#define CW_FACE_CALL "face.draw"
#define CW_FACE_FD 3 /* the child's end of the socket pair */

/* {"call": "face.draw", "template": path, "curve": words}, att0 = packed items name, value, name, value, ...
 */
CW_WARN_UNUSED cw_rc cw_face_request(const char *template_path, const struct cw_face_data *data,
                                     const char *curve, struct cw_msg **ret);
/* The data of a request, borrowed from its attachment. REJECT when malformed. names is the caller's memory.
 */
CW_WARN_UNUSED cw_rc cw_face_request_data(const struct cw_msg *m, struct cw_face_data *ret,
                                          char names[CW_FACE_FIELDS_MAX][CW_FACE_NAME_MAX + 1]);
/* Name: [a-z0-9_]{1,31}; value: at most CW_FACE_VALUE_MAX bytes without control characters. */
bool cw_face_field_ok(const char *name, size_t name_len, const char *value, size_t value_len);
