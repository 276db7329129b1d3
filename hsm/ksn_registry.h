/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which PIN pads (initial KSNs) may use a BDK, and the last transaction counter of each, so that no
 * enciphered PIN is taken twice. A small text file in the daemon's state directory, shared by the workers
 * under a lock, replaced atomically.
 */
#pragma once

#include "base/error.h"
#include "hsm/dukpt.h"
#include "hsm/dukpt_aes.h"

#define CW_KSN_PADS_MAX 256u
#define CW_KSN_PAD_MAX CW_KSN_LEN

/* Each kind of message has a register of its own: a PIN and its MAC come with the same KSN. */
enum cw_ksn_use { CW_KSN_PINS, CW_KSN_MACS, CW_KSN_DATA };

struct cw_ksn_registry {
        const char *dir;     /* the state directory */
        const char *bdk;     /* label of the key, for texts */
        const char *allowed; /* hsm.keys[].iksns: pads in hex, blanks between; "" or NULL: any, registered at
                                first sight */
};
/*
 * Notes the KSN as used: REJECT with code HSM_KSN_REPLAY when its counter is not above the last one of that
 * pad; OPERATOR/CW_E_DENIED with code HSM_KSN_UNKNOWN when the pad is not allowed, which leaves no trace in
 * the file. OPERATOR when the file cannot be read, is malformed or full. Blocks on the lock and on the disk.
 */
CW_WARN_UNUSED cw_rc cw_ksn_use(const struct cw_ksn_registry *r, enum cw_ksn_use what,
                                const uint8_t ksn[CW_KSN_LEN], struct cw_fault *f);
/* The same for AES DUKPT. */
CW_WARN_UNUSED cw_rc cw_ksn_aes_use(const struct cw_ksn_registry *r, enum cw_ksn_use what,
                                    const struct cw_ksn_aes *ksn, struct cw_fault *f);
/* How many pads a list names. */
size_t cw_ksn_listed(const char *allowed);

/* One table in memory, for cw_ksn_use and tests of the format. */
struct cw_ksn_table {
        size_t count;
        struct {
                uint8_t pad[CW_KSN_PAD_MAX];
                size_t len; /* 10: TDES KSN with counter bits zero; 8: AES IKID */
                uint32_t last;
        } rows[CW_KSN_PADS_MAX];
};
/* Lines "<20 or 16 hex digits> <decimal counter>\n". REJECT/CW_E_SYNTAX when anything else is in the text. */
CW_WARN_UNUSED cw_rc cw_ksn_table_parse(const char *text, size_t len, struct cw_ksn_table *ret,
                                        struct cw_fault *f);
