/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The magnetic stripe. Sentinels and LRC are the printer's (inferred from the lengths its own tests use), or
 * sent to it and read back with the text, as the fitting says.
 */
#include "drivers/printer/matica/internal.h"

#include <string.h>

static const uint8_t longest[] = {CW_TRACK1_MAX, CW_TRACK2_MAX, CW_TRACK3_MAX};

cw_rc cw_matica_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                             struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        CW_WIPED(uint8_t, data, CW_MATICA_TRACKS_MAX);
        struct cw_matica_call c = {.cdb = {0x2d}, .cdb_len = CW_MATICA_CDB, .out = data};
        if (tracks->low_coercivity)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "matica.stripe",
                               "PRT_SETUP_ERROR",
                               "the coercivity of this printer is set at its display, not by a job");
        for (unsigned t = 1; t <= 3; t++) {
                struct cw_span text = tracks->track[t - 1];
                if (text.len == 0)
                        continue;
                c.len += cw_matica_put_track(t, text, e->fitting.sentinels, data + c.len,
                                             CW_MATICA_TRACKS_MAX - c.len);
                c.cdb[2 + t] = cw_matica_track_tag(t);
        }
        c.cdb[8] = (uint8_t)c.len;
        cw_rc rc = cw_matica_need_card(e, "matica.stripe", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_matica_move_to(e, CW_WHERE_MAG, "matica.stripe", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_matica_act(e, &c, "matica.stripe", deadline_ns, ret, f);
        return rc;
}

/* The error of the reading is taken, so that it does not stand in the way of the reject that follows. */
static cw_rc blank(struct cw_matica *e, unsigned track, int64_t deadline_ns, struct cw_fault *f) {
        uint32_t error = 0;
        struct cw_fault ignored;
        (void)cw_matica_error(e, deadline_ns, &error, &ignored);
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISSING), track, "matica.stripe_read",
                       "PRD_MAGSTRIPE", "track %u of the stripe is blank or cannot be read", track);
}

cw_rc cw_matica_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                            struct cw_fault *f) {
        struct cw_matica *e = (struct cw_matica *)p;
        CW_WIPED(uint8_t, data, CW_MATICA_TRACKS_MAX);
        CW_WIPED(char, text, CW_TRACK3_MAX + 1);
        struct cw_printer_effect effect = {0};
        struct cw_matica_call c = {.cdb = {0x2c}, .cdb_len = CW_MATICA_CDB, .in = data};
        c.cdb[2 + track] = cw_matica_track_tag(track);
        c.cdb[5 + track] = (uint8_t)(longest[track - 1] + cw_matica_track_extra(e->fitting.sentinels));
        c.len = c.cdb[5 + track] + 2u;
        cw_rc rc = cw_matica_need_card(e, "matica.stripe_read", deadline_ns, &effect, f);
        if (rc == CW_OK)
                rc = cw_matica_move_to(e, CW_WHERE_MAG, "matica.stripe_read", deadline_ns, &effect, f);
        if (rc == CW_OK)
                rc = cw_matica_do(e, &c, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        if (!c.good || c.got < 2 ||
            !cw_matica_get_track(track, data, c.got, e->fitting.sentinels, text, CW_TRACK3_MAX + 1) ||
            text[0] == '\0')
                return blank(e, track, deadline_ns, f);
        return cw_secret_dup(text, strlen(text), ret);
}
