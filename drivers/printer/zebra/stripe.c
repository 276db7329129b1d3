/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The magnetic stripe: &B fills the encoder's buffers, &E* writes all of them, the encoder verifies and takes
 * the card back. Whether &R empties the buffers is not public, so a track that this card does not have is
 * read too, and must be blank: nothing of another card stays on it.
 */
#include "drivers/printer/zebra/internal.h"

#include <string.h>

static cw_rc load_track(struct cw_zebra *e, unsigned track, struct cw_span data, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, 2 * CW_TRACK3_MAX + 16);
        struct cw_writer w;
        cw_writer_init(&w, bytes, 2 * CW_TRACK3_MAX + 16);
        cw_zebra_put_track(&w, e->framing, track, data);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_FATAL, CW_E_TOO_BIG), 0, "zebra.stripe", "",
                               "a checked track does not fit its command");
        return cw_zebra_load(e, bytes, w.len, 1, "zebra.stripe", deadline_ns, effect, f);
}

static cw_rc iso_defaults(struct cw_zebra *e, int64_t deadline_ns, struct cw_printer_effect *effect,
                          struct cw_fault *f) {
        static const char *const commands[] = {"&R", "&CDEW 0 0", "&CDER 0 0"};
        cw_rc rc = CW_OK;
        for (size_t i = 0; rc == CW_OK && i < sizeof commands / sizeof *commands; i++)
                rc = cw_zebra_set(e, commands[i], "zebra.stripe", deadline_ns, effect, f);
        return rc;
}

static cw_rc blank(struct cw_fault *f, unsigned track) {
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISSING), track, "zebra.stripe_read",
                       "PRD_MAGSTRIPE", "track %u of the stripe is blank or cannot be read", track);
}

/* *ret_blank: the printer says that there is nothing to read. */
static cw_rc read_track(struct cw_zebra *e, unsigned track, int64_t deadline_ns, char *ret, bool *ret_blank,
                        struct cw_fault *f) {
        const char command[] = {'&', 'L', (char)('0' + track), '\0'};
        struct cw_zebra_reply reply;
        size_t sent = 0;
        cw_rc rc = cw_zebra_send_text(e, command, deadline_ns, &sent, f);
        if (rc == CW_OK)
                rc = cw_zebra_receive(e, deadline_ns, &reply, ret, f);
        if (cw_rc_class(rc) == CW_C_IN_DOUBT) /* reading changes nothing that could be in doubt */
                return CW_RC(CW_L_PRINTER, CW_C_RECONNECT, rc & 0xffffu);
        if (rc != CW_OK)
                return rc;
        *ret_blank = reply.kind == CW_ZEBRA_NACK && cw_zebra_meaning(reply.code) == CW_ZEBRA_M_MAG;
        if (reply.kind == CW_ZEBRA_TEXT || *ret_blank)
                return CW_OK;
        if (reply.kind == CW_ZEBRA_NACK)
                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_STATE, "zebra.stripe_read",
                                       cw_zebra_code(reply.code), "");
        e->out_of_step = true;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RETRY, CW_E_SYNTAX), 0, "zebra.stripe_read",
                       "PRD_UNEXPECTED_DATA", "the printer's answer to the reading of a track is none");
}

static cw_rc must_be_blank(struct cw_zebra *e, unsigned track, int64_t deadline_ns, struct cw_fault *f) {
        CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
        bool is_blank = false;
        cw_rc rc = read_track(e, track, deadline_ns, text, &is_blank, f);
        if (rc != CW_OK || is_blank || text[0] == '\0')
                return rc;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISMATCH), track, "zebra.stripe",
                       "PRD_MAGSTRIPE",
                       "track %u has data that is not of this card; switch the printer off and on", track);
}

cw_rc cw_zebra_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                            struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        if (tracks->low_coercivity)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "zebra.stripe",
                               "PRT_SETUP_ERROR",
                               "how this printer is told the coercivity is not public; it writes as its "
                               "encoder is made");
        cw_rc rc = cw_zebra_need_card(e, "zebra.stripe", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = iso_defaults(e, deadline_ns, ret, f);
        for (unsigned t = 1; rc == CW_OK && t <= 3; t++)
                if (tracks->track[t - 1].len > 0)
                        rc = load_track(e, t, tracks->track[t - 1], deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_zebra_in_step(e, "zebra.stripe", deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_zebra_act(e, "&E*", "zebra.stripe", deadline_ns, ret, f);
        for (unsigned t = 1; rc == CW_OK && t <= 3; t++)
                if (tracks->track[t - 1].len == 0)
                        rc = must_be_blank(e, t, deadline_ns, f);
        return rc;
}

cw_rc cw_zebra_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                           struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        CW_WIPED(char, text, CW_ZEBRA_REPLY_MAX + 1);
        struct cw_printer_effect effect = {0};
        bool is_blank = false;
        cw_rc rc = cw_zebra_need_card(e, "zebra.stripe_read", deadline_ns, &effect, f);
        if (rc == CW_OK)
                rc = read_track(e, track, deadline_ns, text, &is_blank, f);
        if (rc != CW_OK)
                return rc;
        if (is_blank || text[0] == '\0')
                return blank(f, track);
        return cw_secret_dup(text, strlen(text), ret);
}
