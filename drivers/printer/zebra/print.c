/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Panels into the printer's buffers, then one linked command prints them all. Up to that command nothing is
 * on the card; it is never sent twice.
 */
#include "drivers/printer/zebra/internal.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#define LOAD_MS 30000
/* Lines of a monochrome image in one transfer; each is answered. */
#define LINES_AT_ONCE 56u

static cw_rc no_memory(struct cw_fault *f, cw_rc rc) {
        return cw_fail(f, rc, 0, "zebra.print", "", "not enough locked memory for a panel");
}

static void invert(const struct cw_zebra *e, uint8_t *line) {
        for (unsigned i = 0; (e->quirks & CW_ZEBRA_Q_PALE) && i < e->area.dots; i++)
                line[i] = (uint8_t)(0xff - line[i]);
}

/* ESC GS ... data CR in one piece. */
static cw_rc load_colour(struct cw_zebra *e, const struct cw_panel *panel, int64_t deadline_ns,
                         struct cw_printer_effect *effect, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        char head[48];
        struct cw_writer w;
        cw_zebra_colour_head(&e->area, panel->id, head, sizeof head);
        size_t size = (size_t)e->area.lines * e->area.dots;
        cw_rc rc = cw_secret_new(size + sizeof head + 2, &out);
        if (rc != CW_OK)
                return no_memory(f, rc);
        cw_writer_init(&w, out->ptr, out->cap);
        cw_put_u8(&w, 0x1b);
        cw_put_bytes(&w, head, strlen(head));
        for (unsigned n = 0; n < e->area.lines; n++) {
                uint8_t *line = (uint8_t *)out->ptr + w.len;
                cw_zebra_colour_line(&e->area, panel, n, line);
                invert(e, line);
                w.len += e->area.dots;
        }
        cw_put_u8(&w, 0x0d);
        out->len = w.len;
        return cw_zebra_load(e, out->ptr, out->len, 1, "zebra.print",
                             cw_printer_deadline(deadline_ns, LOAD_MS), effect, f);
}

static cw_rc load_lines(struct cw_zebra *e, const struct cw_panel *panel, unsigned first, unsigned count,
                        struct cw_secret *out, int64_t deadline_ns, struct cw_printer_effect *effect,
                        struct cw_fault *f) {
        uint8_t line[640 / 8];
        struct cw_writer w;
        cw_writer_init(&w, out->ptr, out->cap);
        for (unsigned n = first; n < first + count; n++) {
                cw_zebra_mono_line(&e->area, panel, n, line);
                cw_zebra_put_line(&w, e->framing, panel->id == 'o', line, e->area.dots / 8);
        }
        cw_wipe(line, sizeof line);
        if (w.bad)
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_FATAL, CW_E_TOO_BIG), 0, "zebra.print", "",
                               "lines of a panel do not fit their commands");
        return cw_zebra_load(e, out->ptr, w.len, count, "zebra.print",
                             cw_printer_deadline(deadline_ns, LOAD_MS), effect, f);
}

static cw_rc load_mono(struct cw_zebra *e, const struct cw_panel *panel, int64_t deadline_ns,
                       struct cw_printer_effect *effect, struct cw_fault *f) {
        CW_AUTO(cw_secret_free) struct cw_secret *out = NULL;
        char head[48];
        cw_zebra_mono_head(&e->area, panel->id == 'o', head, sizeof head);
        cw_rc rc = cw_secret_new((size_t)LINES_AT_ONCE * CW_ZEBRA_LINE_MAX, &out);
        if (rc != CW_OK)
                return no_memory(f, rc);
        rc = cw_zebra_set(e, head, "zebra.print", deadline_ns, effect, f);
        for (unsigned n = 0; rc == CW_OK && n < e->area.lines; n += LINES_AT_ONCE) {
                unsigned left = e->area.lines - n;
                rc = load_lines(e, panel, n, left < LINES_AT_ONCE ? left : LINES_AT_ONCE, out, deadline_ns,
                                effect, f);
        }
        return rc;
}

static bool has(const struct cw_panels *panels, char id) {
        for (size_t i = 0; i < panels->count; i++)
                if (panels->panel[i].id == id)
                        return true;
        return false;
}

static cw_rc check_face(struct cw_zebra *e, const struct cw_panels *panels, struct cw_fault *f) {
        bool colour = has(panels, 'y') || has(panels, 'm') || has(panels, 'c');
        if (colour && !(e->base.info.caps & CW_PRINTER_CAP_COLOUR))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "zebra.print",
                               "PRT_SETUP_ERROR", "this printer prints no colour");
        if (has(panels, 'o') && (e->base.info.caps & CW_PRINTER_CAP_NO_OVERCOAT))
                return cw_fail(f, CW_RC(CW_L_PRINTER, CW_C_REJECT, CW_E_UNSUPPORTED), 0, "zebra.print",
                               "PRT_SETUP_ERROR",
                               "how this printer lays an overcoat by a picture is not public; take the o "
                               "panel out of the face");
        for (size_t i = 0; i < panels->count; i++)
                if (!cw_printer_ribbon_has(e->base.ribbon, panels->panel[i].id))
                        return cw_printer_fail(f, CW_C_OPERATOR, CW_E_MISMATCH, "zebra.print", "PRT_RIBBON",
                                               e->base.ribbon);
        return CW_OK;
}

static cw_rc set_heat(struct cw_zebra *e, const struct cw_panels *panels, int64_t deadline_ns,
                      struct cw_printer_effect *effect, struct cw_fault *f) {
        char command[16];
        int heat = cw_printer_heat(&e->base, 'k');
        (void)snprintf(command, sizeof command, "+C %d", heat);
        return heat >= 0 && has(panels, 'k') ? cw_zebra_set(e, command, "zebra.print", deadline_ns, effect, f)
                                             : CW_OK;
}

/* What an earlier card left in the buffers must not come out on this one. */
static cw_rc empty_buffers(struct cw_zebra *e, int64_t deadline_ns, struct cw_printer_effect *effect,
                           struct cw_fault *f) {
        cw_rc rc = cw_zebra_set(e, "F", "zebra.print", deadline_ns, effect, f);
        if (rc == CW_OK && !(e->base.info.caps & CW_PRINTER_CAP_NO_OVERCOAT))
                rc = cw_zebra_set(e, "vF", "zebra.print", deadline_ns, effect, f);
        if (rc == CW_OK && (e->base.info.caps & CW_PRINTER_CAP_COLOUR))
                rc = cw_zebra_set(e, "$F", "zebra.print", deadline_ns, effect, f);
        return rc;
}

/* "M 1 IS 0[IS 1[IS 2[I 10": the black panel last, since its 10 is what is known to keep the card; with an
 * overcoat "[I[IV 1", as seen. */
static void print_command(const struct cw_panels *panels, char *ret, size_t cap) {
        static const char order[] = "ymc";
        size_t n = (size_t)snprintf(ret, cap, "M 1 ");
        for (unsigned i = 0; i < 3; i++)
                if (has(panels, order[i]))
                        n += (size_t)snprintf(ret + n, cap - n, "IS %u[", i);
        (void)snprintf(ret + n, cap - n, "%s", has(panels, 'o') ? "I[IV 1" : "I 10");
}

static cw_rc print_all(struct cw_zebra *e, const struct cw_panels *panels, int64_t deadline_ns,
                       struct cw_printer_effect *effect, struct cw_fault *f) {
        char command[48];
        print_command(panels, command, sizeof command);
        cw_rc rc = cw_zebra_act(e, command, "zebra.print", deadline_ns, effect, f);
        effect->ribbon_used = effect->started;
        if (rc == CW_OK && !has(panels, 'o'))
                rc = cw_zebra_act(e, "MO", "zebra.print", deadline_ns, effect, f);
        if (rc == CW_OK)
                cw_zebra_is_at(e, effect, CW_WHERE_OUTPUT);
        else if (effect->started && cw_rc_class(rc) != CW_C_IN_DOUBT) {
                /* The command is a list: it may have stopped at any of its parts. */
                cw_zebra_is_at(e, effect, CW_WHERE_UNKNOWN);
                rc = CW_RC(CW_L_PRINTER, CW_C_IN_DOUBT, rc & 0xffffu);
                if (f)
                        f->rc = rc;
        }
        return rc;
}

cw_rc cw_zebra_print(struct cw_printer *p, const struct cw_panels *panels, int64_t deadline_ns,
                     struct cw_printer_effect *ret, struct cw_fault *f) {
        struct cw_zebra *e = (struct cw_zebra *)p;
        cw_rc rc = cw_zebra_need_card(e, "zebra.print", deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = check_face(e, panels, f);
        if (rc == CW_OK)
                rc = set_heat(e, panels, deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = empty_buffers(e, deadline_ns, ret, f);
        for (size_t i = 0; rc == CW_OK && i < panels->count; i++)
                rc = panels->panel[i].bits > 1 ? load_colour(e, &panels->panel[i], deadline_ns, ret, f)
                                               : load_mono(e, &panels->panel[i], deadline_ns, ret, f);
        if (rc == CW_OK)
                rc = cw_zebra_in_step(e, "zebra.print", deadline_ns, f);
        return rc == CW_OK ? print_all(e, panels, deadline_ns, ret, f) : rc;
}
