/* SPDX-License-Identifier: Apache-2.0 */
/* Heat curves: sRGB to dye is not linear, and differs by model, ribbon lot and room. */
#include "drivers/face/face.h"

#include <stdio.h>
#include <string.h>

#define TOP 255u

static const char dyes[] = "ymc";

static void skip_blanks(const char **p) {
        *p += strspn(*p, " ");
}

static bool number(const char **p, unsigned *ret) {
        size_t len = strspn(*p, "0123456789");
        unsigned v = 0;
        if (len < 1 || len > 3)
                return false;
        for (; len > 0; len--)
                v = v * 10 + (unsigned)(*(*p)++ - '0');
        *ret = v;
        return v <= TOP;
}

struct point {
        unsigned in, out;
};

/* From a to b, both included, linear; in of b is greater. */
static void line(uint8_t level[TOP + 1], struct point a, struct point b) {
        unsigned run = b.in - a.in, rise = b.out - a.out;
        for (unsigned i = 0; i <= run; i++)
                level[a.in + i] = (uint8_t)(a.out + (2 * rise * i + run) / (2 * run));
}

/* "64:50 128:110", rising; from 0:0 and to 255:255 where it does not say. */
static bool points(const char **p, uint8_t level[TOP + 1]) {
        struct point last = {0, 0}, next;
        size_t count = 0;
        for (skip_blanks(p); **p && **p != ','; skip_blanks(p)) {
                if (count == CW_FACE_CURVE_POINTS || !number(p, &next.in) || *(*p)++ != ':' ||
                    !number(p, &next.out) || (**p && !strchr(" ,", **p)) || next.out < last.out)
                        return false;
                if (next.in > last.in)
                        line(level, last, next);
                else if (count > 0 || next.in > 0)
                        return false;
                last = next;
                count++;
        }
        if (last.in < TOP)
                line(level, last, (struct point){TOP, TOP});
        level[0] = 0; /* white stays bare */
        return count > 0;
}

/* "ymc=" and points, for each panel once. */
static bool entry(const char **p, bool said[3], struct cw_face_curve *ret) {
        uint8_t level[TOP + 1];
        bool mine[3] = {false, false, false};
        skip_blanks(p);
        size_t len = strspn(*p, dyes);
        for (size_t i = 0; i < len; i++) {
                size_t at = (size_t)(strchr(dyes, (*p)[i]) - dyes);
                if (said[at])
                        return false;
                said[at] = mine[at] = true;
        }
        *p += len;
        if (len == 0 || *(*p)++ != '=' || !points(p, level))
                return false;
        for (size_t i = 0; i < 3; i++)
                if (mine[i])
                        memcpy(ret->level[i], level, sizeof level);
        return true;
}

cw_rc cw_face_curve_parse(const char *words, struct cw_face_curve *ret, struct cw_fault *f) {
        const char *p = words ? words : "";
        struct cw_face_curve curve;
        bool said[3] = {false, false, false};
        for (unsigned i = 0; i < 3; i++)
                for (unsigned v = 0; v <= TOP; v++)
                        curve.level[i][v] = (uint8_t)v;
        for (skip_blanks(&p); *p; p += *p == ',')
                if (!entry(&p, said, &curve))
                        return cw_fail(f, CW_RC(CW_L_FACE, CW_C_OPERATOR, CW_E_SYNTAX), 0, "face.curve",
                                       "PRT_SETUP_ERROR",
                                       "the heat curve is PANELS=FROM:TO FROM:TO, commas between, of y m c "
                                       "(k and o are on or off), 0 to 255, rising: ymc=64:50 128:110");
        *ret = curve;
        return CW_OK;
}
