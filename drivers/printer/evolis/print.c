/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels. Each download starts the printing of the panel before, so a write may block for as long as a panel
 * takes. A panel that went out in part is never sent again: the printer's buffer is reset and the card is in
 * doubt.
 */
#include "drivers/printer/evolis/internal.h"

#include "base/clock.h"
#include "base/failpoint.h"

#include <stdio.h>
#include <string.h>

/* An answer that is owed comes in 30 s; a printer that says it is at work (a hot head cools for a minute) is
 * given three times that, and takes no bytes for so long. */
#define PANEL_LIMIT_MS 30000
#define PANEL_ROUNDS 3
#define SEND_LIMIT_MS (PANEL_ROUNDS * PANEL_LIMIT_MS)
#define LINE_BYTES (CW_EVOLIS_WIDTH / 8)
/* The longest compressed form: one count byte before each line. */
#define COMPRESSED_MAX ((LINE_BYTES + 1) * CW_EVOLIS_HEIGHT)

/* ESC Db...;raster CR in secret memory; the compressed form when it is shorter. */
static cw_rc build(const struct cw_panel *panel, struct cw_secret **ret) {
        size_t cap = CW_EVOLIS_PANEL_HEAD_MAX + panel->len + COMPRESSED_MAX + 1;
        CW_AUTO(cw_secret_free) struct cw_secret *packed = NULL;
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        cw_rc rc = cw_secret_new(cap, &out);
        size_t n = 0;
        if (rc == CW_OK && panel->bits == 1) {
                rc = cw_secret_new(COMPRESSED_MAX, &packed);
                if (rc == CW_OK)
                        n = cw_evolis_compress_mono(panel->ptr, LINE_BYTES, CW_EVOLIS_HEIGHT, packed->ptr,
                                                    COMPRESSED_MAX);
        }
        if (rc != CW_OK)
                return rc;
        bool compressed = n > 0 && n < panel->len;
        struct cw_writer w;
        cw_writer_init(&w, out->ptr, out->cap);
        cw_evolis_put_panel_head(&w, panel->id, panel->bits, compressed, n);
        cw_put_bytes(&w, compressed ? packed->ptr : panel->ptr, compressed ? n : panel->len);
        cw_put_u8(&w, 0x0d);
        if (w.bad)
                return CW_RC(CW_L_PRINTER, CW_C_FATAL, CW_E_TOO_BIG);
        out->len = w.len;
        *ret = CW_STEAL(out);
        return CW_OK;
}

/* Some bytes of a panel are in the printer and the rest will not follow. */
static cw_rc abort_panel(struct cw_evolis *e, struct cw_printer_effect *effect, const struct cw_fault *why,
                         struct cw_fault *f) {
        char reply[CW_EVOLIS_REPLY_MAX];
        struct cw_fault ignored;
        e->in_sequence = false;
        /* Often the printer has said why before it stopped listening. */
        if (cw_evolis_receive(e, cw_deadline_ns(50), reply, sizeof reply, &ignored) == CW_OK)
                cw_evolis_quote(reply, effect->vendor, sizeof effect->vendor);
        /* Without the reset it would take the next command for raster. */
        if (cw_usb_soft_reset(e->base.usb, cw_deadline_ns(500), &ignored) == CW_OK)
                effect->where = cw_evolis_locate(e);
        else
                effect->where = CW_WHERE_UNKNOWN;
        return cw_printer_doubt("evolis.print", why, f);
}

/* GET_PORT_STATUS says 08: not an error, not ready. */
static bool at_work(struct cw_evolis *e) {
        struct cw_fault ignored;
        uint8_t port = 0;
        return cw_usb_port_status(e->base.usb, cw_deadline_ns(500), &port, &ignored) == CW_OK &&
               (port & CW_USB_PORT_NOT_ERROR) && !(port & CW_USB_PORT_SELECTED);
}

static cw_rc panel_answer(struct cw_evolis *e, int64_t deadline_ns, char *ret, size_t cap,
                          struct cw_fault *f) {
        cw_rc rc = CW_OK;
        for (int i = 0; i < PANEL_ROUNDS; i++) {
                rc = cw_evolis_receive(e, cw_printer_deadline(deadline_ns, PANEL_LIMIT_MS), ret, cap, f);
                if (rc == CW_OK)
                        e->out_of_step = false; /* the one that was waited for */
                if (cw_rc_class(rc) != CW_C_RETRY || !at_work(e))
                        break;
        }
        return rc;
}

/* Sends one panel and waits for its OK. */
static cw_rc download(struct cw_evolis *e, const struct cw_panel *panel, int64_t deadline_ns,
                      struct cw_printer_effect *effect, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *bytes = NULL;
        char reply[CW_EVOLIS_REPLY_MAX];
        struct cw_fault why = {0};
        size_t sent = 0;
        cw_rc rc = build(panel, &bytes);
        if (rc != CW_OK)
                return cw_fail(f, rc, 0, "evolis.print", "", "not enough locked memory for a panel");
        rc = cw_evolis_send(e, bytes->ptr, bytes->len, cw_printer_deadline(deadline_ns, SEND_LIMIT_MS), &sent,
                            &why);
        bool some = sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT;
        effect->ribbon_used = effect->ribbon_used || some;
        if (rc != CW_OK && some)
                return abort_panel(e, effect, &why, f);
        if (rc == CW_OK && CW_FAILPOINT("evolis.sent.panel"))
                rc = cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_RECONNECT, CW_E_TIMEOUT), 0, "evolis.print",
                             "PRD_TIMEOUT", "the printer's answer was lost");
        if (rc == CW_OK)
                rc = panel_answer(e, deadline_ns, reply, sizeof reply, &why);
        if (rc != CW_OK) {
                effect->where = CW_WHERE_UNKNOWN;
                return cw_printer_doubt("evolis.print", &why, f);
        }
        if (cw_evolis_kind(reply) == CW_EVOLIS_OK)
                return CW_OK;
        e->in_sequence = false;
        return cw_evolis_refused(e, reply, "evolis.print", effect, f);
}

/* For a printer that cannot tell its ribbon. */
static const char *ribbon_setting(const struct cw_panels *panels) {
        bool overcoat = false;
        for (size_t i = 0; i < panels->count; i++) {
                if (panels->panel[i].bits > 1)
                        return "Pr;ymcko";
                overcoat = overcoat || panels->panel[i].id == 'o';
        }
        return overcoat ? "Pr;ko" : "Pr;kb";
}

/*
 * What an earlier job said about a ribbon without a tag still stands, and the ribbon of today would be
 * refused by it: what the tag says is said again. A printer that does not want to hear it goes by the tag
 * alone.
 */
static cw_rc name_ribbon(struct cw_evolis *e, const char *kind, int64_t deadline_ns, struct cw_fault *f) {
        char command[24], answer[CW_EVOLIS_REPLY_MAX];
        (void)snprintf(command, sizeof command, "Pr;%s", kind);
        return cw_evolis_ask(e, command, deadline_ns, answer, sizeof answer, f);
}

/* A printer that reads the ribbon's tag knows its kind better than a setting does; the wrong one is refused
 * in time. */
static cw_rc check_ribbon(struct cw_evolis *e, const struct cw_panels *panels, int64_t deadline_ns,
                          struct cw_fault *f) {
        struct cw_ribbon ribbon;
        cw_rc rc = cw_evolis_ask_ribbon(e, deadline_ns, &ribbon, f);
        if (rc != CW_OK)
                return rc;
        if (!ribbon.kind[0])
                return cw_evolis_set(e, ribbon_setting(panels), deadline_ns, f);
        for (const struct cw_panels *face = panels; face; face = face->back)
                for (size_t i = 0; i < face->count; i++)
                        if (!cw_printer_ribbon_has(ribbon.kind, face->panel[i].id))
                                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_MISMATCH, "evolis.print",
                                                       "PRT_RIBBON", ribbon.kind);
        return name_ribbon(e, ribbon.kind, deadline_ns, f);
}

static cw_rc download_face(struct cw_evolis *e, const struct cw_panels *face, int64_t deadline_ns,
                           struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = CW_OK;
        for (size_t i = 0; rc == CW_OK && i < face->count; i++)
                rc = download(e, &face->panel[i], deadline_ns, effect, f);
        return rc;
}

/* Sv prints the last panel of the front and turns the card over; it is at the head again then. */
static cw_rc turn_over(struct cw_evolis *e, int64_t deadline_ns, struct cw_printer_effect *effect,
                       struct cw_fault *f) {
        cw_rc rc = cw_evolis_act(e, "Sv", "evolis.print", deadline_ns, effect, f);
        if (rc != CW_OK)
                e->in_sequence = false;
        return rc;
}

/* The last moment at which a refused panel can be seen: what is laid next has it no more. */
static cw_rc all_answered(struct cw_evolis *e, unsigned unasked, struct cw_printer_effect *effect,
                          struct cw_fault *f) {
        struct cw_fault why = {0};
        if (!cw_evolis_answered_too_often(e, unasked))
                return CW_OK;
        e->in_sequence = false;
        effect->where = CW_WHERE_UNKNOWN;
        (void)cw_fail(&why, CW_RC(CW_L_PRINTER, CW_C_IN_DOUBT, CW_E_SYNTAX), 0, "evolis.print",
                      "PRD_UNEXPECTED_DATA", "the printer gave an answer too many, a panel may be missing");
        return cw_printer_doubt("evolis.print", &why, f);
}

cw_rc cw_evolis_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                      struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_evolis *e = (struct cw_evolis *)p;
        cw_rc rc = cw_evolis_need_card(e, "evolis.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = check_ribbon(e, panels, deadline_ns, f);
        if (rc == CW_OK)
                rc = cw_evolis_begin_sequence(e, deadline_ns, f);
        const unsigned unasked = e->base.usb->unasked;
        if (rc == CW_OK)
                rc = cw_evolis_act(e, "Sr", "evolis.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = download_face(e, panels, deadline_ns, ret, f);
        if (rc == CW_OK && panels->back)
                rc = all_answered(e, unasked, ret, f);
        if (rc == CW_OK && panels->back)
                rc = turn_over(e, deadline_ns, ret, f);
        if (rc == CW_OK && panels->back)
                rc = download_face(e, panels->back, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = all_answered(e, unasked, ret, f);
        if (rc == CW_OK)
                rc = cw_evolis_end_sequence(e, "evolis.print", deadline_ns, ret, f);
        return rc;
}
