/* SPDX-License-Identifier: Apache-2.0 */
/* The replayer: answers from a recording (format in usb_record.c), line by line, and refuses any other order.
 */
#include "drivers/transport/usb.h"

#include "base/buf.h"
#include "base/secret.h"

#include <errno.h>
#include <string.h>

#define LINES_MAX 20000
#define WORDS_MAX 8

enum kind { LINE_CONTROL, LINE_OUT, LINE_IN, LINE_CLEAR, LINE_RESET, LINE_PURGE };

struct line {
        enum kind kind;
        unsigned number;
        uint16_t setup[4]; /* type, request, value, index */
        cw_rc rc;
        int64_t native;
        size_t sent;
        uint8_t *data; /* owned */
        size_t len;
};

struct replayer {
        struct cw_usb base;
        struct cw_usb_mask mask;
        struct line *lines;
        size_t count, next;
};

static bool number(const char *word, int base, int64_t min, int64_t max, int64_t *ret) {
        char *end = NULL;
        errno = 0;
        long long v = strtoll(word, &end, base);
        if (errno || !word[0] || *end || v < min || v > max)
                return false;
        *ret = v;
        return true;
}

static bool parse_data(const char *word, struct line *l) {
        size_t n = strlen(word);
        if (strcmp(word, "-") == 0)
                return true;
        l->data = malloc(n / 2 + 1);
        return l->data && cw_hex_decode(word, n, l->data, n / 2 + 1, &l->len);
}

/* "ok [DATA]" or "fail RC NATIVE [SENT DATA]", from word w on. */
static bool parse_outcome(char *const *word, size_t count, struct line *l) {
        int64_t v = 0;
        bool has_data = l->kind == LINE_CONTROL || l->kind == LINE_OUT || l->kind == LINE_IN;
        if (count >= 1 && strcmp(word[0], "ok") == 0) {
                l->rc = CW_OK;
                if (has_data ? count != 2 : count != 1)
                        return false;
                return !has_data || parse_data(word[1], l);
        }
        if (count < 3 || strcmp(word[0], "fail") != 0 || !number(word[1], 16, 1, UINT32_MAX, &v))
                return false;
        l->rc = (cw_rc)v;
        if (!number(word[2], 10, INT64_MIN, INT64_MAX, &l->native))
                return false;
        if (l->kind != LINE_OUT)
                return count == 3;
        if (count != 5 || !number(word[3], 10, 0, (int64_t)CW_USB_TRANSFER_MAX, &v))
                return false;
        l->sent = (size_t)v;
        return parse_data(word[4], l);
}

static bool parse_kind(const char *word, enum kind *ret) {
        static const char *const names[] = {"control", "out", "in", "clear", "reset", "purge"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strcmp(word, names[i]) == 0) {
                        *ret = (enum kind)i;
                        return true;
                }
        return false;
}

/* "purge COUNT" */
static bool parse_purge(char *const *word, size_t count, struct line *l) {
        int64_t v = 0;
        if (count != 2 || !number(word[1], 10, 1, (int64_t)CW_USB_TRANSFER_MAX, &v))
                return false;
        l->sent = (size_t)v;
        return true;
}

/* Words of a line, SIZE_MAX when there are too many. */
static size_t split(char *text, char *word[WORDS_MAX]) {
        char *save = NULL;
        size_t count = 0;
        for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
                if (count == WORDS_MAX)
                        return SIZE_MAX;
                word[count++] = w;
        }
        return count;
}

static bool parse_line(char *text, struct line *l) {
        char *word[WORDS_MAX];
        size_t count = split(text, word), used = 1;
        if (count == SIZE_MAX)
                return false;
        if (count == 0 || !parse_kind(word[0], &l->kind))
                return false;
        if (l->kind == LINE_PURGE)
                return parse_purge(word, count, l);
        if (l->kind == LINE_CONTROL) {
                if (count < 5)
                        return false;
                for (size_t i = 0; i < 4; i++) {
                        int64_t v = 0;
                        if (!number(word[1 + i], 16, 0, UINT16_MAX, &v))
                                return false;
                        l->setup[i] = (uint16_t)v;
                }
                used = 5;
        }
        return parse_outcome(word + used, count - used, l);
}

/* At most CW_USB_STRING_MAX - 1 characters; "-" stands for none. */
static bool parse_name(const char *word, char *ret) {
        size_t n = strlen(word);
        if (n >= CW_USB_STRING_MAX)
                return false;
        memcpy(ret, strcmp(word, "-") ? word : "", strcmp(word, "-") ? n + 1 : 1);
        return true;
}

/* "device VID PID INTERFACE SERIAL PORT" */
static bool parse_device(char *text, struct cw_usb_info *ret) {
        char *word[WORDS_MAX];
        int64_t v[3] = {0};
        if (split(text, word) != 6 || strcmp(word[0], "device") != 0)
                return false;
        for (size_t i = 0; i < 3; i++)
                if (!number(word[1 + i], 16, 0, i < 2 ? UINT16_MAX : UINT8_MAX, &v[i]))
                        return false;
        ret->vendor_id = (uint16_t)v[0];
        ret->product_id = (uint16_t)v[1];
        ret->interface = (uint8_t)v[2];
        return parse_name(word[4], ret->serial) && parse_name(word[5], ret->port);
}

static cw_rc syntax(struct cw_fault *f, unsigned number) {
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_REJECT, CW_E_SYNTAX), number, "usb.replay", "",
                       "line %u of the recording cannot be read", number);
}

static cw_rc add_line(struct replayer *r, char *text, unsigned number, struct cw_fault *f) {
        if (number == 1)
                return strcmp(text, "cardwright-usb 1") == 0 ? CW_OK : syntax(f, number);
        if (number == 2)
                return parse_device(text, &r->base.info) ? CW_OK : syntax(f, number);
        if (text[0] == '\0' || text[0] == '#')
                return CW_OK;
        if (r->count == LINES_MAX)
                return syntax(f, number);
        struct line *l = &r->lines[r->count++];
        l->number = number;
        return parse_line(text, l) ? CW_OK : syntax(f, number);
}

static cw_rc fail_line(const struct line *l, const char *op, struct cw_fault *f) {
        return cw_fail(f, l->rc, l->native, op, "", "recorded failure, line %u", l->number);
}

static cw_rc mismatch(const struct replayer *r, const char *op, struct cw_fault *f) {
        unsigned number = r->next < r->count ? r->lines[r->next].number : 0;
        return cw_fail(f, CW_RC(CW_L_USB, CW_C_FATAL, CW_E_MISMATCH), number, op, "",
                       number ? "the call is not what line %u of the recording says"
                              : "the recording is over, one more call came (line %u)",
                       number);
}

static struct line *expect(struct replayer *r, enum kind kind) {
        return r->next < r->count && r->lines[r->next].kind == kind ? &r->lines[r->next] : NULL;
}

static cw_rc play_control(struct cw_usb *u, uint8_t request_type, uint8_t request, uint16_t value,
                          uint16_t index, void *data, uint16_t len, int64_t deadline_ns, uint16_t *ret_len,
                          struct cw_fault *f) {
        (void)deadline_ns;
        struct replayer *r = (struct replayer *)u;
        struct line *l = expect(r, LINE_CONTROL);
        if (!l || l->setup[0] != request_type || l->setup[1] != request || l->setup[2] != value ||
            l->setup[3] != index)
                return mismatch(r, "usb.control", f);
        r->next++;
        if (l->rc != CW_OK)
                return fail_line(l, "usb.control", f);
        size_t n = l->len < len ? l->len : len;
        if ((request_type & 0x80u) && n)
                memcpy(data, l->data, n);
        *ret_len = (uint16_t)n;
        return CW_OK;
}

static bool same_out(struct replayer *r, const struct line *l, const void *data, size_t len) {
        uint8_t *copy = malloc(len);
        size_t n = len;
        if (!copy)
                return false;
        memcpy(copy, data, len);
        if (r->mask.fn)
                r->mask.fn(r->mask.ctx, false, copy, &n);
        bool same = n == l->len && (n == 0 || memcmp(copy, l->data, n) == 0);
        cw_wipe(copy, len);
        free(copy);
        return same;
}

static cw_rc play_bulk_out(struct cw_usb *u, const void *data, size_t len, int64_t deadline_ns,
                           size_t *ret_sent, struct cw_fault *f) {
        (void)deadline_ns;
        struct replayer *r = (struct replayer *)u;
        struct line *l = expect(r, LINE_OUT);
        if (!l || !same_out(r, l, data, len))
                return mismatch(r, "usb.bulk_out", f);
        r->next++;
        *ret_sent = l->rc == CW_OK ? len : l->sent;
        return l->rc == CW_OK ? CW_OK : fail_line(l, "usb.bulk_out", f);
}

static cw_rc play_bulk_in(struct cw_usb *u, void *data, size_t cap, int64_t deadline_ns, size_t *ret_len,
                          struct cw_fault *f) {
        (void)deadline_ns;
        struct replayer *r = (struct replayer *)u;
        struct line *l = expect(r, LINE_IN);
        if (!l || l->len > cap)
                return mismatch(r, "usb.bulk_in", f);
        r->next++;
        if (l->rc != CW_OK)
                return fail_line(l, "usb.bulk_in", f);
        if (l->len)
                memcpy(data, l->data, l->len);
        *ret_len = l->len;
        return CW_OK;
}

static cw_rc play_simple(struct replayer *r, enum kind kind, const char *op, struct cw_fault *f) {
        struct line *l = expect(r, kind);
        if (!l)
                return mismatch(r, op, f);
        r->next++;
        return l->rc == CW_OK ? CW_OK : fail_line(l, op, f);
}

static size_t play_purge(struct cw_usb *u) {
        struct replayer *r = (struct replayer *)u;
        struct line *l = expect(r, LINE_PURGE);
        r->next += l ? 1 : 0;
        return l ? l->sent : 0;
}

static cw_rc play_clear_halt(struct cw_usb *u, struct cw_fault *f) {
        return play_simple((struct replayer *)u, LINE_CLEAR, "usb.clear_halt", f);
}

static cw_rc play_reset(struct cw_usb *u, struct cw_fault *f) {
        return play_simple((struct replayer *)u, LINE_RESET, "usb.reset", f);
}

static bool play_gone(struct cw_usb *u) {
        (void)u;
        return false;
}

static void play_close(struct cw_usb *u) {
        struct replayer *r = (struct replayer *)u;
        for (size_t i = 0; i < r->count; i++)
                free(r->lines[i].data);
        free(r->lines);
        free(r);
}

static const struct cw_usb_ops replayer_ops = {
    .name = "replayer",
    .control = play_control,
    .bulk_out = play_bulk_out,
    .bulk_in = play_bulk_in,
    .purge = play_purge,
    .clear_halt = play_clear_halt,
    .reset = play_reset,
    .gone = play_gone,
    .close = play_close,
};

cw_rc cw_usb_replayer_new(const char *text, size_t len, struct cw_usb_mask mask, struct cw_usb **ret,
                          struct cw_fault *f) {
        CW_AUTO_MEM char *copy = malloc(len + 1);
        struct replayer *r = calloc(1, sizeof *r);
        if (r)
                r->base.ops = &replayer_ops;
        CW_AUTO(cw_usb_close) struct cw_usb *u = r ? &r->base : NULL;
        if (r)
                r->lines = calloc(LINES_MAX, sizeof *r->lines);
        if (!r || !copy || !r->lines)
                return cw_fail(f, CW_RC(CW_L_USB, CW_C_RETRY, CW_E_NOMEM), 0, "usb.replay", "",
                               "out of memory");
        if (len)
                memcpy(copy, text, len);
        copy[len] = '\0';
        r->mask = mask;
        unsigned number = 0;
        for (char *line = copy, *end; *line; line = end) {
                size_t n = strcspn(line, "\n");
                end = line + n + (line[n] == '\n');
                line[n] = '\0';
                cw_rc rc = add_line(r, line, ++number, f);
                if (rc != CW_OK)
                        return rc;
        }
        if (number < 2)
                return syntax(f, number + 1);
        *ret = CW_STEAL(u);
        return CW_OK;
}

size_t cw_usb_replayer_left(const struct cw_usb *u) {
        const struct replayer *r = (const struct replayer *)u;
        return r->count - r->next;
}
