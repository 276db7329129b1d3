/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Personalisation device instructions of EMV CPS 1.1 (processing step 0F): ORDER, VERCNTL, ENC, GROUP and
 * SECLEV, by the numbers of data groupings of the payment application. They come with a profile or with a
 * card's prepared data; each is followed or refused.
 */
#pragma once

#include "base/cleanup.h"
#include "base/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CW_INSTRUCTED_MAX 64 /* groupings of one instruction */
#define CW_INSTRUCTED_GROUPS 8

struct cw_dgi_list {
        uint16_t id[CW_INSTRUCTED_MAX];
        size_t count;
};
struct cw_instructions {
        struct cw_dgi_list order;   /* these come in this order; others may come between them */
        struct cw_dgi_list vercntl; /* SW 6A88 for one of them means go on */
        struct cw_dgi_list enc;     /* enciphered under the DEK, with the P1 that says so */
        struct cw_dgi_list group[CW_INSTRUCTED_GROUPS]; /* of each: one STORE DATA, in this order */
        size_t group_count;
        uint8_t seclev; /* P1 of EXTERNAL AUTHENTICATE, 0 = not told */
};

/* Appends a grouping, four hex digits; false when it is none, is there already or does not fit. */
bool cw_dgi_list_add(struct cw_dgi_list *list, const char *text, size_t len);

struct cw_perso_data;
/*
 * Follows the instructions of the profile and then more, those of the card's data (NULL = none): brings the
 * groupings into order and marks them. REJECT when one names a grouping that is not there, when they
 * contradict each other or the profile's "joined", when members of a group have another P1, or when the
 * completing grouping of an application is one that it may refuse with 6A88.
 */
CW_WARN_UNUSED cw_rc cw_perso_data_instruct_all(struct cw_perso_data *d, const struct cw_instructions *more,
                                                struct cw_fault *f);
