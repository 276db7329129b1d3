/* SPDX-License-Identifier: Apache-2.0 */
/* The template as a whole. */
#include "drivers/face/template.h"

#include "base/file.h"
#include "drivers/face/template_element.h"

#include <jansson.h>
#include <string.h>

/* ISO/IEC 7816-2 contacts at 300 dpi with 2.5 mm around them: no ink may come near the module. */
static const struct cw_face_box default_chip = {88, 198, 180, 172};
/* The hole that printers leave for a stripe on the back, 4 to 18.5 mm from the upper edge, over the whole
 * card. */
static const struct cw_face_box default_stripe = {0, 54, CW_FACE_WIDTH, 171};

void cw_face_template_free(struct cw_face_template *t) {
        if (!t)
                return;
        for (size_t i = 0; i < t->count; i++) {
                free(t->element[i].text);
                free(t->element[i].family);
        }
        cw_face_template_free(t->back);
        free(t->element);
        free(t->directory);
        free(t);
}

cw_rc cw_face_element_fail(struct cw_fault *f, const struct cw_face_element *e, const char *what) {
        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX), e->index, "face.draw",
                       "PRD_UNEXPECTED_DATA", "card face, %selement %u: %s", e->back ? "back, " : "",
                       e->index, what);
}

static cw_rc bad(struct cw_fault *f, const char *what) {
        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX), 0, "face.template",
                       "PRD_UNEXPECTED_DATA", "card face template: %s", what);
}

/* true, false, or {"windows": [{x, y, w, h}]}: an overcoat with holes. */
static bool parse_overcoat(const json_t *v, struct cw_face_template *t) {
        const json_t *windows = json_object_get(v, "windows");
        t->overcoat = !json_is_false(v);
        if (!v || json_is_boolean(v))
                return true;
        if (json_object_size(v) != 1 || !json_is_array(windows) ||
            json_array_size(windows) > CW_FACE_WINDOWS_MAX)
                return false;
        for (; t->window_count < json_array_size(windows); t->window_count++)
                if (!cw_face_parse_box(json_array_get(windows, t->window_count), &t->window[t->window_count]))
                        return false;
        return true;
}

/* Of the front, and of "back". */
static const char *const front_keys[] = {"cardwright-face", "name",     "comment", "chip", "overcoat",
                                         "knockout",        "elements", "back",    NULL};
static const char *const back_keys[] = {"comment", "stripe", "overcoat", "knockout", "elements", NULL};

static bool known_keys(const json_t *object, const char *const *known) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)object, key, value) {
                bool found = false;
                for (size_t i = 0; known[i]; i++)
                        found = found || strcmp(key, known[i]) == 0;
                if (!found)
                        return false;
        }
        return true;
}

/* false, {x, y, w, h}, or nothing for the usual place. */
static bool parse_clear(const json_t *v, const struct cw_face_box *usual, struct cw_face_box *ret) {
        *ret = *usual;
        if (json_is_false(v))
                *ret = (struct cw_face_box){0};
        return !v || json_is_false(v) || cw_face_parse_box(v, ret);
}

static cw_rc parse_face_head(const json_t *face, struct cw_face_template *t, struct cw_fault *f) {
        const json_t *knockout = json_object_get(face, "knockout");
        if (!parse_overcoat(json_object_get(face, "overcoat"), t))
                return bad(f, "\"overcoat\" is true, false, or has up to 8 \"windows\" with x, y, w, h");
        t->knockout = !knockout || json_is_true(knockout);
        return CW_OK;
}

static cw_rc parse_head(const json_t *root, struct cw_face_template *t, struct cw_fault *f) {
        if (!known_keys(root, front_keys))
                return bad(f, "it has a key nobody knows; see the template documentation");
        if (json_integer_value(json_object_get(root, "cardwright-face")) != 1)
                return bad(f, "\"cardwright-face\": 1 is missing");
        if (!parse_clear(json_object_get(root, "chip"), &default_chip, &t->clear))
                return bad(f, "\"chip\" must be false or have x, y, w, h inside the card");
        return parse_face_head(root, t, f);
}

static cw_rc parse_elements(const json_t *list, struct cw_face_template *t, struct cw_fault *f) {
        size_t count = json_array_size(list);
        if (!json_is_array(list) || count == 0 || count > CW_FACE_ELEMENTS_MAX)
                return bad(f, "\"elements\" must be a list of 1 to 200 elements");
        t->element = calloc(count, sizeof *t->element);
        if (!t->element)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.template", "",
                               "out of memory");
        for (size_t i = 0; i < count; i++) {
                t->count = i + 1;
                t->element[i].index = (unsigned)i + 1;
                t->element[i].back = t->is_back;
                cw_rc rc = cw_face_parse_element(json_array_get(list, i), &t->clear, &t->element[i], f);
                if (rc != CW_OK)
                        return rc;
        }
        return CW_OK;
}

/* *ret is there and empty but for its folder. */
static cw_rc new_template(const char *directory, struct cw_face_template **ret, struct cw_fault *f) {
        struct cw_face_template *fresh = calloc(1, sizeof *fresh);
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = fresh;
        if (t)
                t->directory = strdup(directory);
        if (!t || !t->directory)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.template", "",
                               "out of memory");
        *ret = CW_STEAL(t);
        return CW_OK;
}

static cw_rc parse_back(const json_t *face, struct cw_face_template *front, struct cw_fault *f) {
        if (!face)
                return CW_OK;
        if (!json_is_object(face) || !known_keys(face, back_keys))
                return bad(f, "\"back\" has elements, and may have stripe, overcoat, knockout and comment");
        cw_rc rc = new_template(front->directory, &front->back, f);
        if (rc != CW_OK)
                return rc;
        front->back->is_back = true;
        if (!parse_clear(json_object_get(face, "stripe"), &default_stripe, &front->back->clear))
                return bad(f, "\"stripe\" must be false or have x, y, w, h inside the card");
        rc = parse_face_head(face, front->back, f);
        if (rc == CW_OK)
                rc = parse_elements(json_object_get(face, "elements"), front->back, f);
        return rc;
}

cw_rc cw_face_template_parse(const char *json, size_t len, const char *directory,
                             struct cw_face_template **ret, struct cw_fault *f) {
        json_error_t error;
        CW_AUTO_JSON json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &error);
        if (!root)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_SYNTAX), error.line, "face.template",
                               "PRD_UNEXPECTED_DATA", "card face template: line %d, column %d: not JSON",
                               error.line, error.column);
        CW_AUTO(cw_face_template_free) struct cw_face_template *t = NULL;
        cw_rc rc = new_template(directory, &t, f);
        if (rc == CW_OK)
                rc = parse_head(root, t, f);
        if (rc == CW_OK)
                rc = parse_elements(json_object_get(root, "elements"), t, f);
        if (rc == CW_OK)
                rc = parse_back(json_object_get(root, "back"), t, f);
        if (rc == CW_OK)
                *ret = CW_STEAL(t);
        return rc;
}

cw_rc cw_face_template_load(const char *path, struct cw_face_template **ret, struct cw_fault *f) {
        CW_AUTO_MEM char *json = NULL;
        size_t len = 0;
        cw_rc rc = cw_file_read(path, CW_FACE_TEMPLATE_MAX, &json, &len, f);
        if (rc != CW_OK)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_REJECT, CW_E_NOT_FOUND), 0, "face.template",
                               "PRD_UNEXPECTED_DATA",
                               "the card face template cannot be read; check face_dir");
        const char *slash = strrchr(path, '/');
        CW_AUTO_MEM char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup("");
        if (!directory)
                return cw_fail(f, CW_RC(CW_L_FACE, CW_C_RETRY, CW_E_NOMEM), 0, "face.template", "",
                               "out of memory");
        return cw_face_template_parse(json, len, directory, ret, f);
}
