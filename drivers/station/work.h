/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The card job a station has: hsmd session, clear data of one card, the face as panels. Bench thread only.
 * Everything secret in it is in secret memory and gone after cw_work_wipe.
 */
#pragma once

#include "config/config.h"
#include "drivers/chip/prepare.h"
#include "drivers/face/face.h"
#include "drivers/station/profiles.h"
#include "hsm/client/hsm_client.h"

#define CW_WORK_ID_MAX 64

struct cw_work {
        char job[CW_WORK_ID_MAX], kit[CW_WORK_ID_MAX];
        size_t product; /* index in the configuration */
        struct cw_hsm_session *session;
        bool has_card;
        struct cw_hsm_card_data card;
        struct cw_perso_data *data;
        bool stored; /* data is what the chip got, its own certificates included */
        struct cw_panels *panels;
        bool chip_seen;         /* the chip step ended in this process, with what follows known: */
        uint8_t new_kvn;        /* PUT KEY went out with this version, 0 = none did */
        uint8_t replaced;       /* and was to replace this one */
        bool kvn_was_free;      /* and the card had listed no key of it */
        char cplc[CW_CPLC_HEX]; /* of the chip seen in this job, "" before */
        int64_t begun;          /* seq of the last step begun in this job, 0 before the first */
};

/* True while there is a job. */
bool cw_work_active(const struct cw_work *w);
/* Begins a job, or gives the one of this name a new session; takes fd. REJECT for an unknown plastic code. */
CW_WARN_UNUSED cw_rc cw_work_begin(struct cw_work *w, const struct cw_config *config, const char *job,
                                   const char *kit, const char *plastic_code, int take_fd,
                                   struct cw_fault *f);
/* Forgets the clear data and closes the session, keeps the job's name and CPLC. */
void cw_work_wipe(struct cw_work *w);
/* Forgets everything. */
void cw_work_end(struct cw_work *w);

/*
 * What a step needs, fetched once: the card's data from hsmd (cw_work_card), the groupings (cw_work_data),
 * the same with the keys and certificates that hsmd makes for this chip (cw_work_certify), the face
 * (cw_work_panels, by the heat curve of its printer). Block for the calls of hsmd, or while the face is
 * drawn.
 */
CW_WARN_UNUSED cw_rc cw_work_card(struct cw_work *w, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_work_data(struct cw_work *w, struct cw_profiles *ps, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_work_certify(struct cw_work *w, struct cw_profiles *ps, struct cw_fault *f);
CW_WARN_UNUSED cw_rc cw_work_panels(struct cw_work *w, const struct cw_config *config, const char *curve,
                                    struct cw_fault *f);
