/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A print job: header with the tracks in it, a plane for each panel, and ETX, upon which the printer encodes,
 * verifies, prints and ejects by itself. A job that went out in part is never sent again.
 */
#include "drivers/printer/magicard/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define SEND_LIMIT_MS 30000
#define JOB_ATTENTION 64
#define HEADER_MAX 1024
#define PLANE_TRAILER 3
#define MARGIN_MAX (CW_MAGICARD_HEAD - CW_MAGICARD_IMAGE)
#define MARGIN_DEFAULT 15 /* in the middle (inferred) */

cw_rc cw_magicard_stripe_write(struct cw_printer *p, const struct cw_tracks *tracks, int64_t deadline_ns,
                               struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        cw_rc rc = cw_magicard_need_card(e, "magicard.stripe", ret, f);
        (void)deadline_ns;
        if (rc != CW_OK)
                return rc;
        cw_magicard_forget_tracks(e);
        for (int i = 0; rc == CW_OK && i < 3; i++)
                if (tracks->track[i].len > 0)
                        rc = cw_secret_dup(tracks->track[i].ptr, tracks->track[i].len, &e->tracks[i]);
        e->low_coercivity = tracks->low_coercivity;
        if (rc != CW_OK) {
                cw_magicard_forget_tracks(e);
                return cw_fail(f, rc, 0, "magicard.stripe", "", "not enough locked memory for the tracks");
        }
        return CW_OK;
}

cw_rc cw_magicard_stripe_read(struct cw_printer *p, unsigned track, int64_t deadline_ns,
                              struct cw_secret **ret, struct cw_fault *f) {
        (void)p;
        (void)deadline_ns;
        (void)ret;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), track, "magicard.stripe_read",
                       "PRD_MAGSTRIPE",
                       "this printer verifies a stripe while it prints and hands no track out");
}

static void put(struct cw_writer *w, const char *text) {
        cw_put_bytes(w, text, strlen(text));
}

/* Data with its sentinels; the printer adds the LRC. Density and bits as in ISO/IEC 7811-6. */
static void put_tracks(struct cw_writer *w, const struct cw_magicard *e) {
        static const char *const settings[] = {"MAG1,BPI210,MPC7,%", "MAG2,BPI75,MPC5,;",
                                               "MAG3,BPI210,MPC5,;"};
        if (!e->tracks[0] && !e->tracks[1] && !e->tracks[2])
                return;
        put(w, e->model->rejects_faulty ? "REJON," : "");
        put(w, e->low_coercivity ? "MGVON,COEL," : "MGVON,COEH,");
        for (int i = 0; i < 3; i++) {
                if (!e->tracks[i])
                        continue;
                put(w, settings[i]);
                cw_put_bytes(w, e->tracks[i]->ptr, e->tracks[i]->len);
                put(w, "?,");
        }
}

static const struct cw_panel *panel_of(const struct cw_panels *panels, char id) {
        for (size_t i = 0; i < panels->count; i++)
                if (panels->panel[i].id == id)
                        return &panels->panel[i];
        return NULL;
}

static void put_coat(struct cw_writer *w, const struct cw_panels *panels) {
        const struct cw_panel *panel = panel_of(panels, 'o');
        struct cw_magicard_coat c = {0};
        char text[64];
        if (panel)
                cw_magicard_coat(panel, &c);
        put(w, c.coat ? "OVRON," : "OVROFF,");
        put(w, "NNNOFF,USFOFF,");
        if (c.coat) {
                (void)snprintf(text, sizeof text, "PCT0,0,%u,%u,", CW_MAGICARD_ROWS - 1,
                               CW_MAGICARD_IMAGE - 1);
                put(w, text);
        }
        if (c.coat && c.hole) {
                (void)snprintf(text, sizeof text, "NCT%u,%u,%u,%u,", c.x1, c.y1, c.x2, c.y2);
                put(w, text);
        }
}

static const struct { char panel, plane; } planes[] = {{'y', 'B'}, {'m', 'G'}, {'c', 'R'}, {'k', 'K'}};
#define PLANES (sizeof planes / sizeof planes[0])

static void put_sizes(struct cw_writer *w, const struct cw_magicard *e, const struct cw_panels *panels) {
        char text[32];
        bool first = true;
        for (size_t i = 0; i < PLANES; i++) {
                const struct cw_panel *panel = panel_of(panels, planes[i].panel);
                if (!panel)
                        continue;
                (void)snprintf(text, sizeof text, "%sSZ%c%zu", first ? "" : ",", planes[i].plane,
                               cw_magicard_plane_size(e->model->layout, panel->bits));
                put(w, text);
                first = false;
        }
}

/* What is to be laid on the back: colour, resin, overcoat. */
static void put_back_format(struct cw_writer *w, const struct cw_panels *back) {
        struct cw_magicard_coat c = {0};
        if (panel_of(back, 'o'))
                cw_magicard_coat(panel_of(back, 'o'), &c);
        put(w, "BAC");
        put(w, panel_of(back, 'y') || panel_of(back, 'm') || panel_of(back, 'c') ? "C" : "");
        put(w, panel_of(back, 'k') ? "K" : "");
        put(w, c.coat ? "O," : ",");
}

/* Head power of the panels that are there and that the branch gives one. */
static void put_heat(struct cw_writer *w, const struct cw_magicard *e, const struct cw_panels *face) {
        static const struct {
                char panel;
                const char *command;
        } powers[] = {{'y', "CPW"}, {'k', "KPW"}, {'o', "OPW"}};
        for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
                char text[16];
                int heat = cw_printer_heat(&e->base, powers[i].panel);
                (void)snprintf(text, sizeof text, "%s%d,", powers[i].command, heat);
                if (heat >= 0 && panel_of(face, powers[i].panel))
                        put(w, text);
        }
}

/* Of the job as a whole: before the front only. */
static void put_job(struct cw_writer *w, const struct cw_magicard *e) {
        char text[64];
        (void)snprintf(text, sizeof text, "VER1.0,LANENG,TDT%08X,", (unsigned)time(NULL));
        put(w, text);
        put_tracks(w, e);
}

/* front NULL: face is the only one, or the front; else face is the back of it. */
static void put_header(struct cw_writer *w, const struct cw_magicard *e, const struct cw_panels *face,
                       const struct cw_panels *front) {
        char text[96];
        for (int i = 0; i < JOB_ATTENTION; i++)
                cw_put_u8(w, 0x05);
        cw_put_u8(w, 0x01);
        put(w, ",NOC1,");
        if (!front)
                put_job(w, e);
        put(w, e->model->head);
        put(w, front || face->back ? ",DPXON," : ",DPXOFF,");
        if (face->back)
                put_back_format(w, face->back);
        put(w, front ? "PAG2,IMF" : "PAG1,IMF");
        for (size_t i = 0; i < PLANES; i++)
                if (panel_of(face, planes[i].panel))
                        cw_put_u8(w, (uint8_t)planes[i].plane);
        (void)snprintf(text, sizeof text, ",XCO0,YCO0,WID%u,HGT%u,", CW_MAGICARD_ROWS, CW_MAGICARD_IMAGE);
        put(w, text);
        put_coat(w, face);
        put_heat(w, e, face);
        put(w, "ICC0,");
        put_sizes(w, e, face);
        cw_put_u8(w, 0x1c);
}

/* Some bytes of the job are in the printer, the rest will not follow: without the reset it would take the
 * next command for raster. */
static cw_rc broken_off(struct cw_magicard *e, const struct cw_fault *why, struct cw_printer_effect *effect,
                        struct cw_fault *f) {
        struct cw_fault ignored;
        if (cw_usb_soft_reset(e->base.usb, cw_deadline_ns(500), &ignored) != CW_OK)
                (void)snprintf(effect->vendor, sizeof effect->vendor, "refuses SOFT_RESET");
        return cw_magicard_doubt(e, "magicard.print", why, effect, f);
}

static cw_rc send_piece(struct cw_magicard *e, const struct cw_secret *piece, int64_t deadline_ns,
                        struct cw_printer_effect *effect, struct cw_fault *f) {
        struct cw_fault why = {0};
        size_t sent = 0;
        cw_rc rc = cw_usb_bulk_out(e->base.usb, piece->ptr, piece->len,
                                   cw_printer_deadline(deadline_ns, SEND_LIMIT_MS), &sent, &why);
        bool some = sent > 0 || cw_rc_class(rc) == CW_C_IN_DOUBT;
        bool begun = effect->ribbon_used || some;
        effect->started = effect->started || some;
        effect->ribbon_used = begun;
        if (rc == CW_OK)
                return CW_OK;
        if (begun)
                return broken_off(e, &why, effect, f);
        if (effect->started)
                return cw_magicard_doubt(e, "magicard.print", &why, effect, f);
        if (f)
                *f = why;
        return rc;
}

static cw_rc no_memory(struct cw_magicard *e, cw_rc rc, struct cw_printer_effect *effect,
                       struct cw_fault *f) {
        struct cw_fault why = {0};
        (void)cw_fail(&why, rc, 0, "magicard.print", "", "not enough locked memory for a panel");
        if (effect->ribbon_used)
                return broken_off(e, &why, effect, f);
        if (f)
                *f = why;
        return rc;
}

static cw_rc send_header(struct cw_magicard *e, const struct cw_panels *face, const struct cw_panels *front,
                         int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *bytes = NULL;
        struct cw_writer w;
        cw_rc rc = cw_secret_new(HEADER_MAX, &bytes);
        if (rc != CW_OK)
                return no_memory(e, rc, effect, f);
        cw_writer_init(&w, bytes->ptr, bytes->cap);
        put_header(&w, e, face, front);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_FATAL, CW_E_TOO_BIG), 0, "magicard.print", "",
                               "checked tracks do not fit the header of a job");
        bytes->len = w.len;
        return send_piece(e, bytes, deadline_ns, effect, f);
}

/* A plane with its trailer, and behind the last one the end of the page. */
static cw_rc send_plane(struct cw_magicard *e, const struct cw_panel *panel, char plane, unsigned margin,
                        bool last, int64_t deadline_ns, struct cw_printer_effect *effect,
                        struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *bytes = NULL;
        size_t size = cw_magicard_plane_size(e->model->layout, panel->bits);
        cw_rc rc = cw_secret_new(size + PLANE_TRAILER + 1, &bytes);
        if (rc != CW_OK)
                return no_memory(e, rc, effect, f);
        cw_magicard_pack(e->model->layout, margin, panel, bytes->ptr);
        bytes->ptr[size] = 0x1c;
        bytes->ptr[size + 1] = (uint8_t)plane;
        bytes->ptr[size + 2] = ':';
        bytes->ptr[size + 3] = 0x03;
        bytes->len = size + PLANE_TRAILER + (last ? 1 : 0);
        return send_piece(e, bytes, deadline_ns, effect, f);
}

static cw_rc send_page(struct cw_magicard *e, const struct cw_panels *face, const struct cw_panels *front,
                       unsigned margin, int64_t deadline_ns, struct cw_printer_effect *effect,
                       struct cw_fault *f) {
        size_t last = 0;
        for (size_t i = 0; i < PLANES; i++)
                if (panel_of(face, planes[i].panel))
                        last = i;
        cw_rc rc = send_header(e, face, front, deadline_ns, effect, f);
        for (size_t i = 0; rc == CW_OK && i < PLANES; i++) {
                const struct cw_panel *panel = panel_of(face, planes[i].panel);
                if (panel)
                        rc = send_plane(e, panel, planes[i].plane, margin, i == last, deadline_ns, effect, f);
        }
        return rc;
}

/* Both pages one after the other, as the maker's filter does: whether a printer begins with the front before
 * it has the back is its own business. */
static cw_rc send_job(struct cw_magicard *e, const struct cw_panels *panels, unsigned margin,
                      int64_t deadline_ns, struct cw_printer_effect *effect, struct cw_fault *f) {
        cw_rc rc = send_page(e, panels, NULL, margin, deadline_ns, effect, f);
        if (rc == CW_OK && panels->back)
                rc = send_page(e, panels->back, panels, margin, deadline_ns, effect, f);
        return rc;
}

static cw_rc check_ribbon(struct cw_magicard *e, const struct cw_magicard_info *info,
                          const struct cw_panels *panels, struct cw_fault *f) {
        struct cw_ribbon ribbon;
        cw_magicard_ribbon(e, info, &ribbon);
        for (const struct cw_panels *face = panels; face; face = face->back)
                for (size_t i = 0; i < face->count; i++)
                        if (!cw_printer_ribbon_has(ribbon.kind, face->panel[i].id))
                                return cw_printer_fail(f, CW_C_OPERATOR, CW_E_MISMATCH, "magicard.print",
                                                       ribbon.kind[0] ? "PRT_RIBBON" : "PRT_RIBBON_MISSING",
                                                       ribbon.kind);
        return CW_OK;
}

static bool has_planes(const struct cw_panels *face) {
        for (size_t i = 0; i < PLANES; i++)
                if (panel_of(face, planes[i].panel))
                        return true;
        return false;
}

/* Overcoat alone is no page: without a plane there is no picture to lay it on. */
static cw_rc check_planes(const struct cw_panels *panels, struct cw_fault *f) {
        if (has_planes(panels) && (!panels->back || has_planes(panels->back)))
                return CW_OK;
        return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "magicard.print",
                       "PRD_UNEXPECTED_DATA", "this printer cannot print overcoat alone");
}

static unsigned margin_of(const struct cw_magicard *e, const struct cw_magicard_info *info) {
        if (e->old || info->head_position < 0 || info->head_position > (int64_t)MARGIN_MAX)
                return MARGIN_DEFAULT;
        return MARGIN_MAX - (unsigned)info->head_position;
}

cw_rc cw_magicard_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                        struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_magicard *e = (struct cw_magicard *)p;
        struct cw_magicard_info info;
        cw_rc rc = cw_magicard_need_card(e, "magicard.print", ret, f);
        if (rc == CW_OK)
                rc = check_planes(panels, f);
        if (rc == CW_OK)
                rc = cw_magicard_need_quiet(e, "magicard.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_look(e, deadline_ns, &info, f);
        if (rc == CW_OK)
                rc = check_ribbon(e, &info, panels, f);
        if (rc == CW_OK)
                rc = cw_magicard_leave_contact(e, "magicard.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = send_job(e, panels, margin_of(e, &info), deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_finish(e, "magicard.print", false, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_magicard_counted(e, "magicard.print", info.cards, deadline_ns, ret, f);
        if (rc == CW_OK)
                cw_magicard_is_at(e, ret, CW_WHERE_OUTPUT);
        return rc;
}
