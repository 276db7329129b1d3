/* SPDX-License-Identifier: Apache-2.0 */
#include "config/place.h"

#include "base/cleanup.h"

#include <string.h>

#define DEPTH_MAX 16
#define PATH_MAX_BYTES 256

void cw_blank_comments(char *text, size_t len) {
        for (size_t at = 0; at < len;) {
                const char *nl = memchr(text + at, '\n', len - at);
                size_t end = nl ? (size_t)(nl - text) : len;
                size_t first = at;
                while (first < end && (text[first] == ' ' || text[first] == '\t'))
                        first++;
                if (first + 1 < end && text[first] == '/' && text[first + 1] == '/')
                        memset(text + at, ' ', end - at);
                at = end + 1;
        }
}

/* One open object or array. */
struct level {
        bool is_array;
        unsigned index;
        size_t path_len; /* of the container itself */
};

struct scan {
        const char *text;
        size_t len, at;
        unsigned line, column;
        char path[PATH_MAX_BYTES];
        struct level levels[DEPTH_MAX];
        size_t depth;
        struct cw_places *places;
};

static void advance(struct scan *s) {
        if (s->text[s->at] == '\n') {
                s->line++;
                s->column = 0;
        }
        s->column++;
        s->at++;
}

bool cw_places_add(struct cw_places *p, const char *path, struct cw_place at) {
        if (p->count == p->cap) {
                size_t cap = p->cap ? p->cap * 2 : 64;
                struct cw_place *list = reallocarray(p->list, cap, sizeof *list);
                if (!list)
                        return false;
                p->list = list;
                p->cap = cap;
        }
        at.path = strdup(path);
        if (!at.path)
                return false;
        p->list[p->count++] = at;
        return true;
}

static bool remember(struct scan *s) {
        return cw_places_add(s->places, s->path, (struct cw_place){.line = s->line, .column = s->column});
}

/* Copies the raw text of the string at the cursor (escapes stay as they are) and moves behind it. */
static void take_string(struct scan *s, char *ret, size_t cap) {
        size_t n = 0;
        advance(s);
        while (s->at < s->len && s->text[s->at] != '"') {
                if (s->text[s->at] == '\\' && s->at + 1 < s->len)
                        advance(s);
                if (n + 1 < cap)
                        ret[n++] = s->text[s->at];
                advance(s);
        }
        ret[n] = '\0';
        if (s->at < s->len)
                advance(s);
}

static void skip_blanks(struct scan *s) {
        while (s->at < s->len && strchr(" \t\r\n", s->text[s->at]) && s->text[s->at])
                advance(s);
}

static struct level *top(struct scan *s) {
        return s->depth ? &s->levels[s->depth - 1] : NULL;
}

static bool open_level(struct scan *s, bool is_array) {
        if (s->depth == DEPTH_MAX)
                return false;
        s->levels[s->depth++] = (struct level){is_array, 0, strlen(s->path)};
        return true;
}

/* "parent" + ".key" or "[index]". */
static void set_member_path(struct scan *s, const struct level *l, const char *key) {
        size_t room = sizeof s->path - l->path_len;
        if (l->is_array)
                (void)snprintf(s->path + l->path_len, room, "[%u]", l->index);
        else
                (void)snprintf(s->path + l->path_len, room, "%s%s", l->path_len ? "." : "", key);
}

/* A string in an object is a key when a colon follows it. */
static bool on_string(struct scan *s) {
        struct scan before = *s;
        char text[PATH_MAX_BYTES];
        take_string(s, text, sizeof text);
        skip_blanks(s);
        struct level *l = top(s);
        if (!l || l->is_array || s->at >= s->len || s->text[s->at] != ':')
                return true;
        set_member_path(s, l, text);
        struct scan here = *s;
        s->line = before.line;
        s->column = before.column;
        bool ok = remember(s);
        s->line = here.line;
        s->column = here.column;
        return ok;
}

static bool on_char(struct scan *s) {
        struct level *l = top(s);
        char c = s->text[s->at];
        if (c == '{' || c == '[') {
                if (l && l->is_array) {
                        set_member_path(s, l, "");
                        if (!remember(s))
                                return false;
                }
                if (!open_level(s, c == '['))
                        return true; /* deeper than any key of ours: the table refuses it by name */
        } else if ((c == '}' || c == ']') && l) {
                s->path[l->path_len] = '\0';
                s->depth--;
        } else if (c == ',' && l && l->is_array) {
                l->index++;
        }
        advance(s);
        return true;
}

bool cw_places_scan(const char *text, size_t len, struct cw_places *ret) {
        struct scan s = {.text = text, .len = len, .line = 1, .column = 1, .places = ret};
        bool ok = true;
        *ret = (struct cw_places){0};
        for (skip_blanks(&s); ok && s.at < s.len && s.depth < DEPTH_MAX; skip_blanks(&s))
                ok = s.text[s.at] == '"' ? on_string(&s) : on_char(&s);
        return ok;
}

void cw_places_done(struct cw_places *p) {
        for (size_t i = 0; i < p->count; i++)
                free(p->list[i].path);
        free(p->list);
        *p = (struct cw_places){0};
}

struct cw_place cw_places_find(const struct cw_places *p, const char *path) {
        char part[PATH_MAX_BYTES];
        (void)snprintf(part, sizeof part, "%s", path);
        for (size_t len = strlen(part); len > 0;) {
                for (size_t i = p->count; i > 0; i--)
                        if (strcmp(p->list[i - 1].path, part) == 0)
                                return p->list[i - 1];
                while (len > 0 && part[len - 1] != '.' && part[len - 1] != '[')
                        len--;
                if (len > 0)
                        len--;
                part[len] = '\0';
        }
        return (struct cw_place){.line = 1, .column = 1};
}
