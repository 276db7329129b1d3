/* SPDX-License-Identifier: Apache-2.0 */
#include "plastic.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/cleanup.h"
#include "plastic_image.h"

enum { PATH_CAP = 1024, SERIAL_CAP = 96, SIDES = 2 };

struct emup_plastic {
        char path[PATH_CAP];
        char serial[SERIAL_CAP];
        json_t *doc; /* plastic.json */
        struct emup_stripe stripe;
        struct emup_layers layers[SIDES];
        bool stale[SIDES];
};

static int complain(const char *what, const char *path) {
        (void)fprintf(stderr, "emulated printer: cannot %s %s: %s\n", what, path, strerror(errno));
        return -1;
}

static int join(const struct emup_plastic *p, const char *name, char *ret, size_t cap) {
        int n = snprintf(ret, cap, "%s/%s", p->path, name);
        return n < 0 || (size_t)n >= cap ? -1 : 0;
}

static int save_json(const struct emup_plastic *p, const char *name, const json_t *doc) {
        char path[PATH_CAP + 64], tmp[PATH_CAP + 72];
        if (join(p, name, path, sizeof path) != 0)
                return -1;
        (void)snprintf(tmp, sizeof tmp, "%s.tmp", path);
        if (json_dump_file(doc, tmp, JSON_INDENT(2)) != 0 || rename(tmp, path) != 0)
                return complain("write", path);
        return 0;
}

static json_int_t epoch_ms(void) {
        struct timespec t;
        (void)clock_gettime(CLOCK_REALTIME, &t);
        return (json_int_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int emup_plastic_move(struct emup_plastic *p, const char *where, const char *event) {
        json_t *history = json_object_get(p->doc, "history");
        json_object_set_new(p->doc, "where", json_string(where));
        json_array_append_new(
            history, json_pack("{s:I, s:s, s:s}", "at_ms", epoch_ms(), "event", event, "where", where));
        return save_json(p, "plastic.json", p->doc);
}

/* Letters a file name takes without harm, whatever the printer calls itself. */
static void clean_name(const char *from, char *to, size_t cap) {
        size_t n = 0;
        for (; *from && n + 1 < cap; from++)
                to[n++] = isalnum((unsigned char)*from) ? *from : '_';
        to[n] = '\0';
}

static int make_directory(const char *dir, const char *printer, struct emup_plastic *p) {
        char name[48];
        clean_name(*printer ? printer : "noserial", name, sizeof name);
        for (unsigned number = 1; number < 1000000; number++) {
                (void)snprintf(p->serial, sizeof p->serial, "plastic-%s-%06u", name, number);
                int n = snprintf(p->path, sizeof p->path, "%s/%s", dir, p->serial);
                if (n < 0 || (size_t)n >= sizeof p->path)
                        return -1;
                if (mkdir(p->path, 0755) == 0)
                        return 0;
                if (errno != EEXIST)
                        return complain("make", p->path);
        }
        return -1;
}

int emup_plastic_create(const char *dir, const char *printer, bool hico, struct emup_plastic **ret) {
        struct emup_plastic *p = calloc(1, sizeof *p);
        if (!p || make_directory(dir, printer, p) != 0) {
                free(p);
                return -1;
        }
        p->stripe.coercivity = hico ? 'h' : 'l';
        p->doc = json_pack("{s:s, s:s, s:s, s:[]}", "serial", p->serial, "where", "hopper", "printer",
                           printer, "history");
        if (!p->doc || emup_plastic_save_stripe(p) != 0 || emup_plastic_move(p, "hopper", "made") != 0) {
                emup_plastic_free(p);
                return -1;
        }
        *ret = p;
        return 0;
}

static void load_track(const json_t *from, struct emup_track *t) {
        const char *text = json_string_value(json_object_get(from, "text"));
        json_int_t format = json_integer_value(json_object_get(from, "format"));
        if (text && format >= 1 && format <= 3)
                (void)emup_stripe_encode((unsigned)format, text, t);
}

static void load_stripe(struct emup_plastic *p) {
        char path[PATH_CAP + 64];
        if (join(p, "stripe.json", path, sizeof path) != 0)
                return;
        CW_AUTO_JSON json_t *doc = json_load_file(path, 0, NULL);
        const char *coercivity = json_string_value(json_object_get(doc, "coercivity"));
        p->stripe.coercivity = coercivity && *coercivity == 'h' ? 'h' : 'l';
        const json_t *tracks = json_object_get(doc, "tracks");
        for (size_t i = 0; i < json_array_size(tracks); i++) {
                const json_t *t = json_array_get(tracks, i);
                json_int_t number = json_integer_value(json_object_get(t, "track"));
                if (number >= 1 && number <= EMUP_TRACKS)
                        load_track(t, &p->stripe.track[number - 1]);
        }
}

static const char *const side_names[SIDES] = {"front", "back"};

static void layer_path(const struct emup_plastic *p, unsigned side, int panel, char *ret, size_t cap) {
        char name[16];
        (void)snprintf(name, sizeof name, "%s-%c.png", side_names[side], "ymcko"[panel]);
        (void)join(p, name, ret, cap);
}

static void load_layers(struct emup_plastic *p, unsigned side) {
        for (int i = 0; i < EMUP_PANELS; i++) {
                char path[PATH_CAP + 64];
                layer_path(p, side, i, path, sizeof path);
                CW_AUTO_MEM uint8_t *layer = malloc(EMUP_PIXELS);
                if (layer && emup_image_read_layer(path, layer) == 0)
                        p->layers[side].layer[i] = CW_STEAL(layer);
        }
}

int emup_plastic_open(const char *path, struct emup_plastic **ret) {
        struct emup_plastic *p = calloc(1, sizeof *p);
        char doc_path[PATH_CAP + 64];
        if (!p || strlen(path) >= sizeof p->path) {
                free(p);
                return -1;
        }
        memcpy(p->path, path, strlen(path) + 1);
        (void)join(p, "plastic.json", doc_path, sizeof doc_path);
        p->doc = json_load_file(doc_path, 0, NULL);
        const char *serial = json_string_value(json_object_get(p->doc, "serial"));
        if (!serial || !json_is_array(json_object_get(p->doc, "history"))) {
                emup_plastic_free(p);
                return -1;
        }
        (void)snprintf(p->serial, sizeof p->serial, "%s", serial);
        load_stripe(p);
        load_layers(p, 0);
        load_layers(p, 1);
        *ret = p;
        return 0;
}

void emup_plastic_free(struct emup_plastic *p) {
        if (!p)
                return;
        for (int i = 0; i < EMUP_PANELS; i++) {
                free(p->layers[0].layer[i]);
                free(p->layers[1].layer[i]);
        }
        json_decref(p->doc);
        free(p);
}

const char *emup_plastic_path(const struct emup_plastic *p) {
        return p->path;
}

struct emup_stripe *emup_plastic_stripe(struct emup_plastic *p) {
        return &p->stripe;
}

static json_t *track_json(unsigned number, const struct emup_track *t) {
        char hex[2 * EMUP_TRACK_BYTES + 1] = "";
        for (size_t i = 0; i * 8 < t->nbits; i++)
                (void)snprintf(hex + 2 * i, 3, "%02x", t->bits[i]);
        return json_pack("{s:i, s:i, s:s, s:s#, s:i, s:s}", "track", (int)number, "format", (int)t->format,
                         "text", t->text, "lrc", &t->lrc, (size_t)1, "nbits", (int)t->nbits, "bits", hex);
}

int emup_plastic_save_stripe(struct emup_plastic *p) {
        CW_AUTO_JSON json_t *doc =
            json_pack("{s:s, s:[]}", "coercivity", p->stripe.coercivity == 'h' ? "h" : "l", "tracks");
        json_t *tracks = json_object_get(doc, "tracks");
        for (unsigned i = 0; i < EMUP_TRACKS; i++)
                if (p->stripe.track[i].written)
                        json_array_append_new(tracks, track_json(i + 1, &p->stripe.track[i]));
        return save_json(p, "stripe.json", doc);
}

int emup_plastic_print(struct emup_plastic *p, unsigned side, const struct emup_panel *panel, unsigned lines,
                       size_t *ret_on_chip) {
        int at = emup_panel_index(panel->letter);
        if (at < 0)
                return -1;
        uint8_t **layers = p->layers[side].layer;
        if (!layers[at])
                layers[at] = calloc(1, EMUP_PIXELS);
        uint8_t *layer = layers[at];
        if (!layer)
                return -1;
        size_t on_chip = 0;
        for (unsigned line = 0; line < lines && line < EMUP_LINES; line++)
                for (unsigned x = 0; x < EMUP_WIDTH; x++) {
                        size_t i = (size_t)line * EMUP_WIDTH + x;
                        if (!panel->pixels[i])
                                continue;
                        layer[i] = (uint8_t)(panel->pixels[i] * 255u / (panel->levels - 1));
                        on_chip += side == 0 && emup_on_chip(x, line);
                }
        p->stale[side] = true;
        *ret_on_chip = on_chip;
        char path[PATH_CAP + 64];
        layer_path(p, side, at, path, sizeof path);
        return emup_image_write_layer(path, layer);
}

int emup_plastic_compose(struct emup_plastic *p, bool turned) {
        int rc = 0;
        for (unsigned side = 0; side < SIDES; side++) {
                char path[PATH_CAP + 64], name[16];
                if (!p->stale[side])
                        continue;
                p->stale[side] = false;
                (void)snprintf(name, sizeof name, "%s.png", side_names[side]);
                enum emup_view view = side == 0 ? EMUP_VIEW_FRONT
                                      : turned  ? EMUP_VIEW_BACK_TURNED
                                                : EMUP_VIEW_BACK;
                if (join(p, name, path, sizeof path) != 0 ||
                    emup_image_write_face(path, &p->layers[side], view) != 0)
                        rc = -1;
        }
        return rc;
}
