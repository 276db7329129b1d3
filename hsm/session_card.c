/* SPDX-License-Identifier: Apache-2.0 */
/* card.data: the clear data of the card in the machine. */
#include "base/secret.h"
#include "hsm/cvv.h"
#include "hsm/session_internal.h"
#include "hsm/track.h"

#include <string.h>

struct values {
        char cvv[CW_CVV_LEN + 1], cvv2[CW_CVV_LEN + 1], icvv[CW_CVV_LEN + 1];
        char track1[CW_TRACK1_MAX + 1], track2[CW_TRACK2_MAX + 1];
        uint8_t equivalent[CW_TRACK2_EQUIVALENT_MAX];
        size_t equivalent_len;
};

static cw_rc verification_values(struct cw_sess *s, struct values *v, struct cw_fault *f) {
        const struct cw_stored_key *key = NULL;
        const char *pan = s->secret->pan.digits;
        cw_rc rc = cw_sess_key(s, s->product->cvk, "cvk", &key, f);
        if (rc != CW_OK)
                return rc;
        const struct cw_retail_key cvk = cw_stored_retail(key);
        char mmyy[5] = {s->expiry[2], s->expiry[3], s->expiry[0], s->expiry[1], 0};
        const char *cvv2_expiry = s->product->cvv2_expiry == CW_EXPIRY_MMYY ? mmyy : s->expiry;
        rc = cw_cvv(s->c, &cvk, pan, s->expiry, s->product->service_code, v->cvv, f);
        if (rc == CW_OK)
                rc = cw_cvv(s->c, &cvk, pan, cvv2_expiry, "000", v->cvv2, f);
        if (rc == CW_OK)
                rc = cw_cvv(s->c, &cvk, pan, s->expiry, "999", v->icvv, f);
        return rc;
}

static cw_rc tracks(struct cw_sess *s, const char *track_name, struct values *v, struct cw_fault *f) {
        const struct cw_track_data d = {
            .pan = s->secret->pan.digits,
            .expiry = s->expiry,
            .service_code = s->product->service_code,
            .track_name = track_name,
            .discretionary = s->product->discretionary,
        };
        cw_rc rc = cw_track1(&d, v->cvv, v->track1, f);
        if (rc == CW_OK)
                rc = cw_track2(&d, v->cvv, v->track2, f);
        if (rc == CW_OK)
                rc = cw_track2_equivalent(&d, v->icvv, v->equivalent, &v->equivalent_len, f);
        return rc;
}

static cw_rc put_names(struct cw_sess *s, const char *track_name, struct cw_msg *reply, struct cw_fault *f) {
        char masked[CW_PAN_MAX + 1];
        cw_pan_mask(&s->secret->pan, masked);
        cw_rc rc = cw_sess_put_str(reply, "expiry", s->expiry, f);
        if (rc == CW_OK)
                rc = cw_sess_put_str(reply, "service_code", s->product->service_code, f);
        if (rc == CW_OK)
                rc = cw_sess_put_str(reply, "psn", s->psn, f);
        if (rc == CW_OK)
                rc = cw_sess_put_str(reply, "name", s->name, f);
        if (rc == CW_OK)
                rc = cw_sess_put_str(reply, "track_name", track_name, f);
        return rc != CW_OK ? rc : cw_sess_put_str(reply, "masked_pan", masked, f);
}

cw_rc cw_sess_card_data(struct cw_sess *s, struct cw_msg *request, struct cw_msg *reply, struct cw_fault *f) {
        CW_WIPED(struct values, v, 1);
        char track_name[CW_TRACK_NAME_MAX + 1];
        (void)request;
        cw_rc rc = cw_track_name(s->name, track_name, f);
        if (rc == CW_OK)
                rc = verification_values(s, v, f);
        if (rc == CW_OK)
                rc = tracks(s, track_name, v, f);
        if (rc == CW_OK)
                rc = put_names(s, track_name, reply, f);
        if (rc == CW_OK)
                rc = cw_sess_put_att(reply, s->secret->pan.digits, s->secret->pan.len, f);
        if (rc == CW_OK)
                rc = cw_sess_put_att(reply, v->track1, strlen(v->track1), f);
        if (rc == CW_OK)
                rc = cw_sess_put_att(reply, v->track2, strlen(v->track2), f);
        if (rc == CW_OK)
                rc = cw_sess_put_att(reply, v->equivalent, v->equivalent_len, f);
        return rc != CW_OK ? rc : cw_sess_put_att(reply, v->cvv2, CW_CVV_LEN, f);
}
