/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/station/work.h"

#include "base/clock.h"
#include "drivers/chip/perso.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FACE_MS 20000
#define HSM_MARGIN_MS 2000 /* hsmd answers after its own deadline at the latest */

bool cw_work_active(const struct cw_work *w) {
        return w->job[0] != '\0';
}

static bool find_product(const struct cw_config *config, const char *plastic_code, size_t *ret) {
        for (size_t i = 0; i < config->product_count; i++) {
                if (strcmp(config->products[i].plastic_code, plastic_code) != 0)
                        continue;
                *ret = i;
                return true;
        }
        return false;
}

cw_rc cw_work_begin(struct cw_work *w, const struct cw_config *config, const char *job, const char *kit,
                    const char *plastic_code, int take_fd, struct cw_fault *f) {
        CW_AUTO_FD int fd = take_fd;
        size_t product = 0;
        const cw_rc reject = CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_SYNTAX);
        if (!job[0] || strlen(job) >= CW_WORK_ID_MAX || strlen(kit) >= CW_WORK_ID_MAX || fd < 0)
                return cw_fail(f, reject, 0, "job.begin", "",
                               "job.begin needs a job, a kit and a session of the HSM process");
        if (!find_product(config, plastic_code, &product))
                return cw_fail(f, reject, 0, "job.begin", "PRT_SETUP_ERROR",
                               "no product of this station's configuration has plastic code %.20s; add it",
                               plastic_code);
        if (cw_work_active(w) && strcmp(w->job, job) != 0)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_REJECT, CW_E_STATE), 0, "job.begin", "",
                               "the station still has job %s; end that one first", w->job);
        struct cw_hsm_session *session = NULL;
        cw_rc rc =
            cw_hsm_session_open(CW_STEAL_FD(fd), config->hsm.call_timeout_ms + HSM_MARGIN_MS, &session);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "job.begin", "",
                               "no memory for the session of the HSM process; try again");
        cw_work_wipe(w);
        w->session = session;
        w->product = product;
        (void)snprintf(w->job, sizeof w->job, "%s", job);
        (void)snprintf(w->kit, sizeof w->kit, "%s", kit);
        return CW_OK;
}

void cw_work_wipe(struct cw_work *w) {
        if (w->panels)
                cw_panels_free(w->panels);
        if (w->data)
                cw_perso_data_free(w->data);
        if (w->has_card)
                cw_hsm_card_data_done(&w->card);
        if (w->session)
                cw_hsm_session_close(w->session);
        w->panels = NULL;
        w->data = NULL;
        w->session = NULL;
        w->has_card = w->stored = false;
        cw_wipe(&w->card, sizeof w->card);
}

void cw_work_end(struct cw_work *w) {
        cw_work_wipe(w);
        *w = (struct cw_work){0};
}

cw_rc cw_work_card(struct cw_work *w, struct cw_fault *f) {
        if (w->has_card)
                return CW_OK;
        if (!w->session)
                return cw_fail(f, CW_RC(CW_L_STATION, CW_C_RECONNECT, CW_E_CLOSED), 0, "station.card", "",
                               "the session of the HSM process has ended; the job has to be begun again");
        cw_rc rc = cw_hsm_session_card_data(w->session, &w->card, f);
        w->has_card = rc == CW_OK;
        return rc;
}

static struct cw_card_values values_of(const struct cw_work *w) {
        return (struct cw_card_values){
            .expiry = w->card.expiry,
            .service_code = w->card.service_code,
            .psn = w->card.psn,
            .name = w->card.track_name,
            .pan = CW_SPAN(w->card.pan->ptr, w->card.pan->len),
            .track2 = CW_SPAN(w->card.track2_equivalent->ptr, w->card.track2_equivalent->len),
        };
}

/* No server brings a data set with a job (ARCHITECTURE.md, "Secrets"): what waits for one is not begun. */
static cw_rc check_made_here(const struct cw_profile *p, struct cw_fault *f) {
        char what[16] = "groupings";
        bool brought = p->dgi_count == 0;
        for (size_t i = 0; i < p->dgi_count && !brought; i++) {
                brought = p->dgi[i].from_data;
                (void)snprintf(what, sizeof what, "DGI %04X", p->dgi[i].id);
        }
        return !brought
                   ? CW_OK
                   : cw_fail(f, CW_RC(CW_L_STATION, CW_C_OPERATOR, CW_E_UNSUPPORTED), 0, "station.work",
                             "PRT_SETUP_ERROR",
                             "the product's profile wants %s from a data set, which no job brings; give the "
                             "product a profile whose groupings are made here",
                             what);
}

cw_rc cw_work_data(struct cw_work *w, struct cw_profiles *ps, struct cw_fault *f) {
        const struct cw_profile *profile = NULL;
        cw_rc rc = cw_work_card(w, f);
        if (rc == CW_OK && !w->data)
                rc = cw_profiles_get(ps, w->product, &profile, f);
        if (rc == CW_OK && !w->data)
                rc = check_made_here(profile, f);
        if (rc != CW_OK || w->data)
                return rc;
        const struct cw_card_values values = values_of(w);
        const struct cw_given none = {0}; /* a job brings no groupings: those of the profile are all */
        return cw_perso_data_prepare_given(profile, &values, &none, &w->data, f);
}

cw_rc cw_work_certify(struct cw_work *w, struct cw_profiles *ps, struct cw_fault *f) {
        cw_rc rc = cw_work_data(w, ps, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_card_values values = values_of(w);
        return cw_perso_certify(w->data, &values, w->session, false, f);
}

static void add_field(struct cw_face_data *d, const char *name, const void *value, size_t len) {
        d->field[d->count++] = (struct cw_face_field){name, value, len};
}

cw_rc cw_work_panels(struct cw_work *w, const struct cw_config *config, const char *curve,
                     struct cw_fault *f) {
        char path[PATH_MAX];
        struct cw_face_data data = {0};
        cw_rc rc = cw_work_card(w, f);
        if (rc != CW_OK || w->panels)
                return rc;
        const struct cw_hsm_card_data *card = &w->card;
        const char valid_thru[5] = {card->expiry[2], card->expiry[3], '/', card->expiry[0], card->expiry[1]};
        add_field(&data, "pan", card->pan->ptr, card->pan->len);
        add_field(&data, "name", card->name, strlen(card->name));
        add_field(&data, "expiry", valid_thru, sizeof valid_thru);
        add_field(&data, "cvv2", card->cvv2->ptr, card->cvv2->len);
        add_field(&data, "kit", w->kit, strlen(w->kit));
        (void)snprintf(path, sizeof path, "%s/%s", config->face_dir, config->products[w->product].face);
        return cw_face_draw(path, &data, curve, cw_deadline_ns(FACE_MS), &w->panels, f);
}
