/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to GET STATUS (GlobalPlatform Card Specification 2.3.1, 11.4.3): TLV (templates E3) and the older
 * form without tags. What a card sends, so every length is doubted. */
#pragma once

#include "drivers/chip/gp.h"

struct cw_gp_status {
        struct cw_aid aid;
        uint8_t state;
        uint8_t privileges[3];
        size_t privileges_len; /* 0, 1 or 3 */
        struct cw_aid package; /* C4: the load file it comes from; empty when not told */
        struct cw_aid domain;  /* CC: the security domain it belongs to; empty when not told */
        unsigned modules;      /* 84: executable modules of a load file */
};

enum cw_gp_status_result { CW_GP_STATUS_END, CW_GP_STATUS_ENTRY, CW_GP_STATUS_BAD };
/* The next entry of a whole answer, all parts put together; *rest moves on. */
enum cw_gp_status_result cw_gp_status_next(struct cw_span *rest, struct cw_gp_status *ret);
/* The same without tags; of: what was asked for, 0x10 lists modules behind each load file. */
enum cw_gp_status_result cw_gp_status_plain_next(uint8_t of, struct cw_span *rest, struct cw_gp_status *ret);
