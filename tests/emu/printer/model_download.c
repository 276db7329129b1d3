/* SPDX-License-Identifier: Apache-2.0 */
/* D commands: track data for the head, rasters for the panels. */
#include "model_int.h"

#include <stdlib.h>
#include <string.h>

static unsigned track_format(const struct emup_model *m, unsigned track) {
        char key[] = "Pmt;1";
        key[4] = (char)('0' + track);
        const char *set = emup_setting(m, key);
        return *set ? (unsigned)(*set - '0') : track;
}

static void load_track(struct emup_model *m, const struct emup_args *a) {
        if (a->n != 2 || strlen(a->arg[0]) != 1 || !strchr("123", a->arg[0][0])) {
                emup_violation(m, "Dm wants a track and its data");
                emup_reply_err(m, ERR_PARAMETER);
                return;
        }
        unsigned track = (unsigned)(a->arg[0][0] - '0');
        switch (emup_stripe_encode(track_format(m, track), a->arg[1], &m->seq.loaded[track - 1])) {
        case EMUP_STRIPE_OK:
                emup_reply_ok(m);
                return;
        case EMUP_STRIPE_LENGTH:
                emup_violation(m, "Dm;%u: %zu characters are too long", track, strlen(a->arg[1]));
                break;
        case EMUP_STRIPE_FORMAT:
        case EMUP_STRIPE_CHARACTER:
                emup_violation(m, "Dm;%u: character outside the set of the track, or a sentinel", track);
                break;
        }
        emup_reply_err(m, ERR_MAG_DATA);
}

void emup_download_header(struct emup_model *m, const struct emup_args *a) {
        bool goes_on = strcmp(a->name, "Dbp") == 0 && m->pending.letter == a->arg[0][0];
        if (m->pending.letter && !goes_on && m->seq.active && !m->seq.failed)
                emup_head_start(m);
}

/* Panels of a ribbon kind for one side of a card, in the order they lie on the ribbon. */
static const char *kind_panels(const char *kind, unsigned side) {
        if (side && strcmp(kind, "ymckok") == 0)
                return "k";
        if (strncmp(kind, "ymcko", 5) == 0)
                return "ymcko";
        if (strcmp(kind, "ko") == 0)
                return "ko";
        return strcmp(kind, "h") == 0 || strcmp(kind, "o") == 0 ? "o" : "k";
}

/* Panels come in the order of the ribbon, each once; what Pr promised binds the driver. */
static enum emup_err check_panel(struct emup_model *m, char letter, unsigned levels) {
        const char *kind = emup_setting(m, "Pr"), *order = "ymcko";
        size_t n = strlen(m->seq.panels);
        if ((letter == 'k' || letter == 'o') && levels != 2) {
                emup_violation(m, "panel %c is on or off, not %u levels", letter, levels);
                return ERR_PARAMETER;
        }
        if (n && strchr(order, letter) <= strchr(order, m->seq.panels[n - 1])) {
                emup_violation(m, "panel %c after panel %c", letter, m->seq.panels[n - 1]);
                return ERR_SEQUENCE;
        }
        if (!*kind)
                kind = m->ribbon.kind; /* recognised by its tag */
        if (!strchr(kind_panels(kind, m->side), letter)) {
                emup_violation(m, "panel %c is not on a ribbon %s", letter, kind);
                return ERR_RIBBON;
        }
        return strchr(kind_panels(m->ribbon.kind, m->side), letter) ? ERR_NONE : ERR_RIBBON;
}

/* The state of the job decides whether a raster may come at all. */
static enum emup_err check_job(struct emup_model *m) {
        if (!m->seq.active) {
                emup_violation(m, "raster outside of a sequence (no Ss)");
                return ERR_SEQUENCE;
        }
        if (m->latched) {
                m->seq.failed = m->latched;
                m->latched = ERR_NONE;
        }
        return m->seq.failed;
}

static enum emup_err accept(struct emup_model *m, const struct emup_args *a, const uint8_t *data, size_t n) {
        char letter = a->arg[0][0];
        unsigned levels = emup_number(a->arg[1]), first = 0;
        bool part = strcmp(a->name, "Dbp") == 0, goes_on = part && m->pending.letter == letter;
        enum emup_err err = check_job(m);
        if (!err && !goes_on)
                err = check_panel(m, letter, levels);
        if (err)
                return err;
        if (strcmp(a->name, "Dbc") == 0) {
                const char *wrong = emup_raster_expand(levels, data, n, m->pending.pixels);
                if (wrong) {
                        emup_violation(m, "Dbc;%c: %s", letter, wrong);
                        return ERR_DATA;
                }
        } else {
                if (part)
                        first = emup_number(a->arg[2]);
                if (part && !goes_on)
                        memset(m->pending.pixels, 0, EMUP_PIXELS);
                emup_raster_unpack(levels, part ? emup_number(a->arg[3]) : EMUP_LINES, data,
                                   m->pending.pixels + (size_t)first * EMUP_WIDTH);
        }
        m->pending.letter = letter;
        m->pending.levels = levels;
        if (!goes_on)
                (void)snprintf(m->seq.panels + strlen(m->seq.panels), 2, "%c", letter);
        return ERR_NONE;
}

static void raster(struct emup_model *m, const struct emup_args *a, const uint8_t *data, size_t n) {
        if (!data) {
                emup_violation(m, "%s with a header that says no size", a->name);
                emup_reply_err(m, ERR_PARAMETER);
                return;
        }
        enum emup_err err = accept(m, a, data, n);
        if (err)
                emup_reply_err(m, err);
        else
                emup_reply_ok(m);
}

bool emup_download(struct emup_model *m, const struct emup_args *a, const uint8_t *data, size_t n) {
        if (strcmp(a->name, "Dm") == 0)
                load_track(m, a);
        else if (emup_is_raster(a->name))
                raster(m, a, data, n);
        else
                return false;
        return true;
}
