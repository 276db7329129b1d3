/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A PKCS#11 module around a real one that returns any CKR, sleeps, crashes or lies, on any call.
 *
 * Environment: CW_REAL_MODULE (default SoftHSM), CW_REAL_INIT (NSS softokn's library parameters),
 * CW_SHIM_DIR. In that folder the file "control" has one line per misbehaviour: "C_Function action
 * [argument]"; it is read before each call. A process with a file "control.<pid>" obeys that
 * in its place. "logins" gets a byte for each C_Login. "tap", when it is there, gets what crosses (tap.h).
 *
 * Actions: rv 0xNN (return it and do nothing), after 0xNN (do it, then return this), sleep (as long as the
 * line stands), crash, sigpipe (SIGPIPE, then CKR_DEVICE_ERROR), lie (a false answer, then CKR_OK), long
 * (lengths and counts that are larger than the room), none (CKR_OK and nothing else).
 *
 * In one process a test sets the misbehaviour by cw_hostile_set, found with dlsym, and needs no file.
 */
#pragma once

enum cw_hostile_action {
        CW_HOSTILE_OFF,
        CW_HOSTILE_RV,
        CW_HOSTILE_AFTER,
        CW_HOSTILE_SLEEP,
        CW_HOSTILE_CRASH,
        CW_HOSTILE_SIGPIPE,
        CW_HOSTILE_LIE,
        CW_HOSTILE_LONG,
        CW_HOSTILE_NONE,
};
/* The first skip calls of the function go through. Counts calls of it in *ret_calls when not NULL. */
typedef void (*cw_hostile_set_fn)(const char *function, enum cw_hostile_action action, unsigned long rv,
                                  unsigned skip, unsigned *ret_calls);
