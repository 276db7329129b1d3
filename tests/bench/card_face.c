/* SPDX-License-Identifier: Apache-2.0 */
/* Draw, separate and pack one face, against packing alone of a picture that is there already (one memcpy of
 * its bytes). */
#include "tests/bench/measure.h"

#include "drivers/face/render.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FACE_US 40000
#define FACES 40

static const struct cw_face_data card = {.count = 4,
                                         .field = {{"pan", "4000001234567899", 16},
                                                   {"name", "JANE DOE", 8},
                                                   {"expiry", "12/29", 5},
                                                   {"cvv2", "123", 3}}};

static size_t bytes_of(const struct cw_panels *p) {
        size_t n = 0;
        for (size_t i = 0; i < p->count; i++)
                n += p->panel[i].len;
        return n;
}

static bool one_face(const char *path, struct samples *drawn, struct samples *copied) {
        struct cw_fault f = {0};
        CW_AUTO(cw_panels_free) struct cw_panels *p = NULL;
        int64_t start_ns = measure_now_ns();
        if (cw_face_render(path, &card, NULL, &p, &f) != CW_OK) {
                (void)fprintf(stderr, "%s\n", f.text);
                return false;
        }
        measure_add(drawn, start_ns);
        char *copy = malloc(p->map_len);
        if (!copy)
                return false;
        start_ns = measure_now_ns();
        memcpy(copy, p->map, p->map_len);
        measure_add(copied, start_ns);
        bool same = memcmp(copy, p->map, p->map_len) == 0 && bytes_of(p) <= p->map_len;
        free(copy);
        return same;
}

int main(int argc, char **argv) {
        static struct samples drawn, copied, warm;
        struct rusage use;
        if (argc != 2 || !one_face(argv[1], &warm, &warm)) /* the first one reads the fonts */
                return 2;
        for (int i = 0; i < FACES; i++)
                if (!one_face(argv[1], &drawn, &copied))
                        return 1;
        static const struct measure_row row = {"face: draw, separate, pack", "-", "copy of its bytes",
                                               MEASURE_OURS, FACE_US};
        measure_head();
        measure_print(&row, &drawn, &copied);
        if (getrusage(RUSAGE_SELF, &use) == 0)
                measure_print_value("face: resident at most", "-", (double)use.ru_maxrss / 1024, "MiB", 0);
        return 0;
}
