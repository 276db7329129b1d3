/* SPDX-License-Identifier: Apache-2.0 */
/* Headers of key blocks, TR-31:2018 and ANSI X9.143:2021, 6.3: read, written, held against a policy. */
#pragma once

#include "base/error.h"

#include <stddef.h>

#define CW_KEYBLOCK_MAX 1000u        /* characters of a whole block: any symmetric key and its options */
#define CW_KEYBLOCK_OPTIONS_MAX 512u /* characters of all optional blocks */

struct cw_keyblock_header {
        char version;                              /* 'A' 'B' 'C' 'D' */
        char usage[3];                             /* "P0", "B0", ... */
        char algorithm;                            /* 'T', 'A', 'H', ... */
        char mode;                                 /* 'E', 'D', 'B', 'N', ... */
        char key_version[3];                       /* "00": none */
        char exportability;                        /* 'E' 'N' 'S' */
        char context;                              /* '0'..'2' in X9.143, '0' in TR-31 */
        char options[CW_KEYBLOCK_OPTIONS_MAX + 1]; /* optional blocks as they stand, padding block included */
        unsigned option_count;
};
/* Whom a block may come from and what may be in it. Each list names its members by characters. */
struct cw_keyblock_policy {
        const char *versions;      /* "BD" */
        const char *usages;        /* "P0 K0 B0", separated by blanks */
        const char *algorithms;    /* "TA" */
        const char *modes;         /* "BDEN" */
        const char *exportability; /* "N", "ENS" */
};

/* Bytes of the cipher block (8 or 16) and of the MAC (4, 8, 16) of a version; 0 for an unknown one. */
size_t cw_keyblock_cipher_block(char version);
size_t cw_keyblock_mac_len(char version);
/*
 * Reads the header of block[len] with its optional blocks; *ret_len is where the enciphered part begins. len
 * must be what the header says. REJECT/CW_E_SYNTAX, code KEY_BLOCK; CW_E_UNSUPPORTED past CW_KEYBLOCK_MAX.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_header_parse(const char *block, size_t len, struct cw_keyblock_header *ret,
                                              size_t *ret_len, struct cw_fault *f);
/*
 * Writes the header of a block of total characters into ret (NUL added); options must be whole optional
 * blocks, option_count of them; a padding block PB is added where the cipher block needs it.
 * *ret_total is the whole length for a payload of payload_len bytes.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_header_write(const struct cw_keyblock_header *h, size_t payload_len,
                                              char ret[CW_KEYBLOCK_MAX + 1], size_t *ret_len,
                                              size_t *ret_total, struct cw_fault *f);
/*
 * REJECT/CW_E_DENIED, code KEY_BLOCK, saying which member of the policy is not met. An AES key in a block of
 * versions A, B or C is always refused: TDES would protect it with less strength than it has.
 */
CW_WARN_UNUSED cw_rc cw_keyblock_policy_check(const struct cw_keyblock_header *h,
                                              const struct cw_keyblock_policy *policy, struct cw_fault *f);
