/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a job: commands of three letters and a value, separated by commas, the copies first. */
#include "magicard.h"

#include <stdlib.h>
#include <string.h>

struct scan {
        struct emup_model *m;
        const char *at;              /* next command */
        const struct mgc_job *front; /* of a back */
        struct mgc_job *job;
        unsigned track, bpi, mpc; /* of the MAG command that was read last, 0 = none */
        char head[8], format[8];
        unsigned width, height, page, copies;
        size_t commands;
};

static bool wrong(struct scan *s, const char *why, const char *what) {
        emup_violation(s->m, "job header: %s \"%.16s\"", why, what);
        return false;
}

/* A decimal number that is all of text. */
static bool number(const char *text, unsigned max, unsigned *ret) {
        char *end = NULL;
        unsigned long v = strtoul(text, &end, 10);
        if (*text < '0' || *text > '9' || *end || v > max)
                return false;
        *ret = (unsigned)v;
        return true;
}

/* The next command up to its comma into token; false at the end. */
static bool next(struct scan *s, char *token, size_t cap) {
        if (!*s->at)
                return false;
        size_t n = strcspn(s->at, ","), keep = n < cap ? n : cap - 1;
        memcpy(token, s->at, keep);
        token[keep] = '\0';
        s->at += n;
        if (*s->at == ',')
                s->at++;
        return true;
}

static bool box(struct scan *s, const char *first, struct mgc_box *ret) {
        char token[16];
        unsigned *const to[] = {&ret->x1, &ret->y1, &ret->x2, &ret->y2};
        if (!number(first, 1025, to[0]))
                return wrong(s, "no box", first);
        for (int i = 1; i < 4; i++)
                if (!next(s, token, sizeof token) || !number(token, 1025, to[i]))
                        return wrong(s, "a box has four numbers", first);
        if (ret->x1 > ret->x2 || ret->y1 > ret->y2)
                return wrong(s, "a box from right to left", first);
        ret->set = true;
        return true;
}

static bool on_off(struct scan *s, const char *value, bool *ret) {
        if (strcmp(value, "ON") != 0 && strcmp(value, "OFF") != 0)
                return wrong(s, "neither ON nor OFF", value);
        *ret = value[1] == 'N';
        return true;
}

static bool track_settings(const struct scan *s) {
        static const unsigned bpi[] = {210, 75, 210};
        /* Seven bits for track 3 are what one open driver sends; five are ISO. */
        unsigned bits = s->mpc ? s->mpc : s->track == 1 ? 7 : 5;
        return (!s->bpi || s->bpi == bpi[s->track - 1]) && bits == (s->track == 1 ? 7u : 5u);
}

/* Track data with its sentinels; commas may be in it. */
static bool track_data(struct scan *s) {
        char text[EMUP_TRACK_TEXT_MAX + 1];
        const char *end = strchr(s->at, '?');
        char start = s->track == 1 ? '%' : ';';
        if (!s->track || *s->at != start || !end)
                return wrong(s, "track data without its MAG or its sentinels", "");
        size_t n = (size_t)(end - s->at - 1);
        if (n >= sizeof text || !track_settings(s))
                return wrong(s, "track of the wrong length, density or bits", "");
        memcpy(text, s->at + 1, n);
        text[n] = '\0';
        if (emup_stripe_encode(s->track, text, &s->job->track[s->track - 1]) != EMUP_STRIPE_OK)
                return wrong(s, "characters the track cannot hold", "");
        s->job->any_track = true;
        s->track = 0;
        s->at = end + 1;
        if (*s->at == ',')
                s->at++;
        return true;
}

static bool magnetic(struct scan *s, const char *name, const char *value) {
        if (strcmp(name, "MAG") == 0) {
                s->bpi = s->mpc = 0;
                return (number(value, 3, &s->track) && s->track) || wrong(s, "no track", value);
        }
        if (strcmp(name, "BPI") == 0)
                return number(value, 210, &s->bpi) || wrong(s, "no density", value);
        if (strcmp(name, "MPC") == 0)
                return number(value, 7, &s->mpc) || wrong(s, "no bits per character", value);
        if (strcmp(name, "COE") == 0) {
                s->job->coercivity = *value == 'H' ? 'h' : 'l';
                return strcmp(value, "H") == 0 || strcmp(value, "L") == 0 || wrong(s, "no coercivity", value);
        }
        return on_off(s, value, &s->job->verify); /* MGV */
}

static size_t end_of(const struct mgc_job *job) {
        return job->planes ? job->plane[job->planes - 1].at + job->plane[job->planes - 1].size : 0;
}

static bool plane(struct scan *s, char letter, const char *value) {
        struct mgc_job *job = s->job;
        const struct mgc *l = mgc_of(s->m);
        unsigned size;
        const char *at = strchr("BGRK", letter);
        if (!at || !number(value, EMUP_PANEL_DATA_MAX, &size) || job->planes == MGC_PLANES)
                return wrong(s, "no plane", value);
        if (job->planes && strchr("BGRK", job->plane[job->planes - 1].letter) >= at)
                return wrong(s, "planes out of order", value);
        if (size != mgc_plane_bytes(l->old, letter == 'K'))
                return wrong(s, "plane of the wrong size", value);
        size_t before = job->planes || !s->front ? end_of(job) : end_of(s->front);
        if (before + size > EMUP_PANEL_DATA_MAX)
                return wrong(s, "more planes than fit", value);
        job->plane[job->planes++] = (struct mgc_plane){letter, size, before};
        return true;
}

/* Known, and without meaning for what is on the card. */
static bool accepted(const char *name) {
        static const char *const names[] = {"VER", "LAN", "TDT", "RSP", "LC1", "LC3", "LC6", "LC8",
                                            "ESS", "XCO", "YCO", "NNN", "USF", "ICC", "SLW", "RT2"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strcmp(names[i], name) == 0)
                        return true;
        return false;
}

/* Head power: kept where a test can see it. */
static bool power(struct scan *s, const char *name, const char *value) {
        struct emup_model *m = s->m;
        unsigned v, i = 0;
        if (!strchr("CKO", name[0]) || !number(value, 100, &v))
                return wrong(s, "no head power", value);
        while (i < m->setting_count && strcmp(m->settings[i].key, name) != 0)
                i++;
        if (i == m->setting_count)
                m->setting_count++;
        (void)snprintf(m->settings[i].key, sizeof m->settings[i].key, "%s", name);
        (void)snprintf(m->settings[i].value, sizeof m->settings[i].value, "%u", v);
        return true;
}

static bool picture(struct scan *s, const char *name, const char *value) {
        if (strcmp(name, "PAG") == 0)
                return number(value, 2, &s->page) || wrong(s, "no page", value);
        if (strcmp(name, "DPX") == 0)
                return on_off(s, value, &s->job->duplex);
        if (strcmp(name, "BAC") == 0) {
                (void)snprintf(s->job->back_format, sizeof s->job->back_format, "%.3s", value);
                return true;
        }
        if (strcmp(name, "WID") == 0)
                return number(value, 1026, &s->width) || wrong(s, "no width", value);
        if (strcmp(name, "HGT") == 0)
                return number(value, 642, &s->height) || wrong(s, "no height", value);
        if (strcmp(name, "OVR") == 0)
                return on_off(s, value, &s->job->overcoat);
        if (strcmp(name, "PCT") == 0)
                return box(s, value, &s->job->coat);
        if (strcmp(name, "NCT") == 0)
                return box(s, value, &s->job->hole);
        if (strcmp(name, "IMF") == 0) {
                (void)snprintf(s->format, sizeof s->format, "%.7s", value);
                return true;
        }
        if (strcmp(name + 1, "PW") == 0)
                return power(s, name, value);
        return accepted(name) || wrong(s, "unknown command", name);
}

static bool command(struct scan *s, const char *token) {
        char name[4] = "";
        (void)snprintf(name, sizeof name, "%.3s", token);
        const char *value = strlen(token) > 3 ? token + 3 : "";
        s->commands++;
        if (strcmp(name, "NOC") == 0)
                return (s->commands == 1 && number(value, 1, &s->copies) && s->copies == 1) ||
                       wrong(s, "copies not first, or not one", value);
        if (strcmp(name, "KGE") == 0 || strcmp(name, "KEE") == 0) {
                (void)snprintf(s->head, sizeof s->head, "%.7s", token);
                return true;
        }
        if (strcmp(name, "REJ") == 0)
                return on_off(s, value, &s->job->reject_faulty);
        if (strncmp(token, "SZ", 2) == 0)
                return plane(s, token[2], value);
        if (strcmp(name, "MAG") == 0 || strcmp(name, "BPI") == 0 || strcmp(name, "MPC") == 0 ||
            strcmp(name, "COE") == 0 || strcmp(name, "MGV") == 0)
                return magnetic(s, name, value);
        return picture(s, name, value);
}

/* What the front has said about the back is what the back has. */
static bool right_page(struct scan *s, const char *letters) {
        char format[4];
        const struct mgc_job *job = s->job;
        if (s->page != (s->front ? 2u : 1u) || (s->front && (!job->duplex || job->any_track)))
                return wrong(s, "another page than this one, or a stripe on the back's", "");
        if (job->duplex && s->m->cfg.flip == EMUP_FLIP_NONE)
                return wrong(s, "a printer that cannot turn a card over", "DPXON");
        if (!s->front)
                return job->duplex == (job->back_format[0] != '\0') ||
                       wrong(s, "DPX and BAC differ", job->back_format);
        (void)snprintf(format, sizeof format, "%s%s%s", strchr(letters, 'B') ? "C" : "",
                       strchr(letters, 'K') ? "K" : "", job->overcoat ? "O" : "");
        return strcmp(format, s->front->back_format) == 0 ||
               wrong(s, "a back unlike the BAC of the front", format);
}

/* The planes are those of IMF, the panels those of the planes and the overcoat. */
static bool complete(struct scan *s) {
        char letters[MGC_PLANES + 1] = "", *to = s->job->panels;
        const struct mgc *l = mgc_of(s->m);
        for (unsigned i = 0; i < s->job->planes; i++)
                letters[i] = s->job->plane[i].letter;
        if (s->copies != 1)
                return wrong(s, "no NOC", "");
        if (strcmp(s->head, l->old ? "KEE" : "KGE2") != 0)
                return wrong(s, "another print head", s->head);
        if (s->job->planes == 0)
                return s->job->any_track || wrong(s, "nothing to do", "");
        if (strcmp(letters, s->format) != 0)
                return wrong(s, "IMF and the planes differ", s->format);
        if (!right_page(s, letters))
                return false;
        if (s->width != MGC_ROWS || s->height != MGC_IMAGE)
                return wrong(s, "picture of the wrong size", "");
        for (unsigned i = 0; i < s->job->planes; i++)
                *to++ = "ymck"[strchr("BGRK", letters[i]) - "BGRK"];
        if (s->job->overcoat)
                *to++ = 'o';
        *to = '\0';
        return !s->job->overcoat || s->job->coat.set || wrong(s, "overcoat without its area", "");
}

bool mgc_header(struct emup_model *m, const char *text, const struct mgc_job *front, struct mgc_job *ret) {
        char token[64];
        *ret = (struct mgc_job){.coercivity = 'h'};
        struct scan s = {.m = m, .at = text, .front = front, .job = ret};
        if (*s.at++ != ',')
                return wrong(&s, "a job begins with a comma", text);
        while (*s.at) {
                if (*s.at == '%' || *s.at == ';') {
                        if (!track_data(&s))
                                return false;
                } else if (!next(&s, token, sizeof token) || !command(&s, token)) {
                        return false;
                }
        }
        return complete(&s);
}
