/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last transaction counter per PIN pad (initial KSN), so that no enciphered PIN is taken twice. A small
 * text file under the daemon's runtime directory, shared by the workers under a lock, replaced atomically.
 * Lives until reboot.
 */
#pragma once

#include "base/error.h"
#include "hsm/dukpt.h"
#include "hsm/dukpt_aes.h"

#define CW_KSN_PADS_MAX 256u
#define CW_KSN_PAD_MAX CW_KSN_LEN

/* Each kind of message has a register of its own: a PIN and its MAC come with the same KSN. */
enum cw_ksn_use { CW_KSN_PINS, CW_KSN_MACS, CW_KSN_DATA };

/*
 * Notes the KSN as used: REJECT with code HSM_KSN_REPLAY when its counter is not above the last one of that
 * pad. OPERATOR when the file in dir cannot be read, is malformed or full. Blocks on the lock and on the
 * disk.
 */
CW_WARN_UNUSED cw_rc cw_ksn_use(const char *dir, enum cw_ksn_use what, const uint8_t ksn[CW_KSN_LEN],
                                struct cw_fault *f);
/* The same for AES DUKPT. */
CW_WARN_UNUSED cw_rc cw_ksn_aes_use(const char *dir, enum cw_ksn_use what, const struct cw_ksn_aes *ksn,
                                    struct cw_fault *f);

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
