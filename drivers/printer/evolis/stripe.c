/* SPDX-License-Identifier: Apache-2.0 */
/* The magnetic stripe. The printer adds sentinels and LRC (Pmtc, its default) and does the F2F coding. */
#include "drivers/printer/evolis/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

static cw_rc configure(struct cw_evolis *e, const struct cw_tracks *tracks, int64_t deadline_ns,
                       struct cw_fault *f) {
        cw_rc rc = cw_evolis_set(e, tracks->low_coercivity ? "Pmc;l" : "Pmc;h", deadline_ns, f);
        for (unsigned t = 1; rc == CW_OK && t <= 3; t++) {
                char command[16];
                if (tracks->track[t - 1].len == 0)
                        continue;
                (void)snprintf(command, sizeof command, "Pmt;%u;%u", t, t);
                rc = cw_evolis_set(e, command, deadline_ns, f);
        }
        return rc;
}

/* Puts one track into the printer's buffer; the card is not touched yet. */
static cw_rc load(struct cw_evolis *e, unsigned track, struct cw_span data, int64_t deadline_ns,
                  struct cw_fault *f) {
        CW_WIPED(uint8_t, bytes, CW_TRACK3_MAX + 16);
        char reply[CW_EVOLIS_REPLY_MAX], quoted[48];
        struct cw_writer w;
        size_t sent = 0;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_evolis_put_track(&w, track, data);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_FATAL, CW_E_TOO_BIG), 0, "evolis.stripe", "",
                               "a checked track does not fit its command");
        cw_rc rc = cw_evolis_send(e, bytes, w.len, deadline_ns, &sent, f);
        if (rc == CW_OK)
                rc = cw_evolis_receive(e, deadline_ns, reply, sizeof reply, f);
        if (cw_rc_class(rc) == CW_C_IN_DOUBT)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_PARTIAL), 0, "evolis.stripe",
                               "PRT_NOT_REACHABLE",
                               "the printer stopped listening; the stripe was not touched");
        if (rc != CW_OK || cw_evolis_kind(reply) == CW_EVOLIS_OK)
                return rc;
        cw_evolis_quote(reply, quoted, cw_evolis_kind(reply) == CW_EVOLIS_VALUE ? 1 : sizeof quoted);
        return cw_printer_fail(f, CW_C_REJECT, CW_E_UNSUPPORTED, "evolis.stripe", "PRD_MAGSTRIPE", quoted);
}

/*
 * A process that died, or a technician at the console, may have left a sequence or a panel in the printer: a
 * new one would be refused, or print it on this card. SOFT_RESET empties the buffers and moves nothing; a
 * printer that does not know it answers for itself.
 */
void cw_evolis_forget_strangers(struct cw_evolis *e, int64_t deadline_ns) {
        struct cw_fault ignored;
        if (!e->cleared &&
            cw_usb_soft_reset(e->base.usb, cw_printer_deadline(deadline_ns, 500), &ignored) == CW_OK)
                e->out_of_step = true; /* an answer may have gone with it */
        e->cleared = true;
}

/* Contrast of the panels that the branch gives one; lost at power-off, hence before every sequence. */
static cw_rc set_heat(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        for (const char *panel = "ymcko"; rc == CW_OK && *panel; panel++) {
                char command[16];
                int heat = cw_printer_heat(&e->base, *panel);
                (void)snprintf(command, sizeof command, "Pc;%c;=;%d", *panel, heat);
                if (heat >= 0)
                        rc = cw_evolis_set(e, command, deadline_ns, f);
        }
        return rc;
}

cw_rc cw_evolis_begin_sequence(struct cw_evolis *e, int64_t deadline_ns, struct cw_fault *f) {
        if (e->in_sequence)
                return CW_OK;
        cw_evolis_forget_strangers(e, deadline_ns);
        cw_rc rc = set_heat(e, deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_evolis_set(e, "Ss", deadline_ns, f);
        e->in_sequence = rc == CW_OK;
        return rc;
}

/* The last moment at which a refused track can be seen. */
static cw_rc all_loaded(struct cw_evolis *e, unsigned unasked, struct cw_fault *f) {
        if (!cw_evolis_answered_too_often(e, unasked))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_SYNTAX), 0, "evolis.stripe",
                       "PRD_UNEXPECTED_DATA",
                       "the printer gave an answer too many; the stripe was not touched, reject the card");
}

cw_rc cw_evolis_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                             struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        cw_rc rc = cw_evolis_need_card(e, "evolis.stripe", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = configure(e, tracks, deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_evolis_begin_sequence(e, deadline_ns, f);
        const unsigned unasked = e->base.usb->unasked;
        for (unsigned t = 1; rc == CW_OK && t <= 3; t++)
                if (tracks->track[t - 1].len > 0)
                        rc = load(e, t, tracks->track[t - 1], deadline_ns, f);
        if (rc == CW_OK)
                rc = all_loaded(e, unasked, f);
        if (rc == CW_OK)
                rc = cw_evolis_act(e, "Smw", "evolis.stripe", deadline_ns, ret, f);
        if (rc == CW_OK)
                ret->where = cw_evolis_locate(e);
        return rc;
}

/* Some firmwares hand the sentinels out with the data; the interface has none. */
static struct cw_span without_sentinels(const char *text) {
        size_t n = strlen(text);
        if (n >= 2 && (text[0] == '%' || text[0] == ';') && text[n - 1] == '?')
                return CW_SPAN((const uint8_t *)text + 1, n - 2);
        return CW_SPAN((const uint8_t *)text, n);
}

cw_rc cw_evolis_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns, struct cw_secret **ret,
                            struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        CW_WIPED(char, reply, CW_EVOLIS_REPLY_MAX);
        struct cw_printer_effect effect = {0};
        char command[16];
        (void)snprintf(command, sizeof command, "Smr;%u", track);
        cw_rc rc = cw_evolis_need_card(e, "evolis.stripe_read", deadline_ns, &effect, f);
        if (rc == CW_OK)
                rc = cw_evolis_begin_sequence(e, deadline_ns, f);
        if (rc != CW_OK)
                return rc;
        uint8_t bytes[32];
        struct cw_writer w;
        size_t sent = 0;
        cw_writer_init(&w, bytes, sizeof bytes);
        cw_evolis_put_command(&w, command);
        rc = cw_evolis_send(e, bytes, w.len, deadline_ns, &sent, f);
        if (rc == CW_OK)
                rc = cw_evolis_receive(e, deadline_ns, reply, CW_EVOLIS_REPLY_MAX, f);
        if (cw_rc_class(rc) == CW_C_IN_DOUBT) /* reading changes nothing that could be in doubt */
                return CW_RC(CW_L_PRINTER, CW_C_RECONNECT, rc & 0xffffu);
        if (rc != CW_OK)
                return rc;
        enum cw_evolis_kind kind = cw_evolis_kind(reply);
        if (kind == CW_EVOLIS_ERROR || kind == CW_EVOLIS_COMMAND)
                return cw_evolis_refused(e, reply, "evolis.stripe_read", &effect, f);
        struct cw_span data = without_sentinels(reply);
        if (data.len == 0)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_OPERATOR, CW_E_MISSING), 0, "evolis.stripe_read",
                               "PRD_MAGSTRIPE", "track %u of the stripe is blank", track);
        return cw_secret_dup(data.ptr, data.len, ret);
}
