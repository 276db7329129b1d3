/* SPDX-License-Identifier: Apache-2.0 */
#include "drivers/face/show.h"

#include "drivers/face/render.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* Issued to nobody: the numbers that the payment schemes publish for tests. */
static const char *const test_bins[] = {"400000", "411111", "424242", "510510",
                                        "520000", "555555", "601111", "222300"};
#define TEST_BINS (sizeof test_bins / sizeof *test_bins)

static int fail(const char *text) {
        (void)fprintf(stderr, "cardwright: %s\n", text);
        return 1;
}

/* Fields borrow from data. */
static bool take_fields(const json_t *data, struct cw_face_data *ret) {
        const char *key = NULL;
        json_t *value = NULL;
        json_object_foreach((json_t *)(uintptr_t)data, key, value) {
                if (!json_is_string(value) || ret->count == CW_FACE_FIELDS_MAX)
                        return false;
                ret->field[ret->count++] =
                    (struct cw_face_field){key, json_string_value(value), json_string_length(value)};
        }
        return json_is_object(data);
}

/* Readable by nobody else: a name is on it. */
static FILE *create(const char *path) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        FILE *out = fd < 0 ? NULL : fdopen(fd, "wb");
        if (!out)
                (void)fprintf(stderr, "cardwright: %s cannot be written: %s\n", path, strerror(errno));
        return out;
}

static int finish(FILE *out, cw_rc rc, const struct cw_fault *f) {
        int closed = fclose(out);
        if (rc != CW_OK)
                return fail(f->text);
        return closed == 0 ? 0 : fail("the picture cannot be written; look at the space on the disk");
}

static int render_side(const char *template_path, enum cw_face_side side, const struct cw_face_data *data,
                       const char *curve, const char *path) {
        struct cw_fault f = {0};
        FILE *out = create(path);
        if (!out)
                return 1;
        cw_rc rc = cw_face_preview(template_path, side, data, curve, test_bins, TEST_BINS, out, &f);
        int exit_code = finish(out, rc, &f);
        if (exit_code != 0)
                (void)unlink(path);
        return exit_code;
}

/* The back goes beside the front: face.png and face-back.png. */
static int render(const char *template_path, const struct cw_face_data *data, const char *curve,
                  const char *path) {
        struct cw_fault f = {0};
        char back[PATH_MAX];
        unsigned sides = 0;
        const char *dot = strrchr(path, '.');
        size_t stem = dot && !strchr(dot, '/') ? (size_t)(dot - path) : strlen(path);
        if (cw_face_sides(template_path, &sides, &f) != CW_OK)
                return fail(f.text);
        if ((size_t)snprintf(back, sizeof back, "%.*s-back%s", (int)stem, path, path + stem) >= sizeof back)
                return fail("the name of the picture is too long");
        int exit_code = render_side(template_path, CW_FACE_FRONT, data, curve, path);
        if (exit_code == 0 && sides == 2)
                exit_code = render_side(template_path, CW_FACE_BACK, data, curve, back);
        return exit_code;
}

static int panels_of(const struct cw_panels *p, const char *prefix, const char *folder) {
        struct cw_fault f = {0};
        for (size_t i = 0; i < p->count; i++) {
                char path[PATH_MAX];
                (void)snprintf(path, sizeof path, "%s/%s-%c.png", folder, prefix, p->panel[i].id);
                FILE *out = create(path);
                if (!out || finish(out, cw_face_panel_png(p, i, out, &f), &f) != 0)
                        return 1;
                (void)printf("%s  %u bits a pixel, %zu bytes\n", path, p->panel[i].bits, p->panel[i].len);
        }
        return 0;
}

static int panels(const char *template_path, const struct cw_face_data *data, const char *curve,
                  const char *folder) {
        struct cw_face_data shown = *data;
        CW_AUTO(cw_panels_free) struct cw_panels *p = NULL;
        char masked[2][CW_FACE_VALUE_MAX];
        struct cw_fault f = {0};
        cw_face_mask(&shown, test_bins, TEST_BINS, masked);
        if (cw_face_render(template_path, &shown, curve, &p, &f) != CW_OK)
                return fail(f.text);
        if (mkdir(folder, 0700) != 0 && errno != EEXIST)
                return fail("the folder for the panels cannot be made");
        int exit_code = panels_of(p, "panel", folder);
        return exit_code == 0 && p->back ? panels_of(p->back, "back-panel", folder) : exit_code;
}

int cw_face_show(int argc, char **argv) {
        struct cw_face_data data = {0};
        json_error_t error;
        bool whole = argc == 5 || argc == 6, picture = whole && strcmp(argv[1], "render") == 0;
        const char *curve = argc == 6 ? argv[5] : "";
        if (!picture && !(whole && strcmp(argv[1], "panels") == 0)) {
                (void)fputs("cardwright-face is started by cardwright-stationd only; "
                            "to look at a card face use: cardwright face render\n",
                            stderr);
                return 2;
        }
        json_t *fields = json_load_file(argv[3], JSON_REJECT_DUPLICATES, &error);
        int exit_code = 1;
        if (!take_fields(fields, &data))
                (void)fail("the data must be a JSON file with one object of texts, such as {\"name\": \"JANE "
                           "DOE\"}");
        else
                exit_code =
                    picture ? render(argv[2], &data, curve, argv[4]) : panels(argv[2], &data, curve, argv[4]);
        json_decref(fields);
        return exit_code;
}
