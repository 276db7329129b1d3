/* SPDX-License-Identifier: Apache-2.0 */
/* Where in the text of a profile a member stands: a walk over well-formed JSON, without building it anew. */
#include "drivers/chip/profile.h"

#include <string.h>

struct walk {
        const char *at, *end;
};

static void skip_blanks(struct walk *w) {
        while (w->at < w->end && strchr(" \t\r\n,:", *w->at) && *w->at)
                w->at++;
}

static void skip_string(struct walk *w) {
        w->at++;
        while (w->at < w->end && *w->at != '"')
                w->at += *w->at == '\\' ? 2 : 1;
        w->at = w->at < w->end ? w->at + 1 : w->end;
}

/* A whole value, whatever is in it. */
static void skip_value(struct walk *w) {
        int depth = 0;
        do {
                skip_blanks(w);
                if (w->at >= w->end)
                        return;
                if (*w->at == '"') {
                        skip_string(w);
                        continue;
                }
                depth += *w->at == '{' || *w->at == '[';
                depth -= *w->at == '}' || *w->at == ']';
                w->at++;
        } while (depth > 0 || (w->at < w->end && depth == 0 && !strchr(",}]\n\t \"{[", *w->at)));
}

/* Into the member of the object that begins here; false when it has none of this name. */
static bool enter_member(struct walk *w, const char *name, size_t len) {
        skip_blanks(w);
        if (w->at >= w->end || *w->at != '{')
                return false;
        w->at++;
        for (skip_blanks(w); w->at < w->end && *w->at == '"'; skip_blanks(w)) {
                const char *key = w->at + 1;
                skip_string(w);
                bool found = (size_t)(w->at - key) == len + 1 && strncmp(key, name, len) == 0;
                skip_blanks(w);
                if (found)
                        return true;
                skip_value(w);
        }
        return false;
}

static bool enter_item(struct walk *w, unsigned index) {
        skip_blanks(w);
        if (w->at >= w->end || *w->at != '[')
                return false;
        w->at++;
        while (index-- > 0)
                skip_value(w);
        skip_blanks(w);
        return w->at < w->end;
}

static unsigned line_of(const char *text, const char *at) {
        unsigned line = 1;
        for (; text < at; text++)
                line += *text == '\n';
        return line;
}

unsigned cw_profile_line(const char *text, size_t len, const char *place) {
        struct walk w = {text, text + len};
        const char *reached = text;
        while (*place) {
                size_t n = strcspn(place, ".[");
                if (n && !enter_member(&w, place, n))
                        break;
                place += n;
                unsigned index = 0;
                if (*place == '[') {
                        for (place++; *place >= '0' && *place <= '9'; place++)
                                index = (index * 10 + (unsigned)(*place - '0')) % 1000u;
                        if (!enter_item(&w, index))
                                break;
                        place += *place == ']';
                }
                reached = w.at;
                place += *place == '.';
        }
        return line_of(text, reached < w.end ? reached : w.end);
}
