/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the elements: which exist, what they may hold. An unknown key is an error, never ignored. */
#include "drivers/face/template_element.h"

#include <stdio.h>
#include <string.h>

#define COORDINATE_MIN (-200.0)
#define COORDINATE_MAX 1400.0

/* Which keys an element kind takes, as bits of 1 << kind. */
#define BIT(kind) (1u << (kind))
#define ALL 0xffu
#define SHAPES (BIT(CW_FACE_RECT) | BIT(CW_FACE_ELLIPSE) | BIT(CW_FACE_PATH))
#define BOXED (BIT(CW_FACE_RECT) | BIT(CW_FACE_ELLIPSE) | BIT(CW_FACE_TEXT) | BIT(CW_FACE_IMAGE))
#define CODES (BIT(CW_FACE_QR) | BIT(CW_FACE_BARCODE))
static const struct {
        const char *key;
        unsigned kinds;
} keys[] = {
    {"type", ALL},
    {"panel", ALL},
    {"comment", ALL},
    {"x", BOXED | CODES},
    {"y", BOXED | CODES},
    {"w", BOXED},
    {"h", BOXED | BIT(CW_FACE_BARCODE)},
    {"x1", BIT(CW_FACE_LINE)},
    {"y1", BIT(CW_FACE_LINE)},
    {"x2", BIT(CW_FACE_LINE)},
    {"y2", BIT(CW_FACE_LINE)},
    {"radius", BIT(CW_FACE_RECT)},
    {"fill", SHAPES},
    {"stroke", SHAPES | BIT(CW_FACE_LINE)},
    {"stroke_width", SHAPES | BIT(CW_FACE_LINE)},
    {"d", BIT(CW_FACE_PATH)},
    {"text", BIT(CW_FACE_TEXT) | CODES},
    {"optional", BIT(CW_FACE_TEXT) | CODES},
    {"colour", BIT(CW_FACE_TEXT)},
    {"family", BIT(CW_FACE_TEXT)},
    {"size", BIT(CW_FACE_TEXT)},
    {"size_min", BIT(CW_FACE_TEXT)},
    {"bold", BIT(CW_FACE_TEXT)},
    {"italic", BIT(CW_FACE_TEXT)},
    {"upper", BIT(CW_FACE_TEXT)},
    {"align", BIT(CW_FACE_TEXT)},
    {"valign", BIT(CW_FACE_TEXT)},
    {"group", BIT(CW_FACE_TEXT)},
    {"letter_spacing", BIT(CW_FACE_TEXT)},
    {"src", BIT(CW_FACE_IMAGE)},
    {"module", CODES},
    {"level", BIT(CW_FACE_QR)},
};

static const char *string_of(const json_t *o, const char *key) {
        return json_string_value(json_object_get(o, key));
}

static bool number_of(const json_t *o, const char *key, double min, double max, double fallback,
                      double *ret) {
        const json_t *v = json_object_get(o, key);
        *ret = v ? json_number_value(v) : fallback;
        return (!v || json_is_number(v)) && *ret >= min && *ret <= max;
}

static bool place_of(const json_t *o, const char *key, double *ret) {
        return json_object_get(o, key) && number_of(o, key, COORDINATE_MIN, COORDINATE_MAX, 0, ret);
}

bool cw_face_parse_box(const json_t *object, struct cw_face_box *ret) {
        struct cw_face_box b;
        if (!place_of(object, "x", &b.x) || !place_of(object, "y", &b.y) || !place_of(object, "w", &b.w) ||
            !place_of(object, "h", &b.h) || b.w <= 0 || b.h <= 0)
                return false;
        *ret = b;
        return true;
}

static int hex_digit(char c) {
        static const char digits[] = "0123456789abcdef";
        const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c) : NULL;
        return at ? (int)(at - digits) : -1;
}

/* "#RRGGBB" or "#RRGGBBAA". */
static bool parse_colour(const char *text, struct cw_face_colour *ret) {
        double part[4] = {0, 0, 0, 1};
        size_t n = text ? strlen(text) : 0;
        if ((n != 7 && n != 9) || text[0] != '#')
                return false;
        for (size_t i = 0; i < (n - 1) / 2; i++) {
                int high = hex_digit(text[1 + 2 * i]), low = hex_digit(text[2 + 2 * i]);
                if (high < 0 || low < 0)
                        return false;
                part[i] = (high * 16 + low) / 255.0;
        }
        *ret = (struct cw_face_colour){part[0], part[1], part[2], part[3]};
        return true;
}

/* "#RRGGBB", or {"from": "#..", "to": "#..", "angle": degrees}. */
static bool parse_paint(const json_t *v, struct cw_face_paint *ret) {
        if (!v)
                return true;
        ret->set = true;
        if (json_is_string(v))
                return parse_colour(json_string_value(v), &ret->from);
        ret->gradient = true;
        return json_is_object(v) && parse_colour(string_of(v, "from"), &ret->from) &&
               parse_colour(string_of(v, "to"), &ret->to) && number_of(v, "angle", -360, 360, 0, &ret->angle);
}

static bool parse_kind(const char *type, enum cw_face_kind *ret) {
        static const char *const names[] = {"rect", "ellipse", "line", "path",
                                            "text", "image",   "qr",   "barcode"};
        for (size_t i = 0; type && i < sizeof names / sizeof names[0]; i++)
                if (strcmp(type, names[i]) == 0) {
                        *ret = (enum cw_face_kind)i;
                        return true;
                }
        return false;
}

static bool parse_align(const json_t *o, const char *key, const char *const names[3],
                        enum cw_face_align *ret) {
        const json_t *v = json_object_get(o, key);
        for (int i = 0; v && i < 3; i++)
                if (json_is_string(v) && strcmp(json_string_value(v), names[i]) == 0) {
                        *ret = (enum cw_face_align)i;
                        return true;
                }
        return !v;
}

static bool parse_flag(const json_t *o, const char *key, bool *ret) {
        const json_t *v = json_object_get(o, key);
        *ret = json_is_true(v);
        return !v || json_is_boolean(v);
}

/* Copies a string key of 1..CW_FACE_TEXT_MAX bytes (paths: up to the template's size). */
static bool parse_string(const json_t *o, const char *key, size_t max, char **ret) {
        const char *s = string_of(o, key);
        if (!s || !s[0] || strlen(s) > max)
                return false;
        *ret = strdup(s);
        return *ret != NULL;
}

static const char *parse_groups(const json_t *list, struct cw_face_element *e) {
        if (!list)
                return NULL;
        size_t n = json_array_size(list);
        if (!json_is_array(list) || n == 0 || n > CW_FACE_GROUPS_MAX)
                return "\"group\" must be a list of 1 to 8 lengths";
        for (size_t i = 0; i < n; i++) {
                json_int_t v = json_integer_value(json_array_get(list, i));
                if (v < 1 || v > 32)
                        return "\"group\" lengths must be 1 to 32";
                e->group[i] = (unsigned)v;
        }
        e->group_count = n;
        return NULL;
}

static const char *parse_text(const json_t *o, struct cw_face_element *e) {
        static const char *const across[] = {"left", "center", "right"};
        static const char *const down[] = {"top", "middle", "bottom"};
        if (!parse_string(o, "text", CW_FACE_TEXT_MAX, &e->text))
                return "\"text\" must be 1 to 255 bytes";
        if (!parse_string(o, "family", 63, &e->family))
                return "\"family\" must name a font";
        if (!json_object_get(o, "size") || !number_of(o, "size", 8, 300, 0, &e->size) ||
            !number_of(o, "size_min", 8, 300, e->size, &e->size_min) || e->size_min > e->size)
                return "\"size\" must be 8 to 300 pixels and \"size_min\" not above it";
        if (!number_of(o, "letter_spacing", -20, 100, 0, &e->letter_spacing))
                return "\"letter_spacing\" must be -20 to 100 pixels";
        if (!parse_flag(o, "bold", &e->bold) || !parse_flag(o, "italic", &e->italic) ||
            !parse_flag(o, "upper", &e->upper))
                return "\"bold\", \"italic\" and \"upper\" must be true or false";
        if (!parse_align(o, "align", across, &e->align) || !parse_align(o, "valign", down, &e->valign))
                return "\"align\" is left, center or right; \"valign\" is top, middle or bottom";
        e->fill.set = true;
        e->fill.from = (struct cw_face_colour){0, 0, 0, 1};
        const json_t *colour = json_object_get(o, "colour");
        if (colour && !parse_colour(json_string_value(colour), &e->fill.from))
                return "\"colour\" must be #RRGGBB or #RRGGBBAA";
        if (colour && e->black)
                return "the K panel is black; leave \"colour\" out";
        return parse_groups(json_object_get(o, "group"), e);
}

static const char *parse_qr(const json_t *o, struct cw_face_element *e) {
        double module = 0;
        const json_t *level = json_object_get(o, "level");
        if (!e->black)
                return "a QR code goes on the K panel";
        if (!parse_string(o, "text", CW_FACE_TEXT_MAX, &e->text))
                return "\"text\" must be 1 to 255 bytes";
        if (!number_of(o, "module", 4, 20, 4, &module) || module != (double)(unsigned)module)
                return "\"module\" must be 4 to 20 whole pixels";
        e->module = (unsigned)module;
        e->level = 'M';
        if (level) {
                const char *s = json_string_value(level);
                if (!s || strlen(s) != 1 || !strchr("LMQH", s[0]))
                        return "\"level\" is L, M, Q or H";
                e->level = s[0];
        }
        if (!place_of(o, "x", &e->box.x) || !place_of(o, "y", &e->box.y))
                return "\"x\" and \"y\" must be on the card";
        e->box.x = (double)(long)e->box.x;
        e->box.y = (double)(long)e->box.y;
        return NULL;
}

/* Code 128: bars of whole pixels, at least 4 mm high. */
static const char *parse_barcode(const json_t *o, struct cw_face_element *e) {
        double module = 0;
        if (!e->black)
                return "a barcode goes on the K panel";
        if (!parse_string(o, "text", CW_FACE_TEXT_MAX, &e->text))
                return "\"text\" must be 1 to 255 bytes";
        if (!number_of(o, "module", 4, 12, 4, &module) || module != (double)(unsigned)module)
                return "\"module\" must be 4 to 12 whole pixels";
        if (!place_of(o, "x", &e->box.x) || !place_of(o, "y", &e->box.y) ||
            !number_of(o, "h", 48, CW_FACE_HEIGHT, 0, &e->box.h))
                return "\"x\" and \"y\" must be on the card and \"h\" at least 48 pixels";
        e->module = (unsigned)module;
        e->box.x = (double)(long)e->box.x;
        e->box.y = (double)(long)e->box.y;
        e->box.h = (double)(long)e->box.h;
        return NULL;
}

static const char *parse_image(const json_t *o, struct cw_face_element *e) {
        if (e->black)
                return "a picture goes on the colour panels; dye cannot be resin";
        if (!parse_string(o, "src", CW_FACE_TEXT_MAX, &e->text))
                return "\"src\" must name a PNG file";
        if (strchr(e->text, '/') || e->text[0] == '.')
                return "\"src\" must be a file in the template's own folder";
        return NULL;
}

static const char *parse_shape(const json_t *o, struct cw_face_element *e) {
        if (e->kind == CW_FACE_LINE) {
                struct cw_face_box *b = &e->box;
                if (!place_of(o, "x1", &b->x) || !place_of(o, "y1", &b->y) || !place_of(o, "x2", &b->w) ||
                    !place_of(o, "y2", &b->h))
                        return "a line needs x1, y1, x2, y2";
        }
        if (e->kind == CW_FACE_PATH && !parse_string(o, "d", CW_FACE_TEMPLATE_MAX, &e->text))
                return "a path needs \"d\"";
        if (!parse_paint(json_object_get(o, "fill"), &e->fill) ||
            !parse_paint(json_object_get(o, "stroke"), &e->stroke))
                return "\"fill\" and \"stroke\" are #RRGGBB, #RRGGBBAA or {from, to, angle}";
        if (!number_of(o, "stroke_width", 0.5, 100, 2, &e->stroke_width) ||
            !number_of(o, "radius", 0, 400, 0, &e->radius))
                return "\"stroke_width\" or \"radius\" is out of range";
        if (!e->fill.set && !e->stroke.set)
                return "a shape needs \"fill\" or \"stroke\"";
        if (e->black && (e->fill.gradient || e->stroke.gradient))
                return "the K panel is on or off; a gradient goes on the colour panels";
        return NULL;
}

bool cw_face_touch(const struct cw_face_box *a, const struct cw_face_box *b) {
        return a->x < b->x + b->w && b->x < a->x + a->w && a->y < b->y + b->h && b->y < a->y + a->h;
}

static const char *unknown_key(const json_t *object, enum cw_face_kind kind) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, key, value) {
                bool found = false;
                for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
                        found = found || ((keys[i].kinds & BIT(kind)) && strcmp(key, keys[i].key) == 0);
                if (!found)
                        return key;
        }
        return NULL;
}

static const char *parse_rest(const json_t *object, struct cw_face_element *e) {
        switch (e->kind) {
        case CW_FACE_TEXT:
                return parse_text(object, e);
        case CW_FACE_IMAGE:
                return parse_image(object, e);
        case CW_FACE_QR:
                return parse_qr(object, e);
        case CW_FACE_BARCODE:
                return parse_barcode(object, e);
        case CW_FACE_RECT:
        case CW_FACE_ELLIPSE:
        case CW_FACE_LINE:
        case CW_FACE_PATH:
                break;
        }
        return parse_shape(object, e);
}

cw_rc cw_face_parse_element(const json_t *object, const struct cw_face_box *clear, struct cw_face_element *e,
                            struct cw_fault *f) {
        const char *panel = string_of(object, "panel");
        if (!json_is_object(object) || !parse_kind(string_of(object, "type"), &e->kind))
                return cw_face_element_fail(
                    f, e, "\"type\" is rect, ellipse, line, path, text, image, qr or barcode");
        if (!panel || (strcmp(panel, "k") != 0 && strcmp(panel, "ymc") != 0))
                return cw_face_element_fail(f, e, "\"panel\" is \"k\" or \"ymc\"");
        e->black = panel[0] == 'k';
        const char *unknown = unknown_key(object, e->kind);
        if (unknown) {
                char what[96];
                (void)snprintf(what, sizeof what, "it has no key \"%.40s\"", unknown);
                return cw_face_element_fail(f, e, what);
        }
        if ((BOXED & BIT(e->kind)) && !cw_face_parse_box(object, &e->box))
                return cw_face_element_fail(f, e, "x, y, w, h are missing or off the card");
        if (!parse_flag(object, "optional", &e->optional))
                return cw_face_element_fail(f, e, "\"optional\" must be true or false");
        const char *what = parse_rest(object, e);
        if (what)
                return cw_face_element_fail(f, e, what);
        /* Ink is masked around chip and stripe; a text that loses a corner there would be printed cut. */
        if (e->kind == CW_FACE_TEXT && clear->w > 0 && cw_face_touch(&e->box, clear))
                return cw_face_element_fail(f, e,
                                            e->back ? "its box covers the magnetic stripe; move it"
                                                    : "its box covers the chip window; move it");
        return CW_OK;
}
