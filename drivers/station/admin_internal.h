/* SPDX-License-Identifier: Apache-2.0 */
/* What the calls of the admin socket share (admin_card.c, admin_manage.c). Bench thread. */
#pragma once

#include "drivers/chip/card_file.h"
#include "drivers/station/station.h"

struct cw_admin_card {
        struct cw_station *st;
        uint64_t client;
        struct cw_msg *request;
        struct cw_card_reader *own; /* a reader that is not the station's */
        struct cw_card_reader *reader;
        struct cw_card_channel *channel;
        struct cw_hsm_session *session; /* NULL: the request brought none */
        struct cw_profile *profile;
        struct cw_card_file *data;
        struct cw_perso_data *perso;
        bool number_told; /* hsmd has the card's number */
};

/* Event "line" to whom asked. */
void cw_admin_line(const struct cw_admin_card *a, const char *step, const char *verdict, const char *text);
CW_WARN_UNUSED cw_rc cw_admin_take_session(struct cw_admin_card *a, struct cw_fault *f);
/* The card in the reader that the request names. */
CW_WARN_UNUSED cw_rc cw_admin_connect(struct cw_admin_card *a, struct cw_fault *f);

/* admin_manage.c: the replies; NULL when out of memory. */
struct cw_msg *cw_admin_card_status(struct cw_admin_card *a);
struct cw_msg *cw_admin_card_delete(struct cw_admin_card *a);
