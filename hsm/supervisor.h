/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The supervisor: listens for cardwrightd, forks one worker for hello and one per session, hands session
 * sockets out, watches each worker's token calls, and never sees clear card data or the module.
 * Single-threaded.
 */
#pragma once

#include "base/loop.h"
#include "config/config.h"

struct cw_supervisor;

/* Makes <runtime_dir>/hsmd and its sockets, starts the first worker. cfg and loop are borrowed. */
CW_WARN_UNUSED cw_rc cw_supervisor_new(struct cw_loop *loop, const struct cw_config *cfg,
                                       struct cw_supervisor **ret, struct cw_fault *f);
/* Ends all workers. */
void cw_supervisor_free(struct cw_supervisor *sv);
CW_DEFINE_CLEANUP(struct cw_supervisor *, cw_supervisor_free);
