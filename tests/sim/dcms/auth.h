/* SPDX-License-Identifier: Apache-2.0 */
/* /api/authenticate, bearer tokens (JWT, HS256, RFC 7519), permissions and the tenant's rate limit. */
#pragma once

#include "dsim.h"

/* POST /api/authenticate: result is {"id_token": "..."}, the whole body. */
void cw_dsim_auth_authenticate(const struct cw_dsim_call *call, struct cw_dsim_reply *reply);

/*
 * Checks an Authorization header (NULL when there is none): HS256, signature, tenant, exp, and that no
 * expire-token fault came after it. Returns the user of the configuration, or NULL with a reason for the log.
 */
const struct cw_dsim_user *cw_dsim_auth_check(struct cw_dsim *sim, const char *header, int64_t now_ms,
                                              const char **why);

/* True when the user may call the path (below the base path). */
bool cw_dsim_auth_allowed(const struct cw_dsim_user *user, const char *path);

/* Every token given out until now counts as expired. */
void cw_dsim_auth_expire_tokens(struct cw_dsim *sim);

/* One token of the bucket; 0 or the seconds to wait. */
int cw_dsim_auth_rate(struct cw_dsim *sim, int64_t now_ms);
