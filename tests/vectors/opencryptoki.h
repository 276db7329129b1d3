/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An openCryptoki token of a test's own. openCryptoki knows one place for its tokens, one piece of shared
 * memory and one slot daemon a machine: in mount and IPC namespaces of this process, with empty folders over
 * those places, all are the test's alone and vanish with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Why there can be none here (not installed, not root), or NULL. */
const char *opencryptoki_missing(const char *module);
/*
 * Moves this process into namespaces of its own, starts a slot daemon and makes an empty token with this
 * label and user PIN (4 to 8 characters). Output goes to <dir>/log. False after saying on stderr what failed;
 * opencryptoki_stop is called in any case. A process may do it again after a stop.
 */
bool opencryptoki_start(const char *dir, const char *label, const char *pin, pid_t *ret_daemon);
void opencryptoki_stop(pid_t daemon);
