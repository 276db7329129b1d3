/* SPDX-License-Identifier: Apache-2.0 */
#include "face_rig.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char dir[64];

int face_rig_open(void **state) {
        (void)state;
        (void)snprintf(dir, sizeof dir, "/tmp/cw-face-XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
        (void)st;
        (void)type;
        (void)at;
        return remove(path);
}

int face_rig_close(void **state) {
        (void)state;
        return nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

void face_rig_put(const char *name, const void *bytes, size_t len, char *ret_path, size_t cap) {
        (void)snprintf(ret_path, cap, "%s/%s", dir, name);
        FILE *file = fopen(ret_path, "wbe");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes, 1, len, file), len);
        (void)fclose(file);
}

/* A template of these elements, ' for ", in the test's folder. */
void face_rig_put_template(const char *head, const char *elements, char *ret_path, size_t cap) {
        char json[4096];
        int n = snprintf(json, sizeof json, "{'cardwright-face':1%s,'elements':[%s]}", head, elements);
        assert_true(n > 0 && (size_t)n < sizeof json);
        for (char *p = json; *p; p++)
                if (*p == '\'')
                        *p = '"';
        face_rig_put("face.json", json, strlen(json), ret_path, cap);
}

const struct cw_face_data face_rig_card = {
    .count = 3, .field = {{"pan", "4000001234567899", 16}, {"name", "Jane Doe", 8}, {"empty", "", 0}}};

struct cw_panels *face_rig_render(const char *head, const char *elements) {
        char path[256];
        struct cw_panels *p = NULL;
        struct cw_fault f = {0};
        face_rig_put_template(head, elements, path, sizeof path);
        if (cw_face_render(path, &face_rig_card, NULL, &p, &f) != CW_OK)
                fail_msg("%s", f.text);
        return p;
}

void face_rig_refuses(const char *elements, const char *says) {
        char path[256];
        struct cw_panels *p = NULL;
        struct cw_fault f = {0};
        face_rig_put_template("", elements, path, sizeof path);
        assert_int_equal(cw_rc_class(cw_face_render(path, &face_rig_card, NULL, &p, &f)), CW_C_REJECT);
        assert_null(p);
        if (!strstr(f.text, says))
                fail_msg("says: %s", f.text);
        assert_null(strstr(f.text, "400000"));
}

/* Panel i of y m c k o, NULL when the face has none. */
const struct cw_panel *face_rig_panel(const struct cw_panels *p, size_t i) {
        for (size_t n = 0; n < p->count; n++)
                if (p->panel[n].id == "ymcko"[i])
                        return &p->panel[n];
        return NULL;
}

/* Level of the design's pixel x, y on panel i. */
unsigned face_rig_level(const struct cw_panels *p, size_t i, unsigned x, unsigned y) {
        const struct cw_panel *panel = face_rig_panel(p, i);
        if (!panel)
                return 0;
        size_t pixel = (size_t)x * 648 + (647 - y);
        unsigned v = 0;
        for (unsigned b = 0; b < panel->bits; b++) {
                size_t bit = pixel * panel->bits + b;
                v = v * 2 + ((panel->ptr[bit / 8] >> (7 - bit % 8)) & 1u);
        }
        return v;
}

size_t face_rig_inked(const struct cw_panels *p, size_t i) {
        size_t n = 0;
        for (unsigned x = 0; x < 1016; x++)
                for (unsigned y = 0; y < 648; y++)
                        n += face_rig_level(p, i, x, y) != 0;
        return n;
}
